-- What a hook may ask of a store: store:head(key) and the like.  Each waits for the answer, is made
-- again as the job's retry policy says, and raises what it failed with: an error with kind, message,
-- status and code.  No such object is no failure: nil, and the error.
local attributes = require "haul.attributes"
local core = require "haul.core"
local err = require "haul.err"
local place = require "haul.place"
local schema = require "haul.schema"

local calls = {}

-- Loaded late: specs of pure modules have no running job.
local function run()
  return require "haul.core.run"
end

local get = schema.define("store:get", {
  { "max", kind = "size", max = core.limits.single_put, default = "1MiB",
    doc = "an object that is larger is an error" },
})

local put = schema.define("store:put", attributes.of_an_object)

schema.kind("prefix", function(value)
  if type(value) ~= "string" then return nil, "text is expected, not " .. err.show(value) end
  local fault = place.impossible(value)
  if fault then return nil, fault end
  return value
end)

local list = schema.define("store:list", {
  { "prefix", kind = "prefix", default = "", doc = "only keys that begin so; every key if not said" },
})

-- The fields of a store, and what waits, for messages.
local function begin(where, fields, verb)
  local who = "store:" .. verb
  if not fields then err.raise(where, who, "call a method of a store with ':', as in store:%s(...)", verb) end
  if fields.fault then err.raise(where, who, "%s cannot be used: %s", tostring(fields), fields.fault) end
  if not fields.number then err.raise(where, who, "the job is not running: this can be asked for in a hook only") end
  if fields.plain.fault then err.raise(where, who, "%s cannot be used: %s", tostring(fields), fields.plain.fault) end
  return who .. " at " .. where
end

local function check_key(where, fields, verb, key)
  local fault = type(key) ~= "string" and ("a key is text, not %s"):format(err.show(key)) or place.impossible(key)
  if not fault and fields.kind == "dir" then fault = place.unsafe(key) end
  if not fault and key == "" then fault = "it is empty" end
  if fault then err.raise(where, "store:" .. verb, "the key %s cannot be used: %s", err.show(key), fault) end
end

local function failure(where, fields, verb, key, fault)
  fault.message = ("store:%s: %s/%s: %s at %s"):format(verb, tostring(fields), key, fault.message, where)
  return err.from(fault)
end

-- A call on one object.
local function ask(where, fields, verb, key, function_name, ...)
  local what = begin(where, fields, verb)
  check_key(where, fields, verb, key)
  local value, more = run()[function_name](fields.number, what, key, ...)
  if value ~= nil then return value, more end
  error(failure(where, fields, verb, key, more), 0)
end

-- The same, where no such object is an answer.
local function look(where, fields, verb, key, function_name, ...)
  local what = begin(where, fields, verb)
  check_key(where, fields, verb, key)
  local value, more = run()[function_name](fields.number, what, key, ...)
  if value ~= nil then return value, more end
  local fault = failure(where, fields, verb, key, more)
  if fault.kind ~= "missing" then error(fault, 0) end
  return nil, fault
end

-- What the object gets, as C takes it.
local function attributes_of(where, fields, key, options)
  local given = schema.check(put, options == nil and {} or options, where)
  local all = attributes.fixed(given)
  local fault = attributes.fault(all)
  if fault then err.raise(where, "store:put", "%s", fault) end
  if fields.kind == "dir" and #all > 0 then
    err.raise(where, "store:put", "a directory keeps no headers, metadata or tags")
  end
  for _, field in ipairs(all) do
    if field[1] == "content-type" then return all end
  end
  local kind = fields.kind ~= "dir" and run().content_type(key)
  if kind then all[#all + 1] = { "content-type", kind } end
  return all
end

local function tags_of(where, fields, tags)
  if fields.kind == "dir" or fields.kind == "web" then
    err.raise(where, "store:tag", "%s has no tags", tostring(fields))
  end
  return schema.check(put, { tags = tags }, where).tags.list
end

-- Page by page, as it is read.
local function listing(where, fields, options)
  local prefix = schema.check(list, options == nil and {} or options, where).prefix
  local what = begin(where, fields, "list")
  local state, page, last, at = run().lister(prefix), {}, false, 0
  return function()
    at = at + 1
    while page[at] == nil and not last do
      local more, fault = run().page(fields.number, what, state)
      if not more then error(failure(where, fields, "list", prefix, fault), 0) end
      page, last, at = more, fault, 1
    end
    return page[at]
  end
end

-- fields_of: store -> its fields, nil for anything else
function calls.methods(fields_of)
  local function method(body)
    return core.located(function(where, self, ...) return body(where, fields_of(self), ...) end)
  end
  return {
    head = method(function(where, fields, key) return look(where, fields, "head", key, "head") end),
    get = method(function(where, fields, key, options)
      local max = schema.check(get, options == nil and {} or options, where).max
      return look(where, fields, "get", key, "get", max)
    end),
    list = method(listing),
    put = method(function(where, fields, key, bytes, options)
      if type(bytes) ~= "string" then err.raise(where, "store:put", "bytes are text, not %s", err.show(bytes)) end
      if #bytes > core.limits.single_put then
        err.raise(where, "store:put", "more than %s cannot be put so: that is work for a task",
          core.show_size(core.limits.single_put))
      end
      begin(where, fields, "put")
      return (ask(where, fields, "put", key, "put", bytes, attributes_of(where, fields, key, options)))
    end),
    delete = method(function(where, fields, key) ask(where, fields, "delete", key, "delete") end),
    tag = method(function(where, fields, key, tags)
      begin(where, fields, "tag")
      ask(where, fields, "tag", key, "put_tags", tags_of(where, fields, tags))
    end),
    tags = method(function(where, fields, key)
      begin(where, fields, "tags")
      if fields.kind == "dir" or fields.kind == "web" then return {} end
      return (look(where, fields, "tags", key, "get_tags"))
    end),
  }
end

calls.names = { "delete", "get", "head", "list", "put", "tag", "tags" }

return calls
