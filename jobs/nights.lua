#!/usr/bin/env -S haul run
-- A move that takes many nights: it runs within its hours, is parked when they are over, carries on in the middle of an
-- object the next night, and says how many nights are left.  In a crontab:
--   0 22 * * *  haul run -q /etc/haul/nights.lua source=/srv/archive bucket=cold
-- Exit status 10 until the last night, then 0.
local haul = require "haul"

haul.param {
  source = { "Directory to upload", required = true },
  bucket = { "Bucket to upload to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  window = { "Hours in which it may run", default = "22:00-06:00" },
  rate = { "Limit, such as 100MiB/s", default = "unlimited" },
}
local param = haul.param

local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

local function gib(bytes) return bytes / (1 << 30) end

return haul.job {
  name = "nights-" .. param.bucket,
  overlap = "skip",
  window = { param.window:match "^(.-)%-(.*)$" },
  rate = param.rate,

  haul.copy { from = haul.dir(param.source), to = bucket / param.prefix },

  on = {
    -- job.state is kept from night to night, beside what haul itself remembers of each part.
    job_finished = function(event, job)
      local sum, state = event.summary, job.state
      state.nights = (state.nights or 0) + 1
      state.bytes = (state.bytes or 0) + sum.bytes_moved
      local left = sum.bytes_known - sum.bytes_done
      if sum.exit_status == 10 and sum.listing_done and state.bytes > 0 then
        haul.log.warn("night %d: %.3f GiB moved, %.3f GiB left, some %.0f nights more", state.nights, gib(sum.bytes_moved),
          gib(left), math.ceil(left / (state.bytes / state.nights)))
      elseif sum.exit_status == 0 then
        haul.log.warn("done after %d nights, %.3f GiB moved", state.nights, gib(state.bytes))
      end
    end,
  },
}
