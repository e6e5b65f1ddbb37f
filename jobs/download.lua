#!/usr/bin/env -S haul run
-- Downloads a prefix:  haul run jobs/download.lua bucket=archive prefix=2026/ target=/srv/restored
local haul = require "haul"

haul.param {
  bucket = { "Bucket to download from", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  target = { "Directory to download into", required = true },
  endpoint = { "Address of an S3 server that is not Amazon's" },
}

local archive = haul.s3 { bucket = haul.param.bucket, endpoint = haul.param.endpoint, rate = { read = "200MiB/s" } }

return haul.job {
  haul.copy { from = archive / haul.param.prefix, to = haul.dir(haul.param.target) },

  on = {
    verified = function(event) haul.log.debug("%s: %s agrees", event.key, event.check) end,
    job_finished = function(event)
      haul.log.info("%d objects, %d bytes", event.summary.objects_done, event.summary.bytes_done)
    end,
  },
}
