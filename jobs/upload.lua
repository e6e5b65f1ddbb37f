#!/usr/bin/env -S haul run
-- Uploads a directory:  haul run jobs/upload.lua source=/srv/data bucket=archive prefix=2026/
local haul = require "haul"

haul.param {
  source = { "Directory to upload", required = true },
  bucket = { "Bucket to upload to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
}

local archive = haul.s3 { bucket = haul.param.bucket, endpoint = haul.param.endpoint } -- credentials from the environment

return haul.job {
  concurrency = 16,          -- requests in flight
  part_size = "auto",        -- 8 MiB, or what keeps an object within 10,000 parts
  haul.copy { from = haul.dir(haul.param.source), to = archive / haul.param.prefix },

  on = {
    object_failed = function(event)
      haul.log.warn("%s: %s", event.key, event.error.message)
    end,
  },
}
