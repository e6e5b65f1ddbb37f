-- Objects that their service copies itself: nothing of them goes through this machine.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local stores = require "support.stores"

local JOB = [[
local haul = require "haul"
local place = $place
return haul.job {
  name = "copies", concurrency = 4, part_size = "$part" .. "KiB",
  retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = place / "from/", to = place / "to/", $more },
}
]]

local SIZES = {
  empty = 0, ["one byte"] = 1, ["a/b+c%d?e"] = 3000, ["ünïcode/日本"] = 70000, large = 400000,
}

for _, entry in ipairs(stores.list) do
  local name, make = entry[1], entry[2]
  local skip = name == "dir" or (entry.needs and not server.has(entry.needs))

  describe(name .. ", by the service:", function()
    local it_store, world
    if skip then return end

    setup(function() it_store = make() end)
    before_each(function()
      it_store.clear()
      world = haul.world { keys = it_store.keys }
    end)
    after_each(function()
      if world then world:remove() end
      world = nil
    end)

    local function job(more)
      world:job(JOB, { place = { it_store.store }, part = { tostring(it_store.part // 1024) }, more = { more or "" } })
    end

    it("copies a tree without a byte of it", function()
      local src = files.tree(world:path "src", SIZES)
      it_store.put("from/", src)
      job()
      local run = world:run():expect(0)
      local summary = checks.events(run)
      checks.same(files.sums(src), it_store.sums "to/")
      assert.equal(5, summary.objects_done)
      assert.equal(0, summary.bytes_moved)
      assert.equal(0, it_store.uploads())
      for _, event in ipairs(run:all "verified") do assert.not_equal("none", event.check) end
    end)
  end)
end

for _, dialect in ipairs { "s3", "oss", "tos" } do
  describe("copies by " .. dialect .. ":", function()
    local host, world

    before_each(function()
      host = server.fault { dialect = dialect }
      host:options { max_copy = 5 << 30 }
      world = haul.world { keys = host.keys }
    end)
    after_each(function()
      host:options { max_copy = 5 << 30 }
      if world then world:remove() end
      world = nil
    end)

    local function job(more, part)
      world:job(JOB, { place = { host.store }, part = { tostring(part or 6000) }, more = { more or "" } })
    end

    it("go in ranges where one request is not enough", function()
      host:options { max_copy = 1 << 20 }
      local object = host:put("from/big", { size = 13 << 20 })
      job()
      local run = world:run():expect(0)
      checks.events(run)
      assert.equal(object.sha256, host:objects()["to/big"].sha256)
      assert.equal(3, #host:requests("part_copy"))
      assert.equal(3, run:count "part_succeeded")
      assert.equal(0, #host:requests("get"))
      assert.equal(0, #host:uploads())
    end)

    it("carry on with the ranges that are there", function()
      host:options { max_copy = 1 << 20 }
      local object = host:put("from/big", { size = 30 << 20 })
      host:rules { op = "part_copy", with = "hold", part = 5, times = 1 }
      job()
      world:start():await("part_succeeded", 4):kill()
      host:release()
      local before = #host:requests("part_copy")
      local run = world:run():expect(0)
      assert.equal(1, run:count "resumed")
      assert.is_true(#host:requests("part_copy") - before <= 2)
      assert.equal(object.sha256, host:objects()["to/big"].sha256)
      assert.equal(0, #host:uploads())
    end)

    it("keep the ranges that are there when the next is denied", function()
      host:options { max_copy = 1 << 20 }
      local object = host:put("from/big", { size = 30 << 20 })
      host:rules { op = "part_copy", with = "denied", part = 4, times = 1 }
      job "concurrency = 1"
      local run = world:run():expect(1)
      assert.equal("denied", run:find("object_failed").error.kind)
      assert.equal(0, run:count "restarted")
      assert.equal(1, #host:uploads())
      local before = #host:requests("part_copy")
      run = world:run():expect(0)
      assert.equal(1, run:count "resumed")
      assert.equal(3, #host:requests("part_copy") - before)
      assert.equal(0, #host:requests("get"))
      assert.equal(object.sha256, host:objects()["to/big"].sha256)
      assert.equal(0, #host:uploads())
    end)

    it("begin again when the source changes on the way", function()
      host:options { max_copy = 1 << 20 }
      host:put("from/big", { size = 13 << 20, seed = "old" })
      host:rules { op = "part_copy", with = "hold", part = 2, times = 1 }
      job()
      local run = world:start():await("part_succeeded", 1)
      local object = host:put("from/big", { size = 14 << 20, seed = "new" })
      host:release()
      run:wait():expect(0)
      assert.equal(1, run:count "restarted")
      assert.equal(object.sha256, host:objects()["to/big"].sha256)
    end)

    it("carry what the object carries, and put on top what the task says", function()
      local meta = ({ s3 = "x-amz-meta-", oss = "x-oss-meta-", tos = "x-tos-meta-" })[dialect]
      local given = { ["content-type"] = "text/odd", ["cache-control"] = "no-store", [meta .. "colour"] = "red",
        [meta .. "mtime"] = "1700000000.123456789" }
      host:put("from/a", { size = 1000, headers = given })
      job()
      world:run():expect(0)
      local got = host:objects()["to/a"].headers
      for header, value in pairs(given) do assert.equal(value, got[header]) end

      job 'metadata = { colour = "blue" }'
      world:run { args = { "--fresh" } }:expect(0)
      got = host:objects()["to/a"].headers
      assert.equal("blue", got[meta .. "colour"])
      assert.equal("text/odd", got["content-type"])
      assert.equal("1700000000.123456789", got[meta .. "mtime"])

      job 'preserve = false'
      world:run { args = { "--fresh" } }:expect(0)
      got = host:objects()["to/a"].headers
      assert.is_nil(got[meta .. "colour"])
      assert.is_nil(got["cache-control"])
    end)

    it("go through this machine where the service refuses, and it is asked once", function()
      for i = 1, 6 do host:put("from/" .. i, { size = 1000 * i, seed = tostring(i) }) end
      host:rules { op = "copy", with = "denied", times = -1 }
      job "concurrency = 1"
      local run = world:run():expect(0)
      checks.events(run)
      for i = 1, 6 do
        assert.equal(host:objects()["from/" .. i].sha256, host:objects()["to/" .. i].sha256)
      end
      assert.is_true(#host:requests("copy") <= 2) -- the second was on its way already
      assert.is_true(#host:requests("get") >= 6)
    end)

    it("fail where only the service may copy and it refuses", function()
      host:put("from/a", { size = 1000 })
      host:rules { op = "copy", with = "denied", times = -1 }
      job 'route = "server"'
      local run = world:run():expect(1)
      assert.equal("denied", run:find("object_failed").error.kind)
      assert.equal(0, #host:requests("get"))
    end)

    it("are not tried where the task says relay", function()
      local object = host:put("from/a", { size = 100000 })
      job 'route = "relay"'
      world:run():expect(0)
      assert.equal(0, #host:requests("copy"))
      assert.equal(object.sha256, host:objects()["to/a"].sha256)
    end)

    it("take an error inside of a 200 for what it is", function()
      local object = host:put("from/a", { size = 1000 })
      host:rules { op = "copy", with = "ok_error", times = 2 }
      job()
      world:run():expect(0)
      assert.equal(object.sha256, host:objects()["to/a"].sha256)
      assert.equal(3, #host:requests("copy"))
    end)
  end)
end
