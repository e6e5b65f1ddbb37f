-- Job files for specs: written from text, loaded by the probe of runner/script.
package.path = "tests/?.lua;" .. package.path
local files = require "support.files"
local probe = require "support.probe" "script"

local jobfile = { core = probe.core, help = probe.help }
local dir

-- Puts the text into NAME in a directory of its own and returns the path.
function jobfile.write(text, name)
  dir = dir or files.dir()
  local path = dir .. "/" .. (name or "x.lua")
  files.write(path, text)
  return path
end

function jobfile.dir()
  dir = dir or files.dir()
  return dir
end

-- script, or nil, kind, message
function jobfile.load(text, options)
  options = options or {}
  options.file = options.file or jobfile.write(text, options.name)
  options.lua_dir = "lua"
  return probe.load(options)
end

-- A whole job around what goes into haul.job { ... }: `before` stands above it.
function jobfile.job(inside, before, options)
  return jobfile.load(([[
local haul = require "haul"
local here, there = haul.dir "/tmp/haul-from", haul.dir "/tmp/haul-to"
local copy = haul.copy { from = here, to = there }
local s3 = haul.s3 { bucket = "pail", endpoint = "http://127.0.0.1:1", credentials = "anonymous" }
%s
return haul.job { %s }
]]):format(before or "", inside), options)
end

return jobfile
