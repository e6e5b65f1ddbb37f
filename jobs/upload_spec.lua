local test = require "haul.test"
local JOB = debug.getinfo(1, "S").source:match "^@(.*)_spec%.lua$" .. ".lua" -- beside this file

describe("upload", function()
  it("sends what the directory has", function()
    local world = test.world()
    world:dir("/srv/data", { ["a/b.txt"] = "hello", ["big.bin"] = test.bytes "20MiB" })
    world:run(JOB, { source = "/srv/data", bucket = "archive", prefix = "2026/" }):expect(0)
    assert.same({ "2026/a/b.txt", "2026/big.bin" }, world:list "archive")
    assert.equal("text/plain", world:head("archive", "2026/a/b.txt").content_type)
  end)

  it("carries on after a crash, sending only what is missing", function()
    local world = test.world()
    world:dir("/srv/data", { ["big.bin"] = test.bytes "40MiB" })
    world:fault("archive", "upload_part", { part = 4, crash = true })
    local first = world:run(JOB, { source = "/srv/data", bucket = "archive" })
    assert.equal("crashed", first.state)
    assert.same({}, world:list "archive")
    local second = world:run(JOB, { source = "/srv/data", bucket = "archive" }):expect(0)
    assert.equal(5, first:count "part_succeeded" + second:count "part_succeeded")
    assert.is_true(world:read("archive", "big.bin") == test.bytes "40MiB")
  end)
end)
