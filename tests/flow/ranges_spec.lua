-- A bucket that is listed in ranges of its keys, side by side, and read in order.
local haul = require "support.haul"
local files = require "support.files"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
local keys = {}
for n = 1, 19 do keys[n] = ("%04d"):format(n * 50) end
return haul.job { name = "ranges", concurrency = 16, retry = { base = "5ms", cap = "10ms", attempts = 4 },
  haul.sync { from = $store / "in/", to = haul.dir($dst) / "", delete = true, listing = $listing,
    compare = "size" } }
]]

describe("a divided listing", function()
  local world, store, dst

  before_each(function()
    store = server.fault { dialect = "oss", page = 20 }
    world = haul.world { keys = store.keys }
    dst = files.mkdir(world:path "dst")
    store:put_many(1000, "in/%04d", 3)
    store:put("in/", "")
    store:put("io", "behind")
  end)
  after_each(function() world:remove() end)

  local function job(listing)
    world:job(JOB, { store = { store.store }, dst = dst, listing = { listing or "keys" } })
    return world
  end

  local function requests() return store:requests "list" end

  it("has the objects of a whole one, each once and in order", function()
    local run = job():run():expect(0)
    local names, before = 0, ""
    for _, event in ipairs(run:all "object_started") do
      assert.is_true(before < event.key, event.key)
      before, names = event.key, names + 1
    end
    local there = 0
    for _ in pairs(files.sums(dst)) do there = there + 1 end
    assert.equal(1000, there)
    assert.equal(1000, names)
    local ranges = {}
    for _, one in ipairs(requests()) do
      local after = one.target and one.target:match "start%-after=([^&]*)"
      if after then ranges[after] = (ranges[after] or 0) + 1 end
    end
    local n = 0
    for _ in pairs(ranges) do n = n + 1 end
    assert.equal(19, n)
  end)

  it("compares and deletes like a whole one", function()
    job():run():expect(0)
    files.write(dst .. "/0500x", "extra")
    files.write(dst .. "/0050", "else")
    store:delete "in/0999"
    local run = job():run():expect(0)
    assert.same({ 1, 2 }, { run:count "object_succeeded", run:count "object_deleted" })
    assert.is_false(files.exists(dst .. "/0999"))
  end)

  it("has a page that failed again, and deletes nothing when one cannot be had", function()
    job():run():expect(0)
    files.write(dst .. "/extra", "x")
    store:rules { op = "list", skip = 7, with = "503", times = 2 }
    job():run():expect(0)
    assert.is_false(files.exists(dst .. "/extra"))
    files.write(dst .. "/extra", "x")
    store:rules { op = "list", skip = 7, with = "500", times = -1 }
    job():run():expect(1)
    assert.is_true(files.exists(dst .. "/extra"))
  end)

  it("may be divided where nothing is", function()
    job [[{ "!", "0500", "05000", "zzz" }]]:run():expect(0)
    local there = 0
    for _ in pairs(files.sums(dst)) do there = there + 1 end
    assert.equal(1000, there)
  end)
end)
