-- Numbers by time of day and weekday, over years, with the clock and the time zone set.
local probe = require "support.probe" "schedule"

local ZONES = {
  utc = "UTC0",
  berlin = "CET-1CEST,M3.5.0,M10.5.0/3",
  new_york = "EST5EDT,M3.2.0,M11.1.0",
  shanghai = "CST-8",
  kolkata = "IST-5:30",
  adelaide = "ACST-9:30ACDT,M10.1.0,M4.1.0/3",
  lord_howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", -- put forward by half an hour
  asuncion = "<-04>4<-03>,M10.1.0/0,M3.4.0/0", -- at midnight, back into the day before
  st_johns = "NST3:30NDT,M3.2.0,M11.1.0",
}
local DAYS = { sun = 1, mon = 2, tue = 4, wed = 8, thu = 16, fri = 32, sat = 64 }
local START = 1767225600 -- 2026-01-01 00:00 UTC

local function minutes(text) return math.tointeger(text:sub(1, 2)) * 60 + math.tointeger(text:sub(4)) end

-- "mon fri 22:00-06:00" -> a span
local function span(text, value)
  local days, from, to = 0, text:match("(%d%d:%d%d)-(%d%d:%d%d)")
  for word in text:gmatch("%a+") do days = days | DAYS[word] end
  return { days = days == 0 and 127 or days, from = minutes(from), to = minutes(to), value = value }
end

-- What clocks show decides: the same in another way, by os.date.
local function expected(spans, otherwise, second)
  local now = os.date("*t", second)
  local minute, today, before = now.hour * 60 + now.min, 1 << (now.wday - 1), 1 << (now.wday + 5) % 7
  for _, it in ipairs(spans) do
    local wraps = it.to <= it.from
    if it.days & today ~= 0 and minute >= it.from and (wraps or minute < it.to) then return it.value end
    if wraps and it.days & before ~= 0 and minute < it.to then return it.value end
  end
  return otherwise
end

local SCHEDULES = {
  day = { span("08:00-20:00", 1) },
  night = { span("22:00-06:00", 1) },
  short = { span("02:15-02:45", 1) }, -- it may not come at all, or come twice
  week = { span("mon tue wed thu fri 08:00-18:30", 1), span("mon tue wed thu 22:00-06:00", 2), span("sat sun 00:00-24:00", 3) },
  edges = { span("sat 23:30-00:30", 1), span("sun 00:30-03:00", 2), span("sun 03:00-24:00", 3) },
}

describe("a schedule", function()
  after_each(function() probe.zone(ZONES.utc) end)

  for zone, tz in pairs(ZONES) do
    for name, spans in pairs(SCHEDULES) do
      it(("'%s' in %s is right for two years, and says when it changes"):format(name, zone), function()
        probe.zone(tz)
        local at, turns, last = START, 0, START + 2 * 366 * 86400
        while at < last do
          local value, change = probe.at(spans, 7, at * 1000)
          change = change // 1000
          turns = turns + 1
          assert.is_true(change > at and change - at <= 9 * 86400, "it spins, or forgets to ask")
          assert.equal(expected(spans, 7, at), value)
          assert.equal(value, expected(spans, 7, change - 1))
          if change - at < 8 * 86400 then assert.not_equal(value, expected(spans, 7, change)) end
          for second = at, change - 1, 1801 do -- nothing between was missed
            if expected(spans, 7, second) ~= value then error("missed a change at " .. os.date("%c %z", second)) end
          end
          at = change
        end
        assert.is_true(turns < 2 * 366 * 6, turns .. " turns")
      end)
    end
  end

  -- Days of 2026: in Berlin clocks are put forward on March 29 at 02:00, back on October 25 at 03:00.
  local function changes(spans, from, to)
    probe.zone(ZONES.berlin)
    local list, at = {}, os.time(from)
    while true do
      local value, change = probe.at(spans, 0, at * 1000)
      list[#list + 1] = ("%s %d"):format(os.date("%d %H:%M %Z", at), value)
      at = change // 1000
      if at >= os.time(to) then return list end
    end
  end

  it("is an hour shorter in the night that has one less", function()
    assert.same({ "28 12:00 CET 0", "28 22:00 CET 1", "29 06:00 CEST 0" }, changes({ span("22:00-06:00", 1) },
      { year = 2026, month = 3, day = 28, hour = 12 }, { year = 2026, month = 3, day = 29, hour = 12 }))
    local _, change = probe.at({ span("22:00-06:00", 1) }, 0, os.time { year = 2026, month = 3, day = 28, hour = 22 } * 1000)
    assert.equal(7 * 3600, change // 1000 - os.time { year = 2026, month = 3, day = 28, hour = 22 })
  end)

  it("begins late where its beginning is missing, and does not come where all of it is", function()
    assert.same({ "29 00:00 CET 0", "29 03:00 CEST 1", "29 04:00 CEST 0" }, changes({ span("02:30-04:00", 1) },
      { year = 2026, month = 3, day = 29, hour = 0 }, { year = 2026, month = 3, day = 29, hour = 12 }))
    assert.same({ "29 00:00 CET 0" }, changes({ span("02:15-02:45", 1) },
      { year = 2026, month = 3, day = 29, hour = 0 }, { year = 2026, month = 3, day = 29, hour = 12 }))
  end)

  it("comes twice where its time does", function()
    assert.same({ "25 00:00 CEST 0", "25 02:15 CEST 1", "25 02:45 CEST 0", "25 02:15 CET 1", "25 02:45 CET 0" },
      changes({ span("02:15-02:45", 1) },
        { year = 2026, month = 10, day = 25, hour = 0 }, { year = 2026, month = 10, day = 25, hour = 12 }))
  end)

  it("over midnight belongs to the day it begins on", function()
    assert.same({ "04 12:00 CEST 0", "04 22:00 CEST 1", "05 06:00 CEST 0" }, changes({ span("sat 22:00-06:00", 1) },
      { year = 2026, month = 7, day = 4, hour = 12 }, { year = 2026, month = 7, day = 7, hour = 12 }))
  end)

  it("that never changes is asked again after eight days, also where its spans meet", function()
    for _, spans in ipairs { {}, { span("00:00-12:00", 5), span("12:00-24:00", 5) } } do
      local value, change = probe.at(spans, 5, START * 1000 + 999)
      assert.equal(5, value)
      assert.is_true(change // 1000 - START >= 8 * 86400 and change // 1000 - START <= 9 * 86400)
    end
  end)
end)
