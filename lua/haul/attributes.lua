-- What an object carries beside its bytes: headers, metadata, storage class, access list, tags.  Each
-- is a value for all objects, or a function that gives one for each.  Names are those of
-- runner/wire/attributes.h.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local attributes = {}

local header_names = { "cache-control", "content-disposition", "content-encoding", "content-language", "content-type",
  "expires" }
local is_header = {}
for _, name in ipairs(header_names) do is_header[name] = true end

local function is_line(text)
  return type(text) == "string" and not text:find("[%z\1-\8\10-\31\127]")
end

local function shown(what, value)
  return ("%s must be one line of text, not %s"):format(what, err.show(value))
end

-- Each reader turns a value into a list of { name, text }, or nil and why not.
local readers = {}

function readers.headers(value)
  if type(value) ~= "table" then return nil, "a table of names and values is expected, not " .. err.show(value) end
  local list = {}
  for name, text in next, value do
    local low = type(name) == "string" and name:lower():gsub("_", "-")
    if not is_header[low] then
      return nil, ("%s is no header an object keeps%s"):format(err.show(name), err.hint(name, header_names))
    end
    if not is_line(text) then return nil, shown(("'%s'"):format(name), text) end
    list[#list + 1] = { low, text }
  end
  return list
end

function readers.metadata(value)
  if type(value) ~= "table" then return nil, "a table of names and values is expected, not " .. err.show(value) end
  local list = {}
  for name, text in next, value do
    if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
      return nil, ("%s is no name of metadata"):format(err.show(name))
    end
    if math.type(text) == "integer" then text = tostring(text) end
    if not is_line(text) then return nil, shown(("'%s'"):format(name), text) end
    list[#list + 1] = { "meta-" .. name:lower(), text }
  end
  return list
end

local function encode(text)
  return (text:gsub("[^%w%-._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

function readers.tags(value)
  if type(value) ~= "table" then return nil, "a table of names and values is expected, not " .. err.show(value) end
  local pairs_ = {}
  for name, text in next, value do
    if math.type(text) == "integer" then text = tostring(text) end
    if type(name) ~= "string" or name == "" or type(text) ~= "string" then
      return nil, ("tag %s: names and values are text"):format(err.show(name))
    end
    pairs_[#pairs_ + 1] = encode(name) .. "=" .. encode(text)
  end
  if #pairs_ > 10 then return nil, "no store takes more than 10 tags" end
  table.sort(pairs_)
  return { { "tags", table.concat(pairs_, "&") } }
end

local function word(name)
  return function(value)
    if not is_line(value) or value == "" then return nil, shown("it", value) end
    return { { name, value } }
  end
end

readers.storage_class = word "storage-class"
readers.acl = word "acl"

attributes.names = { "headers", "metadata", "storage_class", "acl", "tags" }

-- A value is read at once, so that what is wrong is told with its line; a function stays one.
schema.kind("attribute", function(value, option)
  if type(value) == "function" then return value end
  local list, reason = readers[option[1]](value)
  if not list then return nil, reason end
  return { list = list }
end)

attributes.options = {
  { "headers", kind = "attribute", doc = "headers that objects keep: { [\"cache-control\"] = ... }, or function(object)" },
  { "metadata", kind = "attribute", doc = "user metadata: { name = text }, or function(object)" },
  { "storage_class", kind = "attribute", doc = "storage class, or function(object)" },
  { "acl", kind = "attribute", doc = "canned access list such as \"private\", or function(object)" },
  { "tags", kind = "attribute", doc = "tags: { name = text }, or function(object)" },
  { "preserve", kind = "boolean", default = true,
    doc = "carry content type, metadata and modification time over" },
}

-- The same for one object that a hook writes.
schema.kind("own_attribute", function(value, option)
  local list, reason = readers[option[1]](value)
  if not list then return nil, reason end
  return { list = list }
end)

attributes.of_an_object = {
  { "headers", kind = "own_attribute", doc = "headers that it keeps: { [\"cache-control\"] = ... }" },
  { "metadata", kind = "own_attribute", doc = "user metadata: { name = text }" },
  { "storage_class", kind = "own_attribute", doc = "storage class" },
  { "acl", kind = "own_attribute", doc = "canned access list such as \"private\"" },
  { "tags", kind = "own_attribute", doc = "tags: { name = text }" },
}

local function sort(list)
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

-- Why a list is more than an object can carry, or nil.
function attributes.fault(list)
  local bytes = 0
  for _, field in ipairs(list) do bytes = bytes + #field[1] + #field[2] + 2 end
  if bytes > core.limits.metadata then
    return ("headers, metadata and tags together are more than %s"):format(core.show_size(core.limits.metadata))
  end
  if #list > core.limits.attributes then
    return ("headers, metadata and tags are more than %d together"):format(core.limits.attributes)
  end
end

-- What all objects of the task get.
function attributes.fixed(fields)
  local all = {}
  for _, name in ipairs(attributes.names) do
    if type(fields[name]) == "table" then table.move(fields[name].list, 1, #fields[name].list, #all + 1, all) end
  end
  return sort(all)
end

function attributes.has_functions(fields)
  for _, name in ipairs(attributes.names) do
    if type(fields[name]) == "function" then return true end
  end
  return false
end

-- What the functions say of one object.
function attributes.of(fields, object)
  local all = {}
  for _, name in ipairs(attributes.names) do
    local value = fields[name]
    local given = type(value) == "function" and value(object) or nil
    if given ~= nil then
      local list, reason = readers[name](given)
      if not list then error(err.new("invalid", ("%s of %s: %s"):format(name, err.show(object.key), reason)), 0) end
      table.move(list, 1, #list, #all + 1, all)
    end
  end
  local fault = attributes.fault(all)
  if fault then error(err.new("invalid", ("%s: %s"):format(err.show(object.key), fault)), 0) end
  return sort(all)
end

return attributes
