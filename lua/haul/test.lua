-- local test = require "haul.test": a world for a job file to be tried in.  For busted specs that
-- `haul test SPEC...` runs; the job file, the engine and its journal are the ones of production, while stores
-- are in memory, directories below a temporary one, and the clock jumps to whatever comes next.
--
--   local world = test.world { clock = "2026-11-20T23:00:00" }
--   world:store("s3://photos", { ["a.bin"] = test.bytes "40MiB", ["b.txt"] = "hello" })
--   world:dir("/srv/data", { ["x/y.txt"] = "..." })
--   world:fault("photos", "upload_part", { part = 3, with = "throttled", times = 2 })
--   local run = world:run("jobs/nightly.lua", { day = "2026-11-20" })
--   assert.equal(0, run.status, tostring(run))
--
-- test.world { ... }: each is optional
--   clock      when it begins: "2026-11-20T23:00:00", local time (with Z: UTC); default 2026-01-01T00:00:00
--   seed       a number: jitter and latencies are drawn from it; the same seed, the same run
--   latency    of a request, "20ms": each takes from half of it to one and a half
--   bandwidth  of one request, "50MiB/s"
--   limit      "30d": a run that goes on for longer is an error
--   env        { NAME = "value" }: what haul itself reads of the environment; keys of stores need not be there
-- Stores.  A store is named as a job's messages name it, "s3://bucket", "oss://", "tos://" or the URL of
-- haul.web, or by its bucket alone; one that nobody filled is empty.  Two stores of one job cannot share a name.
--   world:store(name, { key = bytes or { bytes, content_type =, metadata = {}, tags = {}, mtime = "..." } })
--   world:list(name) -> keys, sorted       world:read(name, key) -> bytes, or nil
--   world:head(name, key) -> { size, mtime, etag, content_type, metadata = {}, tags = {}, ... }, or nil
--   world:remove(name, key)                world:uploads(name) -> { { key, id, parts }, ... } that are open
-- Directories.  What the job calls /srv/data is below a temporary directory, and missing unless it is made
-- here or by the job.  world:list and world:read take a path in place of a store's name.
--   world:dir(path, { name = bytes or { bytes, mtime = "..." } })
--   world:path(path) -> where it is, for what the spec does to it itself (it is `path` of events in hooks, too)
-- What a job file reads or writes itself (io.open, haul.manifest, ca) is not simulated: give it real files.
--   world:file(name, text) -> path of one that lasts as long as the world
-- Faults.  Rules, the first that fits counts.
--   world:fault(store or directory or nil, operation or nil, { ... })
--     key     a glob          part   its number           times  how often, default 1; math.huge: always
--     skip    so many pass first
--     with    throttled (retry_after = "5s"), network, timeout, server, auth, denied, missing, changed, invalid,
--             corrupt (a byte is wrong on its way); in directories disk (code = "ENOSPC"), denied, missing,
--             changed, corrupt.  Default network, disk.  status = and code = as a store would answer, such as
--             with = "auth", code = "SignatureDoesNotMatch"; auth alone is an expired token
--     lost    true: it takes effect, and the answer is lost
--     crash   true: haul dies while it is under way, and what else was; with lost it took effect.  The next
--             world:run of the job resumes
--   operations of stores: head, get, put, create_upload, upload_part, complete, abort, list, list_parts,
--   list_uploads, copy, copy_part, delete, get_tags, put_tags; of directories: head, list, open, read, temp, write,
--   recheck, finish, remove
-- Time.  os.time and os.date of the job file are the world's.
--   world.clock: "2026-11-20T23:00:00", may be set between runs     world:advance("2h")
-- Others.  What haul.http and haul.exec ask is answered by rules; `*` stands for any text.  A question that no
-- rule answers makes world:run an error that says so.
--   world:http(url, { status = 200, body =, headers = {} } or { error = "timeout" } or function(request) ... end)
--   world:exec("sendmail *", { status = 0, out =, err = } or function(command) ... end)
--   world.http_requests: { { method, url, headers, body }, ... }     world.commands: { { words..., stdin = }, ... }
-- Runs.  The job file is looked for where haul was started, then beside the spec.  An error that has no run (the
-- job file is wrong) is raised.
--   world:run(file, { parameter = value }, { verify = true, fresh = true, max_duration = "6h" }) -> run
--   run.state "finished" or "crashed"    run.status exit status, nil after a crash
--   run.reason why it ended early, or could not begin
--   run.events (all but progress), run.summary, run.seconds (of the world's clock)
--   run.requests: { { store, op, key, part, size, time, error, status }, ... } that stores answered, or not
--   run:all(event, where), run:find(event, where), run:count(event, where): `where` compares fields, such as
--   { key = "a.bin", ["part.number"] = 2 };  run:events_of(key);  run:requested(operation, where)
--   run:expect(status) -> run, or an error that tells what failed;  tostring(run) tells the same
-- world:close() removes its files at once instead of at the end.
local good, core = pcall(require, "haul.test.core")
if not good then error("haul.test is for specs that `haul test` runs", 2) end

local test = {}

local function fail(level, text, ...)
  error(text:format(...), level + 1)
end

local function measure(level, what, read, value)
  if type(value) ~= "string" then fail(level + 1, "%s: text with a unit is expected, not %s", what, tostring(value)) end
  local number, why = read(value)
  return number or fail(level + 1, "%s: %s", what, why)
end

-- Refuses names that mean nothing, so that a slip of the pen is not a test that tests nothing.
local function check_fields(level, what, fields, known)
  for name in pairs(fields) do
    if not known[name] then fail(level + 1, "%s: unknown field '%s'", what, tostring(name)) end
  end
end

local function set(...)
  local names = {}
  for _, name in ipairs { ... } do names[name] = true end
  return names
end

-- Time ------------------------------------------------------------------------------------------------

-- Milliseconds since 1970.
local function instant(level, what, text)
  local pattern = "^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](%d%d):(%d%d):?(%d*)%.?%d*(Z?)$"
  local year, month, day, hour, min, sec, utc = tostring(text):match(pattern)
  if not year then fail(level + 1, "%s: a time is written \"2026-11-20T23:00:00\", not %s", what, tostring(text)) end
  local fields = { year = year, month = month, day = day, hour = hour, min = min, sec = sec ~= "" and sec or 0 }
  local at = os.time(fields)
  if utc == "Z" then
    local there = os.date("!*t", at)
    there.isdst = false
    fields.isdst = false
    at = at + os.difftime(os.time(fields), os.time(there))
  end
  return math.floor(at) * 1000
end

local function show_time(ms) return os.date("%Y-%m-%dT%H:%M:%S", ms // 1000) end

-- What objects carry ----------------------------------------------------------------------------------

local PLAIN = { content_type = "content-type", cache_control = "cache-control", storage_class = "storage-class",
  content_disposition = "content-disposition", content_encoding = "content-encoding",
  content_language = "content-language", expires = "expires", acl = "acl" }

local function percent(text)
  return (tostring(text):gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function unpercent(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function sorted(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- { content_type =, metadata =, tags = } -> { { neutral name, text }, ... }
local function to_attributes(level, key, object)
  local list = {}
  for _, name in ipairs(sorted(PLAIN)) do
    if object[name] then list[#list + 1] = { PLAIN[name], tostring(object[name]) } end
  end
  for _, name in ipairs(sorted(object.metadata or {})) do
    list[#list + 1] = { "meta-" .. name:lower(), tostring(object.metadata[name]) }
  end
  local tags = {}
  for _, name in ipairs(sorted(object.tags or {})) do
    tags[#tags + 1] = percent(name) .. "=" .. percent(object.tags[name])
  end
  if tags[1] then list[#list + 1] = { "tags", table.concat(tags, "&") } end
  for name in pairs(object) do
    if name ~= 1 and name ~= "metadata" and name ~= "tags" and name ~= "mtime" and not PLAIN[name] then
      fail(level + 1, "object '%s': unknown field '%s'", key, tostring(name))
    end
  end
  return list[1] and list or nil
end

local function from_attributes(object)
  local attributes = object.attributes
  object.attributes, object.metadata, object.tags = nil, {}, {}
  for name, neutral in pairs(PLAIN) do object[name] = attributes[neutral] end
  for name, text in pairs(attributes) do
    if name:find("^meta%-") then object.metadata[name:sub(6)] = text end
  end
  for name, text in (attributes.tags or ""):gmatch("([^&=]+)=?([^&]*)") do
    object.tags[unpercent(name)] = unpercent(text)
  end
  object.mtime, object.mtime_ms = object.mtime_ms / 1000, nil
  return object
end

-- Runs ------------------------------------------------------------------------------------------------

local run = {}
local run_meta = { __index = run }

local function fits(entry, where)
  for name, value in pairs(where or {}) do
    local at = entry
    for step in name:gmatch("[^.]+") do at = type(at) == "table" and at[step] or nil end
    if at ~= value then return false end
  end
  return true
end

local function matching(list, field, name, where)
  local found = {}
  for _, entry in ipairs(list) do
    if (name == nil or entry[field] == name) and fits(entry, where) then found[#found + 1] = entry end
  end
  return found
end

function run:all(event, where) return matching(self.events, "event", event, where) end
function run:find(event, where) return self:all(event, where)[1] end
function run:count(event, where) return #self:all(event, where) end
function run:events_of(key) return matching(self.events, "key", key) end
function run:requested(operation, where) return matching(self.requests, "op", operation, where) end

function run_meta.__tostring(self)
  local lines = { ("the run %s, exit status %s%s"):format(self.state, tostring(self.status),
    self.reason and ": " .. self.reason or "") }
  for _, event in ipairs(self:all "object_failed") do
    if #lines < 20 then
      lines[#lines + 1] = ("  %s failed: %s: %s"):format(event.key, event.error.kind, event.error.message)
    end
  end
  return table.concat(lines, "\n")
end

function run:expect(status)
  if self.status ~= status then error(("exit status %s was expected\n%s"):format(tostring(status), tostring(self)), 2) end
  return self
end

-- Others ----------------------------------------------------------------------------------------------

-- Text with `*` for any text -> a pattern for the whole.
local function as_pattern(text)
  return "^" .. text:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

local WHAT = { http = { "http_requests", "world:http(%q, { status = 200 })" },
  exec = { "commands", "world:exec(%q, { status = 0 })" } }

-- Answers what the job asks of others.
local function answerer(answers, asked)
  return function(kind, question)
    local words = kind == "http" and question.url or table.concat(question, " ")
    table.insert(asked[WHAT[kind][1]], question)
    for _, answer in ipairs(answers[kind]) do
      if words:find(answer.pattern) then
        if type(answer.reply) ~= "function" then return answer.reply end
        return answer.reply(question) or {}
      end
    end
    error("nobody answers what the job asks for; say so: " .. WHAT[kind][2]:format(words), 0)
  end
end

-- Worlds ----------------------------------------------------------------------------------------------

local world = {}
local private = setmetatable({}, { __mode = "k" })
local world_meta = {}

function world_meta.__index(self, name)
  if name == "clock" then return show_time(core.wall_ms(private[self].core)) end
  return world[name] or private[self].asked[name]
end

function world_meta.__newindex(self, name, value)
  if name ~= "clock" then fail(2, "a world has no field '%s' to be set", tostring(name)) end
  core.set_wall(private[self].core, instant(2, "clock", value))
end

local function exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

-- Where the job file is: as it is named, or beside the spec that called.
local function find_job(file, level)
  local beside = debug.getinfo(level + 1, "S").source:match("^@(.*/)[^/]*$")
  if file:sub(1, 1) ~= "/" and beside and not exists(file) and exists(beside .. file) then return beside .. file end
  return file
end

-- Keys of stores that a job takes from the environment.
local ENVIRONMENT = { AWS_ACCESS_KEY_ID = "TEST", AWS_SECRET_ACCESS_KEY = "test", AWS_REGION = "us-east-1",
  OSS_ACCESS_KEY_ID = "TEST", OSS_ACCESS_KEY_SECRET = "test", OSS_REGION = "cn-hangzhou",
  TOS_ACCESS_KEY = "TEST", TOS_SECRET_KEY = "test", TOS_REGION = "cn-beijing" }

local function environment(own)
  local values, list = { HOME = os.getenv "HOME" }, {}
  for name, value in pairs(ENVIRONMENT) do values[name] = value end
  for name, value in pairs(own or {}) do values[name] = tostring(value) end
  for _, name in ipairs(sorted(values)) do list[#list + 1] = name .. "=" .. values[name] end
  return list
end

local WORLD = set("clock", "seed", "latency", "bandwidth", "limit", "env")

function test.world(options)
  options = options or {}
  check_fields(2, "test.world", options, WORLD)
  local self = setmetatable({}, world_meta)
  private[self] = {
    core = core.new {
      seed = options.seed or 1,
      wall_ms = instant(2, "clock", options.clock or "2026-01-01T00:00:00"),
      latency_ms = measure(2, "latency", core.duration, options.latency or "20ms"),
      bandwidth = measure(2, "bandwidth", core.rate, options.bandwidth or "50MiB/s"),
      limit_ms = measure(2, "limit", core.duration, options.limit or "30d"),
    },
    env = environment(options.env),
    asked = { http_requests = {}, commands = {} },
    answers = { http = {}, exec = {} },
  }
  return self
end

-- `size` bytes that look like noise, the same for the same seed.
function test.bytes(size, seed)
  if type(size) == "string" then size = measure(2, "test.bytes", core.size, size) end
  return core.bytes(size, seed or 1)
end

-- Of the URL of haul.web, as messages name it.
local function store_name(name) return name:find "^https?://" and name:gsub("/+$", "") or name end

local function is_path(name) return name:find("^[/.~]") ~= nil end

-- bytes, or { bytes, ... } -> bytes, mtime in ms or nil
local function content(level, key, value)
  local object = type(value) == "table" and value or { value }
  if type(object[1]) ~= "string" then fail(level + 1, "'%s': its bytes are expected, as text", key) end
  return object[1], object.mtime and instant(level + 1, "mtime", object.mtime), object
end

function world:store(name, objects)
  name = store_name(name)
  core.store(private[self].core, name)
  for _, key in ipairs(sorted(objects or {})) do
    local bytes, mtime, object = content(2, key, objects[key])
    core.put(private[self].core, name, key, bytes, to_attributes(2, key, object), mtime)
  end
  return self
end

local FILE = set(1, "mtime")

function world:dir(path, files)
  for _, name in ipairs(sorted(files or {})) do
    local bytes, mtime, file = content(2, name, files[name])
    check_fields(2, name, file, FILE)
    core.write(private[self].core, path, name, bytes, mtime)
  end
  return self
end

function world:list(name)
  if is_path(name) then return core.files(private[self].core, name) end
  return core.keys(private[self].core, store_name(name)) or {}
end

function world:path(path) return core.path(private[self].core, path) end

local FILES = "/.given"

function world:file(name, text)
  core.write(private[self].core, FILES, name, text)
  return self:path(FILES) .. "/" .. name
end

function world:read(name, key)
  if not is_path(name) then return (core.get(private[self].core, store_name(name), key)) end
  local file <close> = io.open(self:path(name) .. "/" .. key, "rb")
  return file and file:read("a")
end

function world:head(name, key)
  local bytes, object = core.get(private[self].core, store_name(name), key)
  return bytes and from_attributes(object)
end

function world:remove(name, key)
  if is_path(name) then return os.remove(self:path(name) .. "/" .. key) ~= nil end
  return core.drop(private[self].core, store_name(name), key)
end

function world:uploads(name) return core.uploads(private[self].core, name) end

local FAULT = set("key", "part", "times", "skip", "with", "status", "code", "retry_after", "crash", "lost")
local LOCAL = set("open", "read", "temp", "write", "recheck", "finish", "remove")

function world:fault(store, operation, options)
  options = options or {}
  check_fields(2, "world:fault", options, FAULT)
  local on_disk = LOCAL[operation] or store ~= nil and is_path(store) or false
  local times = options.times or 1
  local done, why = pcall(core.fault, private[self].core, {
    store = store and store_name(store), op = operation, on_disk = on_disk, key = options.key, part = options.part or 0,
    skip = options.skip or 0,
    times = times == math.huge and -1 or times, with = options.with or (on_disk and "disk" or "network"),
    status = options.status or 0, code = options.code, crash = options.crash or false, lost = options.lost or false,
    retry_after_ms = options.retry_after and measure(2, "retry_after", core.duration, options.retry_after) or 0,
  })
  if not done then fail(2, "world:fault: %s", why) end
  return self
end

function world:http(url, reply)
  table.insert(private[self].answers.http, { pattern = as_pattern(url), reply = reply })
  return self
end

function world:exec(command, reply)
  table.insert(private[self].answers.exec, { pattern = as_pattern(command), reply = reply })
  return self
end

function world:advance(time)
  local mine = private[self].core
  core.set_wall(mine, core.wall_ms(mine) + measure(2, "world:advance", core.duration, time))
  return self
end

local RUN = set("verify", "fresh", "max_duration")

function world:run(file, parameters, options)
  local mine, params = private[self], {}
  options = options or {}
  check_fields(2, "world:run", options, RUN)
  for _, name in ipairs(sorted(parameters or {})) do params[#params + 1] = name .. "=" .. tostring(parameters[name]) end
  local done, result = pcall(core.run, mine.core, {
    file = find_job(file, 2), params = params, env = mine.env, verify = options.verify or false, fresh = options.fresh or false,
    max_duration_ms = options.max_duration and measure(2, "max_duration", core.duration, options.max_duration) or 0,
  }, answerer(mine.answers, mine.asked))
  if not done then error(result, 2) end
  result.state, result.crashed = result.crashed and "crashed" or "finished", nil
  if result.state == "crashed" then result.status = nil end
  return setmetatable(result, run_meta)
end

function world:close() core.close(private[self].core) end

return test
