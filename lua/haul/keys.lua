-- The list of keys of a task: plain, free of surprises, and each but once; where a directory is one
-- of the sides, such as can be paths there.
local err = require "haul.err"
local place = require "haul.place"

local keys = {}

local function check_list(value)
  local count = 0
  for key in next, value do
    if math.type(key) ~= "integer" then return ("entry [%s] is no part of a list"):format(err.show(key)) end
    count = count + 1
  end
  if count ~= rawlen(value) then return "the list has a hole" end
end

-- "keys[3] and keys[7] are both "a""
local function check_key(value, seen, i)
  local key = rawget(value, i)
  if type(key) ~= "string" then return ("keys[%d] must be text, not %s"):format(i, err.show(key)) end
  local fault = place.impossible(key)
  if fault then return ("keys[%d] is %s, which cannot be used: %s"):format(i, err.show(key), fault) end
  if seen[key] then return ("keys[%d] and keys[%d] are both %s"):format(seen[key], i, err.show(key)) end
  seen[key] = i
end

-- "a" as an object leaves no room for "a/b" in a directory.
local function check_nesting(seen)
  for key, i in pairs(seen) do
    local at = key:find("/", 1, true)
    while at do
      local other = seen[key:sub(1, at - 1)]
      if other then
        return ("keys[%d] (%s) and keys[%d] (%s) exclude each other: a file cannot also be a directory")
          :format(other, err.show(key:sub(1, at - 1)), i, err.show(key))
      end
      at = key:find("/", at + 1, true)
    end
  end
end

-- Why the keys of a checked list cannot all be paths below one directory, or nil.
function keys.path_fault(list)
  local seen = {}
  for i, key in ipairs(list) do
    local fault = place.unsafe(key)
    if fault then return ("keys[%d] is %s, which cannot be used: %s"):format(i, err.show(key), fault) end
    seen[key] = i
  end
  return check_nesting(seen)
end

-- A copy of the list; nil and why not.
function keys.check(value)
  if type(value) ~= "table" then return nil, "a list of keys is expected, not " .. err.show(value) end
  local fault = check_list(value)
  local seen = {}
  for i = 1, rawlen(value) do
    fault = fault or check_key(value, seen, i)
    if fault then return nil, fault end
  end
  if fault then return nil, fault end
  return table.move(value, 1, rawlen(value), 1, {})
end

return keys
