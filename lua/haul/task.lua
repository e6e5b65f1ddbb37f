-- haul.copy, haul.sync, haul.move and haul.delete: what goes where, and what goes away; haul.parallel: at
-- the same time.
local attributes = require "haul.attributes"
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"
local keys = require "haul.keys"
local manifest = require "haul.manifest"
local mapping = require "haul.mapping"
local place = require "haul.place"
local schema = require "haul.schema"
local selection = require "haul.selection"
local sides = require "haul.sides"
local store = require "haul.store"
require "haul.retry"
require "haul.events"

local task = {}

local private = setmetatable({}, { __mode = "k" }) -- task -> fields
local meta = { __name = "haul.task", __metatable = false }
meta.__tostring = function(self) return private[self].who end

-- Options ---------------------------------------------------------------------------------------------

local function one_place(value)
  local fields = store.place(value)
  if not fields then return nil, ("a place is expected, such as store / \"path\", not %s"):format(err.show(value)) end
  return fields
end

schema.kind("place", one_place)

-- One place, or a list of them.
schema.kind("places", function(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil or store.place(value) then
    local fields, reason = one_place(value)
    return fields and { fields }, reason
  end
  local list = {}
  for i = 1, rawlen(value) do
    local fields, reason = one_place(rawget(value, i))
    if not fields then return nil, ("[%d]: %s"):format(i, reason) end
    list[i] = fields
  end
  if #list == 0 then return nil, "the list of places is empty" end
  return list
end)

schema.kind("keys", function(value)
  if type(value) == "function" or manifest.is(value) then return value end
  return keys.check(value)
end)

schema.kind("part_size", function(value, option)
  if type(value) == "function" then return value end
  return schema.check_kind("size", value, option)
end)

schema.kind("conflict", function(value, option)
  if type(value) == "function" then return value end
  return schema.check_kind("word", value, option)
end)

schema.kind("compare", function(value, option)
  if type(value) == "function" then return value end
  return schema.check_kind("word", value, option)
end)

schema.kind("verify", function(value, option)
  if type(value) == "function" then return value end
  if value == "none" then return nil, 'nothing is called done unless it was checked: "auto" is the least' end
  return schema.check_kind("word", value, option)
end)

schema.kind("priority", function(value)
  if type(value) == "function" then return value end
  if type(value) ~= "number" or value ~= value then
    return nil, ("a number, or a function that gives one, is expected, not %s"):format(err.show(value))
  end
  return value
end)

local function definition(who, ...)
  local options = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #options + 1, options) end
  return schema.define(who, options)
end

local from = { { "from", kind = "place", required = true, doc = "a place: an object, or a prefix that ends in \"/\"" } }
local common = {
  { "concurrency", kind = "integer", min = 1, max = core.limits.concurrency, doc = "requests in flight of this task" },
  { "retry", kind = "retry", doc = "when a failed request is made again" },
  { "on", kind = "task_handlers", default = {}, doc = "handlers of events, instead of the job's" },
  { "before", kind = "function",
    doc = "function(event, job) before the task begins; haul.skip passes it over, haul.veto and haul.stop end the job" },
  { "after", kind = "function",
    doc = "function(event, job) with the task's counts; haul.veto and haul.stop keep what follows from beginning" },
}
local named = { { "keys", kind = "keys",
  doc = "only these objects below `from`: a list, a function that gives one after the other, or haul.manifest" } }
local sending = {
  { "to", kind = "places", required = true, doc = "a place, or a list of them" },
  { "part_size", kind = "part_size", auto = true, max = 5 << 30, doc = "size of a part, \"auto\", or function(object)" },
  { "rate", kind = "changing_rate", default = "unlimited", doc = "bytes a second of this task, each way" },
  { "route", kind = "word", words = { "auto", "server", "relay" }, default = "auto",
    doc = "between stores: copied by the service, or through this machine" },
  { "verify", kind = "verify", words = { "auto", "full" }, default = "auto",
    doc = "\"auto\": by the best sums that both sides tell; \"full\": the target is read back too; or function(object)" },
  { "priority", kind = "priority", default = 0,
    doc = "a number, or function(object): of the objects that are known and wait, larger ones go first" },
}
local no_target = "haul.delete removes what `from` names, and has no target"
local quota = { { "max_delete", kind = "quota", default = "25%",
  doc = "the most that may be deleted: a share of the target, or a number" } }

local placing = {
  { "rename", kind = "function", doc = "function(name, object): another name below `to`" },
  { "overwrite", kind = "word", words = { "always", "never", "newer" }, default = "always",
    doc = "what happens where the target is there already" },
  { "conflict", kind = "conflict", words = { "error", "skip", "rename" }, default = "error",
    doc = "when two keys would get one name; or function(name, other, target)" },
}

local kinds = {
  copy = definition("haul.copy", from, sending, named, selection.options, attributes.options, common, placing),
  move = definition("haul.move", from, sending, named, selection.options, attributes.options, common, placing, {
    { "max_delete", refused = "each object goes once its copy is proved, so that nothing is ever missing" },
  }),
  sync = definition("haul.sync", from, sending, selection.options, attributes.options, common, quota, {
    { "compare", kind = "compare", words = { "fingerprint", "size", "time", "etag", "checksum" },
      default = "fingerprint", doc = "when two objects are the same; or function(source, target)" },
    { "delete", kind = "boolean", default = false, doc = "delete what only the target has, at the end" },
    { "rename", refused = "a sync compares both sides under the same names: use haul.copy to rename" },
    { "keys", refused = "a sync is of everything below a prefix: use include and exclude, or haul.copy with keys" },
    { "overwrite", refused = "a sync writes what differs: say what that is with compare" },
    { "conflict", refused = "a sync keeps all names, so that no two can meet" },
  }),
  delete = definition("haul.delete", from, named, selection.options, common, {
    { "max_delete", kind = "quota", default = "100%", doc = "the most that may be deleted: a share, or a number" },
    { "to", refused = no_target },
    { "rename", refused = no_target },
  }),
}

local function constructor(kind)
  return core.located(function(where, options)
    local fields = schema.check(kinds[kind], options, where)
    fields.kind, fields.where_at, fields.who = kind, where, "haul." .. kind
    fields.to_list = fields.to or { fields.from }
    fields.to = nil
    local self = setmetatable({}, meta)
    private[self] = fields
    return self
  end)
end

task.copy = constructor "copy"
task.move = constructor "move"
task.sync = constructor "sync"
task.delete = constructor "delete"

function task.fields(value)
  return private[value]
end

-- Tasks that run at the same time ----------------------------------------------------------------------

local groups = setmetatable({}, { __mode = "k" }) -- group -> list of tasks
local group_meta = { __name = "haul.parallel", __metatable = false }
group_meta.__tostring = function() return "haul.parallel" end

local GROUP_MAX = 64

local parallel = schema.define("haul.parallel", {}, "tasks")

task.parallel = core.located(function(where, options)
  local list = schema.check(parallel, options, where).tasks
  local count = 0
  for _ in pairs(list) do count = count + 1 end
  for i = 1, count do
    if groups[list[i]] then
      err.raise(where, "haul.parallel", "entry %d is a haul.parallel itself: put its tasks into this one", i)
    end
    if not private[list[i]] then
      err.raise(where, "haul.parallel", "entry %d is no task, such as haul.copy { ... }, but %s", i, err.show(list[i]))
    end
  end
  if count < 2 or count > GROUP_MAX then
    err.raise(where, "haul.parallel", "it takes 2 to %d tasks, not %d", GROUP_MAX, count)
  end
  sides.check_group(table.move(list, 1, count, 1, {}), private, where)
  local self = setmetatable({}, group_meta)
  groups[self] = list
  return self
end)

-- The tasks of an entry of a job: one, or those of a haul.parallel; nil: it is neither.
function task.list(value)
  return private[value] and { value } or groups[value]
end

-- The task's own handlers: `before` and `after` are those of its begin and its end.
function task.handlers(fields)
  local own = {}
  for name, handler in pairs(fields.on) do own[name] = handler end
  for option, name in pairs { before = "task_started", after = "task_finished" } do
    if fields[option] and own[name] then
      err.raise(fields.where_at, fields.who, "option '%s' is on.%s by another name: give one of them", option, name)
    end
    own[name] = fields[option] or own[name]
  end
  return own
end

-- For a job -------------------------------------------------------------------------------------------

local function value_of(option)
  return type(option) ~= "function" and option or nil
end

-- The part size of the command line, the task or the job.
local function part_size(fields, job)
  local size, where = value_of(fields.part_size) or value_of(job.part_size) or 0, fields.where_at
  local said, source = context.override "part_size"
  if said ~= nil then
    size, where = schema.value(kinds.copy, "part_size", said, source), source
  end
  local fault = mapping.part_fault(fields, size)
  if fault then err.raise(where, fields.who, "option 'part_size': %s", fault) end
  return size
end

-- What a function decides has a word of its own for C.
local function word(value, default)
  return type(value) == "function" and "script" or value or default
end

local function plain(fields, job, place_of)
  local carried = attributes.fixed(fields)
  local fault = attributes.fault(carried)
  if fault then err.raise(fields.where_at, fields.who, "%s", fault) end
  local quota_ = fields.max_delete or { share = 1.0, count = -1 }
  local out = selection.normalize(fields)
  out.kind = fields.kind
  out.from, out.to = place_of(fields.from.store), place_of(fields.to.store)
  out.from_path, out.to_path = fields.from.path, fields.to.path
  out.single = not place.is_prefix(fields.from.path)
  out.keys = not mapping.yields(fields) and fields.keys or nil
  out.part_size = part_size(fields, job)
  out.concurrency, out.rate = fields.concurrency or 0, fields.rate or -1
  out.retry = fields.retry or job.retry
  out.attributes, out.preserve = carried, fields.preserve ~= false
  out.overwrite, out.route = fields.overwrite or "always", fields.route or "auto"
  out.compare, out.conflict = word(fields.compare, "fingerprint"), word(fields.conflict, "error")
  out.verify = fields.verify == "full" and "full" or "auto"
  out.priority = type(fields.priority) == "number" and fields.priority + 0.0 or 0.0
  out.remove = fields.delete or fields.kind == "delete"
  out.max_delete, out.max_deletes = quota_.share, quota_.count
  out.keeps_empty = fields.kind ~= "delete"
  out.splits = fields.listing or {}
  out.functions = mapping.functions(fields)
  return out
end

-- What asks for the part size of each object: the task's function, or the job's where the task says nothing.
local function part_size_function(fields, job)
  if fields.kind == "delete" or context.override "part_size" ~= nil then return nil end
  local said = fields.part_size == nil and job.part_size or fields.part_size
  return type(said) == "function" and said or nil
end

-- One of several targets, as a task of its own.
local function for_target(fields, job, to)
  local own = {}
  for key, value in pairs(fields) do own[key] = value end
  own.to, own.where_at = to, fields.where_at
  own.part_size = part_size_function(fields, job) or value_of(fields.part_size)
  return own
end

-- The plain tables that C reads, one for each target; those behind the first share its source, but
-- for a sync, which has to list each target beside it.  place_of(store fields) gives the store's
-- number.
function task.normalize(fields, job, place_of)
  local list = {}
  for i, to in ipairs(fields.to_list) do
    local own = for_target(fields, job, to)
    sides.check(own)
    list[i] = plain(own, job, place_of)
    list[i].is_also = i > 1 and fields.kind ~= "sync"
  end
  return list
end

return task
