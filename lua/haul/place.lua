-- `store / "path"`: an object, or with a trailing "/" everything below.  Keys that are safe as paths.
local core = require "haul.core"
local err = require "haul.err"

local place = {}

local private = setmetatable({}, { __mode = "k" }) -- place -> { store, path }
local meta = { __name = "haul.place", __metatable = false }

-- Why a key cannot be a path below a directory, or nil.
function place.unsafe(key)
  if key:find("\0", 1, true) then return "it holds a zero byte" end
  if key:sub(1, 1) == "/" then return "it starts with '/'" end
  for segment in (key .. "/"):gmatch("([^/]*)/") do
    if segment == "" then return "it has an empty segment" end
    if segment == "." or segment == ".." then return ("it has the segment '%s'"):format(segment) end
  end
  return nil
end

-- Why no store can have such a key, or nil.
function place.impossible(key)
  if #key > core.limits.key then return ("it is longer than %d bytes"):format(core.limits.key) end
  if key:find("\0", 1, true) then return "it holds a zero byte" end
  return nil
end

local function check_path(where, store, path)
  if type(path) ~= "string" then
    err.raise(where, tostring(store), "a place is store / \"path\", not store / %s", err.show(path))
  end
  local fault = place.impossible(path)
  if not fault and store.kind == "dir" and path ~= "" then
    fault = place.unsafe((path:gsub("/$", "")))
  end
  if fault then err.raise(where, tostring(store), "the path %s cannot be used: %s", err.show(path), fault) end
end

-- store: the private fields of a store, whose tostring names it.
function place.new(where, store, path)
  check_path(where, store, path)
  local self = setmetatable({}, meta)
  private[self] = { store = store, path = path }
  return self
end

-- Its fields: { store =, path = }; nil for anything that is no place.
function place.fields(value)
  return private[value]
end

function place.is_prefix(path)
  return path == "" or path:sub(-1) == "/"
end

meta.__tostring = function(self)
  local fields = private[self]
  return tostring(fields.store) .. "/" .. fields.path
end

meta.__div = core.located(function(where, self, more)
  local fields = private[self]
  if not fields then err.raise(where, "haul", "a place is store / \"path\"") end
  if not place.is_prefix(fields.path) then
    err.raise(where, tostring(self), "nothing can be below an object: a prefix ends in '/'")
  end
  return place.new(where, fields.store, fields.path .. (type(more) == "string" and more or ""))
end)

return place
