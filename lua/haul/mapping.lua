-- The functions of a task as the C side calls them: one call for each object, plain values both ways.
local attributes = require "haul.attributes"
local core = require "haul.core"
local err = require "haul.err"
local manifest = require "haul.manifest"
local place = require "haul.place"
local schema = require "haul.schema"

local mapping = {}

local part_size = { auto = true, max = 5 << 30 }

-- A name below the task's target, checked: an error is about this object only.
local function whole_name(fields, name, who, key)
  local function refuse(text) error(err.new("invalid", ("%s of %s: %s"):format(who, err.show(key), text)), 0) end
  if type(name) ~= "string" or name == "" then refuse("a name is expected, not " .. err.show(name)) end
  local fault = place.impossible(fields.to.path .. name)
  if not fault and fields.to.store.kind == "dir" then fault = place.unsafe(name) end
  if fault then refuse(("the name %s cannot be used: %s"):format(err.show(name), fault)) end
  return fields.to.path .. name
end

local function relative(fields, key)
  if place.is_prefix(fields.from.path) then return key:sub(#fields.from.path + 1) end
  return key:match("[^/]*$")
end

-- Why the provider of the target takes no parts of a size, or nil.
function mapping.part_fault(fields, bytes)
  local target = fields.to.store
  if bytes > 0 and target.part_min and (bytes < target.part_min or bytes > target.part_max) then
    return ("%s is outside of what %s takes: %s to %s"):format(core.show_size(bytes), target.name,
      core.show_size(target.part_min), core.show_size(target.part_max))
  end
end

local function object_part_size(fields, object)
  local said = fields.part_size(object)
  if said == nil then return 0 end
  local bytes, reason = schema.check_kind("size", said, part_size)
  local fault = reason or mapping.part_fault(fields, bytes)
  if fault then error(err.new("invalid", ("part_size of %s: %s"):format(err.show(object.key), fault)), 0) end
  return bytes
end

local verifies = { auto = false, full = true }

-- Is the target to be read back?
local function object_verify(fields, object)
  local said = fields.verify(object)
  if said ~= nil and verifies[said] == nil then
    error(err.new("invalid", ("verify of %s: \"auto\" or \"full\" is expected, not %s")
      :format(err.show(object.key), err.show(said))), 0)
  end
  return verifies[said] or false
end

local function object_priority(fields, object)
  local said = fields.priority(object)
  if said ~= nil and (type(said) ~= "number" or said ~= said) then
    error(err.new("invalid", ("priority of %s: a number is expected, not %s")
      :format(err.show(object.key), err.show(said))), 0)
  end
  return said or 0
end

-- object { key =, size =, mtime =, etag = } -> taken, target or nil, attributes or nil, part size or 0,
-- whether its target is read back, priority or nil: the task's
local function map(fields)
  local named = attributes.has_functions(fields)
  local sized, verified = type(fields.part_size) == "function", type(fields.verify) == "function"
  local ranked = type(fields.priority) == "function"
  return function(object)
    object.name = relative(fields, object.key)
    if fields.where and not fields.where(object) then return false end
    local name = fields.rename and fields.rename(object.name, object)
    local target = name ~= nil and name ~= false and whole_name(fields, name, "rename", object.key) or nil
    return true, target, named and attributes.of(fields, object) or nil, sized and object_part_size(fields, object) or 0,
      verified and object_verify(fields, object), ranked and object_priority(fields, object) or nil
  end
end

-- An iterator: what it gives may be a key, or { key =, size =, target = } -> key, target, size
local function yield(fields)
  local next_key = manifest.is(fields.keys) and manifest.rows(fields.keys) or fields.keys
  return function()
    local given = next_key()
    if given == nil then return nil end
    local row = type(given) == "table" and given or { key = given }
    local key, target, bytes = row.key, row.target, row.size
    local fault = type(key) ~= "string" and "a key must be text, not " .. err.show(key)
      or place.impossible(fields.from.path .. key)
    if not fault and fields.from.store.kind == "dir" then fault = place.unsafe(key) end
    if fault then error(err.new("invalid", ("keys: %s cannot be used: %s"):format(err.show(key), fault)), 0) end
    if target ~= nil then target = whole_name(fields, target, "keys", key):sub(#fields.to.path + 1) end
    return key, target, math.type(bytes) == "integer" and bytes >= 0 and bytes or -1
  end
end

-- (key, other, target) -> whole name, or nil: skip
local function settle(fields)
  return function(key, other, target)
    local name = fields.conflict(relative(fields, key), relative(fields, other), target:sub(#fields.to.path + 1))
    if name == nil then return nil end
    return whole_name(fields, name, "conflict", key)
  end
end

-- (source, target) -> same, why
local function compare(fields)
  return function(source, target)
    source.name = relative(fields, source.key)
    target.name = source.name
    local same, why = fields.compare(source, target)
    return not not same, type(why) == "string" and why or nil
  end
end

-- Do keys come one after the other?
function mapping.yields(fields)
  return type(fields.keys) == "function" or manifest.is(fields.keys)
end

-- The functions of a task by the names that C calls them.
function mapping.functions(fields)
  local all = {}
  local asked = fields.where or fields.rename or attributes.has_functions(fields)
  for _, name in ipairs { "part_size", "verify", "priority" } do asked = asked or type(fields[name]) == "function" end
  if asked then all.map = map(fields) end
  if mapping.yields(fields) then all.yield = yield(fields) end
  if type(fields.compare) == "function" then all.compare = compare(fields) end
  if type(fields.conflict) == "function" then all.settle = settle(fields) end
  all.renames = fields.rename ~= nil
  return all
end

return mapping
