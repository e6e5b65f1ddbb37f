-- Options as registered data: one entry gives the check, the default and the help of an option.
-- Defaults are written as a person would write them and go through the same check.
local core = require "haul.core"
local err = require "haul.err"

local schema = {}

-- A kind turns what was written into what is used: the value, or nil and why not.
local kinds = {}
local definitions = {}

-- check(value, option) -> value | nil, reason.  `secret`: the value never appears in a message.
function schema.kind(name, check)
  assert(not kinds[name], name)
  kinds[name] = check
end

-- options: a list of { name, kind =, default =, required =, doc =, ... }; with `refused`, a reason, it
-- is one that people expect and that there cannot be.  rest: the name under which entries without a
-- name are kept; without it there may be none.
function schema.define(who, options, rest)
  local definition = { who = who, options = options, rest = rest, by_name = {}, names = {} }
  for _, option in ipairs(options) do
    definition.by_name[option[1]] = option
    if not option.refused then
      assert(kinds[option.kind], option.kind)
      definition.names[#definition.names + 1] = option[1]
    end
  end
  definitions[who] = definition
  return definition
end

local function refuse(definition, where, name, reason)
  err.raise(where, definition.who, "option '%s': %s", name, reason)
end

local function refuse_unknown(definition, where, key)
  if type(key) == "string" then
    err.raise(where, definition.who, "unknown option %s%s", "'" .. key:gsub("%c", "?"):sub(1, 60) .. "'",
      err.hint(key, definition.names))
  end
  err.raise(where, definition.who, "takes no entry without a name ([%s])", tostring(key))
end

-- One value as a kind reads it, for kinds that are made of others.
function schema.check_kind(name, value, option, where)
  return kinds[name](value, option, where)
end

-- One value by its option's kind.
function schema.value(definition, name, value, where)
  local option = definition.by_name[name]
  if option.refused then refuse(definition, where, name, option.refused) end
  local result, reason = kinds[option.kind](value, option, where)
  if result == nil then refuse(definition, where, name, reason) end
  return result
end

local function fill(definition, result, where)
  for _, option in ipairs(definition.options) do
    local name = option[1]
    if result[name] == nil then
      if option.required then err.raise(where, definition.who, "option '%s' is missing (%s)", name, option.doc) end
      if option.default ~= nil then result[name] = schema.value(definition, name, option.default, where) end
    end
  end
  return result
end

-- Checks a table of options and returns a new one with everything set that has a default.  Raw
-- access only: a metatable of the caller's has no say.
function schema.check(definition, options, where)
  if type(options) ~= "table" then
    err.raise(where, definition.who, "takes a table of options, not %s", err.show(options))
  end
  local result, rest = {}, {}
  for key, value in next, options do
    if definition.by_name[key] then
      result[key] = schema.value(definition, key, value, where)
    elseif definition.rest and math.type(key) == "integer" then
      rest[key] = value
    else
      refuse_unknown(definition, where, key)
    end
  end
  if definition.rest then result[definition.rest] = rest end
  return fill(definition, result, where)
end

-- The options of a constructor, a line each, for people.
function schema.help(who)
  local lines = {}
  for _, name in ipairs(definitions[who].names) do
    local option = definitions[who].by_name[name]
    local note = option.required and "required" or option.default ~= nil and "default " .. tostring(option.default)
    lines[#lines + 1] = ("  %-16s %s%s"):format(option[1], option.doc, note and " (" .. note .. ")" or "")
  end
  return table.concat(lines, "\n")
end

-- The names of a constructor's options.
function schema.options(who)
  return definitions[who].names
end

-- One of them as it was defined.
function schema.option(who, name)
  return definitions[who].by_name[name]
end

function schema.names()
  local names = {}
  for name in pairs(definitions) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Kinds that more than one constructor uses -------------------------------------------------------

local function expected(what, value)
  return nil, ("%s is expected, not %s"):format(what, err.show(value))
end

schema.kind("text", function(value)
  if type(value) ~= "string" then return expected("text", value) end
  if value == "" then return nil, "it is empty" end
  if value:find("%c") then return nil, "it holds a control character" end
  return value
end)

schema.kind("boolean", function(value)
  if type(value) ~= "boolean" then return expected("true or false", value) end
  return value
end)

schema.kind("integer", function(value, option)
  local number = type(value) == "number" and math.tointeger(value)
  if not number then return expected("a whole number", value) end
  if number < option.min or number > option.max then
    return nil, ("%d is not within %d and %d"):format(number, option.min, option.max)
  end
  return number
end)

schema.kind("word", function(value, option)
  for _, word in ipairs(option.words) do
    if value == word then return value end
  end
  local list = '"' .. table.concat(option.words, '", "') .. '"'
  return nil, ("one of %s is expected, not %s%s"):format(list, err.show(value), err.hint(value, option.words))
end)

-- A number with a unit, as text.
local function unit(value, read, what, example)
  if type(value) == "number" then
    return nil, ('%s has no unit: write %s such as "%s"'):format(tostring(value), what, example)
  end
  if type(value) ~= "string" then return expected(("%s such as \"%s\""):format(what, example), value) end
  local number, reason = read(value)
  if not number then return nil, reason end
  return number
end

-- With `auto`, "auto" is 0.
schema.kind("size", function(value, option)
  if option.auto and value == "auto" then return 0 end
  local bytes, reason = unit(value, core.size, "a size", "16MiB")
  if not bytes then return nil, reason end
  if bytes <= 0 then return nil, ("%s is not a size: it must be above zero"):format(err.show(value)) end
  if option.max and bytes > option.max then
    return nil, ("%s is too large: the most is %s"):format(err.show(value), core.show_size(option.max))
  end
  return bytes
end)

schema.kind("rate", function(value)
  local rate, reason = unit(value, core.rate, "a rate", "20MiB/s")
  if not rate then return nil, reason end
  if rate ~= -1 and rate <= 0 then return nil, ("%s is not a rate: it must be above zero"):format(err.show(value)) end
  return rate
end)

local day = 24 * 60 * 60 * 1000

schema.kind("duration", function(value)
  local ms, reason = unit(value, core.duration, "a duration", "30s")
  if not ms then return nil, reason end
  if ms <= 0 then return nil, ("%s is not a duration: it must be above zero"):format(err.show(value)) end
  if ms > day then return nil, ("%s is too long: the most is a day"):format(err.show(value)) end
  return ms
end)

schema.kind("number", function(value, option)
  if type(value) ~= "number" or value ~= value then return expected("a number", value) end
  if value < option.min or value > option.max then
    return nil, ("%s is not within %s and %s"):format(value, option.min, option.max)
  end
  return value
end)

return schema
