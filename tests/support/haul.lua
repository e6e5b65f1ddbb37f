-- Runs ./haul the way a person does, in a world of the spec's own, and reads what it says.
--
--   local world = haul.world { keys = server.keys }
--   world:job([[ ... from = haul.dir($src) / "" ... ]], { src = world:path "in" })
--   local run = world:run()
--   assert.equal(0, run.status)
--   assert.equal(3, run:count("part_succeeded", { key = "a" }))
local files = require "support.files"
local json = require "support.json"
local shell = require "support.shell"

local build = os.getenv "BUILD" or "release"
local haul = { build = build, binary = os.getenv "HAUL" or ("build/%s/haul"):format(build) }
-- A status of its own for what a sanitizer finds, so that it is not taken for one of haul's.
local SANITIZERS = {
  ASAN_OPTIONS = "exitcode=99:detect_leaks=1", UBSAN_OPTIONS = "exitcode=99:print_stacktrace=1",
  TSAN_OPTIONS = "exitcode=99:halt_on_error=0",
}
local FINDINGS = { "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:" }

-- --- one run ---------------------------------------------------------------------------------------

local run = {}
run.__index = run

-- Reads what events there are now; half a line at the end is left for later.
function run:read_events()
  local text, list = files.read(self.events_file) or "", {}
  for line in text:gmatch("([^\n]*)\n") do
    local good, event = pcall(json.decode, line)
    if not good then error("not a JSON line in the events: " .. line, 2) end
    list[#list + 1] = event
  end
  self.events = list
  return list
end

local function fits(event, where)
  for name, value in pairs(where or {}) do
    local at = event
    for step in name:gmatch("[^.]+") do at = type(at) == "table" and at[step] or nil end
    if at ~= value then return false end
  end
  return true
end

-- All events of a name; `where` compares fields, such as { key = "a", ["part.number"] = 2 }.
function run:all(name, where)
  local found = {}
  for _, event in ipairs(self.events) do
    if (name == nil or event.event == name) and fits(event, where) then found[#found + 1] = event end
  end
  return found
end

function run:count(name, where) return #self:all(name, where) end

function run:find(name, where) return self:all(name, where)[1] end

-- What to show when a run was not as it should be.
function run:describe()
  local failures = {}
  for _, event in ipairs(self.events or {}) do
    if event.error and #failures < 20 then
      failures[#failures + 1] = ("%s %s part %s attempt %s: %s: %s\n"):format(event.event, event.key,
        event.part and event.part.number, event.attempt, event.error.kind, event.error.message)
    end
  end
  return ("haul ended with %s\n--- standard error\n%s\n--- standard output\n%s\n--- failures\n%s"):format(
    tostring(self.status), (self.stderr or ""):sub(-3000), (self.stdout or ""):sub(-1000), table.concat(failures))
end

-- An error if a sanitizer had something to say, whatever the spec is about.
function run:check_findings()
  for _, finding in ipairs(FINDINGS) do
    local at = self.stderr:find(finding, 1, true)
    if at then error("a sanitizer's finding\n" .. self.stderr:sub(at, at + 6000), 3) end
  end
end

-- Fails the spec unless the run ended like this.
function run:expect(status)
  if self.status ~= status then error(("expected exit status %d\n%s"):format(status, self:describe()), 2) end
  return self
end

function run:running()
  return not files.exists(self.base .. "rc")
end

function run:signal(name)
  shell.try(("kill -%s %d"):format(name, self.pid))
end

-- Waits for the end and reads everything.
function run:wait(seconds)
  local good, why = pcall(shell.wait, seconds or 60, "haul to end", function() return not self:running() end)
  if not good then
    self:signal("KILL")
    shell.wait(10, "haul to die", function() return not self:running() end)
    self.stderr = files.read(self.base .. "err")
    error(why .. "\n" .. self:describe(), 2)
  end
  self.status = tonumber(files.read(self.base .. "rc"))
  self.stdout, self.stderr = files.read(self.base .. "out"), files.read(self.base .. "err")
  self:check_findings()
  self:read_events()
  return self
end

function run:kill()
  self:signal("KILL")
  return self:wait(10)
end

-- Waits until there are `n` events of that name.
function run:await(name, n, where, seconds)
  shell.wait(seconds or 30, (n or 1) .. " events " .. name, function()
    self:read_events()
    if self:count(name, where) >= (n or 1) then return true end
    if not self:running() then error("haul ended before that\n" .. self:wait():describe(), 0) end
  end)
  return self
end

-- --- a world: directories, environment, job --------------------------------------------------------

local world = {}
world.__index = world

-- haul.world { keys = environment of the stores }
function haul.world(given)
  local dir = files.dir()
  local it = setmetatable({ dir = dir, env = {}, runs = 0 }, world)
  files.mkdir(dir .. "/home")
  files.mkdir(dir .. "/state")
  for name, value in pairs(given and given.keys or {}) do it.env[name] = value end
  return it
end

function world:path(name) return self.dir .. "/" .. name end

function world:remove() files.remove(self.dir) end

-- Writes a job file.  $name is replaced by a Lua literal of vars.name, or by the bare text of
-- vars.name where that is a table { text }.
function world:job(text, vars, name)
  local source = text:gsub("%$([%a_][%w_]*)", function(word)
    local value = vars and vars[word]
    if value == nil then return nil end
    if type(value) == "table" then return value[1] end
    return type(value) == "string" and ("%q"):format(value):gsub("\\\n", "\\n") or tostring(value)
  end)
  self.file = self:path(name or "job.lua")
  files.write(self.file, source)
  return self.file
end

-- Starts haul and returns at once.  given: verb ("run"), args, env, events (false: none), prefix
-- (a command in front), file (the job), binary (another haul).
function world:start(given)
  given = given or {}
  self.runs = self.runs + 1
  local it = setmetatable({ base = ("%s/%d."):format(self.dir, self.runs), events = {} }, run)
  it.events_file = it.base .. "events"
  local words = { given.binary or haul.binary, given.verb or "run" }
  if given.bare then words = { given.binary or haul.binary } end
  if not given.bare and given.file ~= false then words[#words + 1] = given.file or self.file end
  for _, word in ipairs(given.args or {}) do words[#words + 1] = word end
  if given.events ~= false and (given.verb or "run") == "run" and not given.bare then
    words[#words + 1] = "--events"
    words[#words + 1] = it.events_file
  end
  -- A shell starts what runs in the background deaf to interrupts: undo that.
  local env = { "env", "-i", "--default-signal=INT,QUIT", "PATH=" .. os.getenv("PATH"), "LANG=C.UTF-8",
    "HOME=" .. self:path "home", "XDG_STATE_HOME=" .. self:path "state" }
  if os.getenv "HAUL_LUA" then env[#env + 1] = "HAUL_LUA=" .. os.getenv "HAUL_LUA" end
  for _, set in ipairs { SANITIZERS, self.env, given.env or {} } do
    for name, value in pairs(set) do env[#env + 1] = name .. "=" .. value end
  end
  local command = ("%s %s %s"):format(shell.words(env), given.prefix or "", shell.words(words))
  local base = shell.quote(it.base)
  -- `env` and the prefix are replaced by haul, so that the process id is haul's own.
  local script = ("(exec %s) >%sout 2>%serr </dev/null & echo $! >%spid; wait $!; echo $? >%src.new; mv %src.new %src")
    :format(command, base, base, base, base, base, base)
  assert(os.execute("(" .. script .. ") >/dev/null 2>&1 &"))
  it.pid = tonumber(shell.wait(10, "haul to start", function()
    return (files.read(it.base .. "pid") or ""):match("%d+\n")
  end):match("%d+"))
  return it
end

function world:run(given)
  return self:start(given):wait(given and given.seconds)
end

-- The state directory of haul in this world as one string of names, for "nothing was written".
function world:state()
  return files.snapshot(self:path "state")
end

return haul
