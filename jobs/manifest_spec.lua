local test = require "haul.test"
local JOB = debug.getinfo(1, "S").source:match "^@(.*)_spec%.lua$" .. ".lua" -- beside this file

-- The list is read by haul itself: it is a real file.
describe("manifest", function()
  local path = os.tmpname() .. ".csv"

  after_each(function() os.remove(path) end)

  it("fetches what is named, under the names that are given, and tells what is missing", function()
    local list <close> = assert(io.open(path, "w"))
    list:write "key,size,target\n2026/a,1,alice/a\ngone,5,\n2026/b,,\n"
    list:close()
    local world = test.world()
    world:store("archive", { ["2026/a"] = "A", ["2026/b"] = "BB", ["2026/c"] = "unwanted" })
    local run = world:run(JOB, { list = path, bucket = "archive", target = "/srv/restored" }):expect(0)
    assert.same({ "2026/b", "alice/a" }, world:list "/srv/restored")
    assert.equal("the bucket has no such object", run:find("object_skipped", { key = "gone" }).reason)
  end)
end)
