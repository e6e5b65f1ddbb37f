local test = require "haul.test"

describe("copy_dir", function()
  it("copies a tree", function()
    local world = test.world()
    world:dir("/srv/data", { a = "1", ["d/e/f"] = test.bytes "20MiB" })
    world:run("copy_dir.lua", { source = "/srv/data", target = "/mnt/backup" }):expect(0)
    assert.same({ "a", "d/e/f" }, world:list "/mnt/backup")
  end)

  it("keeps to its rate", function()
    local world = test.world()
    world:dir("/srv/data", { a = test.bytes "30MiB" })
    local run = world:run("copy_dir.lua", { source = "/srv/data", target = "/mnt/backup", rate = "1MiB/s" }):expect(0)
    assert.is_true(run.seconds > 28 and run.seconds < 32, tostring(run.seconds))
  end)
end)
