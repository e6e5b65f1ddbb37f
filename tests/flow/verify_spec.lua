-- `haul verify`, `haul retry`, shards, and a second run of one job.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local COPY = [[
local haul = require "haul"
return haul.job { name = "both", retry = { attempts = 2, base = "5ms", cap = "10ms" }, $more
  haul.$kind { from = haul.dir($src) / "", to = $store / "p/", part_size = "1MiB" $options } }
]]

local SIZES = { a = 10, b = 0, ["c/d"] = 300, ["c/e"] = 3 * 1048576 + 5, f = 70000 }

describe("both sides", function()
  local fault, world, src

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    src = files.tree(world:path "src", SIZES)
  end)

  after_each(function() world:remove() end)

  local function job(kind, options, more)
    world:job(COPY, { src = src, store = { fault.store }, kind = { kind or "copy" },
      options = { options and ", " .. options or "" }, more = { more or "" } })
    return world
  end

  local function stored()
    local sums = {}
    for key, object in pairs(fault:objects()) do sums[key:sub(3)] = ("%s %d"):format(object.sha256, object.size) end
    return sums
  end

  describe("verify", function()
    it("says nothing where both are the same, and writes nothing", function()
      job():run():expect(0)
      local before = fault:objects()
      local run = job():run { verb = "verify" }:expect(0)
      assert.equal("", run.stdout)
      assert.same(before, fault:objects())
    end)

    it("finds what differs, what is missing, and what was cut", function()
      job():run():expect(0)
      fault:put("p/a", "9876543210")
      fault:delete "p/f"
      fault:put("p/c/e", "short")
      local run = job():run { verb = "verify" }:expect(5)
      assert.matches("differs  a: ", run.stdout)
      assert.matches("differs  f: ", run.stdout)
      assert.matches("differs  c/e: ", run.stdout)
      assert.equal(3, select(2, run.stdout:gsub("\n", "")))
    end)

    it("counts what only the target of a mirror has", function()
      job("sync", "delete = true"):run():expect(0)
      fault:put("p/extra", "x")
      local run = job("sync", "delete = true"):run { verb = "verify", args = { "--json" } }:expect(5)
      assert.matches('{"key":"p/extra","why":"it is only on the target"}', run.stdout, 1, true)
    end)

    it("leaves what an interrupted run has noted alone", function()
      fault:rules { op = "part", part = 3, with = "denied", times = 1 }
      job():run():expect(1)
      job():run { verb = "verify" }:expect(5)
      local run = job():run():expect(0)
      assert.equal(1, run:count("resumed", { key = "c/e" }))
      checks.same(files.sums(src), stored())
    end)
  end)

  describe("retry", function()
    it("sends only what failed", function()
      fault:rules({ op = "put", key = "p/a", with = "denied", times = 1 }, { op = "put", key = "p/f", with = "denied", times = 1 })
      job():run():expect(1)
      local run = job():run { verb = "retry" }:expect(0)
      assert.equal(0, #fault:requests("put", function(entry) return entry.key == "p/c/d" and entry.status ~= 200 end))
      assert.matches("2 done, 0 skipped", run.stderr)
      checks.same(files.sums(src), stored())
    end)

    it("has nothing to do after a run without failures", function()
      job():run():expect(0)
      local run = job():run { verb = "retry" }:expect(0)
      assert.matches("nothing failed in the last run", run.stderr)
      assert.matches("^run 1: finished", job():run { verb = "status" }:expect(0).stdout)
    end)

    it("does not guess what failed of tasks that were changed", function()
      fault:rules({ op = "put", key = "p/a", with = "denied", times = 1 })
      job():run():expect(1)
      local run = job(nil, 'keys = { "a" }'):run { verb = "retry" }:expect(2)
      assert.matches("tasks of both were changed since the run that failed", run.stderr)
      job():run { verb = "retry" }:expect(0)
      checks.same(files.sums(src), stored())
    end)

    it("does not take the rest of an interrupted run for done", function()
      fault:rules({ op = "put", key = "p/a", with = "denied", times = 1 })
      job(nil, nil, 'concurrency = 1, on = { object_failed = function() return haul.stop "enough" end },'):run():expect(7)
      job():run { verb = "retry" }:expect(0)
      job():run():expect(0)
      checks.same(files.sums(src), stored())
    end)
  end)

  describe("shards", function()
    local function shard(text, env)
      return job():run { args = text and { "--shard", text } or {}, env = env }
    end

    it("take every key exactly once", function()
      local seen = {}
      for k = 1, 3 do
        local run = shard(k .. "/3"):expect(0)
        for _, event in ipairs(run:all "object_succeeded") do seen[event.key] = (seen[event.key] or 0) + 1 end
      end
      assert.same({ a = 1, b = 1, ["c/d"] = 1, ["c/e"] = 1, f = 1 }, seen)
      checks.same(files.sums(src), stored())
    end)

    for name, env in pairs {
      slurm = { SLURM_ARRAY_TASK_ID = "7", SLURM_ARRAY_TASK_MIN = "3", SLURM_ARRAY_TASK_STEP = "2",
        SLURM_ARRAY_TASK_COUNT = "4" },
      kubernetes = { JOB_COMPLETION_INDEX = "2", JOB_COMPLETIONS = "4" },
      ["aws batch"] = { AWS_BATCH_JOB_ARRAY_INDEX = "2", AWS_BATCH_JOB_ARRAY_SIZE = "4" },
    } do
      it("are known from the environment of " .. name, function()
        shard("auto", env):expect(0)
        assert.is_true(files.exists(world:path "state/haul/both/shard-3-of-4/journal.db"))
      end)
    end

    for text, words in pairs { ["0/3"] = "no shard 0 of 3", ["4/3"] = "no shard 4 of 3", ["1"] = "K/N, auto or auto/N",
      auto = "neither SLURM_ARRAY_TASK_ID", ["1/0"] = "1 to" } do
      it("are refused as " .. text, function()
        local run = shard(text):expect(2)
        assert.is_truthy(run.stderr:find(words, 1, true), run.stderr)
        assert.same({}, stored())
      end)
    end
  end)

  describe("a second run", function()
    local first

    before_each(function()
      fault:rules { op = "put", key = "p/a", with = "hold", times = 1 }
      first = job():start()
      shell.wait(20, "the first to be under way", function() return #fault:requests "put" > 0 end)
    end)

    after_each(function()
      fault:release()
      if first:running() then first:wait() end
    end)

    it("is refused", function()
      job():run():expect(11)
    end)

    it("is skipped where the job says so", function()
      local run = job(nil, nil, 'overlap = "skip",'):run():expect(0)
      assert.matches("skipped, because it is running already", run.stderr)
    end)

    it("waits where the job says so", function()
      local second = job(nil, nil, 'overlap = "wait",'):start()
      shell.wait(20, "the second to wait", function()
        return (files.read(second.base .. "err") or ""):find("waiting until the run", 1, true)
      end)
      fault:release()
      first:wait():expect(0)
      second:wait():expect(0)
    end)
  end)
end)
