-- What ends a run before its work is done: the time of day, and too many failures.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "ends", retry = { attempts = 1 }, concurrency = $concurrency, $more
  haul.copy { from = haul.dir($src) / "", to = $store / "p/" } }
]]

describe("a run", function()
  local fault, world, src

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    src = world:path "src"
    local sizes = {}
    for i = 1, 60 do sizes[("f%02d"):format(i)] = i end
    files.tree(src, sizes)
  end)

  after_each(function() world:remove() end)

  local function run(more, concurrency)
    world:job(JOB, { src = src, store = { fault.store }, more = { more }, concurrency = concurrency or 4 })
    return world:run()
  end

  -- "HH:MM" so many hours from now
  local function hours(n) return os.date("%H:%M", os.time() + n * 3600) end

  it("outside of its window ends at once, and says when it opens", function()
    local it_run = run(("window = { %q, %q },"):format(hours(2), hours(4))):expect(10)
    assert.is_truthy(it_run.stderr:find("which opens at " .. hours(2), 1, true), it_run.stderr)
    assert.same({}, fault:objects())
  end)

  it("inside of its window does its work", function()
    run(("window = { %q, %q },"):format(hours(-2), hours(2))):expect(0)
  end)

  it("stops when a share of its objects fails, and the next carries on", function()
    fault:rules { op = "put", with = "denied", times = -1 }
    local it_run = run('stop_when = { failed = "50%", of = 10 },', 1):expect(6)
    assert.matches("10 of 10 objects failed", it_run.stderr)
    assert.equal(10, it_run:count("object_failed", { ["error.kind"] = "denied" }))
    fault:reset()
    run(""):expect(0)
    local stored = {}
    for key, object in pairs(fault:objects()) do stored[key:sub(3)] = ("%s %d"):format(object.sha256, object.size) end
    checks.same(files.sums(src), stored)
  end)

  it("does not stop below the share", function()
    fault:rules { op = "put", key = "p/f0*", with = "denied", times = 9 }
    run('stop_when = { failed = "50%", of = 10 },', 1):expect(6)
    fault:reset()
    fault:rules { op = "put", key = "p/f1*", with = "denied", times = 4 }
    run('stop_when = { failed = "50%", of = 10 },', 1):expect(1)
  end)

  it("stops at a number of failures", function()
    fault:rules { op = "put", with = "denied", times = -1 }
    local it_run = run("stop_when = { failed = 3 },", 1):expect(6)
    assert.equal(3, it_run:count("object_failed", { ["error.kind"] = "denied" }))
  end)
end)
