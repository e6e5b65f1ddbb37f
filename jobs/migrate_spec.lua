local test = require "haul.test"

describe("migrate", function()
  local function migrate(world, more)
    local parameters = { bucket = "photos", target = "archive", service = "tos" }
    for name, value in pairs(more or {}) do parameters[name] = value end
    return world:run("migrate.lua", parameters)
  end

  local function source()
    local world = test.world()
    world:store("oss://photos", {
      ["2026/a.jpg"] = { test.bytes "20MiB", content_type = "image/jpeg", metadata = { owner = "alice" } },
      ["2026/b.jpg"] = "small", ["tmp/c.jpg"] = "no",
    })
    return world
  end

  for _, service in ipairs { "tos", "s3" } do
    it("moves a bucket to " .. service .. ", and the next time only what is new", function()
      local world = source()
      migrate(world, { service = service, exclude = "tmp/" }):expect(0)
      assert.same({ "2026/a.jpg", "2026/b.jpg" }, world:list(service .. "://archive"))
      assert.equal("alice", world:head("archive", "2026/a.jpg").metadata.owner)
      world:advance "24h"
      world:store("oss://photos", { ["2026/d.jpg"] = "new" })
      local second = migrate(world, { service = service, exclude = "tmp/" }):expect(0)
      assert.equal(1, second:count "object_succeeded")
      assert.equal(1, #second:requested "get")
    end)
  end

  it("outlasts an hour in which the source does not answer", function()
    local world = source()
    world:fault("photos", "get", { with = "timeout", times = 8 })
    migrate(world):expect(0)
    assert.equal(3, #world:list "archive")
  end)

  it("ends where too much fails", function()
    local world, many = test.world(), {}
    for i = 1, 1500 do many[("k%04d"):format(i)] = "x" end
    world:store("oss://photos", many)
    world:fault("archive", "put", { with = "denied", times = math.huge })
    local run = migrate(world):expect(6)
    assert.is_true(run:count "object_failed" < 1500)
  end)
end)
