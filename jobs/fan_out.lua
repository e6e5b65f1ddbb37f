#!/usr/bin/env -S haul run
-- Sends a directory to two services at once: one listing, a result for each object and each target.
--   haul run jobs/fan_out.lua source=/srv/releases prefix=v7/ s3_bucket=releases oss_bucket=releases-cn
local haul = require "haul"

haul.param {
  source = { "Directory to send", required = true },
  prefix = { "What the keys start with, on both; ends in '/'", default = "" },
  s3_bucket = { "Bucket of S3", required = true },
  s3_region = { "Its region" },
  s3_endpoint = { "Address of an S3 server that is not Amazon's" },
  oss_bucket = { "Bucket of OSS", required = true },
  oss_region = { "Its region" },
  oss_endpoint = { "Address of OSS, where it is not that of the region" },
}
local param = haul.param

-- Each with keys, rate and trouble of its own: where one is slow or refuses, the other goes on.
local s3 = haul.s3 { bucket = param.s3_bucket, region = param.s3_region, endpoint = param.s3_endpoint }
local oss = haul.oss { bucket = param.oss_bucket, region = param.oss_region, endpoint = param.oss_endpoint,
  rate = { write = "50MiB/s" } }

local failed = {} -- bucket -> how many objects it lacks

return haul.job {
  haul.copy {
    from = haul.dir(param.source),
    to = { s3 / param.prefix, oss / param.prefix },
    headers = { ["cache-control"] = "public, max-age=31536000, immutable" },
  },

  on = {
    object_failed = function(event)
      failed[event.bucket] = (failed[event.bucket] or 0) + 1
    end,
    job_finished = function(event)
      haul.log.info("%d of %d objects are in place", event.summary.objects_done, event.summary.objects_known)
      for bucket, count in pairs(failed) do haul.log.warn("%s lacks %d: haul retry sends just those", bucket, count) end
    end,
  },
}
