local test = require "haul.test"

describe("website", function()
  local function publish(world) return world:run("website.lua", { source = "/public", bucket = "www" }):expect(0) end

  it("lets browsers keep what has a hash in its name, and ask for pages", function()
    local world = test.world()
    world:dir("/public", { ["index.html"] = "<p>", ["app.0123abcd.js"] = "1", ["style.css"] = "2", ["x.webmanifest"] = "{}" })
    local run = publish(world)
    assert.equal("no-cache", world:head("www", "index.html").cache_control)
    assert.equal("public, max-age=31536000, immutable", world:head("www", "app.0123abcd.js").cache_control)
    assert.equal("public, max-age=300", world:head("www", "style.css").cache_control)
    assert.equal("application/manifest+json", world:head("www", "x.webmanifest").content_type)
    assert.equal("index.html", run:all("object_succeeded")[4].key)
  end)

  it("deletes a page that is gone, and keeps files that old pages name", function()
    local world = test.world()
    world:dir("/public", { ["a.html"] = "1", ["b.html"] = "2", ["c.js"] = "3" })
    publish(world)
    world:remove("/public", "a.html")
    world:remove("/public", "c.js")
    world:dir("/public", { ["d.js"] = "4" })
    publish(world)
    assert.same({ "b.html", "c.js", "d.js" }, world:list "www")
  end)
end)
