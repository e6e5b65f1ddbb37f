-- haul.job { ..., task, task }: the whole of what a job file declares.
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"
local events = require "haul.events"
local policy = require "haul.policy"
local running = require "haul.running"
local schema = require "haul.schema"
local store = require "haul.store"
local task = require "haul.task"

local job = {}

local private = setmetatable({}, { __mode = "k" }) -- job -> fields
local meta = { __name = "haul.job", __metatable = false }
meta.__tostring = function(self) return "job " .. private[self].name end

schema.kind("job_name", function(value)
  if type(value) ~= "string" or not value:find("^[%w_-][%w._-]*$") or #value > 64 then
    return nil, ("%s is no name for a job: up to 64 letters, digits, '.', '_' and '-', not starting with '.'")
      :format(err.show(value))
  end
  return value
end)

-- "auto" is one: a lane carries some 16 Gbit/s.
schema.kind("lanes", function(value)
  if value == "auto" then return 1 end
  local number = type(value) == "number" and math.tointeger(value)
  if number and number >= 0 and number <= core.limits.lanes then return number end
  return nil, ("\"auto\" or a whole number from 0 to %d is expected, not %s"):format(core.limits.lanes, err.show(value))
end)

local definition = schema.define("haul.job", {
  { "name", kind = "job_name", doc = "names the job's state; default: the file's name" },
  { "concurrency", kind = "integer", min = 1, max = core.limits.concurrency, default = 16,
    doc = "requests in flight, whole job" },
  { "part_size", kind = "size", auto = true, max = 5 << 30, default = "auto", doc = "size of a part, or \"auto\"" },
  { "rate", kind = "rate", default = "unlimited", doc = "bytes a second, each way, whole job" },
  { "retry", kind = "retry", doc = "when a failed request is made again" },
  { "on", kind = "job_handlers", default = {}, doc = "handlers of events" },
  { "lanes", kind = "lanes", default = "auto", doc = "threads for connections; 0: none but the main one" },
  { "workers", kind = "integer", min = 1, max = 64, default = 4, doc = "threads for files" },
  { "durability", kind = "word", words = { "object", "group", "none" }, default = "group",
    doc = "when files are synced: each by itself, small ones together, or never" },
  { "hook_timeout", kind = "duration", default = "5s", doc = "longest computing of one hook" },
}, "tasks")

-- The entries without a name, which must be a plain list of tasks.
local function check_tasks(fields, where)
  local seen, count = {}, 0
  for _ in pairs(fields.tasks) do count = count + 1 end
  if count == 0 then err.raise(where, "haul.job", "it has no task, such as haul.copy { ... }") end
  for i = 1, count do
    local entry = fields.tasks[i]
    if not task.fields(entry) then
      err.raise(where, "haul.job", "entry %d is no task, such as haul.copy { ... }, but %s", i, err.show(entry))
    end
    if seen[entry] then err.raise(where, "haul.job", "tasks %d and %d are the same", seen[entry], i) end
    seen[entry] = i
  end
end

job.new = core.located(function(where, options)
  local fields = schema.check(definition, options, where)
  check_tasks(fields, where)
  fields.where = where
  fields.name = fields.name or context.job_name(where)
  fields.retry = fields.retry or policy.default_retry(where)
  local self = setmetatable({}, meta)
  private[self] = fields
  return self
end)

function job.is(value)
  return private[value] ~= nil
end

local function override(fields, name)
  local said, source = context.override(name)
  if said == nil then return fields[name] end
  return schema.value(definition, name, said, source)
end

-- Numbers stores in the order in which tasks name them.
local function store_list()
  local list, providers, numbers = {}, {}, {}
  local function place_of(fields)
    if not numbers[fields] then
      local plain, provider = store.normalize(fields)
      list[#list + 1] = plain
      numbers[fields], providers[#list] = #list, provider
    end
    return numbers[fields]
  end
  return place_of, list, providers
end

-- The plain table that C reads (runner/script/value.c).
function job.normalize(self)
  local fields = private[self]
  local place_of, stores, providers = store_list()
  local tasks, handlers = {}, { [0] = fields.on }
  for i, entry in ipairs(fields.tasks) do
    local own = task.fields(entry)
    tasks[i] = task.normalize(own, fields, place_of)
    handlers[i] = events.merge(fields.on, own.on)
  end
  return {
    name = fields.name,
    concurrency = override(fields, "concurrency"),
    rate = override(fields, "rate"),
    lanes = fields.lanes, workers = fields.workers,
    durability = fields.durability, hook_timeout = fields.hook_timeout,
    stores = stores, providers = providers,
    tasks = tasks, handlers = handlers,
    running = running.new(fields.name), decide = policy.decide,
  }
end

return job
