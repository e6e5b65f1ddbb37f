local test = require "haul.test"

describe("download", function()
  it("puts what is below a prefix into a directory", function()
    local world = test.world()
    world:store("archive", { ["2026/a.bin"] = test.bytes "20MiB", ["2026/b/c"] = "hello", ["2025/old"] = "no" })
    world:run("download.lua", { bucket = "archive", prefix = "2026/", target = "/srv/restored" }):expect(0)
    assert.same({ "a.bin", "b/c" }, world:list "/srv/restored")
    assert.is_true(world:read("/srv/restored", "a.bin") == test.bytes "20MiB")
  end)

  it("leaves no half of a file when the bytes are wrong on their way", function()
    local world = test.world()
    world:store("archive", { ["a.bin"] = test.bytes "20MiB" })
    world:fault("archive", "get", { with = "corrupt", times = math.huge })
    world:run("download.lua", { bucket = "archive", target = "/srv/restored" }):expect(1)
    assert.same({}, world:list "/srv/restored")
  end)
end)
