#!/usr/bin/env -S haul run
-- Copies a directory to another, resumably:  haul run jobs/copy_dir.lua source=/srv/data target=/mnt/backup
local haul = require "haul"

haul.param {
  source = { "Directory to copy", required = true },
  target = { "Directory to copy into", required = true },
  rate = { "Limit, such as 50MiB/s", default = "unlimited" },
}

return haul.job {
  rate = haul.param.rate,
  durability = "object",     -- each file is on the disk before it is called done
  haul.copy { from = haul.dir(haul.param.source), to = haul.dir(haul.param.target) },
}
