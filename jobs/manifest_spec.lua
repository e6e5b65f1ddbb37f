local test = require "haul.test"

describe("manifest", function()
  it("fetches what is named, under the names that are given, and tells what is missing", function()
    local world = test.world()
    local list = world:file("wanted.csv", "key,size,target\n2026/a,1,alice/a\ngone,5,\n2026/b,,\n")
    world:store("archive", { ["2026/a"] = "A", ["2026/b"] = "BB", ["2026/c"] = "unwanted" })
    local run = world:run("manifest.lua", { list = list, bucket = "archive", target = "/srv/restored" }):expect(0)
    assert.same({ "2026/b", "alice/a" }, world:list "/srv/restored")
    assert.equal("the bucket has no such object", run:find("object_skipped", { key = "gone" }).reason)
  end)
end)
