local test = require "haul.test"
local JOB = debug.getinfo(1, "S").source:match "^@(.*)_spec%.lua$" .. ".lua" -- beside this file

-- The list is read by the job file itself: it is a real file.
describe("web_fetch", function()
  local path = os.tmpname()

  after_each(function() os.remove(path) end)

  it("fetches a list of addresses, and passes over a dead link", function()
    local list <close> = assert(io.open(path, "w"))
    list:write "https://example.org/pub/a.iso\n\n# a comment\nhttps://example.org/gone\n"
    list:close()
    local world = test.world()
    world:store("https://example.org", { ["pub/a.iso"] = test.bytes "20MiB" })
    local run = world:run(JOB, { list = path, target = "/srv/mirror" }):expect(0)
    assert.same({ "example.org/pub/a.iso" }, world:list "/srv/mirror")
    assert.equal("it is not there any more", run:find("object_skipped").reason)
  end)
end)
