-- One object for several targets: its source is read once, and each target has its own outcome.
local haul = require "support.haul"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job {
  name = "fan", concurrency = $concurrency, part_size = "5MiB",
  retry = { attempts = 3, base = "10ms", cap = "50ms" },
  haul.copy { from = $from / "d/", to = { $to }, $more },
}
]]
local MIB = 1 << 20
local SIZES = { empty = 0, small = 1024, one = MIB, parts = 20 * MIB }

for _, n in ipairs { 2, 3 } do
  describe(("a copy to %d targets"):format(n), function()
    local from, targets, world

    before_each(function()
      from = server.fault { dialect = "oss" }
      targets = { server.fault { dialect = "tos" }, server.fault { dialect = "s3" },
        n == 3 and server.fault { dialect = "s3", no_checksums = true } or nil }
      local keys = {}
      for _, side in ipairs { from, table.unpack(targets) } do
        for name, value in pairs(side.keys) do keys[name] = value end
      end
      world = haul.world { keys = keys }
    end)

    after_each(function()
      from:release()
      for _, target in ipairs(targets) do target:release() end
      world:remove()
    end)

    local function job(more, concurrency)
      local to = {}
      for i, target in ipairs(targets) do to[i] = target.store .. " / 'd/'" end
      world:job(JOB, { from = { from.store }, to = { table.concat(to, ", ") }, more = { more or "" },
        concurrency = { tostring(concurrency or 4) } })
      return world
    end

    local function put(sizes)
      local objects = {}
      for name, size in pairs(sizes or SIZES) do objects[name] = from:put("d/" .. name, { size = size, seed = name }) end
      return objects
    end

    -- All of them, and no upload that is left open.
    local function arrived(objects, target)
      local there = target:objects()
      for name, object in pairs(objects) do
        assert.is_truthy(there["d/" .. name], name .. " did not arrive")
        assert.equal(object.sha256, there["d/" .. name].sha256)
      end
      assert.equal(0, #target:uploads())
    end

    -- How often each range of each object was read.
    local function reads()
      local count = {}
      for _, entry in ipairs(from:requests "get") do
        local id = ("%s %s"):format(entry.key, entry.range)
        count[id] = (count[id] or 0) + 1
      end
      return count
    end

    local function each_read_once()
      local total = 0
      for id, count in pairs(reads()) do
        assert.equal(1, count, id .. " was read " .. count .. " times")
        total = total + 1
      end
      return total
    end

    for _, concurrency in ipairs { 1, 2, 16 } do
      it("reads the source once, with a concurrency of " .. concurrency, function()
        local objects = put()
        local run = job(nil, concurrency):run():expect(0)
        for _, target in ipairs(targets) do arrived(objects, target) end
        assert.equal(7, each_read_once()) -- three whole ones and four parts
        assert.equal(4 * n, run:count "object_succeeded")
        assert.equal(4 * n, run:find("job_finished").summary.objects_done)
        for _, event in ipairs(run:all "verified") do assert.not_equal("none", event.check) end
      end)
    end

    it("goes on for the others when one target refuses everything, and reads nothing for it", function()
      local objects = put()
      for _, op in ipairs { "put", "create" } do targets[1]:rules { op = op, with = "denied", times = -1 } end
      local run = job():run():expect(1)
      for i = 2, n do arrived(objects, targets[i]) end
      assert.same({}, targets[1]:objects())
      assert.equal(7, each_read_once())
      assert.equal(4, run:count "object_failed")
      assert.equal(4 * (n - 1), run:count "object_succeeded")
    end)

    it("sends the part again that one target refused, and no other", function()
      local objects = put { parts = 20 * MIB }
      targets[1]:rules { op = "part", with = "500", part = 2, times = 1 }
      local run = job():run():expect(0)
      for _, target in ipairs(targets) do arrived(objects, target) end
      local twice = 0
      for _, count in pairs(reads()) do twice = twice + count - 1 end
      assert.equal(1, twice)
      assert.equal(1, run:find("job_finished").summary.retries)
    end)

    it("goes on for all when the source fails at first", function()
      local objects = put()
      from:rules({ op = "get", with = "503", times = 2 }, { op = "get", with = "reset_body", times = 2 })
      job():run():expect(0)
      for _, target in ipairs(targets) do arrived(objects, target) end
    end)

    it("begins again everywhere when the source is replaced on the way", function()
      put { parts = 20 * MIB }
      from:rules { op = "get", with = "hold", skip = 1, times = -1 }
      local run = job():start():await("part_succeeded", n)
      local objects = { parts = from:put("d/parts", { size = 20 * MIB, seed = "new" }) }
      from:control("DELETE", "/rules")
      from:release()
      run:wait():expect(0)
      assert.is_true(run:count "restarted" >= n)
      for _, target in ipairs(targets) do arrived(objects, target) end
    end)

    it("carries on with each target after it was killed", function()
      local objects = put()
      from:rules { op = "get", key = "d/parts", with = "hold", skip = 2, times = -1 }
      job():start():await("part_succeeded", 2 * n):kill()
      from:control("DELETE", "/rules")
      from:release()
      local before = #from:requests "get"
      local run = job():run():expect(0)
      assert.equal(n, run:count "resumed")
      for _, target in ipairs(targets) do arrived(objects, target) end
      assert.is_true(#from:requests "get" - before <= 2 + 3)
    end)

    it("reads for the other target alone where one has it all", function()
      local objects = put()
      job("overwrite = 'never'"):run():expect(0)
      for name in pairs(objects) do targets[2]:delete("d/" .. name) end
      from:control("DELETE", "/log")
      local run = job("overwrite = 'never'"):run { args = { "--fresh" } }:expect(0)
      for _, target in ipairs(targets) do arrived(objects, target) end
      assert.equal(7, each_read_once())
      assert.equal(4, run:count "object_succeeded")
      assert.equal(4 * (n - 1), run:count "object_skipped")
    end)

    it("does not stop at what only one target is slow with", function()
      local sizes = {}
      for i = 1, 40 do sizes[("k%02d"):format(i)] = 1000 * i end
      local objects = put(sizes)
      targets[2]:rules { op = "put", with = "503", times = 30 }
      local run = job("retry = { attempts = 40, base = '5ms', cap = '20ms' }"):run():expect(0)
      for _, target in ipairs(targets) do arrived(objects, target) end
      assert.equal(40, each_read_once())
      assert.equal(40 * n, run:count "object_succeeded")
    end)
  end)
end
