-- Limits that change while a job runs: by the clock, by a function, by a hook.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local KIB, MIB = 1 << 10, 1 << 20

describe("a limit that changes", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss", rates = true }
    fault:control("DELETE", "/rates")
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  -- A time zone in which local clocks show that time of a Thursday in so many seconds.
  local function zone(clock, seconds)
    local hour, minute = clock:match "(%d+):(%d+)"
    local now = os.time() + seconds
    local behind = (now - (hour * 3600 + minute * 60)) % 86400 -- UTC minus local time
    if behind > 43200 then behind = behind - 86400 end
    local sign, rest = behind < 0 and "-" or "", math.abs(behind)
    return ("<HERE>%s%d:%02d:%02d"):format(sign, rest // 3600, rest % 3600 // 60, rest % 60)
  end

  local function job(given)
    world:job([[
      local haul = require "haul"
      local store = $store
      return haul.job { name = "changes", part_size = "256KiB", $job
        haul.copy { from = store / "p/", to = haul.dir($dst) / "", $task }, on = { $on } }
    ]], { store = { fault:store_with(given.store) }, dst = world:path "dst", job = { given.job or "" }, task = { given.task or "" },
      on = { given.on or "" } })
    return world:start { env = { TZ = given.zone }, args = given.args }
  end

  local function limits(run)
    local list = {}
    for _, event in ipairs(run:all "progress") do
      local limit = event.progress.limit or "none"
      if list[#list] ~= limit then list[#list + 1] = limit end
    end
    local last = run:find "job_finished".summary.limit or "none"
    if list[#list] ~= last then list[#list + 1] = last end
    return list
  end

  -- Bytes that came in each second since the first.
  local function by_second()
    local list, first = {}, nil
    for _, slot in ipairs(fault:rates()) do
      if slot[3] > 0 then
        first = first or slot[1]
        local n = (slot[1] - first) // 100 + 1
        list[n] = (list[n] or 0) + slot[3]
      end
    end
    return list
  end

  local AT_EIGHT = 'haul.schedule { ["08:00-20:00"] = %s, otherwise = %s }'

  for name, where in pairs { job = "job", task = "task", store = "store" } do
    it("by the clock is set free at its time: of the " .. name, function()
      fault:put("p/big", { size = 8 * MIB })
      local run = job { [where] = "rate = " .. AT_EIGHT:format('"unlimited"', '"64KiB/s"') .. ",", zone = zone("08:00", 4) }:wait()
      run:expect(0)
      local seconds = run.events[#run.events].time - run.events[1].time
      assert.is_true(seconds < 60, seconds .. " s, where 64 KiB/s would take 128")
      local first = by_second()[1]
      assert.is_true(first and first < 400 * KIB, tostring(first) .. " bytes in the first second")
      if name == "job" then assert.same({ 64 * KIB, "none" }, limits(run)) end
      assert.truthy(run.stderr:find("is unlimited from now on", 1, true))
    end)
  end

  it("by the clock is slowed down at its time", function()
    fault:put("p/big", { size = 24 * MIB })
    local run = job { job = "rate = " .. AT_EIGHT:format('"32KiB/s"', '"2MiB/s"') .. ",", zone = zone("08:00", 4) }
    run:await("progress", 1, { ["progress.limit"] = 32 * KIB })
    local before = run.events[#run.events].progress.bytes_moved
    run:await("progress", 8, { ["progress.limit"] = 32 * KIB })
    local moved = run.events[#run.events].progress.bytes_moved - before
    assert.is_true(moved < 3 * MIB, moved .. " bytes in two seconds")
    run:signal "INT"
    run:wait():expect(130)
    assert.same({ 2 * MIB, 32 * KIB }, limits(run))
  end)

  it("holds from the first byte, also of a function", function()
    fault:put("p/big", { size = 1 * MIB })
    local run = job { job = 'rate = function(now, stats) return stats.seconds < 2 and "64KiB/s" or "unlimited" end,' }:wait():expect(0)
    local first = by_second()[1]
    assert.is_true(first and first < 400 * KIB, tostring(first) .. " bytes in the first second")
    assert.same({ 64 * KIB, "none" }, limits(run))
    assert.is_true(run.events[#run.events].time - run.events[1].time < 6)
  end)

  it("stays as it was where the function fails, which is said once and counts", function()
    fault:put("p/big", { size = 1 * MIB })
    local run = job { job = 'rate = function(now, stats) if stats.seconds < 1 then return "256KiB/s" end error "no idea" end,' }:wait()
    run:expect(1)
    assert.same({ 256 * KIB }, limits(run))
    local _, said = run.stderr:gsub("no idea", "")
    assert.equal(1, said, run.stderr)
    assert.is_true(run:find "job_finished".summary.hook_errors >= 2)
  end)

  it("of the concurrency lets as many requests go as the clock says", function()
    fault:put("p/big", { size = 6 * MIB })
    fault:rules { op = "get", with = "hold", times = -1 }
    local run = job { job = 'concurrency = haul.schedule { ["08:00-20:00"] = 8, otherwise = 1 },', zone = zone("08:00", 4) }
    shell.wait(20, "eight requests", function() return #fault:requests "get" >= 8 end)
    fault:control("DELETE", "/rules")
    fault:release()
    run:wait():expect(0)
    local seen = {}
    for _, event in ipairs(run:all "progress") do
      local now = event.progress.concurrency
      if seen[#seen] ~= now then seen[#seen + 1] = now end
      assert.is_true(event.progress.in_flight <= now)
    end
    assert.equal(1, seen[1])
    assert.equal(8, run:find "job_finished".summary.concurrency)
  end)

  it("by hand stays, until it is given back to the job file", function()
    fault:put("p/big", { size = 2 * MIB })
    local run = job { job = 'rate = haul.schedule { ["00:00-24:00"] = "64KiB/s" },', store = 'rate = "unlimited"', on = [[
      progress = function(event, job)
        local seconds = event.progress.seconds
        job:set { rate = seconds < 2.5 and "128KiB/s" or seconds < 4 and "auto" or "unlimited" }
      end]] }:wait():expect(0)
    local seen = limits(run)
    assert.same({ 64 * KIB, 128 * KIB, 64 * KIB, "none" }, seen)
  end)

  it("of nothing at all is a pause, which a clock of the job file may end", function()
    fault:put("p/big", { size = 1 * MIB })
    local run = job { on = [[job_started = function(event, job)
      job:pause()
      job:every("1s", function() if job:stats().seconds > 2 then job:resume() end end)
    end]] }:wait():expect(0)
    assert.is_true(run:count("progress", { ["progress.paused"] = true }) >= 4)
    local began = run:find "object_started".time - run:find "job_started".time
    assert.is_true(began >= 2 and began < 5, began .. " s")
  end)

  it("ends the job where the job file wants errors to, also those of a function", function()
    fault:put("p/big", { size = 1 * MIB })
    local run = job { job = [[on_hook_error = "stop",
      rate = function(now, stats) return stats.seconds < 1 and "64KiB/s" or nil end,]] }:wait(10):expect(7)
    assert.matches("ended early: a rate such as \"20MiB/s\" is expected, not nil\n", run.stderr)
  end)

  for what, wish in pairs { store = "of = store, rate = { read = 'unlimited' }", task = "of = task, rate = 'unlimited'" } do
    it("is set by hand for one " .. what, function()
      fault:put("p/big", { size = 6 * MIB })
      world:job([[
        local haul = require "haul"
        local store = $store
        local task = haul.copy { from = store / "p/", to = haul.dir($dst) / "", rate = $task }
        return haul.job { name = "changes", part_size = "256KiB", task,
          on = { progress = function(event, job) if event.progress.seconds > 1 then job:set { $wish } end end } }
      ]], { store = { fault:store_with('rate = { read = "' .. (what == "store" and "64KiB/s" or "unlimited") .. '" }') },
        task = what == "task" and "64KiB/s" or "unlimited", dst = world:path "dst", wish = { wish } })
      local run = world:run():expect(0)
      local seconds = run:find "job_finished".summary.seconds
      assert.is_true(seconds > 1 and seconds < 10, seconds .. " s, where 64 KiB/s would take 96")
      local _, told = run.stderr:gsub("is unlimited from now on", "")
      assert.equal(1, told, run.stderr)
    end)
  end
end)
