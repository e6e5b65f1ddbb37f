-- The second argument of every hook: the job as it runs.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"
local spawn = require "haul.spawn"
local store = require "haul.store"
local task = require "haul.task"

local running = {}

-- Loaded late: specs of pure modules have no running job.
local function run()
  return require "haul.core.run"
end

local cancel = schema.define("job:cancel", {
  { "abort", kind = "boolean", default = false,
    doc = "also remove unfinished uploads, temporary files and checkpoints" },
})

-- As the kind reads it; "auto" gives the limit back to the job file.
local function wished(kind)
  return function(value, option)
    if value == "auto" then return value end
    return schema.check_kind(kind, value, option)
  end
end

schema.kind("wished_rate", wished "rate")
schema.kind("wished_requests", wished "requests")
schema.kind("wished_concurrency", wished "integer")

local each_way = schema.define("job:set rate", {
  { "read", kind = "wished_rate", doc = "from the store" },
  { "write", kind = "wished_rate", doc = "to the store" },
})

schema.kind("wished_rates", function(value, option, where)
  if type(value) == "table" then return schema.check(each_way, value, where) end
  return schema.check_kind("wished_rate", value, option, where)
end)

schema.kind("limited", function(value)
  if task.fields(value) or store.place(value) then return value end
  return nil, ("a store or a task of the job is expected, not %s"):format(err.show(value))
end)

local set = schema.define("job:set", {
  { "of", kind = "limited", doc = "the store or the task whose limits these are; the whole job if not said" },
  { "rate", kind = "wished_rates",
    doc = "bytes a second, each way; of a store also { read =, write = }; \"auto\": what the job file says" },
  { "concurrency", kind = "wished_concurrency", min = 1, max = core.limits.concurrency,
    doc = "requests in flight, of the whole job; or \"auto\"" },
  { "requests", kind = "wished_requests", min = 1, max = 1000000, doc = "most requests a second to a store; or \"auto\"" },
})

local function turn(kind, place, value)
  if value ~= nil then run().set(kind, place, value ~= "auto" and math.floor(value) or nil) end
end

-- places(store or task) -> "store" or "task", and its numbers; nil when it is not of this job.
local function set_limits(where, wish, places)
  local what, numbers = "job", { 1 }
  if wish.of then what, numbers = places(wish.of) end
  local both = type(wish.rate) ~= "table" and { read = wish.rate, write = wish.rate } or wish.rate
  if not what then err.raise(where, "job:set", "%s is not of this job", tostring(wish.of)) end
  if wish.requests and what ~= "store" then err.raise(where, "job:set", "requests are limited for a store: set of = store") end
  if wish.concurrency and what ~= "job" then err.raise(where, "job:set", "concurrency is set for the whole job only") end
  if what ~= "store" and both == wish.rate then
    err.raise(where, "job:set", "reading and writing are limited apart for a store only")
  end
  turn("concurrency", 1, wish.concurrency)
  for _, number in ipairs(numbers) do
    if what ~= "store" then turn(what == "job" and "rate" or "task", number, wish.rate) end
    if what == "store" then
      turn("read", number, both.read)
      turn("write", number, both.write)
      turn("requests", number, wish.requests)
    end
  end
end

local methods = {
  cancel = core.located(function(where, _, options)
    run().cancel(schema.check(cancel, options == nil and {} or options, where).abort)
  end),
  every = spawn.every,
  pause = function() run().pause(true) end,
  resume = function() run().pause(false) end,
  stats = function() return run().stats() end,
}

local names = { "cancel", "every", "name", "pause", "resume", "set", "state", "stats" }

running.names = names

-- state: of haul.state.  places: see set_limits.
function running.new(name, state, places)
  local set_own = core.located(function(where, _, options)
    set_limits(where, schema.check(set, options, where), places)
  end)
  local function index(_, key)
    if key == "name" then return name end
    if key == "state" then return state.get(core.where(2)) end
    if key == "set" then return set_own end
    if methods[key] then return methods[key] end
    err.raise(core.where(2), "job", "it has no %s%s", err.show(key), err.hint(key, names))
  end
  return setmetatable({}, {
    __name = "haul.running", __metatable = false, __index = index,
    __newindex = function(_, key, value)
      if key == "state" then return state.set(core.where(2), value) end
      error("the running job cannot be changed; use job:set", 2)
    end,
    __tostring = function() return "job " .. name end,
  })
end

return running
