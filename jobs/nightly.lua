#!/usr/bin/env -S haul run
-- Mirrors a directory to a bucket every night, and deletes what is gone.  In a crontab:
--   0 22 * * *  haul run -q /etc/haul/nightly.lua source=/srv/data bucket=backup prefix=data/
-- When nothing changed, it lists and sends nothing.  When the tree looks wrong, nothing is deleted and the
-- exit status is 6; when the window closes first, it is 10 and the next night carries on.
local haul = require "haul"

haul.param {
  source = { "Directory to mirror", required = true },
  service = { "s3, oss or tos", default = "s3" },
  bucket = { "Bucket to mirror to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of the service, where it is not that of the region" },
  window = { "Time of day in which it may run, or 'always'", default = "22:00-06:00" },
  weekly_deletes = { "The most objects that may be deleted in seven runs", default = 10000 },
}
local param = haul.param

local services = { s3 = haul.s3, oss = haul.oss, tos = haul.tos }
local new_store = services[param.service] or error("service is s3, oss or tos, not " .. param.service, 0)
local bucket = new_store { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

local function window()
  if param.window == "always" then return nil end
  return { param.window:match "^(.-)%-(.*)$" }
end

-- How many objects each of the last runs deleted, the newest first.
local function counts(job)
  job.state.deleted = job.state.deleted or {}
  return job.state.deleted
end

return haul.job {
  name = "nightly-" .. param.bucket,
  window = window(),
  overlap = "skip",          -- last night's run is still at it: leave it alone
  concurrency = 32,

  haul.sync {
    from = haul.dir(param.source),
    to = bucket / param.prefix,
    exclude = { ".git/", "*.tmp" }, -- what it excludes, it does not delete either
    delete = true,
    max_delete = "25%",      -- of the target, in one night; an empty source never deletes
  },

  on = {
    -- max_delete looks at one night.  This looks at the week: it notices what is lost bit by bit.
    before_delete = function(event, job)
      local sum = event.objects
      for _, count in ipairs(counts(job)) do sum = sum + count end
      if sum > param.weekly_deletes then
        return haul.veto(("%d objects would be gone within a week: weekly_deletes is %d"):format(sum,
          param.weekly_deletes))
      end
    end,

    job_finished = function(event, job)
      local sum, last = event.summary, counts(job)
      table.insert(last, 1, sum.objects_deleted)
      last[7] = nil          -- the last six: with the next run they are seven
      haul.log.info("%s: %d sent, %d unchanged, %d deleted, %d failed, %d MiB in %.0f s", job.name,
        sum.objects_done, sum.objects_skipped, sum.objects_deleted, sum.objects_failed,
        sum.bytes_done // (1 << 20), sum.seconds)
    end,
  },
}
