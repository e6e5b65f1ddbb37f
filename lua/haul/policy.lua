-- The decisions that a hook returns.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local policy = {}

-- Plain fields of each decision, out of a script's reach.
local private = setmetatable({}, { __mode = "k" })
local meta = { __name = "haul.decision", __metatable = false }
meta.__tostring = function(self) return "haul." .. private[self].kind end

local function decision(fields)
  local self = setmetatable({}, meta)
  fields.after = fields.after or -1
  fields.part_size = fields.part_size or 0
  private[self] = fields
  return self
end

local week = 7 * 24 * 60 * 60

-- Seconds as a number, or text with a unit; milliseconds.
schema.kind("wait", function(value)
  if type(value) == "number" then
    if value ~= value or value < 0 or value > week then
      return nil, ("%s is not a number of seconds from 0 to a week"):format(value)
    end
    return math.ceil(value * 1000)
  end
  if type(value) ~= "string" then
    return nil, ("seconds, or text such as \"5s\", are expected, not %s"):format(err.show(value))
  end
  local ms, reason = core.duration(value)
  if not ms then return nil, reason end
  if ms > week * 1000 then return nil, ("%s is more than a week"):format(err.show(value)) end
  return ms
end)

local retry_options = schema.define("haul.retry", {
  { "after", kind = "wait", doc = "how long to wait: seconds, or text such as \"5s\"" },
  { "part_size", kind = "size", max = 5 << 30, doc = "start the object over with parts of this size" },
  { "refresh_credentials", kind = "boolean", default = false, doc = "ask for new credentials first" },
})

policy.retry = core.located(function(where, options)
  local fields = schema.check(retry_options, options == nil and {} or options, where)
  fields.kind = "retry"
  return decision(fields)
end)

local function with_reason(kind, default)
  return core.located(function(where, reason)
    if reason ~= nil and type(reason) ~= "string" then
      err.raise(where, "haul." .. kind, "the reason must be text, not %s", err.show(reason))
    end
    return decision { kind = kind, reason = reason or default }
  end)
end

policy.skip = with_reason("skip", "skipped by the job file")
policy.fail = with_reason("fail", "given up by the job file")
policy.stop = with_reason("stop", "stopped by the job file")

policy.veto = with_reason("veto", "vetoed by the job file")

policy.defer = core.located(function()
  return decision { kind = "defer" }
end)

-- Where a veto can be: about something that has not begun.
local may = {
  before_delete = { veto = true, stop = true },
  task_started = { veto = true, stop = true, skip = true },
  task_finished = { veto = true, stop = true },
}

-- What a hook of `event` returned, as plain fields; `asked`: the engine waits for a decision.
function policy.decide(value, event, asked)
  local fields = private[value]
  if not fields then
    error(err.new("script", ("the hook %s returned %s: return a decision such as haul.retry(), or nothing")
      :format(event, err.show(value))), 0)
  end
  local fits = may[event]
  if fits and not fits[fields.kind] or not fits and fields.kind == "veto" then
    error(err.new("script", ("the hook %s returned haul.%s, which cannot be decided there%s")
      :format(event, fields.kind, fits and "" or ": a veto is for before_delete, task_started and task_finished")), 0)
  end
  if not asked and fields.kind ~= "stop" then
    error(err.new("script", ("the hook %s returned haul.%s: only haul.stop can be decided there")
      :format(event, fields.kind)), 0)
  end
  return fields
end

return policy
