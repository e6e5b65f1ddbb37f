-- job.state: a table of the job file's own that survives from run to run.  It is kept as JSON in the
-- journal: text, numbers, truths, lists and tables of them.
local core = require "haul.core"
local err = require "haul.err"
local json = require "haul.json"

local state = {}

-- What the job's hooks see, and what the journal has; one for each job.
function state.new()
  local self = { value = nil, text = nil, touched = false }

  -- Before the first hook: the text of the journal, or nil.
  function self.load(text)
    local good, value = pcall(json.decode, text or "{}")
    if not good or type(value) ~= "table" then
      error(err.new("corrupt", "what the journal has of job.state is no JSON"), 0)
    end
    self.value, self.text = value, json.encode(value)
  end

  -- The new text if there is one since the last call; `last`: no further hook will run.
  function self.save(last)
    if self.value == nil or not (self.touched or last) then return nil end
    self.touched = false
    local text = json.encode(self.value)
    if #text > core.limits.state then
      error(err.new("script", ("it is larger than %s: keep less in it"):format(core.show_size(core.limits.state))), 0)
    end
    if text == self.text then return nil end
    self.text = text
    return text
  end

  function self.get(where)
    if self.value == nil then err.raise(where, "job.state", "it is there in a hook only, while the job runs") end
    self.touched = true
    return self.value
  end

  function self.set(where, value)
    if type(value) ~= "table" then err.raise(where, "job.state", "a table is expected, not %s", err.show(value)) end
    self.get(where)
    self.value = value
  end

  return self
end

return state
