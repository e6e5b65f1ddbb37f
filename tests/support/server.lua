-- Servers for specs: each is started when it is first asked for and stopped when the specs end.
local files = require "support.files"
local json = require "support.json"
local shell = require "support.shell"

local server = {}
local running, by_name = {}, {}

local function read_env(state)
  local env = {}
  for name, value in files.read(state .. "/env"):gmatch("([%u_]+)=([^\n]*)\n") do env[name] = value end
  return env
end

-- Starts with the script; `extra` are further words, `environment` settings in front of it.
local function start(script, extra, environment)
  local state = files.dir()
  shell.read(("OWNER=%d %s %s start %s %s"):format(shell.pid(), environment or "",
    shell.quote("tests/servers/" .. script), shell.quote(state), shell.words(extra or {})))
  local it = { state = state, script = script, env = read_env(state) }
  it.endpoint = it.env.ENDPOINT
  running[#running + 1] = it
  return it
end

local function once(name, make)
  if not by_name[name] then by_name[name] = make() end
  return by_name[name]
end

function server.stop(it)
  shell.try { "tests/servers/" .. it.script, "stop", it.state }
  for i, each in ipairs(running) do
    if each == it then table.remove(running, i) break end
  end
  for name, each in pairs(by_name) do
    if each == it then by_name[name] = nil end
  end
end

function server.stop_all()
  while running[1] do server.stop(running[1]) end
end

-- --- real servers --------------------------------------------------------------------------------

local real = {}
real.__index = real

-- The small client of our own, to look at the server with.
function real:s3(...)
  return shell.read(shell.words { "python3", "tests/servers/s3.py", "--env", self.state .. "/env", ... })
end

-- Can this be run here?
function server.has(program)
  return shell.try("PATH=$PATH:/usr/sbin:/sbin command -v " .. program)
end

local function real_server(script, options)
  local it = setmetatable(start(script, {}, options), real)
  it.keys = { AWS_ACCESS_KEY_ID = it.env.AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY = it.env.AWS_SECRET_ACCESS_KEY }
  it.bucket = "test"
  it:s3("mb", it.bucket)
  it.store = ("haul.s3 { bucket = 'test', region = 'us-east-1', endpoint = %q }"):format(it.endpoint)
  return it
end

function server.radosgw(options)
  return once("radosgw" .. (options or ""), function() return real_server("radosgw.sh", options) end)
end

function server.swift(options)
  return once("swift" .. (options or ""), function() return real_server("swift.sh", options) end)
end

-- A Slurm of this one machine; SLURM_CONF in `env` leads to it.
function server.slurm()
  return once("slurm", function() return start "slurm.sh" end)
end

-- --- what scripts talk to --------------------------------------------------------------------------

local webhook = {}
webhook.__index = webhook

-- What it was asked, in order: { method, path, headers, body }.
function webhook:log()
  local list = {}
  for line in (files.read(self.state .. "/log") or ""):gmatch("([^\n]*)\n") do list[#list + 1] = json.decode(line) end
  return list
end

-- Answers as its paths say (tests/servers/webhook.py); `tls` names a certificate of faultlib/tls.py.
function server.webhook(tls)
  local it = once("webhook " .. (tls or ""), function()
    return setmetatable(start("webhook.py", tls and { "--tls", tls }), webhook)
  end)
  files.write(it.state .. "/log", "")
  return it
end

-- --- the misbehaving one ---------------------------------------------------------------------------

local fault = {}
fault.__index = fault

function fault:control(method, path, body)
  local words = { "curl", "-sS", "--fail-with-body", "--path-as-is", "-X", method, self.env.CONTROL .. path }
  if body ~= nil then
    words[#words + 1] = "--data-binary"
    words[#words + 1] = "@-"
    local name = self.state .. "/body"
    files.write(name, body)
    return shell.read(shell.words(words) .. " <" .. shell.quote(name))
  end
  return shell.read(shell.words(words))
end

local function encode(key)
  return (key:gsub("[^%w%-._~/]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- rules { op = "part", with = "500", times = 2 }, or a list of them
function fault:rules(...)
  self:control("POST", "/rules", json.encode { ... })
end

function fault:log(since)
  return json.decode(self:control("GET", "/log?since=" .. (since or 0)))
end

-- The requests of one operation.
function fault:requests(op, where)
  local found = {}
  for _, entry in ipairs(self:log()) do
    if entry.op == op and (not where or where(entry)) then found[#found + 1] = entry end
  end
  return found
end

function fault:objects()
  return json.decode(self:control("GET", "/objects"))
end

-- The same under keys of any bytes.
function fault:objects_by_bytes()
  local found = {}
  for coded, object in pairs(json.decode(self:control("GET", "/objects?coded="))) do
    found[coded:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)] = object
  end
  return found
end

function fault:uploads()
  return json.decode(self:control("GET", "/uploads"))
end

-- put(key, { size =, seed = }), put(key, { zeros = SIZE }) or put(key, "bytes"); returns its size, sha256, etag.
-- `more`, or further fields of the table: headers by their names on the wire, storage_class, acl, tags, mtime (s).
function fault:put(key, what, more)
  local query, body = {}, ""
  if type(what) == "string" then body = what else more = what end
  for name, value in pairs(more or {}) do
    if type(value) == "table" then value = json.encode(value) end
    query[#query + 1] = name .. "=" .. encode(tostring(value))
  end
  if type(what) == "table" and what.size and not what.seed then query[#query + 1] = "seed=s" end
  return json.decode(self:control("PUT", ("/objects/%s?%s"):format(encode(key), table.concat(query, "&")), body))
end

-- So many objects at once, all with the same bytes; `form` makes a key of a number, such as "a/%07d".
function fault:put_many(count, form, size)
  self:control("POST", ("/objects?count=%d&form=%s&size=%d"):format(count, encode(form), size or 0), "")
end

-- An object for each of the keys, with these bytes and then the key in it.
function fault:put_keys(keys, bytes)
  local coded = {}
  for i, key in ipairs(keys) do coded[i] = encode(key) end
  self:control("POST", "/objects?each=" .. encode(bytes), json.encode(coded))
end

-- An unfinished upload that was begun so many seconds ago; returns its id.
function fault:orphan(key, age)
  return json.decode(self:control("PUT", ("/uploads/%s?age=%d"):format(encode(key), age), ""))
end

function fault:delete(key)
  self:control("DELETE", "/objects/" .. encode(key))
end

function fault:release()
  self:control("POST", "/release", "")
end

function fault:listening(yes)
  self:control("PUT", "/listening", tostring(yes))
end

function fault:credentials(list)
  self:control("PUT", "/credentials", json.encode(list))
end

function fault:options(table)
  self:control("PUT", "/options", json.encode(table))
end

function fault:rates()
  return json.decode(self:control("GET", "/rates"))
end

-- As new.
function fault:reset()
  if self.dialect == "web" then
    self:options { ranges = true, lengths = "told", validators = "strong", head = true }
  end
  self:control("DELETE", "/rules")
  self:control("DELETE", "/log")
  self:control("DELETE", "/objects")
  return self
end

local KEYS = {
  s3 = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY" },
  oss = { "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET" },
  tos = { "TOS_ACCESS_KEY", "TOS_SECRET_KEY" },
  web = {},
}
local REGION = { s3 = "us-east-1", oss = "cn-hangzhou", tos = "cn-beijing" }

-- server.fault { dialect = "s3", ... }: the other fields are options of fault.py with "_" for "-",
-- but for `options`, Lua text that is added to the options of the store.  Same fields, same server.
function server.fault(given)
  given = given or {}
  local dialect, words, name = given.dialect or "s3", {}, {}
  for option, value in pairs(given) do
    if option ~= "options" then
      name[#name + 1] = option .. "=" .. tostring(value)
      words[#words + 1] = "--" .. option:gsub("_", "-")
      if value ~= true then words[#words + 1] = tostring(value) end
    end
  end
  table.sort(name)
  local it = once("fault " .. table.concat(name, " "), function()
    local new = setmetatable(start("fault.py", words), fault)
    new.dialect, new.keys, new.bucket = dialect, {}, "test"
    for _, key in ipairs(KEYS[dialect]) do new.keys[key] = new.env[key] end
    return new
  end)
  it.store = it:store_with(given.options)
  return it:reset()
end

-- Lua text of the store, with further options.
function fault:store_with(options)
  local ca = self.env.CA_FILE and (", ca = %q"):format(self.env.CA_FILE) or ""
  if self.dialect == "web" then
    return ("haul.web { url = %q%s%s }"):format(self.endpoint .. "/", ca, options and ", " .. options or "")
  end
  return ("haul.%s { bucket = 'test', region = %q, endpoint = %q%s%s }"):format(self.dialect, REGION[self.dialect],
    self.endpoint, ca, options and ", " .. options or "")
end

return server
