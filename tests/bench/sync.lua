-- The sync that is measured: a bucket or a directory into a bucket, most of it the same already.
local haul = require "haul"

haul.param {
  endpoint = { "Address of the server", required = true },
  dir = { "Directory to be sent; nothing: a bucket", default = "" },
}
local param = haul.param

local function bucket(name) return haul.s3 { bucket = name, endpoint = param.endpoint, region = "us-east-1" } end

return haul.job {
  name = "bench-sync",
  concurrency = 64,
  haul.sync { from = (param.dir ~= "" and haul.dir(param.dir) or bucket "source") / "", to = bucket "target" / "",
    delete = true },
}
