-- What the command line said about this run of a job file.  One job file, one Lua state.
local core = require "haul.core"
local err = require "haul.err"

local context = {
  file = nil,      -- path of the job file
  overrides = {},  -- concurrency, part_size, rate of the command line
  help = false,    -- only the parameters are wanted: nothing is checked against the world
  getenv = os.getenv,
  simulated = false, -- stores are those of a spec: keys and profiles of this machine are not asked for
}

-- Nothing of this process's environment counts from here on, but what is named: { "NAME=value", ... }
function context.simulate(list)
  local values = {}
  for _, text in ipairs(list) do
    local name, value = text:match("^([^=]+)=(.*)$")
    values[name] = value
  end
  context.simulated = true
  context.getenv = function(name) return values[name] end
end

local environment = {
  concurrency = "HAUL_CONCURRENCY",
  part_size = "HAUL_PART_SIZE",
  rate = "HAUL_RATE",
}

-- The value that stands above the job file's, and where it was said.
function context.override(name)
  local value = context.overrides[name]
  if value ~= nil then return value, "--" .. name:gsub("_", "-") end
  local variable = environment[name]
  value = context.getenv(variable)
  if value == nil or value == "" then return nil end
  return name == "concurrency" and (math.tointeger(tonumber(value)) or value) or value, variable
end

-- "upload" for "jobs/upload.lua"
function context.job_name(where)
  local name = (context.file or "job.lua"):match("([^/]*)$"):gsub("%.lua$", "")
  if name:find("^[%w_-][%w._-]*$") and #name <= 64 then return name end
  err.raise(where, "haul.job", "the file's name (%s) makes no name for the job: set name = \"...\"", err.show(name))
end

function context.warn(text, ...)
  core.log("warn", text:format(...))
end

return context
