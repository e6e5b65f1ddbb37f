local test = require "haul.test"

describe("retry_policy", function()
  local PARAMETERS = { source = "/srv/data", bucket = "archive" }
  local world

  before_each(function()
    world = test.world()
    world:dir("/srv/data", { a = "1", b = "2", big = test.bytes "20MiB" })
  end)

  it("waits as the hook says when a store asks to slow down", function()
    world:fault("archive", "upload_part", { part = 2, with = "throttled", times = 2 })
    local run = world:run("retry_policy.lua", PARAMETERS):expect(0)
    assert.equal(2, run:count("part_failed", { ["error.kind"] = "throttled" }))
    assert.is_true(run.seconds > 10, tostring(run.seconds)) -- twice five seconds
  end)

  it("passes over what is denied, and stops when that is too much", function()
    world:fault("archive", "put", { key = "a", with = "denied" })
    local run = world:run("retry_policy.lua", PARAMETERS):expect(0)
    assert.equal("not allowed", run:find("object_skipped", { key = "a" }).reason)
    assert.same({ "b", "big" }, world:list "archive")

    local many = {}
    for i = 1, 30 do many[("%02d"):format(i)] = "x" end
    world:dir("/srv/many", many)
    world:fault("archive", "put", { with = "denied", times = math.huge })
    world:run("retry_policy.lua", { source = "/srv/many", bucket = "archive" }, { fresh = true }):expect(7)
  end)

  it("puts off what fails four times, until everything else is done", function()
    world:fault("archive", "upload_part", { part = 1, with = "server", times = 4 })
    local run = world:run("retry_policy.lua", PARAMETERS):expect(0)
    assert.equal("big", run:all("object_succeeded")[3].key)
  end)
end)
