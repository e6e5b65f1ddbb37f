-- haul.json: values to text and back, and nothing changed on the way.
--
-- lua-cjson escapes and reads strings here.  Numbers and structure are read and written by this file: cjson
-- takes every number for a float and writes 14 digits of it, so that a byte count from 10^14 on, or anything
-- beyond 2^53, comes out as another one; it reads "0x10", "NaN" and "1e400"; and of two equal names it keeps
-- one without a word.
local cjson = require "cjson".new()

local json = { null = cjson.null }

local DEPTH_MAX = 100
local TEXT_MAX = 16 << 20

-- Tables that are lists even when they are empty.
local arrays = setmetatable({}, { __mode = "k" })

-- Marks a table as a list, so that it is written as [] when it has nothing in it.
function json.array(list)
  if type(list) ~= "table" then error("haul.json.array takes a table, not a " .. type(list), 2) end
  arrays[list] = true
  return list
end

-- Writing -----------------------------------------------------------------------------------------

local encode_value

local function refuse(text, ...)
  error("haul.json.encode: " .. text:format(...), 0)
end

-- cjson writes every "/" as "\\/".  Bytes that are not UTF-8 stay as they are: keys may have them.
local function encode_string(text)
  return (cjson.encode(text):gsub("\\/", "/"))
end

-- The shortest text that reads back as the same number.
local function encode_number(number)
  if math.type(number) == "integer" then return ("%d"):format(number) end
  if number ~= number or number == math.huge or number == -math.huge then
    refuse("%s has no form in JSON", tostring(number))
  end
  for digits = 14, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then return text end
  end
end

local function encode_list(list, n, depth)
  local parts = {}
  for i = 1, n do
    if list[i] == nil then refuse("a list has a gap at %d", i) end
    parts[i] = encode_value(list[i], depth)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

-- Names come out sorted, so that equal values give equal text.
local function encode_object(object, depth)
  local parts = {}
  for key, value in next, object do
    if type(key) ~= "string" then
      refuse("a table is a list from 1 on, or has names; this one has %s too", type(key) == "number" and key or "a " .. type(key))
    end
    parts[#parts + 1] = encode_string(key) .. ":" .. encode_value(value, depth)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function encode_table(value, depth)
  if depth > DEPTH_MAX then refuse "nested too deeply, or in a circle" end
  local n, count = rawlen(value), 0
  for _ in next, value do count = count + 1 end
  if n == count and (n > 0 or arrays[value]) then return encode_list(value, n, depth + 1) end
  if arrays[value] then refuse "a list has a gap, or names" end
  return encode_object(value, depth + 1)
end

function encode_value(value, depth)
  local kind = type(value)
  if kind == "number" then return encode_number(value) end
  if kind == "table" then return encode_table(value, depth) end
  if kind == "string" then return encode_string(value) end
  if kind == "boolean" or kind == "nil" or value == json.null then return cjson.encode(value) end
  refuse("a %s has no form in JSON", kind)
end

-- The text of a value, on one line.  An error for what has no form in JSON: functions, NaN, infinities, gaps in
-- lists, tables in a circle.  json.null is null.
function json.encode(value)
  local text = encode_value(value, 0)
  if #text > TEXT_MAX then refuse("the text would be larger than %d MiB", TEXT_MAX >> 20) end
  return text
end

-- Reading -----------------------------------------------------------------------------------------

local read_value

local function fail(at, text)
  error(("haul.json.decode: %s at byte %d"):format(text, at), 0)
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

-- The closing quote of the string that begins at `at`.
local function string_end(text, at)
  local stop = text:find('["\\]', at + 1)
  while stop and text:byte(stop) == 92 do stop = text:find('["\\]', stop + 2) end
  return stop or fail(at, "a string does not end")
end

local function read_string(text, at)
  local stop = string_end(text, at)
  local inner = text:sub(at + 1, stop - 1)
  if inner:find "[\0-\31]" then fail(at, "a string has a control character") end
  if not inner:find("\\", 1, true) then return inner, stop + 1 end
  local good, list = pcall(cjson.decode, "[" .. text:sub(at, stop) .. "]")
  if not good then fail(at, "a string has an escape that there is not") end
  return list[1], stop + 1
end

-- Whole numbers are integers.  One beyond 64 bits, such as a CRC64 may be, is its text: digits are never lost.
local function read_number(text, at)
  local word = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if not word then fail(at, "a value is expected") end
  local stop = at + #word
  local sane = not word:find "^-?0%d" and not word:find "%.$" and not word:find "%.[eE]" and not text:find("^[%w.+-]", stop)
  local number = sane and tonumber(word)
  if not number or number == math.huge or number == -math.huge then fail(at, "a number is malformed or too large") end
  if math.type(number) == "integer" then return number, stop end
  if not word:find "[.eE]" then return word, stop end
  local whole = number > -0x1p53 and number < 0x1p53 and math.tointeger(number)
  return whole or number, stop
end

local function read_array(text, at, depth)
  local list, n = json.array {}, 0
  at = skip(text, at + 1)
  if text:byte(at) == 93 then return list, at + 1 end
  while true do
    n = n + 1
    list[n], at = read_value(text, at, depth)
    at = skip(text, at)
    local sign = text:sub(at, at)
    if sign == "]" then return list, at + 1 end
    if sign ~= "," then fail(at, "',' or ']' is expected") end
    at = skip(text, at + 1)
  end
end

local function read_object(text, at, depth)
  local object = {}
  at = skip(text, at + 1)
  if text:byte(at) == 125 then return object, at + 1 end
  while true do
    if text:byte(at) ~= 34 then fail(at, "a name is expected") end
    local name, behind = read_string(text, at)
    if object[name] ~= nil then fail(at, "a name is there twice") end
    at = skip(text, behind)
    if text:byte(at) ~= 58 then fail(at, "':' is expected") end
    object[name], at = read_value(text, skip(text, at + 1), depth)
    at = skip(text, at)
    local sign = text:sub(at, at)
    if sign == "}" then return object, at + 1 end
    if sign ~= "," then fail(at, "',' or '}' is expected") end
    at = skip(text, at + 1)
  end
end

local words = { ["true"] = true, ["false"] = false, null = json.null }

function read_value(text, at, depth)
  local sign = text:byte(at)
  if depth > DEPTH_MAX then fail(at, "it is nested too deeply") end
  if sign == 34 then return read_string(text, at) end
  if sign == 123 then return read_object(text, at, depth + 1) end
  if sign == 91 then return read_array(text, at, depth + 1) end
  local word = text:match("^%l+", at)
  if word and words[word] ~= nil then return words[word], at + #word end
  return read_number(text, at)
end

-- The value of a text, or an error that says where it is not JSON.  null is json.null; whole numbers are
-- integers, and the text of their digits where 64 bits do not hold them.  Lists stay lists when they are
-- written again, empty ones too.
function json.decode(text)
  if type(text) ~= "string" then error("haul.json.decode takes text, not a " .. type(text), 0) end
  if #text > TEXT_MAX then error(("haul.json.decode: the text is larger than %d MiB"):format(TEXT_MAX >> 20), 0) end
  local value, at = read_value(text, skip(text, 1), 0)
  at = skip(text, at)
  if at <= #text then fail(at, "something follows the value") end
  return value
end

return json
