#!/usr/bin/env -S haul run
-- Copies carefully: a few objects first, one at a time; when they arrived, twice as many requests at once with every
-- step, up to a limit.  A failure among the first ends it before it can do harm.
--   haul run jobs/canary.lua source=/srv/data bucket=archive first=10 most=64
local haul = require "haul"

haul.param {
  source = { "Directory to upload", required = true },
  bucket = { "Bucket to upload to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  first = { "So many objects must arrive before it goes faster", default = 10 },
  step = { "Twice as many requests after so many objects more", default = 50 },
  most = { "The most requests at once", default = 64 },
}
local param = haul.param

local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

local width, arrived, next_step = 1, 0, param.first

local function widen(job)
  width = math.min(2 * width, param.most)
  next_step = arrived + param.step
  job:set { concurrency = width }
  haul.log.info("%d objects arrived: %d requests at once", arrived, width)
end

return haul.job {
  name = "canary-" .. param.bucket,
  concurrency = width,

  haul.copy { from = haul.dir(param.source), to = bucket / param.prefix, overwrite = "never" },

  on = {
    object_succeeded = function(_, job)
      arrived = arrived + 1
      if arrived >= next_step and width < param.most then widen(job) end
    end,

    object_failed = function(event)
      if arrived < param.first then
        return haul.stop(("%s failed, one of the first: %s"):format(event.key, event.error.message))
      end
    end,

    -- A store that has enough says so: half of it, and no more than that for the rest of the run.
    throttled = function(_, job)
      if width == 1 then return end
      width = width // 2
      next_step = math.huge
      job:set { concurrency = width }
    end,
  },
}
