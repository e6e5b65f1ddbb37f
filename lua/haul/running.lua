-- The second argument of every hook: the job as it runs.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local running = {}

-- Loaded late: specs of pure modules have no running job.
local function run()
  return require "haul.core.run"
end

local cancel = schema.define("job:cancel", {
  { "abort", kind = "boolean", default = false,
    doc = "also remove unfinished uploads, temporary files and checkpoints" },
})

local set = schema.define("job:set", {
  { "rate", kind = "rate", doc = "bytes a second, each way" },
  { "concurrency", kind = "integer", min = 1, max = core.limits.concurrency, doc = "requests in flight" },
})

local methods = {
  cancel = core.located(function(where, _, options)
    run().cancel(schema.check(cancel, options == nil and {} or options, where).abort)
  end),
  set = core.located(function(where, _, options)
    local wish = schema.check(set, options, where)
    if wish.rate then run().set_rate(wish.rate) end
    if wish.concurrency then run().set_concurrency(wish.concurrency) end
  end),
  pause = function() run().pause(true) end,
  resume = function() run().pause(false) end,
  stats = function() return run().stats() end,
}

local names = { "cancel", "name", "pause", "resume", "set", "state", "stats" }

running.names = names

-- state: of haul.state
function running.new(name, state)
  local function index(_, key)
    if key == "name" then return name end
    if key == "state" then return state.get(core.where(2)) end
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
