#!/usr/bin/env -S haul run
-- Empties a spool: what has come to rest goes to the archive and, once it is proved to be there, leaves the spool.
--   */10 * * * *  haul run -q /etc/haul/drain.lua spool=/srv/recordings bucket=archive
-- A file is removed only after the whole of it was read back from the archive and is the same; a crash between the two
-- neither sends it again nor removes what was not proved.
local haul = require "haul"

haul.param {
  spool = { "Directory to empty", required = true },
  bucket = { "Bucket to move to", required = true },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  rest = { "How long nobody must have written to a file", default = "10m" },
}
local param = haul.param

local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

return haul.job {
  name = "drain-" .. param.bucket,
  overlap = "skip",

  haul.move {
    from = haul.dir(param.spool),
    to = bucket / "",
    older_than = param.rest,
    exclude = { "*.part", ".*" },
    verify = "full",
    -- 2026/11/20/camera3/0815.mp4: by the day it was written, not by the day it was moved.
    rename = function(name, object) return os.date("!%Y/%m/%d/", math.floor(object.mtime)) .. name end,
  },

  on = {
    job_finished = function(event)
      haul.log.info("%d moved, %d MiB", event.summary.objects_done, event.summary.bytes_done >> 20)
    end,
  },
}
