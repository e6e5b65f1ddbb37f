-- Signals: once, twice, and the one that asks how it goes.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local PART = 256 << 10

local JOB = [[
local haul = require "haul"
return haul.job { name = "signals", concurrency = 1, part_size = "256KiB", $more
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
]]

describe("a signal", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "s3" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    fault:put("p/big", { size = 6 * PART })
    fault:rules { op = "get", range = ("bytes=%d-%d"):format(3 * PART, 4 * PART - 1), with = "hold", times = -1 }
    world:job(JOB, { store = { fault.store }, dst = world:path "dst", more = { "" } })
  end)

  after_each(function() world:remove() end)

  -- Three parts done, the fourth standing still.
  local function started(given)
    local run = world:start(given):await("part_succeeded", 3)
    shell.wait(10, "the fourth request", function() return #fault:requests "get" >= 4 end)
    return run
  end

  local function carries_on()
    fault:control("DELETE", "/rules")
    fault:release()
    local run = world:run():expect(0)
    assert.equal(3, run:count "part_succeeded")
    assert.equal(3 * PART, run.events[#run.events].summary.bytes_resumed)
    assert.equal(fault:objects()["p/big"].sha256, files.sum(world:path "dst/big"))
  end

  for name, status in pairs { INT = 130, TERM = 143 } do
    it(name .. " once ends what is under way, saves and says how to go on", function()
      local run = started()
      run:signal(name)
      run:wait(20):expect(status)
      assert.matches("the same command carries on", run.stderr)
      assert.equal("job_finished", run.events[#run.events].event)
      carries_on()
    end)

    it(name .. " once lets the part under way come to its end", function()
      local run = started()
      run:signal(name)
      fault:release()
      run:wait(20):expect(status)
      assert.equal(4, run:count "part_succeeded")
    end)

    it(name .. " twice leaves at once, and the journal is as good", function()
      local run = started()
      local began = shell.now()
      run:signal(name)
      -- The first must have been taken, or the two are one to the kernel.
      shell.wait(5, "the first to be taken", function()
        local pending = (files.read(("/proc/%d/status"):format(run.pid)) or ""):match "ShdPnd:%s*(%x+)"
        return not pending or tonumber(pending, 16) == 0
      end)
      run:signal(name)
      run:wait(5):expect(status)
      assert.is_true(shell.now() - began < 3)
      carries_on()
    end)
  end

  it("USR1 asks for every transfer in flight, with its state and last error", function()
    fault:control("DELETE", "/rules")
    fault:rules({ op = "get", range = ("bytes=%d-%d"):format(PART, 2 * PART - 1), with = "500" },
      { op = "get", range = ("bytes=%d-%d"):format(PART, 2 * PART - 1), with = "hold" })
    local run = world:start():await "part_failed"
    run:signal "USR1"
    shell.wait(10, "an answer", function() return (files.read(run.base .. "err") or ""):find "p/big: %S+, %d of 6 parts" end)
    assert.matches("last error", files.read(run.base .. "err"))
    fault:control("DELETE", "/rules")
    fault:release()
    run:wait():expect(0)
  end)

  it("is not needed when the time is over: --max-duration ends with 10", function()
    local run = world:run { args = { "--max-duration", "300ms" } }:expect(10)
    assert.is_true(run:count "part_succeeded" >= 1)
    fault:control("DELETE", "/rules")
    fault:release()
    world:run():expect(0)
    assert.equal(fault:objects()["p/big"].sha256, files.sum(world:path "dst/big"))
  end)

  it("PIPE is none: a reader of standard output that is gone does no harm", function()
    fault:control("DELETE", "/rules")
    world:run { args = { "--json" }, prefix = "sh -c '\"$@\" | true' sh" }
    assert.equal(fault:objects()["p/big"].sha256, files.sum(world:path "dst/big"))
  end)
end)
