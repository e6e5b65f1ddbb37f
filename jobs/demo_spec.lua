local test = require "haul.test"

describe("demo", function()
  local HOST = "https://s3.example.org"

  it("goes up and comes down", function()
    local world = test.world()
    world:dir("/from", { a = "1", big = test.bytes "20MiB" })
    world:run("demo.lua", { direction = "up", source = "/from", bucket = "demo", endpoint = HOST }):expect(0)
    assert.same({ "demo/a", "demo/big" }, world:list "demo")
    world:run("demo.lua", { direction = "down", target = "/to", bucket = "demo", endpoint = HOST }):expect(0)
    assert.is_true(world:read("/to", "big") == test.bytes "20MiB")
  end)
end)
