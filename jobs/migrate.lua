#!/usr/bin/env -S haul run
-- Moves a bucket from OSS to TOS, or to S3, through memory: no disk in between, no listing by hand.
--   haul plan   jobs/migrate.lua bucket=photos region=cn-hangzhou target=archive target_region=cn-beijing
--   haul run    jobs/migrate.lua ...     again and again: what is there already is not sent twice
--   haul verify jobs/migrate.lua ...     compares both sides before the old bucket goes
-- Keys: OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET; TOS_ACCESS_KEY and TOS_SECRET_KEY, or those of AWS.
local haul = require "haul"

haul.param {
  bucket = { "Bucket of OSS to read", required = true },
  region = { "Its region, such as cn-hangzhou" },
  endpoint = { "Address of OSS, where it is not that of the region" },
  service = { "tos or s3: where to", default = "tos" },
  target = { "Bucket to write", required = true },
  target_region = { "Its region" },
  target_endpoint = { "Its address, where it is not that of the region" },
  prefix = { "Only what starts with this, under the same keys; ends in '/'", default = "" },
  include = { "Only what matches, such as '*.{jpg,png}'" },
  exclude = { "Nothing that matches, such as 'tmp/'" },
  rate = { "Limit, such as 100MiB/s", default = "unlimited" },
}
local param = haul.param

local services = { tos = haul.tos, s3 = haul.s3 }
local new_target = services[param.service] or error("service is tos or s3, not " .. param.service, 0)

local source = haul.oss { bucket = param.bucket, region = param.region, endpoint = param.endpoint }
local target = new_target { bucket = param.target, region = param.target_region, endpoint = param.target_endpoint }

return haul.job {
  name = ("migrate-%s-%s"):format(param.bucket, param.target), -- a journal for each pair of buckets
  concurrency = 64,
  rate = param.rate,

  -- A day's trouble of either service should not end a move of a week: patient with one request ...
  retry = { attempts = 12, base = "500ms", cap = "60s",
            on = { "network", "timeout", "throttled", "server", "corrupt", "changed" } },
  -- ... but where one object of twenty fails, something is wrong with the job: keys, rights, quota.
  stop_when = { failed = "5%", of = 1000 },

  -- A sync rather than a copy: the next run sends only what came or changed since, until the day on
  -- which everybody writes to the new bucket.  It deletes nothing.  Content type, cache headers, user
  -- metadata and the time of modification are carried over.
  haul.sync {
    from = source / param.prefix,
    to = target / param.prefix,
    include = param.include,
    exclude = param.exclude,
  },

  on = {
    object_failed = function(event)
      if event.error.kind == "cancelled" then return end -- the job ended first
      local request = event.error.request_id or "none" -- what the provider's support asks for
      haul.log.warn("%s: %s: %s (request %s)", event.key, event.error.kind, event.error.message, request)
    end,
    job_finished = function(event)
      local sum = event.summary
      haul.log.info("%d sent, %d there already, %d failed, %d MiB in %.0f s", sum.objects_done,
        sum.objects_skipped, sum.objects_failed, sum.bytes_done // (1 << 20), sum.seconds)
    end,
  },
}
