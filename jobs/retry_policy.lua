#!/usr/bin/env -S haul run
-- Who decides after a failure: the policy below, and where it is not enough, a hook.
--   haul run jobs/retry_policy.lua source=/srv/data bucket=archive
local haul = require "haul"

haul.param {
  source = { "Directory to upload", required = true },
  bucket = { "Bucket to upload to", required = true },
  endpoint = { "Address of an S3 server that is not Amazon's" },
}

local archive = haul.s3 { bucket = haul.param.bucket, endpoint = haul.param.endpoint }

local denied = 0

return haul.job {
  -- Without a hook: eight tries, the waits doubling from 200 ms to 20 s, each shortened at random.
  retry = { attempts = 8, base = "200ms", cap = "20s", jitter = "full",
            on = { "network", "timeout", "throttled", "server" } },

  haul.copy { from = haul.dir(haul.param.source), to = archive / "" },

  on = {
    part_failed = function(event)
      if event.error.kind == "throttled" then return haul.retry { after = 5 } end
      if event.error.kind == "auth" and event.attempt == 1 then
        return haul.retry { refresh_credentials = true }
      end
      if event.attempt >= 4 then return haul.defer() end -- once more, after everything else
    end,                                                 -- nothing returned: the policy decides

    object_failed = function(event, job)
      if event.error.kind ~= "denied" then return end
      denied = denied + 1
      if denied > 10 then return haul.stop "more than ten objects were denied" end
      if denied == 5 then job:set { concurrency = 2 } end
      return haul.skip "not allowed"
    end,
  },
}
