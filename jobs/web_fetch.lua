#!/usr/bin/env -S haul run
-- Fetches what a list of addresses names, into a directory or straight into a bucket of S3.
--   haul run jobs/web_fetch.lua list=urls.txt target=/srv/mirror
--   haul run jobs/web_fetch.lua list=urls.txt bucket=mirror prefix=2026/
-- The list has one http:// or https:// address a line; https://host/a/b becomes host/a/b.
local haul = require "haul"

haul.param {
  list = { "File of addresses; empty lines and those that start with '#' are skipped", required = true },
  target = { "Directory to fetch into" },
  bucket = { "Bucket to fetch into, instead" },
  prefix = { "In a bucket, what the keys start with; ends in '/'", default = "" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  region = { "Region of the bucket" },
}
local param = haul.param

if (param.target == nil) == (param.bucket == nil) then error("give either target=DIRECTORY or bucket=NAME", 0) end
local store = param.target and haul.dir(param.target)
  or haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

-- Keys are plain text: in an address, what is no letter may be written %20.
local function decode(path)
  return (path:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- root of a server -> paths, and the roots in the order in which they first come
local paths, roots, seen, number = {}, {}, {}, 0
for line in io.lines(param.list) do
  number = number + 1
  local address = line:match "^%s*(.-)%s*$"
  if address ~= "" and address:sub(1, 1) ~= "#" then
    local root, path = address:match "^(https?://[^/?#@]+/)([^?#]+)$"
    if not root then error(("%s:%d: no address of a file: %s"):format(param.list, number, address), 0) end
    if not paths[root] then
      paths[root] = {}
      roots[#roots + 1] = root
    end
    if not seen[address] then table.insert(paths[root], decode(path)) end
    seen[address] = true
  end
end

-- One task for each server: each is a store of its own.
local function task_of(root)
  return haul.copy {
    from = haul.web { url = root, user_agent = "haul web_fetch" } / "",
    to = store / (param.prefix .. root:match "//([^/]+/)$"),
    keys = paths[root],
    concurrency = 4,         -- somebody else's server
  }
end

local job = {
  retry = { attempts = 5, base = "2s", cap = "60s" },
  on = {
    -- A dead link is told and does not fail the run.
    object_failed = function(event)
      if event.error.kind == "missing" then return haul.skip "it is not there any more" end
    end,
  },
}
for i, root in ipairs(roots) do job[i] = task_of(root) end
return haul.job(job)
