-- haul.schedule { ["mon-fri 08:00-20:00"] = "20MiB/s", otherwise = "unlimited" }: a limit by weekday and
-- time of day; and the options that take one, or a function that is asked while the job runs.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local schedule = {}

local private = setmetatable({}, { __mode = "k" }) -- schedule -> { spans =, otherwise =, where = }
local meta = { __name = "haul.schedule", __metatable = false }
meta.__tostring = function() return "haul.schedule" end

local days = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" }
local number_of = {}
for i, name in ipairs(days) do number_of[name] = i - 1 end
local DAY <const>, WEEK <const> = 24 * 60, 7 * 24 * 60

-- "22:00" -> minutes of the day, or nil.
function schedule.minutes(text)
  local hour, minute = (type(text) == "string" and text or ""):match("^(%d%d?):(%d%d)$")
  hour, minute = math.tointeger(tonumber(hour)), math.tointeger(tonumber(minute))
  return hour and hour < 24 and minute < 60 and hour * 60 + minute or nil
end

-- Times ------------------------------------------------------------------------------------------------

local function day_of(word)
  local number = number_of[word]
  if number then return number end
  return nil, ("%s is no day%s: days are sun, mon, tue, wed, thu, fri and sat"):format(err.show(word), err.hint(word, days))
end

-- "mon-fri,sun" -> bits, Sunday the lowest
local function read_days(text)
  local bits = 0
  for part in (text .. ","):gmatch "([^,]*)," do
    local first, last = part:match "^(%a+)%-(%a+)$"
    local from, reason = day_of(first or part)
    if not from then return nil, reason end
    local to = from
    if last then to, reason = day_of(last) end
    if not to then return nil, reason end
    for i = 0, (to - from) % 7 do bits = bits | 1 << (from + i) % 7 end
  end
  return bits
end

local function read_times(text)
  local first, last = text:match "^([%d:]+)%-([%d:]+)$"
  local from, to = schedule.minutes(first), last == "24:00" and DAY or schedule.minutes(last)
  if not from or not to then return nil, nil, ('%s is no time such as "08:00-20:00"'):format(err.show(text)) end
  if from == to then return nil, nil, ('%s is empty: a whole day is "00:00-24:00"'):format(err.show(text)) end
  return from, to
end

-- "mon-fri 08:00-20:00", "sat,sun" or "08:00-20:00" -> a span, or nil and why not.
local function read_span(text)
  local words = {}
  for word in text:lower():gsub("%s*([,-])%s*", "%1"):gmatch "%S+" do words[#words + 1] = word end
  local times = words[#words] and words[#words]:find "^%d" and table.remove(words)
  if #words > 1 or #words == 0 and not times then
    return nil, 'a time is written "08:00-20:00", "sat,sun" or "mon-fri 08:00-20:00"'
  end
  local span, reason = { days = 127, from = 0, to = DAY, text = text }, nil
  if words[1] then span.days, reason = read_days(words[1]) end
  if not span.days then return nil, reason end
  if times then span.from, span.to, reason = read_times(times) end
  if not span.from then return nil, reason end
  return span
end

-- Checks -----------------------------------------------------------------------------------------------

-- Minutes of the week, sorted: { from, to, span }; what goes over its end comes in two.
local function stretches(spans)
  local list = {}
  for _, span in ipairs(spans) do
    local length = span.to - span.from + (span.to <= span.from and DAY or 0)
    for day = 0, 6 do
      if span.days >> day & 1 == 1 then
        local from = day * DAY + span.from
        list[#list + 1] = { from = from, to = math.min(from + length, WEEK), span = span }
        if from + length > WEEK then list[#list + 1] = { from = 0, to = from + length - WEEK, span = span } end
      end
    end
  end
  table.sort(list, function(a, b) return a.from ~= b.from and a.from < b.from or a.from == b.from and a.span.text < b.span.text end)
  return list
end

local function show_minute(minute)
  return ("%s %02d:%02d"):format(days[minute // DAY % 7 + 1], minute % DAY // 60, minute % 60)
end

-- No minute has two values, and without `otherwise` none has none.
local function check_week(spans, complete, where)
  local reached, last = 0, nil
  for _, stretch in ipairs(stretches(spans)) do
    if stretch.from < reached then
      err.raise(where, "haul.schedule", "'%s' and '%s' overlap: both hold on %s (a span over midnight belongs to the day "
        .. "it begins on)", last.text, stretch.span.text, show_minute(stretch.from))
    end
    if stretch.from > reached and not complete then break end
    reached, last = stretch.to, stretch.span
  end
  if reached < WEEK and not complete then
    err.raise(where, "haul.schedule", "nothing says what holds on %s: add otherwise = ...", show_minute(reached))
  end
end

schedule.new = core.located(function(where, entries)
  if type(entries) ~= "table" or getmetatable(entries) ~= nil then
    err.raise(where, "haul.schedule", "takes a table such as { [\"08:00-20:00\"] = \"20MiB/s\", otherwise = \"unlimited\" }, not %s",
      err.show(entries))
  end
  local fields = { spans = {}, where = where }
  for key, value in next, entries do
    if key == "otherwise" then
      fields.otherwise = value
    elseif type(key) ~= "string" then
      err.raise(where, "haul.schedule", "takes no entry without a time ([%s])", tostring(key))
    else
      local span, reason = read_span(key)
      if not span then err.raise(where, "haul.schedule", "%s: %s", err.show(key), reason) end
      span.value = value
      fields.spans[#fields.spans + 1] = span
    end
  end
  table.sort(fields.spans, function(a, b) return a.text < b.text end)
  check_week(fields.spans, fields.otherwise ~= nil, where)
  local self = setmetatable({}, meta)
  private[self] = fields
  return self
end)

function schedule.is(value)
  return private[value] ~= nil
end

-- Options that take one --------------------------------------------------------------------------------

-- A limit that is no number: { spans =, otherwise =, most = }, or { call = function(now, stats) -> number }.
local plans = setmetatable({}, { __mode = "k" })

local function plan(fields)
  plans[fields] = true
  return fields
end

-- Values by the kind of the option that the schedule was given to.
local function read_schedule(value, kind, option)
  local fields, spans, most = private[value], {}, nil
  local function read(text, of)
    local number, reason = schema.check_kind(kind, text, option)
    if not number then return nil, ("'%s': %s"):format(of, reason) end
    most = math.max(most or number, number)
    return number
  end
  for i, span in ipairs(fields.spans) do
    local number, reason = read(span.value, span.text)
    if not number then return nil, reason end
    spans[i] = { days = span.days, from = span.from, to = span.to, value = number }
  end
  local otherwise, reason = -1, nil
  if fields.otherwise ~= nil then otherwise, reason = read(fields.otherwise, "otherwise") end
  if not otherwise then return nil, reason end
  return plan { spans = spans, otherwise = otherwise, most = most }
end

-- What the function answers is read like the option.  Its error becomes a sentence: once a second is
-- too often for a traceback.
local function read_function(body, kind, option)
  return plan { call = function(now, stats)
    local good, answer = pcall(body, now, stats)
    if not good then return nil, tostring(answer) end
    local number, reason = schema.check_kind(kind, answer, option)
    return number, reason
  end }
end

local function changing(kind, asks)
  return function(value, option)
    if schedule.is(value) then return read_schedule(value, kind, option) end
    if asks and type(value) == "function" then return read_function(value, kind, option) end
    return schema.check_kind(kind, value, option)
  end
end

schema.kind("requests", function(value, option)
  if value == "unlimited" then return -1 end
  return schema.check_kind("number", value, option)
end)

schema.kind("changing_rate", changing("rate", true))
schema.kind("changing_requests", changing("requests", true))
schema.kind("changing_concurrency", changing("integer", false))

-- Limits as C reads them (runner/script/value_dials.c): what is no number goes to the list of dials.
-- A function that stands for two is kept, and asked, once.
local dials = {}
dials.__index = dials

function schedule.dials()
  return setmetatable({ list = {}, functions = {} }, dials)
end

function dials:number_of(call)
  for i, known in ipairs(self.functions) do
    if known == call then return i end
  end
  self.functions[#self.functions + 1] = call
  return #self.functions
end

-- The number that holds at first; kind and place (from 1) say whose limit it is.
function dials:take(kind, place, value)
  if not plans[value] then return math.floor(value) end
  local spans = {}
  for i, span in ipairs(value.spans or {}) do
    spans[i] = { days = span.days, from = span.from, to = span.to, value = math.floor(span.value) }
  end
  self.list[#self.list + 1] = { kind = kind, place = place, spans = spans, otherwise = math.floor(value.otherwise or -1),
    call = value.call and self:number_of(value.call) or 0 }
  return math.floor(value.most or -1)
end

return schedule
