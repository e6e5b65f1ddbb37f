local test = require "haul.test"

describe("nightly", function()
  local world

  before_each(function()
    world = test.world { clock = "2026-11-20T22:00:00" }
    world:dir("/srv/data", { a = "1", b = "2", c = "3", d = "4", e = "5", f = "6", ["x.tmp"] = "never" })
  end)

  local function night(more)
    local parameters = { source = "/srv/data", bucket = "backup" }
    for name, value in pairs(more or {}) do parameters[name] = value end
    local run = world:run("nightly.lua", parameters)
    world:advance "24h"
    return run
  end

  it("mirrors, deletes what is gone, and asks for lists only when nothing has changed", function()
    night():expect(0)
    assert.same({ "a", "b", "c", "d", "e", "f" }, world:list "backup")
    local second = night():expect(0)
    assert.equal(#second.requests, #second:requested "list")
    world:remove("/srv/data", "a")
    assert.equal(1, night():expect(0):count "object_deleted")
    assert.same({ "b", "c", "d", "e", "f" }, world:list "backup")
  end)

  it("deletes nothing when the source looks empty, or has lost too much", function()
    night():expect(0)
    for _, name in ipairs { "a", "b" } do world:remove("/srv/data", name) end
    night():expect(6)
    for _, name in ipairs { "c", "d", "e", "f" } do world:remove("/srv/data", name) end
    night():expect(6)
    assert.equal(6, #world:list "backup")
  end)

  it("deletes nothing when the losses of a week add up", function()
    night { weekly_deletes = 1 }:expect(0)
    world:remove("/srv/data", "a")
    night { weekly_deletes = 1 }:expect(0)
    world:remove("/srv/data", "b")
    night { weekly_deletes = 1 }:expect(6)
    for _ = 1, 5 do night { weekly_deletes = 1 }:expect(6) end
    night { weekly_deletes = 1 }:expect(0)
    assert.same({ "c", "d", "e", "f" }, world:list "backup")
  end)

  it("is parked when its hours are over, and carries on the next night", function()
    world:dir("/srv/data", { big = test.bytes "40MiB" })
    world.clock = "2026-11-21T05:59:59"
    world:fault("backup", "upload_part", { with = "server", times = 20 })
    night():expect(10)
    world.clock = "2026-11-21T22:00:00"
    night():expect(0)
    assert.is_true(world:read("backup", "big") == test.bytes "40MiB")
  end)
end)
