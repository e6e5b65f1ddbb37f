-- haul.parallel: tasks at the same time, each with its own limits, its own guard and its own end.
local files = require "support.files"
local haul = require "support.haul"
local jobfile = require "support.jobfile"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
local store = $store
local a, b, c = store / "a/", store / "b/", store / "c/"
local function to(name) return haul.dir($dst) / (name .. "/") end
return haul.job { name = "parallel", concurrency = $concurrency, part_size = "64KiB",
  retry = { attempts = 2, base = "5ms", cap = "10ms" },
  $tasks
}
]]

describe("tasks in haul.parallel", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
  end)

  after_each(function()
    fault:release()
    world:remove()
  end)

  local function job(tasks, concurrency)
    world:job(JOB, { store = { fault.store }, dst = world:path "dst", tasks = { tasks }, concurrency = concurrency or 4 })
    return world
  end

  local function put(prefix, count, size)
    for i = 1, count do fault:put(("%s/%d"):format(prefix, i), { size = size or 100, seed = prefix .. i }) end
  end

  local function arrived(prefix, count)
    local there = fault:objects()
    for i = 1, count do
      local key = ("%s/%d"):format(prefix, i)
      assert.equal(there[key].sha256, files.sum(world:path "dst/" .. key), key)
    end
  end

  -- The place of an event among all of them.
  local function place(run, name, where)
    local wanted = run:find(name, where)
    assert.is_truthy(wanted, name .. " is missing\n" .. run:describe())
    for i, event in ipairs(run.events) do if event == wanted then return i end end
  end

  local TWO = [[haul.parallel { haul.copy { from = a, to = to "a" }, haul.copy { from = b, to = to "b" } },
    haul.copy { from = c, to = to "c" }]]

  it("run at the same time, and what follows begins when all of them are over", function()
    put("a", 3) put("b", 3) put("c", 1)
    fault:rules { op = "get", key = "a/2", with = "hold" }
    local run = job(TWO):start()
    run:await("task_finished", 1, { task = 2 })
    assert.equal(0, run:count("task_finished", { task = 1 }))
    assert.equal(0, run:count("task_started", { task = 3 }))
    fault:release()
    run:wait():expect(0)
    for task, prefix in ipairs { "a", "b", "c" } do
      assert.equal(1, run:count("task_finished", { task = task, objects_done = prefix == "c" and 1 or 3 }))
      arrived(prefix, prefix == "c" and 1 or 3)
    end
    assert.is_true(place(run, "task_finished", { task = 1 }) < place(run, "task_started", { task = 3 }))
    assert.equal(7, run:find("job_finished").summary.objects_done)
  end)

  it("take turns even with one slot, and no large object holds the others up", function()
    fault:put("a/1", { size = 40 * 65536, seed = "a" })
    put("b", 5)
    job(TWO, 1):run():expect(0)
    local parts, small = 0, 0
    for _, entry in ipairs(fault:requests "get") do
      if entry.key == "b/5" then break end
      parts, small = parts + (entry.key == "a/1" and 1 or 0), small + (entry.key ~= "a/1" and 1 or 0)
    end
    assert.equal(4, small)
    assert.is_true(parts < 12, parts .. " parts came before five small objects")
  end)

  it("open objects in turn", function()
    put("a", 30) put("b", 30)
    local run = job(TWO, 2):run():expect(0)
    local first = { 0, 0 }
    for i, event in ipairs(run:all "object_started") do
      if i <= 20 then first[event.task] = first[event.task] + 1 end
    end
    assert.is_true(first[1] >= 6 and first[2] >= 6, ("%d and %d"):format(first[1], first[2]))
  end)

  it("keep their own concurrency", function()
    put("a", 6) put("b", 6)
    fault:rules { op = "get", key = "a/*", with = "hold", times = -1 }
    local run = job([[haul.parallel { haul.copy { from = a, to = to "a", concurrency = 2 }, haul.copy { from = b, to = to "b" } }]], 8)
      :start()
    run:await("task_finished", 1, { task = 2 })
    assert.equal(2, #fault:requests("get", function(entry) return entry.key:sub(1, 2) == "a/" end))
    fault:control("DELETE", "/rules")
    fault:release()
    run:wait():expect(0)
    arrived("a", 6)
  end)

  it("keep their own rate", function()
    fault:put("a/1", { size = 4 * 65536, seed = "a" })
    fault:put("b/1", { size = 64 * 65536, seed = "b" })
    local run = job([[haul.parallel { haul.copy { from = a, to = to "a", rate = "160KiB/s" },
      haul.copy { from = b, to = to "b" } }]]):run():expect(0)
    assert.is_true(place(run, "task_finished", { task = 2 }) < place(run, "task_finished", { task = 1 }))
    assert.is_true(run:find("task_finished", { task = 1 }).seconds > 1)
    arrived("a", 1) arrived("b", 1)
  end)

  it("are carried on after a kill, and repeat nothing", function()
    put("a", 4) put("b", 4)
    fault:rules({ op = "get", key = "a/3", with = "hold" }, { op = "get", key = "b/3", with = "hold" })
    local run = job(TWO, 2):start()
    run:await("object_succeeded", 4)
    run:kill()
    fault:control("DELETE", "/rules")
    fault:release()
    fault:control("DELETE", "/log")
    local again = world:run():expect(0)
    assert.equal(0, again:count("object_succeeded", { key = "a/1" }) + again:count("object_succeeded", { key = "b/1" }))
    assert.equal(0, #fault:requests("get", function(entry) return entry.key == "a/1" or entry.key == "b/1" end))
    arrived("a", 4) arrived("b", 4)
  end)

  it("fail by themselves, and a retry takes up what failed of each", function()
    put("a", 2) put("b", 2) put("c", 1)
    fault:rules({ op = "get", key = "a/1", with = "denied", times = -1 }, { op = "get", key = "b/2", with = "denied", times = -1 })
    local run = job(TWO):run():expect(1)
    assert.equal(1, run:find("task_finished", { task = 1 }).objects_failed)
    assert.equal(1, run:find("task_finished", { task = 2 }).objects_failed)
    assert.equal(1, run:find("task_finished", { task = 3 }).objects_done)
    fault:control("DELETE", "/rules")
    world:run({ verb = "retry" }):expect(0)
    arrived("a", 2) arrived("b", 2)
    world:run({ verb = "verify" }):expect(0)
  end)

  it("are planned like any other", function()
    put("a", 2) put("b", 3)
    local plan = job(TWO):run { verb = "plan", args = { "--json" } }:expect(0)
    assert.equal(5, select(2, plan.stdout:gsub('"state":"send"', "")))
  end)

  it("delete each within its own guard", function()
    put("a", 3) put("b", 3)
    files.mkdir(world:path "dst/a")
    files.mkdir(world:path "dst/b")
    for _, name in ipairs { "a/1", "a/2", "a/3", "a/old", "b/1", "b/old1", "b/old2", "b/old3" } do
      files.write(world:path("dst/" .. name), "x")
    end
    local run = job([[haul.parallel { haul.sync { from = a, to = to "a", delete = true },
      haul.sync { from = b, to = to "b", delete = true } }]]):run():expect(6)
    assert.equal(0, run:count("object_deleted", { task = 2 }))
    assert.is_true(files.exists(world:path "dst/b/old1"))
    assert.truthy(run.stderr:find("max_delete", 1, true), run.stderr)
  end)

  describe("are refused", function()
    local function refused(tasks, pattern)
      local script, _, message = jobfile.job(tasks)
      assert.is_nil(script)
      assert.truthy(message:find(pattern, 1, true), message)
    end

    it("when two write to one place", function()
      refused([[haul.parallel { haul.copy { from = here / "a/", to = there }, haul.copy { from = here / "b/", to = there } }]],
        "entries 1 and 2 would both change /tmp/haul-to/: run one after the other")
    end)

    it("when the target of one lies within that of another", function()
      refused([[haul.parallel { haul.copy { from = here / "a/", to = there }, haul.copy { from = here / "b/", to = s3 / "x/" },
        haul.copy { from = here / "c/", to = there / "c/" } }]], "entries 1 and 3 would both change")
    end)

    it("when one reads what another writes", function()
      refused([[haul.parallel { haul.copy { from = here, to = s3 / "x/" }, haul.copy { from = s3 / "x/y/", to = there } }]],
        "entries 1 and 2 would change s3://pail/x/ and read from it")
    end)

    it("when one deletes what another reads", function()
      refused([[haul.parallel { haul.delete { from = here / "a/" }, haul.copy { from = here, to = there } }]],
        "entries 1 and 2 would change /tmp/haul-from/a/ and read from it")
    end)

    it("when they are no tasks, too few, or given twice", function()
      refused([[haul.parallel { copy }]], "it takes 2 to 64 tasks, not 1")
      refused([[haul.parallel { copy, 7 }]], "entry 2 is no task")
      refused([[haul.parallel { copy, haul.parallel { copy, haul.copy { from = here, to = s3 } } }]],
        "entry 2 is a haul.parallel itself")
      refused([[copy, haul.parallel { copy, haul.copy { from = here, to = s3 } }]], "tasks 1 and 2 are the same")
      refused([[haul.parallel { copy, copy }]], "would both change")
    end)
  end)

  it("stand beside one another where their names only begin alike", function()
    local script, _, message = jobfile.job(
      [[haul.parallel { haul.copy { from = here / "a/", to = there / "x/" },
        haul.copy { from = here / "b/", to = there / "xy/" } }]])
    assert.is_truthy(script, message)
  end)
end)
