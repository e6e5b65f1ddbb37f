-- Requests as haul builds and signs them, sent by curl to a server of the specs, and their answers read.
local files = require "support.files"
local probe = require "support.probe" "wire"
local shell = require "support.shell"

local wire = {}

-- A store of tests/servers/fault.py for the probe.
function wire.store(fault, more)
  local store = { kind = fault.dialect, endpoint = fault.endpoint }
  if fault.dialect == "web" then
    store.endpoint = fault.endpoint .. "/"
  else
    store.bucket, store.region = fault.bucket, fault.env.AWS_REGION or fault.env.OSS_REGION or fault.env.TOS_REGION
  end
  for name, value in pairs(more or {}) do store[name] = value end
  return store
end

local function keys_of(fault)
  local env = fault.env
  return {
    access_key = env.AWS_ACCESS_KEY_ID or env.OSS_ACCESS_KEY_ID or env.TOS_ACCESS_KEY,
    secret_key = env.AWS_SECRET_ACCESS_KEY or env.OSS_ACCESS_KEY_SECRET or env.TOS_SECRET_KEY,
    now_ms = os.time() * 1000,
  }
end

local function read_head(text)
  local reply = { headers = {} }
  for line in text:gmatch "([^\r\n]+)" do
    local status = line:match "^HTTP/%S+ (%d+)"
    local name, value = line:match "^([^:%s]+):%s*(.-)%s*$"
    if status then reply = { status = tonumber(status), headers = {} } end
    if name then reply.headers[name:lower()] = value end
  end
  return reply
end

-- The reply to a call: status, headers, body.  `body` is object data.
function wire.send(fault, store, call, body)
  local request, err = probe.build(store, call, keys_of(fault))
  if not request then error(err.message, 2) end
  local dir = files.dir()
  files.write(dir .. "/in", body or request.body)
  local words = { "curl", "-sS", "--path-as-is", "--request-target", request.target, "-D", dir .. "/head", "-o",
    dir .. "/out" }
  local function add(...) for _, word in ipairs { ... } do words[#words + 1] = word end end
  if request.method == "HEAD" then
    add("-I")
  else
    add("-X", request.method)
  end
  if request.body_len >= 0 then add("--data-binary", "@" .. dir .. "/in") end
  for _, name in ipairs { "accept", "content-type", "expect" } do
    if not request.headers[name] then add("-H", name .. ":") end
  end
  for name, value in pairs(request.headers) do add("-H", value == "" and name .. ";" or name .. ": " .. value) end
  add(fault.endpoint .. "/")
  shell.read(words)
  local reply = read_head(files.read(dir .. "/head"))
  reply.body = request.method ~= "HEAD" and files.read(dir .. "/out") or ""
  return reply
end

-- The answer to a call, or nil and an error; the third result is the reply.
function wire.ask(fault, store, call, body)
  local reply = wire.send(fault, store, call, body)
  local read = { status = reply.status, headers = reply.headers, body = call.call ~= "get" and reply.body or nil }
  local answer, err = probe.read(store, call, read)
  return answer, err, reply
end

return wire
