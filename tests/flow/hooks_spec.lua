-- Hooks: what they may decide and ask for while a job runs, and that they never harm a transfer.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local PART = 256 << 10

local DOWN = [[
local haul = require "haul"
local n = 0
return haul.job { name = "hooks", concurrency = $concurrency, part_size = "256KiB",
  retry = { attempts = 2, base = "5ms", cap = "10ms" }, $more
  on = { $on },
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "", $task } }
]]

local UP = [[
local haul = require "haul"
return haul.job { name = "hooks", concurrency = $concurrency, part_size = "256KiB",
  retry = { attempts = 2, base = "5ms", cap = "10ms" }, $more
  on = { $on },
  haul.copy { from = haul.dir($src) / "", to = $store / "u/", $task } }
]]

describe("a hook", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    fault:put("p/a", { size = 3 * PART + 1, seed = "a" })
    fault:put("p/b", "fine")
  end)

  after_each(function() world:remove() end)

  local function start(on, given)
    given = given or {}
    world:job(given.text or DOWN, { store = { fault.store }, src = world:path "src", dst = world:path "dst",
      on = { on }, more = { given.more or "" }, task = { given.task or "" }, concurrency = given.concurrency or 2 })
    return world:start { args = given.args }
  end

  local function run(on, given) return start(on, given):wait() end

  local function right(name)
    assert.equal(fault:objects()["p/" .. name].sha256, files.sum(world:path "dst" .. "/" .. name))
  end

  describe("after object_failed may say", function()
    -- One part's two attempts are what it takes to fail once.
    local function fails(times)
      fault:rules { op = "get", key = "p/a", range = "bytes=0-262143", with = "500", times = times }
    end
    local function on(body) return "object_failed = function(event, job) n = n + 1 " .. body .. " end" end

    it("retry", function()
      fails(2)
      local it_run = run(on "return haul.retry { after = 0.01 }", { concurrency = 1 }):expect(0)
      checks.events(it_run)
      right "a"
    end)

    it("retry, with other parts", function()
      fails(2)
      local it_run = run(on "return haul.retry { after = 0.01, part_size = '512KiB' }", { concurrency = 1 }):expect(0)
      right "a"
      local parts = it_run:all("part_succeeded", { ["part.number"] = 1 })
      assert.equal(2 * PART, parts[#parts].part.size)
    end)

    it("retry, with other parts, which is told as starting over and counted once", function()
      fails(2)
      local it_run = run(on "return haul.retry { after = 0.01, part_size = '512KiB' }", { concurrency = 1 }):expect(0)
      local summary = it_run.events[#it_run.events].summary
      assert.equal(1, it_run:count "restarted")
      assert.equal(3 * PART + 5, summary.bytes_done)
      checks.events(it_run)
    end)

    it("skip", function()
      fails(-1)
      local it_run = run(on "return haul.skip 'known to be bad'"):expect(0)
      assert.equal("known to be bad", it_run:find("object_skipped").reason)
      checks.same({ b = files.sum(world:path "dst/b") .. " 4" }, files.sums(world:path "dst"))
    end)

    it("fail, with its own words", function()
      fails(-1)
      local it_run = run(on "return haul.fail 'in these words'"):expect(1)
      assert.equal(1, it_run:count "object_failed")
      assert.matches("in these words", world:run { verb = "status" }:expect(0).stdout)
      right "b"
    end)

    it("defer, once more after everything else", function()
      fails(2)
      local it_run = run(on "return haul.defer()", { concurrency = 1 }):expect(0)
      local done = it_run:all "object_succeeded"
      assert.same({ "p/b", "p/a" }, { done[1].key, done[2].key })
      right "a"
    end)

    it("defer, but only once", function()
      fails(-1)
      local it_run = run(on "return haul.defer()"):expect(1)
      assert.is_true(it_run:count("object_failed", { key = "p/a" }) <= 3)
      right "b"
    end)

    it("stop, which ends the job with 7 and can be carried on", function()
      fails(2)
      local it_run = run(on "return haul.stop 'no more of this'", { concurrency = 1 }):expect(7)
      assert.matches("ended early: no more of this", it_run.stderr)
      run("", { concurrency = 1 }):expect(0)
      right "a"
      right "b"
    end)
  end)

  it("may decide after an upload's part failed", function()
    files.tree(world:path "src", { a = 3 * PART + 1 })
    fault:rules { op = "part", part = 2, with = "500", times = 5 }
    local it_run = run("part_failed = function(event) return haul.retry { after = 0.01 } end", { text = UP }):expect(0)
    assert.equal(5, it_run:count("part_failed", { ["part.number"] = 2 }))
    assert.equal(files.sum(world:path "src/a"), fault:objects()["u/a"].sha256)
  end)

  it("that skips an upload leaves none behind", function()
    files.tree(world:path "src", { a = 3 * PART + 1 })
    fault:rules { op = "part", part = 2, with = "500", times = -1 }
    run("part_failed = function(event) return haul.skip 'no' end", { text = UP }):expect(0)
    assert.same({}, fault:uploads())
    assert.is_nil(fault:objects()["u/a"])
  end)

  it("of a task stands above the job's, and leaves the others to it", function()
    local it_run = run("object_started = function() haul.log.info 'JOB started' end, " ..
      "object_succeeded = function() haul.log.info 'JOB succeeded' end",
      { task = "on = { object_succeeded = function() haul.log.info 'TASK succeeded' end }" }):expect(0)
    assert.is_truthy(it_run.stderr:find("JOB started", 1, true))
    assert.is_truthy(it_run.stderr:find("TASK succeeded", 1, true))
    assert.is_nil(it_run.stderr:find("JOB succeeded", 1, true))
  end)

  it("may raise the limits with job:set", function()
    fault:put("p/a", { size = 16 * PART })
    local it_run = run([[part_succeeded = function(event, job)
      job:set { rate = "unlimited", concurrency = 8 } end]], { more = 'rate = "256KiB/s",', concurrency = 1 }):expect(0)
    right "a"
    local took = it_run.events[#it_run.events].time - it_run.events[1].time
    assert.is_true(took < 14, "took " .. took) -- 16 without it
  end)

  it("may lower the limits with job:set", function()
    fault:put("p/a", { size = 8 * PART })
    local it_run = run([[job_started = function(event, job) job:set { rate = "1MiB/s" } end]]):expect(0)
    local took = it_run.events[#it_run.events].time - it_run.events[1].time
    assert.is_true(took >= 1.5, "took " .. took)
  end)

  it("may pause and resume", function()
    local it_run = run([[object_started = function(event, job) job:pause() job:resume() end]]):expect(0)
    checks.events(it_run)
    right "a"
  end)

  it("sees the job's figures", function()
    local it_run = run([[job_finished = function(event, job)
      local s = job:stats()
      haul.log.info(("STATS %s %s %s %s"):format(job.name, s.objects_done, s.bytes_done, s.objects_failed)) end]])
      :expect(0)
    assert.is_truthy(it_run.stderr:find(("STATS hooks 2 %d 0"):format(3 * PART + 5), 1, true), it_run.stderr)
  end)

  describe("that cancels", function()
    local CANCEL = "part_succeeded = function(event, job) job:cancel(%s) end"

    it("keeps what there is of an upload", function()
      files.tree(world:path "src", { a = 3 * PART + 1 })
      local it_run = run(CANCEL:format "", { text = UP, concurrency = 1 })
      assert.are_not.equal(0, it_run.status)
      assert.equal(1, #fault:uploads())
      local again = run("", { text = UP, concurrency = 1 }):expect(0)
      assert.is_true(again:count "part_succeeded" < 4)
      assert.equal(files.sum(world:path "src/a"), fault:objects()["u/a"].sha256)
      assert.same({}, fault:uploads())
    end)

    it("with abort removes uploads and checkpoints", function()
      files.tree(world:path "src", { a = 3 * PART + 1 })
      local it_run = run(CANCEL:format "{ abort = true }", { text = UP, concurrency = 1 })
      assert.are_not.equal(0, it_run.status)
      assert.same({}, fault:uploads())
      local again = run("", { text = UP, concurrency = 1 }):expect(0)
      assert.equal(4, again:count "part_succeeded")
    end)

    it("with abort removes temporary files", function()
      fault:delete "p/b"
      run(CANCEL:format "{ abort = true }", { concurrency = 1 })
      checks.nothing_in(world:path "dst")
      run("", { concurrency = 1 }):expect(0)
      right "a"
    end)

    it("keeps the temporary files without", function()
      fault:delete "p/b"
      run(CANCEL:format "", { concurrency = 1 })
      assert.equal(1, #files.extras(world:path "dst", {}))
      local again = run("", { concurrency = 1 }):expect(0)
      assert.is_true(again:count "part_succeeded" < 4)
      right "a"
    end)

    it("tells of each part that was under way", function()
      files.tree(world:path "src", { a = 8 * PART })
      fault:rules { op = "part", part = 2, with = "hold", times = -1 }
      local it_run = run("part_succeeded = function(event, job) if event.part.number == 3 then job:cancel() end end",
        { text = UP, concurrency = 2 })
      assert.is_true(it_run:count "part_aborted" >= 1)
    end)
  end)

  it("prints to the log, never to standard output", function()
    local it_run = run("object_started = function(event) print('SEEN', event.key) end"):expect(0)
    assert.equal("", it_run.stdout)
    assert.matches("SEEN.*p/a", it_run.stderr)
  end)
end)
