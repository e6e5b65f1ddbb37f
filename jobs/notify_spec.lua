local test = require "haul.test"

describe("notify", function()
  local world
  local CHAT, DASHBOARD = "https://chat.example.org/hooks/1", "https://dashboard.example.org/haul"

  before_each(function()
    local many = {}
    for i = 1, 20 do many[("%02d"):format(i)] = "object " .. i end
    world = test.world()
    world:dir("/srv/data", many)
    world:http("https://*", { status = 200 })
    world:exec("*sendmail*", { status = 0 })
  end)

  local function run(status)
    return world:run("notify.lua", { source = "/srv/data", bucket = "backup", chat = CHAT, dashboard = DASHBOARD,
      mail = "ops@example.org" }):expect(status)
  end

  local function told(url)
    local list = {}
    for _, request in ipairs(world.http_requests) do
      if request.url == url then list[#list + 1] = request.body end
    end
    return list
  end

  it("leaves people alone when all is well", function()
    run(0)
    assert.same({}, told(CHAT))
    assert.same({}, world.commands)
    assert.equal(1, #told(DASHBOARD))
    assert.truthy(told(DASHBOARD)[1]:find('"objects_done":20', 1, true))
  end)

  it("tells of the first failures at once, and of the night in a mail", function()
    world:fault("backup", "put", { key = "1*", with = "denied", times = math.huge })
    run(1)
    assert.equal(4, #told(CHAT)) -- three objects, and the end
    assert.truthy(told(CHAT)[1]:find("object failed", 1, true), told(CHAT)[1])
    assert.truthy(told(CHAT)[4]:find("10 failed", 1, true), told(CHAT)[4])
    assert.equal(1, #world.commands)
    assert.truthy(world.commands[1].stdin:find("ops@example.org", 1, true))
  end)

  it("tells when a guard stops it", function()
    run(0)
    for i = 1, 10 do world:remove("/srv/data", ("%02d"):format(i)) end
    run(6)
    assert.equal(1, #told(CHAT))
    assert.equal(20, #world:list "backup")
  end)

  it("does its work when nobody listens", function()
    local deaf = test.world()
    deaf:dir("/srv/data", { a = "1" })
    deaf:http("https://*", { error = "timeout" })
    deaf:run("notify.lua", { source = "/srv/data", bucket = "backup", chat = CHAT, dashboard = DASHBOARD }):expect(0)
    assert.same({ "a" }, deaf:list "backup")
  end)
end)
