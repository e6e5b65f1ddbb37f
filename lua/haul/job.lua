-- haul.job { ..., task, task }: the whole of what a job file declares.
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"
local events = require "haul.events"
local policy = require "haul.policy"
local report = require "haul.report"
local retry = require "haul.retry"
local running = require "haul.running"
local schedule = require "haul.schedule"
local schema = require "haul.schema"
local state = require "haul.state"
local store = require "haul.store"
local task = require "haul.task"

local job = {}

local private = setmetatable({}, { __mode = "k" }) -- job -> fields
local meta = { __name = "haul.job", __metatable = false }
meta.__tostring = function(self) return "job " .. private[self].name end
meta.__index = function(_, key)
  if key == "state" then
    err.raise(core.where(2), "job.state", "it is there in a hook only, while the job runs: hooks get the job second")
  end
  err.raise(core.where(2), "haul.job", "a job has no field %s before it runs", err.show(key))
end

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

-- { "22:00", "06:00" }, local time
schema.kind("window", function(value)
  if type(value) ~= "table" or rawlen(value) ~= 2 then return nil, 'two times are expected: { "22:00", "06:00" }' end
  local from, to = schedule.minutes(rawget(value, 1)), schedule.minutes(rawget(value, 2))
  if not from or not to then return nil, 'a time of day is written "22:00"' end
  if from == to then return nil, "the window is empty" end
  return { from = from, to = to }
end)

local breaker = schema.define("stop_when", {
  { "failed", kind = "quota", required = true, doc = "a share of the objects that ended, or a number of them" },
  { "of", kind = "integer", min = 1, max = 1 << 40, default = 1000, doc = "a share counts once so many have ended" },
})

schema.kind("breaker", function(value, _, where)
  local fields = schema.check(breaker, value, where)
  if fields.failed.count == 0 or fields.failed.share == 0 then return nil, "failed must be above zero" end
  local counts = fields.failed.count > 0
  return { share = counts and 0.0 or fields.failed.share, count = counts and fields.failed.count or 0, of = fields.of }
end)

local definition = schema.define("haul.job", {
  { "name", kind = "job_name", doc = "names the job's state; default: the file's name" },
  { "concurrency", kind = "changing_concurrency", min = 1, max = core.limits.concurrency, default = 16,
    doc = "requests in flight, whole job" },
  { "part_size", kind = "part_size", auto = true, max = 5 << 30, default = "auto",
    doc = "size of a part, \"auto\", or function(object)" },
  { "rate", kind = "changing_rate", default = "unlimited", doc = "bytes a second, each way, whole job" },
  { "retry", kind = "retry", doc = "when a failed request is made again" },
  { "on", kind = "job_handlers", default = {}, doc = "handlers of events" },
  { "lanes", kind = "lanes", default = "auto", doc = "threads for connections; 0: none but the main one" },
  { "workers", kind = "integer", min = 1, max = 64, default = 4, doc = "threads for files" },
  { "durability", kind = "word", words = { "object", "group", "none" }, default = "group",
    doc = "when files are synced: each by itself, small ones together, or never" },
  { "overlap", kind = "word", words = { "fail", "wait", "skip" }, default = "fail",
    doc = "what a second run of this job does while one is running" },
  { "window", kind = "window", doc = "{ \"22:00\", \"06:00\" }: time of day in which it runs; then it is parked" },
  { "stop_when", kind = "breaker", doc = "{ failed = \"5%\", of = 1000 }: too many failures end the job" },
  { "hook_timeout", kind = "duration", default = "5s",
    doc = "longest computing of one hook or function; waiting does not count" },
  { "hook_memory", kind = "size", max = 64 << 30, default = "256MiB",
    doc = "most that the script may hold while the job runs; the default holds while the file is loaded" },
  { "on_hook_error", kind = "word", words = { "policy", "fail_object", "stop" }, default = "policy",
    doc = "after a hook raised an error or computed too long: the built-in policy decides in its place, the object it was "
      .. "called for fails, or the job ends (exit status 7); the exit status is never 0 then" },
}, "tasks")

-- The entries without a name, which must be a plain list of tasks and groups of them.
local function check_tasks(fields, where)
  local seen, count = {}, 0
  for _ in pairs(fields.tasks) do count = count + 1 end
  if count == 0 then err.raise(where, "haul.job", "it has no task, such as haul.copy { ... }") end
  for i = 1, count do
    local list = task.list(fields.tasks[i])
    if not list then
      err.raise(where, "haul.job", "entry %d is no task, such as haul.copy { ... }, but %s", i,
        err.show(fields.tasks[i]))
    end
    for _, entry in ipairs(list) do
      if seen[entry] then err.raise(where, "haul.job", "tasks %d and %d are the same", seen[entry], i) end
      seen[entry] = i
    end
  end
end

job.new = core.located(function(where, options)
  local fields = schema.check(definition, options, where)
  check_tasks(fields, where)
  fields.where = where
  fields.name = fields.name or context.job_name(where)
  fields.retry = fields.retry or retry.default(where)
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
local function store_list(numbers)
  local list, providers = {}, {}
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

-- Stores that no task names: hooks may still use them, and only then it matters what is wrong with them.
local function add_spares(place_of, list, numbers)
  for _, fields in ipairs(store.all()) do
    if not numbers[fields] then
      local good, fault = pcall(place_of, fields)
      if good then list[numbers[fields]].spare = true else fields.fault = tostring(fault) end
    end
  end
end

local function any_handler(handlers)
  for i = 0, #handlers do
    if next(handlers[i]) then return true end
  end
  return false
end

-- Hooks name a store by its number.
local function number_stores(list, numbers)
  for fields, number in pairs(numbers) do fields.number, fields.plain = number, list[number] end
end

-- Where the limits of a store or a task are: which of both, and its numbers.
local function places_by(stores, tasks)
  return function(value)
    local own = task.fields(value)
    if own then return tasks[own] and "task", tasks[own] end
    local number = stores[store.place(value).store]
    return number and "store", { number }
  end
end

-- Takes out of the plain tables what changes with time, for the engine to turn.
local function limits_of(fields, stores, tasks)
  local dials = schedule.dials()
  local limits = { rate = dials:take("rate", 1, override(fields, "rate")),
    concurrency = dials:take("concurrency", 1, override(fields, "concurrency")) }
  for i, plain in ipairs(stores) do
    plain.read_rate = dials:take("read", i, plain.read_rate)
    plain.write_rate = dials:take("write", i, plain.write_rate)
    plain.requests = dials:take("requests", i, plain.requests)
  end
  for i, plain in ipairs(tasks) do
    plain.rate = plain.is_also and -1 or dials:take("task", i, plain.rate)
  end
  limits.list, limits.functions = dials.list, dials.functions
  return limits
end

-- The plain table that C reads (runner/script/value.c).
function job.normalize(self)
  local fields = private[self]
  local numbers, numbers_of = {}, {}
  local place_of, stores, providers = store_list(numbers)
  local tasks, handlers, kept = {}, { [0] = fields.on }, state.new()
  local function add(own, group)
    for _, plain in ipairs(task.normalize(own, fields, place_of)) do
      tasks[#tasks + 1] = plain
      -- Targets of a sync are tasks of their own, one after the other, unless they stand in a group.
      plain.group = group or #tasks
      if plain.is_also then plain.group = tasks[#tasks - 1].group end
      numbers_of[own] = numbers_of[own] or {}
      if not plain.is_also then table.insert(numbers_of[own], #tasks) end
      handlers[#tasks] = events.merge(fields.on, task.handlers(own))
    end
  end
  for i, entry in ipairs(fields.tasks) do
    local list = task.list(entry)
    for _, member in ipairs(list) do add(task.fields(member), #list > 1 and -i or nil) end
  end
  handlers[0] = report.handlers(fields.on, tasks)
  if any_handler(handlers) then add_spares(place_of, stores, numbers) end
  number_stores(stores, numbers)
  local limits = limits_of(fields, stores, tasks)
  return {
    name = fields.name,
    concurrency = limits.concurrency, rate = limits.rate,
    dials = limits.list, dial_functions = limits.functions,
    lanes = fields.lanes, workers = fields.workers,
    durability = fields.durability, hook_timeout = fields.hook_timeout,
    hook_memory = fields.hook_memory, on_hook_error = fields.on_hook_error,
    retry = fields.retry, overlap = fields.overlap, window = fields.window, breaker = fields.stop_when,
    stores = stores, providers = providers,
    tasks = tasks, handlers = handlers,
    running = running.new(fields.name, kept, places_by(numbers, numbers_of)), state = kept, decide = policy.decide,
  }
end

return job
