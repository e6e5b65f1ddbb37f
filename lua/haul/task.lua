-- haul.copy { from =, to = }: what goes where.
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"
local keys = require "haul.keys"
local place = require "haul.place"
local schema = require "haul.schema"
local store = require "haul.store"
require "haul.policy"
require "haul.events"

local task = {}

local private = setmetatable({}, { __mode = "k" }) -- task -> fields
local meta = { __name = "haul.task", __metatable = false }
meta.__tostring = function(self) return private[self].who end

schema.kind("place", function(value)
  local fields = store.place(value)
  if not fields then return nil, ("a place is expected, such as store / \"path\", not %s"):format(err.show(value)) end
  return fields
end)

schema.kind("keys", keys.check)

local copy = schema.define("haul.copy", {
  { "from", kind = "place", required = true, doc = "a place: an object, or a prefix that ends in \"/\"" },
  { "to", kind = "place", required = true, doc = "a place" },
  { "keys", kind = "keys", doc = "only these objects below `from`" },
  { "part_size", kind = "size", auto = true, max = 5 << 30, doc = "size of a part, or \"auto\"" },
  { "concurrency", kind = "integer", min = 1, max = core.limits.concurrency,
    doc = "requests in flight of this task" },
  { "rate", kind = "rate", default = "unlimited", doc = "bytes a second of this task, each way" },
  { "retry", kind = "retry", doc = "when a failed request is made again" },
  { "on", kind = "task_handlers", default = {}, doc = "handlers of events, instead of the job's" },
})

task.copy = core.located(function(where, options)
  local fields = schema.check(copy, options, where)
  fields.where, fields.who = where, "haul.copy"
  local self = setmetatable({}, meta)
  private[self] = fields
  return self
end)

function task.fields(value)
  return private[value]
end

-- Checks of both sides together -----------------------------------------------------------------------

local function is_remote(side)
  return side.store.kind ~= "dir"
end

-- "/srv/data/2026": the place of a directory store as one path, a prefix with its "/".
local function full_path(side)
  return (side.store.root == "/" and "" or side.store.root) .. "/" .. side.path
end

local function name(side)
  return is_remote(side) and side.store.name .. "/" .. side.path or full_path(side)
end

local function target_path(fields)
  local to = full_path(fields.to)
  if place.is_prefix(fields.from.path) or not place.is_prefix(fields.to.path) then return to end
  return to .. fields.from.path:match("[^/]*$")
end

-- Two directories: neither the same nor the target inside of what is copied.
local function check_apart(fields, refuse)
  local from, to = full_path(fields.from), target_path(fields)
  if from == to then refuse("from and to are the same place (%s)", from) end
  local tree = place.is_prefix(fields.from.path) and not fields.keys
  if tree and to:sub(1, #from) == from then refuse("to (%s) lies inside of from (%s)", to, from) end
end

local function check_shape(fields, refuse)
  local from_prefix, to_prefix = place.is_prefix(fields.from.path), place.is_prefix(fields.to.path)
  if fields.keys and not from_prefix then
    refuse("keys are below a prefix: from must end in '/' (%s)", name(fields.from))
  end
  if from_prefix and not to_prefix then
    refuse("many objects cannot become one: to must end in '/' (%s)", name(fields.to))
  end
end

local function check_sides(fields)
  local function refuse(text, ...) err.raise(fields.where, fields.who, text, ...) end
  check_shape(fields, refuse)
  if is_remote(fields.from) and is_remote(fields.to) then
    refuse("copying between two remote stores is not in this version (%s, %s)", name(fields.from), name(fields.to))
  end
  if not is_remote(fields.from) and not is_remote(fields.to) then check_apart(fields, refuse) end
  local base = fields.from.path:match("[^/]*$")
  if base ~= "" and place.is_prefix(fields.to.path) and not is_remote(fields.to) then
    local fault = place.unsafe(base)
    if fault then refuse("the key %s cannot be a file: %s", err.show(fields.from.path), fault) end
  end
end

-- The part size of the command line, the task or the job, within what the target's provider takes.
local function part_size(fields, job)
  local size, where = fields.part_size or job.part_size, fields.where
  local said, source = context.override "part_size"
  if said ~= nil then
    size, where = schema.value(copy, "part_size", said, source), source
  end
  local target = fields.to.store
  if size > 0 and target.part_min and (size < target.part_min or size > target.part_max) then
    err.raise(where, fields.who, "option 'part_size': %s is outside of what %s takes: %s to %s", core.show_size(size),
      target.name, core.show_size(target.part_min), core.show_size(target.part_max))
  end
  return size
end

-- The plain table that C reads.  place_of(store fields) gives the store's number.
function task.normalize(fields, job, place_of)
  check_sides(fields)
  return {
    from = place_of(fields.from.store), to = place_of(fields.to.store),
    from_path = fields.from.path, to_path = fields.to.path,
    single = not place.is_prefix(fields.from.path),
    keys = fields.keys,
    part_size = part_size(fields, job),
    concurrency = fields.concurrency or 0,
    rate = fields.rate,
    retry = fields.retry or job.retry,
  }
end

return task
