-- Loads a C module of build/$BUILD/probe: `require "support.probe" "wire"`.
local build = os.getenv "BUILD" or "release"
local function load(name)
  local path = ("build/%s/probe/%s.so"):format(build, name)
  local open, why = package.loadlib(path, "luaopen_" .. name)
  if not open then error(why .. " (make BUILD=" .. build .. " probes)") end
  return open()
end
return load
