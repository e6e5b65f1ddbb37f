-- haul.http and haul.exec: what a hook may ask of the world outside, and wait for.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"
require "haul.store" -- kinds of options

local outside = {}

-- Loaded late: specs of pure modules have no running job.
local function run()
  return require "haul.core.run"
end

schema.kind("bytes", function(value)
  if type(value) ~= "string" then return nil, "text is expected, not a " .. type(value) end
  return value
end)

-- Requests ----------------------------------------------------------------------------------------

-- What these hold, and whatever has one of the words in its name, is shown nowhere.
local SECRET = { "authorization", "cookie", "token", "secret", "key", "password", "signature" }

local function keep_secret(name, value)
  for _, word in ipairs(SECRET) do
    if name:find(word, 1, true) then
      core.secret(value)
      local bare = value:match "^%a+ +(.+)$" -- "Bearer ..."
      if bare then core.secret(bare) end
      return
    end
  end
end

-- { name = value } -> name, value, name, value, ..., sorted
schema.kind("request_headers", function(value)
  if type(value) ~= "table" then return nil, "a table of names and values is expected, not a " .. type(value) end
  local names, list, texts = {}, {}, {}
  for name, text in next, value do
    if type(name) ~= "string" then return nil, "it takes { name = text }, no list" end
    if type(text) ~= "string" or text:find "[\r\n%z]" then
      return nil, ("the value of %s must be one line of text"):format(err.show(name))
    end
    names[#names + 1], texts[name:lower()] = name:lower(), text
  end
  table.sort(names)
  for _, name in ipairs(names) do
    keep_secret(name, texts[name])
    list[#list + 1], list[#list + 2] = name, texts[name]
  end
  return list
end)

-- The path and the query may be a secret, so that nothing of it is shown.
schema.kind("url", function(value)
  if type(value) ~= "string" or not value:find "^[Hh][Tt][Tt][Pp][Ss]?://[^%s%c]+$" then
    return nil, "an address such as \"https://host/path\" is expected"
  end
  return value
end)

local http = schema.define("haul.http", {
  { "url", kind = "url", required = true, doc = "address, http or https; certificates are verified" },
  { "method", kind = "word", words = { "GET", "HEAD", "PUT", "POST", "DELETE", "PATCH" },
    doc = "default: POST with a body, GET without" },
  { "headers", kind = "request_headers", default = {}, doc = "{ name = text }" },
  { "body", kind = "bytes", doc = "what is sent; of PUT, POST and PATCH only" },
  { "timeout", kind = "duration", default = "30s", doc = "of all of it, connecting included" },
  { "ca", kind = "readable_file", doc = "file of certificates to trust instead of the system's" },
  { "proxy", kind = "proxy", doc = "address of a proxy; the environment is not asked" },
  { "max", kind = "size", max = 64 << 20, default = "1MiB", doc = "largest body of an answer" },
})

-- What came of it; where nothing did, an error with kind and message.
local function answer(where, who, value, kind, message)
  if value then return value end
  error(err.new(kind, ("%s: %s at %s"):format(who, message, where)), 0)
end

outside.http = core.located(function(where, options)
  local fields = schema.check(http, options, where)
  fields.method = fields.method or fields.body and "POST" or "GET"
  return answer(where, "haul.http", run().http(fields, "haul.http at " .. where))
end)

-- Commands ----------------------------------------------------------------------------------------

-- { NAME = text } -> "NAME=text", ..., sorted
schema.kind("environment", function(value)
  if type(value) ~= "table" then return nil, "a table of names and values is expected, not a " .. type(value) end
  local list = {}
  for name, text in next, value do
    if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" then
      return nil, ("%s is no name of a variable"):format(err.show(name))
    end
    if type(text) ~= "string" or text:find "%z" then return nil, ("the value of '%s' must be text"):format(name) end
    keep_secret(name:lower(), text)
    list[#list + 1] = name .. "=" .. text
  end
  table.sort(list)
  return list
end)

local exec = schema.define("haul.exec", {
  { "stdin", kind = "bytes", default = "", doc = "what it reads from its standard input" },
  { "env", kind = "environment", default = {},
    doc = "{ NAME = text }: variables beside PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ, TERM and TMPDIR; no other is "
      .. "passed on" },
  { "cwd", kind = "text", doc = "the directory it runs in" },
  { "timeout", kind = "duration", default = "1m", doc = "then it is killed, with all that it started" },
  { "max", kind = "size", max = 64 << 20, default = "1MiB", doc = "most that it may write, to its output and to its errors" },
}, "words")

-- The program and its arguments, which may be numbers too.
local function check_words(fields, where)
  local words, count = fields.words, 0
  for _ in next, words do count = count + 1 end
  if count == 0 then err.raise(where, "haul.exec", "takes a program and its arguments, such as { \"gzip\", \"-t\", path }") end
  for i = 1, count do
    local word = words[i]
    if math.type(word) then words[i] = tostring(word)
    elseif type(word) ~= "string" or word:find "%z" or (i == 1 and word == "") then
      err.raise(where, "haul.exec", "word %d must be text, not %s", i, word == nil and "missing" or "a " .. type(word))
    end
  end
end

outside.exec = core.located(function(where, options)
  local fields = schema.check(exec, options, where)
  check_words(fields, where)
  return answer(where, "haul.exec", run().exec(fields, "haul.exec at " .. where))
end)

return outside
