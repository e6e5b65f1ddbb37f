local test = require "haul.test"

describe("web_fetch", function()
  it("fetches a list of addresses, and passes over a dead link", function()
    local world = test.world()
    local list = world:file("urls.txt", "https://example.org/pub/a.iso\n\n# a comment\nhttps://example.org/gone\n")
    world:store("https://example.org", { ["pub/a.iso"] = test.bytes "20MiB" })
    local run = world:run("web_fetch.lua", { list = list, target = "/srv/mirror" }):expect(0)
    assert.same({ "example.org/pub/a.iso" }, world:list "/srv/mirror")
    assert.equal("it is not there any more", run:find("object_skipped").reason)
  end)
end)
