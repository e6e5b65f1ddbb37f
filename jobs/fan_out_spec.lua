local test = require "haul.test"

describe("fan_out", function()
  local PARAMETERS = { source = "/releases", prefix = "v7/", s3_bucket = "west", oss_bucket = "east" }

  it("sends to both, and goes on with one when the other refuses", function()
    local world = test.world()
    world:dir("/releases", { ["a.tar"] = test.bytes "20MiB", ["b.txt"] = "b" })
    world:fault("east", "put", { key = "v7/b.txt", with = "denied" })
    local run = world:run("fan_out.lua", PARAMETERS):expect(1)
    assert.same({ "v7/a.tar", "v7/b.txt" }, world:list "west")
    assert.same({ "v7/a.tar" }, world:list "east")
    assert.equal("east", run:find("object_failed").bucket)
    assert.equal("public, max-age=31536000, immutable", world:head("west", "v7/b.txt").cache_control)
  end)
end)
