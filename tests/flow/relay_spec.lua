-- From one remote store to another while both misbehave: what arrives is what the source has, or
-- nothing does.
local checks = require "support.checks"
local haul = require "support.haul"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job {
  name = "relay", concurrency = 3, part_size = "5MiB", retry = { attempts = 4, base = "10ms", cap = "50ms" },
  haul.copy { from = $from / $name, to = $to / $name, $more },
}
]]
local PART = 5 << 20

for _, pair in ipairs {
  { from = { dialect = "oss" }, to = { dialect = "tos" } },
  { from = { dialect = "tos" }, to = { dialect = "s3" } },
  { from = { dialect = "oss" }, to = { dialect = "s3", no_checksums = true } },
  { from = { dialect = "s3" }, to = { dialect = "oss" } },
} do
  local title = ("a relay from %s to %s"):format(pair.from.dialect, pair.to.dialect)

  describe(title .. (pair.to.no_checksums and " without sums" or ""), function()
    local from, to, world

    before_each(function()
      from, to = server.fault(pair.from), server.fault(pair.to)
      local keys = {}
      for _, side in ipairs { from, to } do
        for name, value in pairs(side.keys) do keys[name] = value end
      end
      world = haul.world { keys = keys }
    end)

    after_each(function()
      from:release()
      to:release()
      world:remove()
    end)

    local function job(more)
      world:job(JOB, { from = { from.store }, to = { to.store }, name = "d/o", more = { more or "" } })
      return world
    end

    local function arrived(object)
      local got = to:objects()["d/o"]
      assert.is_truthy(got, "it did not arrive")
      assert.equal(object.sha256, got.sha256)
      assert.equal(0, #to:uploads())
    end

    -- The same fault for an object in memory, in one request, and in parts.
    local SIZES = { ["in memory"] = 100000, ["in one request"] = 400000, ["in parts"] = 3 * PART + 99 }

    local function each_size(what, rules, look)
      for name, size in pairs(SIZES) do
        it(("%s (%s)"):format(what, name), function()
          local object = from:put("d/o", { size = size })
          rules(size > PART)
          local run = job():run():expect(0)
          checks.events(run)
          arrived(object)
          if look then look(run) end
        end)
      end
    end

    each_size("waits for a source that is busy", function() from:rules { op = "get", with = "503", times = 2 } end,
      function(run) assert.is_true(run:find("job_finished").summary.retries >= 2) end)
    each_size("waits for a target that is busy", function(parts)
      to:rules { op = parts and "part" or "put", with = "503", times = 2 }
    end, function(run) assert.is_true(run:find("job_finished").summary.retries >= 2) end)
    each_size("survives a source that breaks off", function()
      from:rules { op = "get", with = "reset", times = 2 }
    end)
    each_size("survives a target that breaks off", function(parts)
      to:rules { op = parts and "part" or "put", with = "reset_upload", after_bytes = 5000, times = 2 }
    end)
    each_size("survives a source whose body is short", function()
      from:rules { op = "get", with = "shorter_body", times = 1 }
    end)
    -- Small objects go to S3 with their CRC32C or MD5 in front of them, and the store's word that it
    -- has compared that is taken; everything else is compared with what the store answers.
    local function stored_wrong(name, size)
      it("sees that the target stored other bytes (" .. name .. ")", function()
        local object = from:put("d/o", { size = size })
        to:rules { op = size > PART and "part" or "put", with = "store_flipped", times = 1 }
        checks.events(job():run():expect(0))
        arrived(object)
      end)
    end
    if pair.to.dialect ~= "s3" then stored_wrong("in memory", SIZES["in memory"]) end
    stored_wrong("in one request", SIZES["in one request"])
    stored_wrong("in parts", SIZES["in parts"])

    local function flips(name, size)
      it("sees that other bytes came from the source (" .. name .. ")", function()
        local object = from:put("d/o", { size = size })
        from:rules { op = "get", with = "flip", times = 1 }
        local run = job():run():expect(0)
        arrived(object)
        assert.is_true(run:count "verify_failed" >= 1)
      end)
    end
    flips("in memory", SIZES["in memory"])
    flips("in one request", SIZES["in one request"])
    flips("in parts", SIZES["in parts"])

    it("begins again when the source is replaced on the way", function()
      from:put("d/o", { size = 4 * PART, seed = "old" })
      from:rules { op = "get", with = "hold", skip = 1, times = -1 }
      local run = job():start():await("part_succeeded", 1)
      local object = from:put("d/o", { size = 4 * PART, seed = "new" })
      from:control("DELETE", "/rules")
      from:release()
      run:wait():expect(0)
      assert.is_true(run:count "restarted" >= 1)
      arrived(object)
    end)

    it("begins again when the source was replaced between two runs", function()
      from:put("d/o", { size = 4 * PART, seed = "old" })
      to:rules { op = "part", with = "hold", part = 4, times = 1 }
      job():start():await("part_succeeded", 3):kill()
      to:release()
      local object = from:put("d/o", { size = 4 * PART, seed = "new" })
      local run = job():run():expect(0)
      assert.equal(1, run:count "restarted")
      arrived(object)
    end)

    it("carries on with what is there, and asks the source for nothing else", function()
      local object = from:put("d/o", { size = 4 * PART + 7 })
      to:rules { op = "part", with = "hold", part = 5, times = 1 }
      job():start():await("part_succeeded", 4):kill()
      to:release()
      local before = #from:requests("get")
      local run = job():run():expect(0)
      assert.equal(1, run:count "resumed")
      assert.is_true(#from:requests("get") - before == 1)
      arrived(object)
    end)

    it("finds out whether a complete without an answer has happened", function()
      local object = from:put("d/o", { size = 2 * PART })
      to:rules { op = "complete", with = "done_cut", times = 1 }
      checks.events(job():run():expect(0))
      arrived(object)
    end)

    it("fails when the source is gone, and leaves nothing", function()
      from:put("d/o", { size = 2 * PART })
      from:rules { op = "get", with = "NoSuchKey", times = -1 }
      local run = job():run():expect(1)
      assert.equal("missing", run:find("object_failed").error.kind)
      assert.is_nil(to:objects()["d/o"])
    end)

    it("names a check that was made", function()
      from:put("d/o", { size = 400000 })
      local run = job():run():expect(0)
      local check = pair.to.dialect == "s3" and "md5" or pair.from.dialect == "s3" and "crc32c" or "crc64"
      assert.equal(check, run:find("verified").check)
    end)
  end)
end
