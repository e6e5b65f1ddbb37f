-- The environment of a job file: the standard library without what haul refuses, undeclared names as
-- errors, modules from the job file's own directory.
local core = require "haul.core"
local err = require "haul.err"
local log = require "haul.log"

local strict = {}

local plain = { "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen",
  "rawset", "select", "tonumber", "tostring", "type", "_VERSION" }

local libraries = {
  io = { "close", "lines", "open", "type" },
  math = false, -- all of it
  os = { "clock", "date", "difftime", "getenv", "remove", "rename", "time" },
  string = false,
  table = false,
  utf8 = false,
}

local function copy(library, names)
  local result = {}
  if not names then
    for name, value in pairs(library) do result[name] = value end
  else
    for _, name in ipairs(names) do result[name] = library[name] end
  end
  return result
end

-- Finalizers run at any moment, outside of every limit.
local function setmetatable_checked(object, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("a metatable with __gc is refused: use a <close> variable", 2)
  end
  return setmetatable(object, meta)
end

-- The handler of an error that the time limit raised would run without any limit: it is left out.
local function xpcall_checked(body, handler, ...)
  return xpcall(body, function(message)
    if core.expired() then return message end
    return handler(message)
  end, ...)
end

-- The same for closing the variables of a coroutine that ran out of time.
local function close_checked(thread)
  if core.expired() then return false, "the hook ran out of time" end
  return coroutine.close(thread)
end

local function unwrap(thread, good, ...)
  if good then return ... end
  close_checked(thread)
  error((...), 0)
end

local function wrap_checked(body)
  local thread = coroutine.create(body)
  return function(...) return unwrap(thread, coroutine.resume(thread, ...)) end
end

local function collectgarbage_checked(option)
  if option == nil or option == "collect" or option == "count" then return collectgarbage(option) end
  error("collectgarbage: only \"collect\" and \"count\"", 2)
end

local function load_checked(env)
  return function(chunk, name, _, ...)
    if select("#", ...) > 0 then return load(chunk, name, "t", (...)) end
    return load(chunk, name, "t", env)
  end
end

-- Modules -----------------------------------------------------------------------------------------------

local function module_path(dir, name)
  for _, form in ipairs { "%s/%s.lua", "%s/%s/init.lua" } do
    local path = form:format(dir, (name:gsub("%.", "/")))
    if core.file_exists(path) then return path end
  end
  return nil
end

local function load_module(dir, name, env)
  if not name:find("^[%w_-]+$") and not name:find("^[%w_-]+[%w_.-]*[%w_-]$") or name:find("..", 1, true) then
    error(("%s is no name of a module"):format(err.show(name)), 0)
  end
  local path = module_path(dir, name)
  if not path then
    error(("module '%s' is neither haul's own nor in the job file's directory (%s)"):format(name, dir), 0)
  end
  local chunk, message = core.load_file(path, env)
  if not chunk then error(message, 0) end
  return chunk, path
end

local function new_require(dir, env)
  local loaded = {}
  return function(name)
    if type(name) ~= "string" then error("the name of a module is expected, not " .. err.show(name), 2) end
    if name == "haul" or name:find("^haul%.") then return require(name) end
    if loaded[name] == false then error(("module '%s' requires itself"):format(name), 2) end
    if loaded[name] == nil then
      local chunk, path = load_module(dir, name, env)
      loaded[name] = false
      local value = chunk(name, path)
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
end

-- The environment -----------------------------------------------------------------------------------------

local function undeclared(env)
  return function(_, name)
    local names = {}
    for known in next, env do
      if type(known) == "string" then names[#names + 1] = known end
    end
    table.sort(names)
    err.raise(core.where(2), "undeclared name", "%s%s", type(name) == "string" and name or err.show(name),
      err.hint(name, names))
  end
end

-- `dir`: where the job file is.
function strict.environment(dir)
  local env = {}
  for _, name in ipairs(plain) do env[name] = _G[name] end
  for name, names in pairs(libraries) do env[name] = copy(_G[name], names) end
  env.coroutine = copy(coroutine, { "create", "isyieldable", "resume", "running", "status", "yield" })
  env.coroutine.close, env.coroutine.wrap = close_checked, wrap_checked
  env.collectgarbage, env.load = collectgarbage_checked, load_checked(env)
  env.print, env.warn = log.print, function(...) log.warn(table.concat({ ... })) end
  env.require = new_require(dir, env)
  env.setmetatable, env.xpcall = setmetatable_checked, xpcall_checked
  env._G = env
  return setmetatable(env, { __index = undeclared(env), __metatable = false })
end

return strict
