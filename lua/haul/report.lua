-- haul.report.jsonl "failures.jsonl", haul.report.csv "failures.csv": a function to be used as a hook, which
-- writes a row for each event that it gets.
--
-- The file is made beside its name, for nobody else to read, and gets the name when the run has ended, before
-- job_finished is told: it is whole, or it is that of the run before.  It is made even if nothing was told, so
-- that an empty one says so.  `key` is a name below `from`, so that haul.manifest reads it again.
local core = require "haul.core"
local err = require "haul.err"
local json = require "haul.json"

local report = {}

local all = {}   -- reports of this job file, in the order in which they were made
local tasks = {} -- plain tasks by number

-- Rows ------------------------------------------------------------------------------------------------

local function below(prefix, name)
  return name:sub(1, #prefix) == prefix and name:sub(#prefix + 1) or nil
end

-- Names as a manifest of the same task has them.
local function names_of(event)
  local task = tasks[event.task]
  if not task then return event.key end
  if task.single then return event.key:match "[^/]*$" end
  local key = below(task.from_path, event.key) or below(task.to_path, event.key) or event.key
  local target = event.target and below(task.to_path, event.target)
  return key, target ~= key and target or nil
end

local function row_of(event)
  if type(event) ~= "table" or type(event.key) ~= "string" then
    error("a report takes events of objects, such as object_failed", 0)
  end
  local why = event.error or {}
  local key, target = names_of(event)
  return {
    key = key, target = target, object = event.key, event = event.event, task = event.task, bytes = event.size,
    part = event.part and event.part.number, attempt = event.attempt, kind = why.kind, status = why.status,
    code = why.code, request_id = why.request_id, message = why.message or event.reason,
    time = event.time and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(event.time)),
  }
end

local columns = { "key", "target", "object", "event", "task", "bytes", "part", "attempt", "kind", "status", "code", "request_id",
  "message", "time" }

local function quoted(value)
  local text = value == nil and "" or tostring(value)
  if not text:find '[",\r\n]' then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

local function csv_line(row)
  local cells = {}
  for i, name in ipairs(columns) do cells[i] = quoted(row[name]) end
  return table.concat(cells, ",") .. "\r\n"
end

local forms = {
  csv = { head = table.concat(columns, ",") .. "\r\n", line = csv_line },
  jsonl = { head = "", line = function(row) return json.encode(row) .. "\n" end },
}

-- Files -----------------------------------------------------------------------------------------------

local function must(good, reason)
  if not good then error(err.new("disk", reason), 0) end
  return good
end

local function file_of(self)
  if self.over then error(("%s: the report is written when the run ends"):format(self.path), 0) end
  if not self.file then
    self.file = must(core.create_private(self.path .. ".part"))
    must(self.file:write(self.form.head))
  end
  return self.file
end

local function constructor(name)
  return core.located(function(where, path)
    local who = "haul.report." .. name
    if type(path) ~= "string" or path == "" or path:find "[%z\n]" then
      err.raise(where, who, "a path is expected, not %s", err.show(path))
    end
    for _, each in ipairs(all) do
      if each.path == path then err.raise(where, who, "%s is the path of another report", err.show(path)) end
    end
    local self = { path = path, form = forms[name] }
    all[#all + 1] = self
    return function(event)
      must(file_of(self):write(self.form.line(row_of(event))))
    end
  end)
end

report.constructors = { csv = constructor "csv", jsonl = constructor "jsonl" }

local function finish(self)
  if self.over then return end
  local file = file_of(self)
  self.over = true
  must(core.finish_private(file, self.path .. ".part", self.path))
end

-- The job's handlers, and the end of its reports, if there are any.  plain: its tasks.
function report.handlers(on, plain)
  if #all == 0 then return on end
  local own = {}
  for name, handler in pairs(on) do own[name] = handler end
  tasks = plain
  function own.job_finished(event, job)
    local reason
    for _, each in ipairs(all) do
      local good, fault = pcall(finish, each)
      reason = reason or not good and fault
    end
    local answer = on.job_finished and on.job_finished(event, job)
    if reason then error(reason, 0) end
    return answer
  end
  return own
end

return report
