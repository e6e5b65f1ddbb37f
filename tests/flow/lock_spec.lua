-- Two runs of one job never overlap.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

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
    fault:rules { op = "get", with = "hold", times = -1 }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    world:job(JOB, { store = { fault.store }, dst = world:path "dst", more = { "" } })
  end)

  after_each(function() world:remove() end)

  -- Under way, and standing still: both of its requests are held.
  local function started()
    local run = world:start():await "temp_file_created"
    shell.wait(10, "two requests", function() return #fault:requests "get" == 2 end)
    return run
  end

  local function let_go()
    fault:control("DELETE", "/rules")
    fault:release()
  end

  it("ends with 11 and has written nothing", function()
    local first = started()
    local before = files.snapshot(world:path "dst")
    local second = world:run():expect(11)
    assert.equal(0, second:count "object_started")
    assert.equal(before, files.snapshot(world:path "dst"))
    assert.matches("locked", second.stderr)
    let_go()
    first:wait():expect(0)
    assert.equal(fault:objects().a.sha256, files.sum(world:path "dst/a"))
  end)

  it("may run when the first was killed", function()
    started():kill()
    let_go()
    checks.events(world:run():expect(0))
  end)

  it("is let through for another job", function()
    local first = started()
    let_go()
    world:job((JOB:gsub("locked", "another")), { store = { fault.store }, dst = files.mkdir(world:path "dst2"),
      more = { "" } }, "other.lua")
    world:run():expect(0)
    first:wait():expect(0)
  end)
end)
