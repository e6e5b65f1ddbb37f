-- What a script may take: time, memory, the process itself; and what its errors mean.
package.path = "tests/?.lua;" .. package.path
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local KEYS = { "a", "b", "c" }

local JOB = [[
local haul = require "haul"
local calls = 0
return haul.job { name = "bounds", concurrency = 2, part_size = "256KiB", hook_timeout = "200ms",
  retry = { attempts = 2, base = "5ms", cap = "10ms" }, $more
  on = { $on },
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "", $task } }
]]

-- Half a minute of one call into C, and more.
local STUCK = "string.find(('a'):rep(40), ('a-'):rep(30) .. 'b')"

describe("a script", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    for _, key in ipairs(KEYS) do fault:put("p/" .. key, { size = 300 << 10, seed = key }) end
  end)

  after_each(function() world:remove() end)

  local function run(on, given)
    given = given or {}
    world:job(JOB, { store = { fault.store }, dst = world:path "dst", on = { on }, more = { given.more or "" },
      task = { given.task or "" } })
    return world:run { verb = given.verb, args = given.args }
  end

  local function all_there()
    for _, key in ipairs(KEYS) do
      assert.equal(fault:objects()["p/" .. key].sha256, files.sum(world:path "dst/" .. key))
    end
  end

  -- The rerun, with a job file that is well, ends what was begun.
  local function carries_on()
    assert.equal(0, world:run({ verb = "status" }).status)
    run("", {}):expect(0)
    all_there()
  end

  for what, given in pairs {
    object_started = { on = "object_started = function() " .. STUCK .. " end", named = "object_started of p/" },
    part_succeeded = { on = "part_succeeded = function() pcall(function() " .. STUCK .. " end) end", named = "part_succeeded" },
    job_finished = { on = "job_finished = function() " .. STUCK .. " end", named = "job_finished: computes" },
    after_a_wait = { on = "object_started = function() haul.sleep '10ms' " .. STUCK .. " end", named = "object_started of p/" },
    closing = { on = "job_started = function() local x <close> = setmetatable({}, { __close = function() " .. STUCK
      .. " end }) end", named = "job_started: computes" },
    spawned = { on = "job_started = function() haul.spawn(function() " .. STUCK .. " end) end", named = "haul.spawn: computes" },
    where = { on = "", task = "where = function() " .. STUCK .. " return true end", named = "where, rename or the like of " },
  } do
    it("that is stuck in C in " .. what .. " is ended by the watchdog, and the next run carries on", function()
      local it_run = run(given.on, given):expect(7)
      assert.truthy(it_run.stderr:find(given.named, 1, true), it_run.stderr)
      assert.truthy(it_run.stderr:find("computes without end", 1, true))
      carries_on()
    end)
  end

  it("is measured by what it computes, not by the clock on the wall", function()
    local fifo = world:path "fifo"
    shell.read { "mkfifo", fifo }
    local it_run = world:job(JOB, { store = { fault.store }, dst = world:path "dst", more = { "" }, task = { "" },
      on = { ("job_started = function() io.open(%q):read() end"):format(fifo) } }) and world:start()
    -- Longer than hook_timeout and the watchdog's grace together.
    shell.read { "sh", "-c", "sleep 2.6; echo > " .. fifo }
    it_run:wait():expect(0)
    all_there()
  end)

  it("that needs more than hook_memory fails its hook, not the run's data", function()
    local it_run = run("job_started = function() local t = {} for i = 1, 1e9 do t[i] = { i } end end",
      { more = 'hook_memory = "8MiB",' }):expect(1)
    assert.truthy(it_run.stderr:find("8.0 MiB", 1, true), it_run.stderr)
    all_there()
  end)

  it("that holds more than hook_memory when it is loaded is refused", function()
    local it_run = run("", { more = 'hook_memory = "100kB",' }):expect(2)
    assert.truthy(it_run.stderr:find("hook_memory: the job file holds", 1, true), it_run.stderr)
  end)

  describe("with on_hook_error", function()
    local BROKEN = "object_started = function(event) if event.key == 'p/b' then error 'broken' end end"

    it('"policy" goes on', function()
      local it_run = run(BROKEN, { more = 'on_hook_error = "policy",' }):expect(1)
      assert.equal(3, it_run:count "object_succeeded")
      all_there()
    end)

    it('"fail_object" fails the object of the hook, and no other', function()
      local it_run = run(BROKEN, { more = 'on_hook_error = "fail_object",' }):expect(1)
      assert.equal(2, it_run:count "object_succeeded")
      local failed = it_run:find("object_failed", { key = "p/b" })
      assert.equal("script", failed.error.kind)
      assert.truthy(failed.error.message:find("the hook object_started failed: ", 1, true))
      carries_on()
    end)

    it('"fail_object" fails it where a decision was asked for', function()
      fault:rules { op = "get", key = "p/b", with = "500", times = 1 }
      local it_run = run("part_failed = function() error 'broken' end", { more = 'on_hook_error = "fail_object",' }):expect(1)
      assert.truthy(it_run:find("object_failed", { key = "p/b" }).error.message:find("part_failed failed", 1, true))
      assert.equal(2, it_run:count "object_succeeded")
      carries_on()
    end)

    it('"stop" ends the job', function()
      local it_run = run(BROKEN, { more = 'on_hook_error = "stop",' }):expect(7)
      assert.truthy(it_run.stderr:find("ended early: ", 1, true))
      carries_on()
    end)

    it("any of them keeps the exit status from being 0", function()
      for word, status in pairs { policy = 1, fail_object = 1, stop = 1 } do
        local it_run = run("job_finished = function() error 'broken' end", { more = ('on_hook_error = "%s",'):format(word) })
        it_run:expect(status)
        all_there()
      end
    end)

    it("a hook before_delete that fails deletes nothing", function()
      for _, word in ipairs { "policy", "fail_object" } do
        files.write(world:path "dst/extra", "x")
        world:job([[
local haul = require "haul"
return haul.job { name = "bounds", on_hook_error = $word,
  haul.sync { from = $store / "p/", to = haul.dir($dst) / "", delete = true, max_delete = "100%",
    on = { before_delete = function() error "broken" end } } }]],
          { store = { fault.store }, dst = world:path "dst", word = word })
        world:run():expect(6)
        assert.is_true(files.exists(world:path "dst/extra"))
      end
    end)
  end)

  describe("is measured", function()
    local ON = [[
      object_started = function(event) if event.key == "p/c" then return haul.skip "x" end end,
      part_failed = function() local n = 0 for i = 1, 1e5 do n = n + i end return haul.retry { after = 0.01 } end]]

    local function hook_of(it_run, name)
      for _, hook in ipairs(it_run:find("job_finished").summary.hooks) do
        if hook.name == name then return hook end
      end
    end

    it("function by function, in the summary and the reports", function()
      fault:rules { op = "get", key = "p/a", with = "500", times = 1 }
      local report = world:path "report.json"
      local it_run = run(ON, { args = { "--report", report }, task = "where = function() return true end," }):expect(1)
      local hook = hook_of(it_run, "part_failed")
      assert.equal(1, hook.calls)
      assert.equal(0, hook.errors)
      assert.equal(0, hook.waited)
      assert.is_true(hook.computed > 0 and hook.longest == hook.computed, hook.computed)
      assert.matches("job%.lua:%d+$", hook.place)
      hook = hook_of(it_run, "object_started")
      assert.same({ 3, 1 }, { hook.calls, hook.errors })
      assert.equal(3, hook_of(it_run, "where, rename or the like").calls)
      assert.same(#it_run:find("job_finished").summary.hooks, #json.decode(files.read(report)).summary.hooks)
      assert.truthy(it_run.stderr:find("hook part_failed at ", 1, true))
      world:run({ args = { "--report", world:path "report.html" } }):expect(1)
      assert.truthy(files.read(world:path "report.html"):find("<h2>Hooks</h2>", 1, true))
    end)

    it("with its last hook, by those who are told after it", function()
      local report = world:path "report.json"
      run("job_finished = function(event) assert(#event.summary.hooks == 0) end", { args = { "--report", report } }):expect(0)
      assert.equal("job_finished", json.decode(files.read(report)).summary.hooks[1].name)
    end)

    it("with what it waited for, and what it spawned", function()
      local it_run = run([[job_started = function(event)
        haul.sleep "300ms"
        haul.spawn(function() haul.sleep "200ms" end):join()
        for i = 1, 3 do haul.spawn(function() end) end
      end]], { args = { "--trace-hooks" } }):expect(0)
      local hook = hook_of(it_run, "job_started")
      assert.is_true(hook.waited >= 0.5 and hook.computed < 0.2, hook.waited .. " " .. hook.computed)
      hook = hook_of(it_run, "haul.spawn")
      assert.equal(4, hook.calls)
      assert.is_true(hook.waited >= 0.2)
      assert.matches("hook job_started %-> nothing; %d+%.%d+ ms computing, [5-9]%d%d%.%d+ ms waiting", it_run.stderr)
    end)

    it("call by call with --trace-hooks", function()
      fault:rules { op = "get", key = "p/a", with = "500", times = 1 }
      local it_run = run(ON, { args = { "--trace-hooks" }, task = "where = function(o) return o.key ~= 'p/b' end," }):expect(1)
      for _, line in ipairs {
        "hook part_failed of p/a, part %d %-> retry after 0.01 s; %d+%.%d+ ms computing, 0%.000 ms waiting",
        "hook object_started of p/a %-> nothing; ", "hook object_started of p/c %-> error: .*only haul.stop",
        "hook where, rename or the like of p/b %-> passed over; ", "hook where, rename or the like of p/a %-> taken; ",
      } do
        assert.matches(line, it_run.stderr)
      end
      local verified = world:run { verb = "verify", args = { "--trace-hooks" } }
      assert.matches("hook where, rename or the like of p/b %-> passed over; ", verified.stderr)
      assert.is_nil(run(ON):expect(1).stderr:find("passed over", 1, true))
    end)
  end)
end)
