-- Tables of handlers: event name -> function.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local of_the_job = { job_started = true, job_finished = true, progress = true }

local known = {}
for _, name in ipairs(core.events) do known[name] = true end

local function check(value, in_task)
  if type(value) ~= "table" then return nil, "a table of handlers is expected, not " .. err.show(value) end
  local handlers = {}
  for name, handler in next, value do
    if not known[name] then return nil, ("unknown event %s%s"):format(err.show(name), err.hint(name, core.events)) end
    if type(handler) ~= "function" then
      return nil, ("the handler of '%s' must be a function, not %s"):format(name, err.show(handler))
    end
    if in_task and of_the_job[name] then return nil, ("'%s' is an event of the job, not of a task"):format(name) end
    handlers[name] = handler
  end
  return handlers
end

schema.kind("job_handlers", function(value) return check(value, false) end)
schema.kind("task_handlers", function(value) return check(value, true) end)

local events = {}

-- The handlers of a task: its own, and the job's for what it has none for.
function events.merge(job, own)
  local handlers = {}
  for name, handler in pairs(job) do handlers[name] = handler end
  for name, handler in pairs(own) do handlers[name] = handler end
  return handlers
end

return events
