local test = require "haul.test"

describe("nights", function()
  local PARAMETERS = { source = "/srv/archive", bucket = "cold", rate = "1KiB/s" }

  it("takes the nights that it needs, and sends nothing twice", function()
    local world = test.world { clock = "2026-11-20T22:00:00" }
    world:dir("/srv/archive", { ["a.bin"] = test.bytes("40MiB", 1), ["b.bin"] = test.bytes("40MiB", 2) })
    local moved, nights, run = 0, 0
    repeat
      run = world:run("nights.lua", PARAMETERS)
      moved, nights = moved + run.summary.bytes_moved, nights + 1
      world.clock = ("2026-11-%02dT22:00:00"):format(20 + nights)
    until run.status ~= 10 or nights == 9
    run:expect(0)
    assert.equal(4, nights) -- eight hours of 1 KiB/s are 28 MiB: three of ten parts, and some of a fourth
    assert.is_true(moved < 82 << 20, tostring(moved))
    assert.is_true(world:read("cold", "b.bin") == test.bytes("40MiB", 2))
  end)

  it("does nothing by day", function()
    local world = test.world { clock = "2026-11-20T12:00:00" }
    world:dir("/srv/archive", { a = "1" })
    world:run("nights.lua", PARAMETERS):expect(10)
    assert.same({}, world:list "cold")
  end)
end)
