-- Stores: haul.s3, haul.oss, haul.tos and haul.dir.  What a store holds is kept apart from the object a
-- script sees, so that nothing of it can be printed.
local calls = require "haul.calls"
local core = require "haul.core"
local context = require "haul.context"
local credentials = require "haul.credentials"
local err = require "haul.err"
local place = require "haul.place"
local schedule = require "haul.schedule"
local schema = require "haul.schema"

local store = {}

local private = setmetatable({}, { __mode = "k" }) -- store -> fields
local made = {}                                   -- fields, in the order they were made
local fields_meta = { __tostring = function(self) return self.name end }
local meta = { __name = "haul.store", __metatable = false }

meta.__tostring = function(self) return private[self].name end
local methods = calls.methods(function(value) return private[value] end)
meta.__index = function(self, key)
  if methods[key] then return methods[key] end
  err.raise(core.where(2), tostring(self), "a store has no field %s%s", err.show(key), err.hint(key, calls.names))
end
meta.__newindex = function(self)
  err.raise(core.where(2), tostring(self), "a store cannot be changed")
end
meta.__div = core.located(function(where, self, path)
  if not private[self] then err.raise(where, "haul", "a place is store / \"path\", the store first") end
  return place.new(where, private[self], path)
end)

-- Kinds of options ------------------------------------------------------------------------------------

schema.kind("credentials", credentials.check)

-- A rate for both ways, or one for each.
local rates = schema.define("rate", {
  { "read", kind = "changing_rate", default = "unlimited", doc = "from the store" },
  { "write", kind = "changing_rate", default = "unlimited", doc = "to the store" },
})

schema.kind("rates", function(value, option, where)
  if type(value) == "table" and not schedule.is(value) then return schema.check(rates, value, where) end
  local rate, reason = schema.check_kind("changing_rate", value, option, where)
  if not rate then return nil, reason end
  return { read = rate, write = rate }
end)

local own_headers = { authorization = true, host = true, ["content-length"] = true, ["transfer-encoding"] = true,
  connection = true }

-- { name = value } -> sorted list of { name =, value = }
schema.kind("headers", function(value)
  if type(value) ~= "table" then return nil, "a table of names and values is expected, not " .. err.show(value) end
  local list = {}
  for name, text in next, value do
    if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
      return nil, ("%s is no name of a header"):format(err.show(name))
    end
    if own_headers[name:lower()] then return nil, ("'%s' is haul's own"):format(name) end
    if type(text) ~= "string" or text:find("[\r\n%z]") then
      return nil, ("the value of '%s' must be one line of text"):format(name)
    end
    list[#list + 1] = { name = name:lower(), value = text }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end)

schema.kind("readable_file", function(value)
  if type(value) ~= "string" then return nil, "a path is expected, not " .. err.show(value) end
  if not core.file_exists(value) then return nil, ("there is no file %s"):format(err.show(value)) end
  return value
end)

-- It may hold a password: never shown.
schema.kind("proxy", function(value)
  if type(value) ~= "string" or not value:find("^%a[%w+.-]*://[^%s%c]+$") then
    return nil, "an address such as \"http://host:3128\" is expected"
  end
  local secret = value:match("://[^/@:]*:([^/@]+)@")
  if secret then core.secret(secret) end
  return value
end)

-- Options ---------------------------------------------------------------------------------------------

local function common(kind, addressing, extra)
  local options = {
    { "bucket", kind = "text", required = true, doc = "name of the bucket" },
    { "region", kind = "text", doc = "region of the bucket" },
    { "endpoint", kind = "text", doc = "address of the service, such as \"https://host:port\"" },
    { "addressing", kind = "word", words = addressing, default = "auto",
      doc = "where the bucket goes in the address" },
    { "credentials", kind = "credentials", doc = "{ access_key, secret_key, token }, a function, or \"anonymous\"" },
    { "rate", kind = "rates", default = "unlimited", doc = "\"20MiB/s\", or { read =, write = }" },
    { "requests", kind = "changing_requests", min = 1, max = 1000000, doc = "most requests a second" },
    { "ca", kind = "readable_file", doc = "file of certificates to trust instead of the system's" },
    { "proxy", kind = "proxy", doc = "address of a proxy" },
    { "headers", kind = "headers", default = {}, doc = "more headers for every request" },
    { "user_agent", kind = "text", doc = "how haul introduces itself" },
    { "connect_timeout", kind = "duration", default = "10s", doc = "longest wait for a connection" },
    { "stall_timeout", kind = "duration", default = "30s", doc = "longest time without a byte" },
  }
  table.move(extra, 1, #extra, #options + 1, options)
  return schema.define("haul." .. kind, options)
end

local five_gib = 5 << 30

local providers = {
  s3 = {
    part_min = 5 << 20, part_max = five_gib,
    options = common("s3", { "auto", "virtual", "path" }, {
      { "profile", kind = "text", doc = "profile of the shared files of AWS" },
      { "checksum", kind = "word", words = { "auto", "crc32c", "md5", "none" }, default = "auto",
        doc = "how bodies are checked" },
      { "sign_payload", kind = "boolean", default = false, doc = "sign a hash of every body" },
    }),
  },
  oss = {
    part_min = 100 << 10, part_max = five_gib,
    options = common("oss", { "auto", "virtual", "cname", "path" }, {
      { "signature", kind = "word", words = { "v4", "v1" }, default = "v4", doc = "how requests are signed" },
    }),
  },
  tos = {
    part_min = 5 << 20, part_max = five_gib,
    options = common("tos", { "auto", "virtual", "cname", "path" }, {}),
  },
}

local function new(fields)
  local self = setmetatable({}, meta)
  private[self] = setmetatable(fields, fields_meta)
  made[#made + 1] = fields
  return self
end

local function constructor(kind)
  local provider = providers[kind]
  return core.located(function(where, options)
    local fields = schema.check(provider.options, options, where)
    fields.kind, fields.where, fields.who = kind, where, "haul." .. kind
    fields.name = kind .. "://" .. fields.bucket
    fields.part_min, fields.part_max = provider.part_min, provider.part_max
    return new(fields)
  end)
end

store.s3 = constructor "s3"
store.oss = constructor "oss"
store.tos = constructor "tos"

-- Directories -----------------------------------------------------------------------------------------

local dir_options = schema.define("haul.dir", {
  { "path", kind = "text", required = true, doc = "the directory" },
  { "rate", kind = "rates", default = "unlimited", doc = "\"20MiB/s\", or { read =, write = }" },
  { "links", kind = "word", words = { "report", "follow" }, default = "report",
    doc = "symbolic links below it: told and passed over, or read as what they lead to" },
})

-- Absolute, without symbolic links as far as it exists, without a trailing slash.
local function real_path(path)
  local real = core.real_path(path)
  if real then return real end
  local parent, name = path:match("^(.*)/([^/]+)$")
  if not parent or name == ".." or name == "." then return path end
  real = real_path(parent == "" and "/" or parent)
  return (real == "/" and "" or real) .. "/" .. name
end

local function absolute(where, path)
  if path:find("^~/") or path == "~" then
    local home = context.getenv("HOME")
    if not home then err.raise(where, "haul.dir", "HOME is not set, so \"~\" means nothing") end
    path = home .. path:sub(2)
  end
  if path:sub(1, 1) ~= "/" then path = assert(core.cwd()) .. "/" .. path end
  path = path:gsub("/+", "/"):gsub("(.)/$", "%1")
  return real_path(path)
end

-- haul.dir "/srv/data", or haul.dir { "/srv/data", rate = "20MiB/s" }
store.dir = core.located(function(where, options)
  if type(options) == "string" then options = { path = options } end
  if type(options) == "table" and rawget(options, 1) ~= nil and rawget(options, "path") == nil then
    local named = {}
    for key, value in next, options do named[key == 1 and "path" or key] = value end
    options = named
  end
  local fields = schema.check(dir_options, options, where)
  fields.kind, fields.where, fields.who = "dir", where, "haul.dir"
  fields.root = absolute(where, fields.path)
  fields.name = fields.path
  fields.follows_links = fields.links == "follow"
  return new(fields)
end)

-- The web ---------------------------------------------------------------------------------------------

local web_options = schema.define("haul.web", {
  { "url", kind = "text", required = true, doc = "address that keys are below: \"https://host/path/\"" },
  { "rate", kind = "rates", default = "unlimited", doc = "\"20MiB/s\", or { read =, write = }" },
  { "requests", kind = "changing_requests", min = 1, max = 1000000, doc = "most requests a second" },
  { "ca", kind = "readable_file", doc = "file of certificates to trust instead of the system's" },
  { "proxy", kind = "proxy", doc = "address of a proxy" },
  { "headers", kind = "headers", default = {}, doc = "more headers for every request" },
  { "user_agent", kind = "text", doc = "how haul introduces itself" },
  { "connect_timeout", kind = "duration", default = "10s", doc = "longest wait for a connection" },
  { "stall_timeout", kind = "duration", default = "30s", doc = "longest time without a byte" },
})

-- haul.web "https://host/path/", or haul.web { url = ..., ca = ... }
store.web = core.located(function(where, options)
  if type(options) == "string" then options = { url = options } end
  local fields = schema.check(web_options, options, where)
  if not fields.url:find "^https?://[^/]" then
    err.raise(where, "haul.web", "option 'url': an address such as \"https://host/path/\" is expected")
  end
  fields.kind, fields.where, fields.who = "web", where, "haul.web"
  fields.endpoint, fields.credentials = fields.url, "anonymous"
  fields.name = fields.url:gsub("[?#].*$", ""):gsub("^(https?://)[^/@]*@", "%1"):gsub("/+$", "")
  return new(fields)
end)

-- For a job -------------------------------------------------------------------------------------------

-- The fields of `from` or `to`: a place, or a store as the place of everything in it.
function store.place(value)
  if private[value] then return { store = private[value], path = "" } end
  return place.fields(value)
end

-- The fields of every store of the job file.
function store.all()
  return made
end

-- An option of a store, or what is said elsewhere for all of its kind.
local function setting(fields, what)
  return fields[what] or credentials.setting(fields.where, fields.who, fields.kind, what, fields.profile)
end

-- One word for the service that a bucket is of, however its address is written.
function store.service(fields)
  if fields.kind == "web" then return "" end
  local endpoint = setting(fields, "endpoint")
  if not endpoint then return setting(fields, "region") or "" end
  return (endpoint:lower():gsub("^%a+://", ""):gsub("/+$", ""))
end

-- The plain table that C reads; the second result gives new credentials.
function store.normalize(fields)
  local out = { spare = false }
  for key, value in pairs(fields) do out[key] = value end
  out.read_rate, out.write_rate = fields.rate.read, fields.rate.write
  out.requests = fields.requests or -1
  out.can_refresh = type(fields.credentials) == "function"
  if fields.kind == "dir" then return out end
  if fields.kind == "web" then
    out.addressing, out.checksum, out.sign_v1, out.sign_payload = "auto", "auto", false, false
    out.credentials = credentials.find(fields.where, fields.who, fields.kind, fields.credentials)
    return out
  end
  out.region, out.endpoint = setting(fields, "region"), setting(fields, "endpoint")
  out.sign_v1, out.checksum = fields.signature == "v1", fields.checksum or "auto"
  out.sign_payload = fields.sign_payload or false
  out.credentials = credentials.find(fields.where, fields.who, fields.kind, fields.credentials, fields.profile)
  return out, out.can_refresh and credentials.provider(fields.credentials) or nil
end

return store
