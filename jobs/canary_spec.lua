local test = require "haul.test"

describe("canary", function()
  local world

  before_each(function()
    local many = {}
    for i = 1, 200 do many[("%03d"):format(i)] = "object " .. i end
    world = test.world()
    world:dir("/srv/data", many)
  end)

  local function run()
    return world:run("canary.lua", { source = "/srv/data", bucket = "archive", first = 10, step = 20, most = 16 })
  end

  -- The most requests that were under way at once, up to object number n.
  local function width(it_run, n)
    local most = 0
    for _, event in ipairs(it_run:all "object_succeeded") do
      if n == 0 then break end
      n = n - 1
      local now = 0
      for _, request in ipairs(it_run:requested "put") do
        if request.time < event.time and request.time > event.time - 0.015 then now = now + 1 end
      end
      most = math.max(most, now)
    end
    return most
  end

  it("sends the first one by one, and the last many at a time", function()
    local it_run = run():expect(0)
    assert.equal(200, #world:list "archive")
    assert.is_true(width(it_run, 9) <= 2)
    assert.is_true(width(it_run, 200) > 4)
  end)

  it("stops when one of the first fails", function()
    world:fault("archive", "put", { skip = 5, with = "denied", times = math.huge })
    run():expect(7)
    assert.equal(5, #world:list "archive")
  end)

  it("goes on when one fails later", function()
    world:fault("archive", "put", { key = "150", with = "denied" })
    run():expect(1)
    assert.equal(199, #world:list "archive")
  end)
end)
