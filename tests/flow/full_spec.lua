-- verify = "full": what arrived is read back and compared with its source, and who says so.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "full", concurrency = 4, part_size = "$part", retry = { attempts = 2, base = "5ms", cap = "10ms" },
  haul.copy { from = $from / "p/", to = $to / "p/", $more },
}
]]

local SIZES = { empty = 0, small = 1000, ["d/large"] = 3 * 5242880 + 11 }

local DIALECTS = { oss = { dialect = "oss" }, tos = { dialect = "tos" }, s3 = { dialect = "s3" },
  ["s3 without sums"] = { dialect = "s3", no_checksums = true } }

describe("a copy that is read back", function()
  local world, dir

  before_each(function()
    world = haul.world()
    dir = files.mkdir(world:path "dir")
  end)
  after_each(function() world:remove() end)

  local function side(name)
    if name == "dir" then return nil, ("haul.dir(%q)"):format(dir) end
    local host = server.fault(DIALECTS[name])
    for key, value in pairs(host.keys) do world.env[key] = value end
    return host, host.store
  end

  local function run(from, to, more)
    world:job(JOB, { from = { from }, to = { to }, more = { more or 'verify = "full"' }, part = { "5MiB" } })
    return world:run()
  end

  local function put(host, sizes)
    for name, size in pairs(sizes or SIZES) do
      if host then
        host:put("p/" .. name, { size = size, seed = name })
      else
        files.mkdir((dir .. "/p/" .. name):match("^(.*)/"))
        files.random(dir .. "/p/" .. name, size, #name)
      end
    end
  end

  for _, pair in ipairs { { "dir", "oss" }, { "dir", "s3" }, { "dir", "s3 without sums" }, { "oss", "dir" },
    { "s3 without sums", "dir" }, { "oss", "tos" }, { "s3", "s3 without sums" } } do
    it("from " .. pair[1] .. " to " .. pair[2] .. " is told to be", function()
      local host, from = side(pair[1])
      local target, to = side(pair[2])
      put(host)
      local it_ = run(from, to):expect(0)
      assert.equal(3, it_:count "object_succeeded")
      for _, name in ipairs { "small", "d/large" } do
        local told = it_:find("verified", { key = "p/" .. name })
        assert.is_true(told.read_back, name)
        assert.is_true(told.check ~= "none" and told.check ~= "size", told.check)
      end
      assert.equal(2, it_:find("job_finished").summary.objects_read_back)
      assert.truthy(it_.stderr:find("2 read back from the target", 1, true), it_.stderr)
      if target then
        local bytes = 0
        for _, entry in ipairs(target:requests "get") do bytes = bytes + (entry.key == "p/d/large" and 1 or 0) end
        assert.equal(1, bytes)
      end
    end)
  end

  it("and is not what was sent starts over, and fails in the end", function()
    local target, to = side "s3 without sums"
    put(nil, { small = 1000 })
    target:rules { op = "get", key = "p/small", with = "flip", times = 1 }
    local once = run(select(2, side "dir"), to):expect(0)
    assert.equal(1, once:count "verify_failed")
    assert.equal(2, #target:requests "put")
    target:rules { op = "get", key = "p/small", with = "flip", times = -1 }
    world:run({ args = { "--fresh" } }):expect(1)
  end)

  it("from a store with a flipped bit in its disk is found out", function()
    local target, to = side "s3"
    put(nil, { small = 1000 })
    target:rules { op = "put", key = "p/small", with = "store_flipped", times = 1 }
    local it_ = run(select(2, side "dir"), to):expect(0)
    assert.is_true(it_:count "verify_failed" >= 1)
    assert.equal(files.sum(dir .. "/p/small"), target:objects()["p/small"].sha256)
  end)

  it("is so where a function says so", function()
    local target, to = side "oss"
    put(nil, { a = 1000, b = 1000 })
    local it_ = run(select(2, side "dir"), to,
      'verify = function(object) return object.name == "a" and "full" or "auto" end'):expect(0)
    assert.is_true(it_:find("verified", { key = "p/a" }).read_back)
    assert.is_nil(it_:find("verified", { key = "p/b" }).read_back)
    assert.equal(1, #target:requests "get")
  end)

  it("fails the object where the function says something else", function()
    local _, to = side "oss"
    put(nil, { a = 1000 })
    local it_ = run(select(2, side "dir"), to, 'verify = function() return "none" end'):expect(1)
    assert.truthy(it_:find("object_failed").error.message:find("verify of", 1, true))
  end)
end)

describe("priority", function()
  local world, fault

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
  end)
  after_each(function() world:remove() end)

  local function order(more)
    for i = 1, 9 do fault:put("p/" .. i, { size = i, seed = "x" }) end
    world:job([[
local haul = require "haul"
return haul.job { name = "priority", concurrency = 1, haul.copy { from = $store / "p/", to = haul.dir($dst) / "", $more } }
]], { store = { fault.store }, dst = world:path "dst", more = { more } })
    local names = {}
    for _, event in ipairs(world:run():expect(0):all "object_started") do names[#names + 1] = event.key:sub(3) end
    return table.concat(names)
  end

  it("opens larger ones first", function()
    assert.equal("987654321", order "priority = function(object) return object.size end")
  end)

  it("keeps the order of equals", function()
    assert.equal("135792468", order "priority = function(object) return object.size % 2 end")
    assert.equal("123456789", order "priority = 7")
  end)

  it("is a number for each object, and an error of that object where it is none", function()
    fault:put("p/1", "x")
    for i = 1, 9 do fault:put("p/" .. i, "x") end
    world:job([[
local haul = require "haul"
return haul.job { name = "priority", haul.copy { from = $store / "p/", to = haul.dir($dst) / "",
  priority = function(object) return object.name == "5" and "high" or 1 end } }
]], { store = { fault.store }, dst = world:path "dst" })
    local run = world:run():expect(1)
    assert.equal(8, run:count "object_succeeded")
    assert.truthy(run:find("object_failed", { key = "p/5" }).error.message:find("priority of", 1, true))
  end)

  it("decides between tasks at the same time who opens next", function()
    for i = 1, 5 do fault:put("a/" .. i, "x") fault:put("b/" .. i, "x") end
    world:job([[
local haul = require "haul"
return haul.job { name = "priority", concurrency = 1, haul.parallel {
  haul.copy { from = $store / "a/", to = haul.dir($dst) / "a/" },
  haul.copy { from = $store / "b/", to = haul.dir($dst) / "b/", priority = 1 },
} }
]], { store = { fault.store }, dst = world:path "dst" })
    local run = world:run():expect(0)
    assert.equal(10, run:count "object_succeeded")
    local places = { a = 0, b = 0 }
    for i, event in ipairs(run:all "object_started") do
      local side = event.key:sub(1, 1)
      places[side] = places[side] + i
    end
    assert.is_true(places.b < places.a, ("%d and %d"):format(places.b, places.a))
  end)
end)
