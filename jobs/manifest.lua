#!/usr/bin/env -S haul run
-- Fetches from a bucket just what a list names, each under the name that the list gives it.
--   haul run jobs/manifest.lua list=wanted.csv bucket=archive target=/srv/restored
-- The list is read as it goes, however long it is.  Its first line names the columns: key, and if they are
-- there size (saves a request for each object) and target; others are skipped.
--   key,size,target,owner
--   2026/11/a.bin,1048576,alice/a.bin,alice
local haul = require "haul"

haul.param {
  list = { "A .csv, .jsonl or .txt", required = true },
  bucket = { "Bucket to fetch from", required = true },
  prefix = { "What the keys in the list are below; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  target = { "Directory to fetch into", required = true },
}
local param = haul.param

local archive = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }
local missing = 0

return haul.job {
  haul.copy {
    from = archive / param.prefix,
    to = haul.dir(param.target),
    keys = haul.manifest(param.list),
    overwrite = "never",     -- a second run with a longer list fetches only what is new
  },

  on = {
    -- A key that the bucket does not have: the list is older than the bucket.  Told, and no failure.
    object_failed = function(event)
      if event.error.kind ~= "missing" then return end
      missing = missing + 1
      return haul.skip "the bucket has no such object"
    end,
    job_finished = function(event)
      haul.log.info("%d fetched, %d not in the bucket", event.summary.objects_done, missing)
    end,
  },
}
