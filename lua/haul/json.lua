-- haul.json: lua-cjson, with numbers that come out as they went in.
local cjson = require "cjson".new()

cjson.decode_invalid_numbers(false)
cjson.decode_max_depth(100)

local json = { null = cjson.null, empty_array = setmetatable({}, { __name = "haul.json.empty_array" }) }

local depth_max = 100
local encode_value

-- cjson writes every "/" as "\\/".
local function encode_string(text)
  return (cjson.encode(text):gsub("\\/", "/"))
end

-- cjson writes 14 digits; a byte count or a CRC may have more.
local function encode_number(number)
  if math.type(number) == "integer" then return ("%d"):format(number) end
  if number ~= number or number == math.huge or number == -math.huge then
    error("haul.json.encode: " .. tostring(number) .. " has no form in JSON", 0)
  end
  for digits = 14, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then return text end
  end
end

local function encode_list(list, n, depth)
  local parts = {}
  for i = 1, n do parts[i] = encode_value(list[i], depth) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function key_text(key)
  if type(key) == "string" then return encode_string(key) end
  if type(key) == "number" then return '"' .. encode_number(key) .. '"' end
  error("haul.json.encode: a " .. type(key) .. " cannot be a key", 0)
end

local function encode_object(object, depth)
  local parts = {}
  for key, value in next, object do
    parts[#parts + 1] = key_text(key) .. ":" .. encode_value(value, depth)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function encode_table(value, depth)
  if depth > depth_max then error("haul.json.encode: nested too deeply, or in a circle", 0) end
  if value == json.empty_array then return "[]" end
  local n, count = rawlen(value), 0
  for _ in next, value do count = count + 1 end
  if n > 0 and n == count then return encode_list(value, n, depth + 1) end
  return encode_object(value, depth + 1)
end

function encode_value(value, depth)
  local kind = type(value)
  if kind == "number" then return encode_number(value) end
  if kind == "table" then return encode_table(value, depth) end
  if kind == "string" then return encode_string(value) end
  if kind == "boolean" or kind == "nil" or value == json.null then return cjson.encode(value) end
  error("haul.json.encode: a " .. kind .. " has no form in JSON", 0)
end

-- Names of an object come out sorted, so that equal values give equal text.
function json.encode(value)
  return encode_value(value, 0)
end

-- Every number of cjson is a float: whole ones, where floats are exact, become integers.
local function whole(value)
  if math.type(value) == "float" and value > -0x1p53 and value < 0x1p53 then
    return math.tointeger(value) or value
  end
  if type(value) == "table" then
    for key, item in next, value do value[key] = whole(item) end
  end
  return value
end

-- The value, or an error.
function json.decode(text)
  return whole(cjson.decode(text))
end

return json
