-- The job that is measured: one object or a bucket, up or down.
local haul = require "haul"

haul.param {
  endpoint = { "Address of the server", required = true },
  ca = { "File of the certificate to trust", default = "" },
  bucket = { "Bucket", required = true },
  key = { "Object, or nothing for all of the bucket", default = "" },
  direction = { "up or down", default = "down" },
  dir = { "Directory on this side", required = true },
  parts = { "Requests in flight", default = 8 },
  rate = { "Limit", default = "unlimited" },
  lanes = { "Threads for connections", default = 1 },
  checksum = { "How bodies are checked", default = "auto" },
  durability = { "When files are synced", default = "group" },
  hook = { "Look at each object or part that is done: object, part, or nothing", default = "" },
}
local param = haul.param

local bucket = haul.s3 {
  bucket = param.bucket,
  endpoint = param.endpoint,
  region = "us-east-1",
  checksum = param.checksum,
  ca = param.ca ~= "" and param.ca or nil,
}
local here = haul.dir(param.dir)

local seen, bytes = 0, 0
local function look(event)
  seen, bytes = seen + 1, bytes + event.size
end

return haul.job {
  name = "bench",
  concurrency = math.tointeger(param.parts),
  lanes = math.tointeger(param.lanes),
  rate = param.rate,
  durability = param.durability,
  param.direction == "up"
    and haul.copy { from = here / param.key, to = bucket / param.key, part_size = "8MiB" }
    or haul.copy { from = bucket / param.key, to = here / param.key, part_size = "8MiB" },
  on = { object_succeeded = param.hook == "object" and look or nil, part_succeeded = param.hook == "part" and look or nil },
}
