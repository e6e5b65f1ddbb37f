-- Limits as the server sees them.  How exact they are over ten seconds is measured by `make bench`.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local MIB = 1 << 20
local SIZE = 6 * MIB

describe("a limit", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss", rates = true }
    fault:control("DELETE", "/rates")
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  local function job(given)
    world:job([[
      local haul = require "haul"
      local store = $store
      return haul.job { name = "limit", concurrency = $concurrency, part_size = "256KiB", $job
        haul.copy { from = $from, to = $to, $task } }
    ]], { store = { fault:store_with(given.store) }, concurrency = given.concurrency or 4, job = { given.job or "" },
      task = { given.task or "" },
      from = { given.up and ("haul.dir(%q) / ''"):format(world:path "src") or "store / 'p/'" },
      to = { given.up and "store / 'u/'" or ("haul.dir(%q) / ''"):format(world:path "dst") } })
    return world:run { args = given.args }:expect(0)
  end

  -- Seconds from the first byte to the last, how far the bytes were ever ahead of `rate`, and all of them.  way:
  -- 2 in, 3 out.
  local function delivered(way, rate)
    local first, last, total, ahead = nil, nil, 0, 0
    for _, slot in ipairs(fault:rates()) do
      if slot[way] > 0 then
        first = first or slot[1]
        last, total = slot[1], total + slot[way]
        ahead = math.max(ahead, total - rate * (last - first + 1) / 100)
      end
    end
    return (last - first + 1) / 100, ahead, total
  end

  -- How near to the limit it comes is measured by the benchmark: on a busy machine nothing is.
  local function holds(way, rate)
    local seconds, ahead, total = delivered(way, rate)
    assert.is_true(total >= SIZE * 0.9, total .. " bytes") -- what came along with a head is not counted
    assert.is_true(seconds >= total / rate * 0.97, ("%.2f s for %.1f MiB"):format(seconds, SIZE / MIB))
    assert.is_true(seconds <= SIZE / rate + 30, ("%.2f s for %.1f MiB"):format(seconds, SIZE / MIB))
    assert.is_true(ahead <= rate / 2, ("%.0f bytes too early"):format(ahead))
  end

  local DOWN = {
    { "of the job", { job = 'rate = "3MiB/s",' } },
    { "of the store, for reading", { store = 'rate = { read = "3MiB/s" }' } },
    { "of the store", { store = 'rate = "3MiB/s"' } },
    { "of the task", { task = 'rate = "3MiB/s",' } },
    { "of the command line", { job = 'rate = "50MiB/s",', args = { "--rate", "3MiB/s" } } },
    { "that is the smallest of three", { job = 'rate = "30MiB/s",', store = 'rate = "3MiB/s"',
      task = 'rate = "9MiB/s",' } },
    { "for one request at a time", { job = 'rate = "3MiB/s",', concurrency = 1 } },
    { "for sixteen requests at a time", { job = 'rate = "3MiB/s",', concurrency = 16 } },
  }
  for _, case in ipairs(DOWN) do
    it(case[1] .. " holds for a download", function()
      fault:put("p/big", { size = SIZE })
      job(case[2])
      holds(3, 3 * MIB)
      assert.equal(fault:objects()["p/big"].sha256, files.sum(world:path "dst/big"))
    end)
  end

  local UP = {
    { "of the job", { job = 'rate = "3MiB/s",' } },
    { "of the store, for writing", { store = 'rate = { write = "3MiB/s" }' } },
    { "of the task", { task = 'rate = "3MiB/s",' } },
    { "for sixteen requests at a time", { job = 'rate = "3MiB/s",', concurrency = 16 } },
  }
  for _, case in ipairs(UP) do
    it(case[1] .. " holds for an upload", function()
      files.tree(world:path "src", { big = SIZE })
      case[2].up = true
      job(case[2])
      holds(2, 3 * MIB)
      assert.equal(fault:objects()["u/big"].sha256, files.sum(world:path "src/big"))
    end)
  end

  it("for writing does not slow down what is read", function()
    fault:put("p/big", { size = SIZE })
    job { store = 'rate = { write = "64KiB/s" }' }
    assert.is_true(delivered(3, 0) < 30)
  end)

  it("holds for many small objects, with their failed tries", function()
    local size = 8 << 10
    for i = 1, 40 do fault:put("p/k" .. i, { size = size, seed = tostring(i) }) end
    fault:rules { op = "get", with = "reset_body", times = 10 }
    job { job = 'rate = "160KiB/s", retry = { base = "5ms", cap = "10ms" },' }
    local seconds = delivered(3, 160 << 10)
    assert.is_true(seconds >= 40 * size / (160 << 10) * 0.95, seconds .. " s")
  end)

  it("of requests holds", function()
    for i = 1, 40 do fault:put("p/k" .. i, "small") end
    job { store = "requests = 20", concurrency = 16 }
    local log = fault:log()
    for i, entry in ipairs(log) do -- half a second, in which a busy server may have let some wait
      assert.is_true(entry.time - log[1].time >= (i - 4) / 20 * 0.95 - 0.5, i .. " requests too early")
    end
    assert.is_true(log[#log].time - log[1].time >= (#log - 4) / 20 * 0.95)
  end)

  it("between directories holds", function()
    files.tree(world:path "src", { big = SIZE })
    world:job([[
      local haul = require "haul"
      return haul.job { name = "limit", part_size = "256KiB", rate = "6MiB/s",
        haul.copy { from = haul.dir($src) / "", to = haul.dir($dst) / "" } }
    ]], { src = world:path "src", dst = world:path "dst" })
    local run = world:run():expect(0)
    local seconds = run.events[#run.events].time - run.events[1].time
    assert.is_true(seconds >= 0.9 and seconds < 30, seconds .. " s")
  end)
end)
