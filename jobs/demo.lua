#!/usr/bin/env -S haul run
-- What `make demo` runs: a directory up to a store in parts, or back down, telling its events.
local haul = require "haul"

haul.param {
  store = { "s3: a server at `endpoint`; dir: a directory plays the store", default = "s3" },
  direction = { "up or down", default = "up" },
  source = { "Directory to upload from", default = "" },
  target = { "Directory to download to", default = "" },
  bucket = { "Bucket, or with store=dir the directory in its place", required = true },
  endpoint = { "Address of the server", default = "" },
  prefix = { "What the keys start with; ends in '/'", default = "demo/" },
  rate = { "Limit, such as 50MiB/s", default = "unlimited" },
}
local param = haul.param

local function bucket()
  if param.store == "dir" then return haul.dir(param.bucket) end
  if param.store == "s3" then return haul.s3 { bucket = param.bucket, endpoint = param.endpoint } end
  error("store is s3 or dir, not " .. param.store, 0)
end

local function task()
  local place = bucket() / param.prefix
  local sides = {
    up = function() return haul.copy { from = haul.dir(param.source), to = place, part_size = "8MiB" } end,
    down = function() return haul.copy { from = place, to = haul.dir(param.target), part_size = "8MiB" } end,
  }
  local make = sides[param.direction] or error("direction is up or down, not " .. param.direction, 0)
  return make()
end

-- One line an event: its name and what there is to say.
local function tell(event)
  local what = event.key or ""
  if event.part then what = ("%s part %d"):format(what, event.part.number) end
  if event.reason then what = what .. ": " .. event.reason end
  if event.error then what = what .. ": " .. event.error.kind end
  if event.check then what = ("%s (%s)"):format(what, event.check) end
  haul.log.info("%-18s %s", event.event, what)
end

local function finished(event)
  local sum = event.summary
  haul.log.info("%d objects, %d bytes in place, %d of them from an earlier run", sum.objects_done, sum.bytes_done,
    sum.bytes_resumed)
end

return haul.job {
  name = "demo-" .. param.direction,
  rate = param.rate,
  concurrency = 8,
  task(),
  on = {
    job_started = tell, resumed = tell, restarted = tell,
    upload_created = tell, upload_completed = tell, part_succeeded = tell, part_failed = tell,
    temp_file_renamed = tell, object_succeeded = tell, object_failed = tell,
    job_finished = finished,
  },
}
