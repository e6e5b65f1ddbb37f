local test = require "haul.test"

describe("office_hours", function()
  local function send(clock, more)
    local world = test.world { clock = clock }
    world:dir("/srv/data", { big = test.bytes "64MiB" })
    local parameters = { source = "/srv/data", bucket = "archive", by_day = "1MiB/s", by_night = "16MiB/s" }
    for name, value in pairs(more or {}) do parameters[name] = value end
    return world:run("office_hours.lua", parameters):expect(0).seconds
  end

  it("is slow on a working day and fast at night and at weekends", function()
    assert.is_true(send "2026-11-20T12:00:00" > 60) -- a Friday
    assert.is_true(send "2026-11-20T20:00:00" < 8)
    assert.is_true(send "2026-11-21T12:00:00" < 8)
  end)

  it("changes while it runs", function()
    local seconds = send "2026-11-20T17:59:30" -- 30 of 64 MiB by day, 34 MiB in some two seconds
    assert.is_true(seconds > 30 and seconds < 36, tostring(seconds))
  end)

  it("takes other hours", function()
    assert.is_true(send("2026-11-21T12:00:00", { office = "sat,sun" }) > 60)
  end)
end)
