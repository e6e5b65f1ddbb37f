#!/usr/bin/env -S haul run
-- A slow line that others need by day: so much in office hours, all of it at night and at weekends.
--   haul run jobs/office_hours.lua source=/srv/data bucket=archive by_day=20MiB/s
-- The rate changes while the job runs, to the minute, also when the clocks do; `haul ctl` sets another by hand.
local haul = require "haul"

haul.param {
  source = { "Directory to upload", required = true },
  bucket = { "Bucket to upload to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  office = { "Days and hours in which the line is needed, local time", default = "mon-fri 08:00-18:00" },
  by_day = { "Limit in these hours", default = "20MiB/s" },
  by_night = { "Limit at all others", default = "unlimited" },
}
local param = haul.param

local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

return haul.job {
  name = "office-hours-" .. param.bucket,
  rate = haul.schedule { [param.office] = param.by_day, otherwise = param.by_night },
  concurrency = haul.schedule { [param.office] = 4, otherwise = 32 },

  haul.sync { from = haul.dir(param.source), to = bucket / param.prefix },
}
