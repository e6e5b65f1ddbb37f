-- What a hook may wait for beside the answers of stores: time, and coroutines of its own.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local spawn = {}

-- Loaded late: specs of pure modules have no running job.
local function run()
  return require "haul.core.run"
end

local function check(where, who, kind, value)
  local result, reason = schema.check_kind(kind, value, {}, where)
  if result == nil then err.raise(where, who, "%s", reason) end
  return result
end

-- haul.sleep "2s"
spawn.sleep = core.located(function(where, duration)
  run().sleep(check(where, "haul.sleep", "wait", duration), "haul.sleep at " .. where)
end)

-- Handles -----------------------------------------------------------------------------------------

local private = setmetatable({}, { __mode = "k" }) -- handle -> { id, who, status, results, error, used }

local function fields_of(self, where)
  local fields = private[self]
  if not fields then err.raise(where, "handle", "call a method with ':', as in handle:join()") end
  return fields
end

local methods = {}

-- What the function returned, once it has; raises what it raised.  Once.
methods.join = core.located(function(where, self)
  local fields = fields_of(self, where)
  if fields.timer then err.raise(where, fields.who, "a timer has no end to wait for: cancel it") end
  if fields.used then err.raise(where, fields.who, "it was joined already: it is over") end
  fields.used = true
  run().join(fields.id, "join at " .. where)
  if fields.status == "cancelled" then error(err.new("cancelled", ("%s was cancelled"):format(fields.who)), 0) end
  if fields.error then error(err.from(fields.error), 0) end
  return table.unpack(fields.results, 1, fields.results.n)
end)

-- Ends it where it waits; its <close> variables run.
methods.cancel = core.located(function(where, self)
  local fields = fields_of(self, where)
  if not run().kill(fields.id) then err.raise(where, fields.who, "it cannot be cancelled: it is over") end
  fields.status = "cancelled"
end)

-- "waiting", "ready", "done", "failed" or "cancelled"
methods.status = core.located(function(where, self)
  local fields = fields_of(self, where)
  return fields.status or run().strand(fields.id) or "cancelled"
end)

spawn.names = { "cancel", "join", "status" }

local meta = {
  __name = "haul.handle", __metatable = false,
  __index = function(_, key)
    if methods[key] then return methods[key] end
    err.raise(core.where(2), "handle", "it has no %s%s", err.show(key), err.hint(key, spawn.names))
  end,
  __newindex = function() error("a handle cannot be changed", 2) end,
  __tostring = function(self) return ("%s %d"):format(private[self].who, private[self].id) end,
}

local function handle(fields, body)
  local self = setmetatable({}, meta)
  fields.id = run().spawn(body, fields, fields.timer, fields.timer)
  private[self] = fields
  return self
end

local function check_function(where, who, value)
  if type(value) ~= "function" then err.raise(where, who, "a function is expected, not %s", err.show(value)) end
end

-- haul.spawn(function(job) ... end) -> handle: begins with the next turn, and may wait like a hook.
spawn.new = core.located(function(where, body)
  check_function(where, "haul.spawn", body)
  local fields = { who = "haul.spawn" }
  return handle(fields, function(job) fields.results = table.pack(body(job)) end)
end)

-- Timers --------------------------------------------------------------------------------------------

-- job:every("30s", function(job) ... end) -> handle: while the job has work.  A call that is not over
-- when the next is due takes its place.
spawn.every = core.located(function(where, _, every, body)
  local ms = check(where, "job:every", "duration", every)
  check_function(where, "job:every", body)
  return handle({ who = "job:every", timer = true }, function()
    while true do
      run().sleep(ms, "job:every")
      local call = { who = "job:every" }
      call.id = run().spawn(body, call, false, true)
      run().join(call.id, "job:every")
    end
  end)
end)

return spawn
