-- Two runs of one job never overlap.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "locked", part_size = "1MiB", concurrency = 2, $more
  haul.copy { from = $store / "", to = haul.dir($dst) / "" } }
]]

describe("a second run of the same job", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "s3" }
    fault:put("a", { size = 3 << 20 })
    fault:rules { op = "get", with = "hold" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    world:job(JOB, { store = { fault.store }, dst = world:path "dst", more = { "" } })
  end)

  after_each(function() world:remove() end)

  it("ends with 11 and has written nothing", function()
    local first = world:start():await "object_started"
    local before = files.snapshot(world:path "dst")
    local second = world:run():expect(11)
    assert.equal(0, second:count "object_started")
    assert.equal(before, files.snapshot(world:path "dst"))
    assert.matches("locked", second.stderr)
    fault:release()
    first:wait():expect(0)
    assert.equal(fault:objects().a.sha256, files.sum(world:path "dst/a"))
  end)

  it("may run when the first was killed", function()
    world:start():await("object_started"):kill()
    fault:release()
    checks.events(world:run():expect(0))
  end)

  it("is let through for another job", function()
    local first = world:start():await "object_started"
    world:job((JOB:gsub("locked", "another")), { store = { fault.store }, dst = files.mkdir(world:path "dst2"),
      more = { "" } }, "other.lua")
    world:run():expect(0)
    fault:release()
    first:wait():expect(0)
  end)
end)
