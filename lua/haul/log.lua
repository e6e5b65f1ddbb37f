-- haul.log.info("moved %d", n), and print, which goes to the log as well.
local core = require "haul.core"

local log = {}

local function line(level)
  return function(text, ...)
    text = tostring(text)
    core.log(level, select("#", ...) > 0 and text:format(...) or text)
  end
end

for _, level in ipairs { "error", "warn", "info", "debug" } do log[level] = line(level) end

function log.print(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = tostring(parts[i]) end
  core.log("info", table.concat(parts, "  "))
end

return log
