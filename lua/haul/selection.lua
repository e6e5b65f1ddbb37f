-- Which objects of a source a task takes: kinds of options.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local selection = {}

-- One pattern or a list of them; see runner/base/glob.h.
schema.kind("globs", function(value)
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" then return nil, "a pattern or a list of them is expected, not " .. err.show(value) end
  local list = {}
  for key in next, value do
    if math.type(key) ~= "integer" then return nil, "a plain list of patterns is expected" end
  end
  for i = 1, rawlen(value) do
    local pattern = rawget(value, i)
    if type(pattern) ~= "string" then return nil, ("pattern %d must be text, not %s"):format(i, err.show(pattern)) end
    local reason = core.glob_fault(pattern)
    if reason then return nil, ("%s is no pattern: %s"):format(err.show(pattern), reason) end
    list[i] = pattern
  end
  return list
end)

-- Days since 1970 of a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

-- A year has no 30 February.
local function in_month(year, month, day)
  local next_year, next_month = year + month // 12, month % 12 + 1
  return day >= 1 and day <= days(next_year, next_month, 1) - days(year, month, 1)
end

-- "2026-11-20" or "2026-11-20T10:00:00Z" -> milliseconds since 1970
local function moment(text)
  local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return end
  local hour, minute, second = 0, 0, 0
  if rest ~= "" then
    hour, minute, second = rest:match("^T(%d%d):(%d%d):(%d%d)Z$")
    if not hour then return end
  end
  local numbers = { year, month, day, hour, minute, second }
  for i, digits in ipairs(numbers) do numbers[i] = math.tointeger(tonumber(digits)) end
  local real = numbers[2] >= 1 and numbers[2] <= 12 and in_month(numbers[1], numbers[2], numbers[3])
  if not real or numbers[4] > 23 or numbers[5] > 59 or numbers[6] > 60 then return end
  return ((days(numbers[1], numbers[2], numbers[3]) * 24 + numbers[4]) * 60 + numbers[5]) * 60000 + numbers[6] * 1000
end

-- An age ("7d", "2w", "90m") or a date: the moment it stands for, in milliseconds since 1970.
schema.kind("moment", function(value)
  if type(value) ~= "string" then
    return nil, ("an age such as \"7d\", or a date such as \"2026-11-20\", is expected, not %s"):format(err.show(value))
  end
  local at = moment(value)
  if at then return at end
  local weeks = value:match("^(%d+)w$")
  local age, reason = core.duration(weeks and ("%dd"):format(7 * weeks) or value)
  if not age then
    return nil, ("%s is no age such as \"7d\" and no date such as \"2026-11-20\" (%s)"):format(err.show(value), reason)
  end
  return math.max(1, math.floor(core.now() * 1000) - age)
end)

-- "25%", or a whole number: a share from 0 to 1 and -1, or 1 and the number.
schema.kind("quota", function(value)
  local percent = type(value) == "string" and tonumber(value:match("^([%d.]+)%%$"))
  if percent and percent <= 100 then return { share = percent / 100, count = -1 } end
  local count = type(value) == "number" and math.tointeger(value)
  if count and count >= 0 then return { share = 1.0, count = count } end
  return nil, ("a share such as \"25%%\", or a number of objects, is expected, not %s"):format(err.show(value))
end)

schema.kind("function", function(value)
  if type(value) ~= "function" then return nil, "a function is expected, not " .. err.show(value) end
  return value
end)

local SPLITS_MAX = 4096

-- Keys at which a listing is divided, in order.
schema.kind("splits", function(value)
  if type(value) ~= "table" then return nil, "a list of keys is expected, not " .. err.show(value) end
  local list = {}
  for i = 1, rawlen(value) do
    local key = rawget(value, i)
    if type(key) ~= "string" or key == "" then return nil, ("key %d must be text"):format(i) end
    if list[i - 1] and list[i - 1] >= key then
      return nil, ("the keys must ascend, and %s does not come after %s"):format(err.show(key), err.show(list[i - 1]))
    end
    list[i] = key
  end
  if #list == 0 or #list > SPLITS_MAX then return nil, ("1 to %d keys are expected"):format(SPLITS_MAX) end
  return list
end)

selection.options = {
  { "include", kind = "globs", doc = "patterns: only what one of them matches" },
  { "exclude", kind = "globs", doc = "patterns: nothing that one of them matches" },
  { "min_size", kind = "size", doc = "no smaller objects" },
  { "max_size", kind = "size", doc = "no larger objects" },
  { "newer_than", kind = "moment", doc = "modified since: an age such as \"7d\", or a date" },
  { "older_than", kind = "moment", doc = "modified before: an age such as \"7d\", or a date" },
  { "where", kind = "function", doc = "function(object): true takes it" },
  { "listing", kind = "splits", doc = "keys at which a bucket is divided, to be listed in ranges side by side" },
}

-- The fields that C reads.
function selection.normalize(fields)
  return {
    include = fields.include or {}, exclude = fields.exclude or {},
    min_size = fields.min_size or -1, max_size = fields.max_size or -1,
    since = fields.newer_than or 0, until_ = fields.older_than or 0,
  }
end

return selection
