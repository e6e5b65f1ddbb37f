-- The time of day in which a job may run, with the clock and the time zone set.
local core = require "support.probe" "core_units"

local UTC, BERLIN = "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3"
local DAY = 20454 * 86400 -- 2026-01-01 UTC

local function clock(text) return math.tointeger(text:sub(1, 2)) * 60 + math.tointeger(text:sub(4)) end

-- at: seconds since 1970; wants open and the seconds until that changes
local function check(from, to, at, zone, open, until_)
  local is_open, change = core.window(clock(from), clock(to), at * 1000, zone)
  assert.equal(open, is_open)
  assert.equal(until_, change // 1000 - at)
end

describe("a window", function()
  it("within a day", function()
    check("08:00", "20:00", DAY + 7 * 3600, UTC, false, 3600)
    check("08:00", "20:00", DAY + 8 * 3600, UTC, true, 12 * 3600)
    check("08:00", "20:00", DAY + 20 * 3600 - 1, UTC, true, 1)
    check("08:00", "20:00", DAY + 20 * 3600, UTC, false, 12 * 3600)
  end)

  it("over midnight", function()
    check("22:00", "06:00", DAY + 23 * 3600, UTC, true, 7 * 3600)
    check("22:00", "06:00", DAY + 5 * 3600 + 1800, UTC, true, 1800)
    check("22:00", "06:00", DAY + 6 * 3600, UTC, false, 16 * 3600)
  end)

  it("up to midnight", function()
    check("18:00", "00:00", DAY + 23 * 3600, UTC, true, 3600)
    check("18:00", "00:00", DAY, UTC, false, 18 * 3600)
  end)

  -- 2026-03-29: at 02:00 it is 03:00; 2026-10-25: at 03:00 it is 02:00.
  it("is an hour shorter in the night that has one less", function()
    local evening = (20541 - 1) * 86400 + 21 * 3600 -- 2026-03-28 22:00 in Berlin
    check("22:00", "06:00", evening, BERLIN, true, 7 * 3600)
  end)

  it("is an hour longer in the night that has one more", function()
    local evening = (20751 - 1) * 86400 + 20 * 3600 -- 2026-10-24 22:00 in Berlin
    check("22:00", "06:00", evening, BERLIN, true, 9 * 3600)
  end)
end)
