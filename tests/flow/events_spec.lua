-- What is told of a run, and how it ends: events, standard output, log, signals, other commands.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"

local DOWN = [[
local haul = require "haul"
return haul.job { name = "events", concurrency = 2, part_size = "256KiB", rate = $rate,
  retry = { base = "5ms", cap = "10ms" },
  $more
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
]]

describe("events", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "tos" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  local function job(given)
    given = given or {}
    world:job(DOWN, { store = { fault.store }, dst = world:path "dst", rate = { given.rate or "nil" },
      more = { given.more or "" } })
  end

  it("of a download carry the fields that are promised", function()
    local object = fault:put("p/big", { size = 600000 })
    job()
    local run = world:run():expect(0)
    local summary = checks.events(run)
    for _, name in ipairs { "job_started", "object_started", "temp_file_created", "part_succeeded", "temp_file_renamed",
      "verified", "object_succeeded", "job_finished" } do
      assert.is_true(run:count(name) > 0, "no event " .. name)
    end
    for _, event in ipairs(run.events) do
      assert.is_number(event.time)
      assert.equal("events", event.job)
    end
    local part = run:find("part_succeeded", { ["part.number"] = 3 })
    assert.equal(600000 - 2 * 262144, part.part.size)
    assert.equal(2 * 262144, part.part.offset)
    assert.is_string(part.part.crc64)
    assert.is_number(part.part.seconds)
    assert.equal(600000, part.size)
    assert.equal("test", part.bucket)
    assert.equal(1, part.attempt)
    assert.equal(world:path "dst/big", part.path)
    assert.equal("crc64", run:find("verified").check)
    assert.equal(1, summary.checked.crc64)
    assert.equal(600000, summary.bytes_done)
    assert.equal(object.sha256, files.sum(world:path "dst/big"))
  end)

  it("of an upload carry upload ids and the parts' sums", function()
    files.tree(world:path "src", { big = 11 << 20 })
    world:job([[
      local haul = require "haul"
      return haul.job { name = "events", part_size = "5MiB",
        haul.copy { from = haul.dir($src) / "", to = $store / "u/" } }
    ]], { src = world:path "src", store = { fault.store } })
    local run = world:run():expect(0)
    checks.events(run)
    assert.equal(3, run:count "part_succeeded")
    assert.is_string(run:find("upload_created").upload_id)
    assert.equal(run:find("upload_created").upload_id, run:find("upload_completed").upload_id)
    assert.is_string(run:find("part_succeeded").part.etag)
    assert.equal("crc64", run:find("verified").check)
  end)

  it("of a failure carry what the provider's support asks for", function()
    fault:put("p/x", "bytes")
    fault:rules { op = "get", key = "p/x", with = "denied", times = -1 }
    job()
    local run = world:run():expect(1)
    local failed = run:find "object_failed"
    local entry = fault:requests("get")[1]
    assert.equal("denied", failed.error.kind)
    assert.equal(403, failed.error.status)
    assert.equal("AccessDenied", failed.error.code)
    assert.equal(entry.request_id, failed.error.request_id)
    assert.is_false(failed.error.retryable)
    assert.is_string(failed.error.message)
  end)

  it("of names that no terminal should see are one JSON line each", function()
    local nasty = "p/a\27[31mred\r\nlines\u{202e}"
    fault:put(nasty, "bytes")
    job()
    local run = world:run():expect(0)
    checks.events(run)
    assert.is_nil(run.stderr:find("\27[31m", 1, true))
    assert.equal("bytes", files.read(world:path "dst" .. "/" .. nasty:sub(3)))
  end)

  it("reach the hooks as they reach the file", function()
    fault:put("p/big", { size = 600000 })
    job { more = ([[ on = {
      part_succeeded = function(event) haul.log.info("HOOK part " .. event.part.number) end,
      job_finished = function(event) haul.log.info("HOOK done " .. event.summary.bytes_done) end }, ]]) }
    local run = world:run():expect(0)
    for number = 1, 3 do assert.is_truthy(run.stderr:find("HOOK part " .. number, 1, true), run.stderr) end
    assert.is_truthy(run.stderr:find("HOOK done 600000", 1, true))
  end)

  it("keep standard output clean", function()
    fault:put("p/x", "bytes")
    job()
    assert.equal("", world:run():expect(0).stdout)
  end)

  it("say `stopped` with 130 and 143, and the next run carries on", function()
    for signal, status in pairs { INT = 130, TERM = 143 } do
      fault:reset()
      fault:put("p/big", { size = 5 << 20, seed = signal })
      job { rate = '"1MiB/s"' }
      local run = world:start():await "part_succeeded"
      run:signal(signal)
      run:wait(10):expect(status)
      job()
      local again = world:run():expect(0)
      assert.is_true(again.events[#again.events].summary.bytes_resumed > 0)
      assert.equal(fault:objects()["p/big"].sha256, files.sum(world:path "dst/big"))
    end
  end)

  it("are not needed by the other commands", function()
    fault:put("p/x", "bytes")
    fault:put("p/y", { size = 600000 })
    job()
    local plan = world:run { verb = "plan" }:expect(0)
    assert.matches("x", plan.stdout)
    assert.matches("y", plan.stdout)
    checks.nothing_in(world:path "dst")
    local printed = world:run { verb = "plan", args = { "--json" } }:expect(0)
    for line in printed.stdout:gmatch "[^\n]+" do assert.is_table(json.decode(line)) end
    world:run { verb = "check" }:expect(0)
    checks.nothing_in(world:path "dst")
    world:run():expect(0)
    assert.matches("2", world:run { verb = "status" }:expect(0).stdout)
    world:run { verb = "clean" }:expect(0)
    world:run { bare = true, args = { "version" } }:expect(0)
    world:run { bare = true, args = { "help" } }:expect(0)
    assert.is_truthy(world:run { verb = "help" }:expect(0).stdout)
  end)

  it("of an unfinished upload are followed by its end when the job is cleaned", function()
    files.tree(world:path "src", { big = 20 << 20 })
    fault:rules { op = "part", part = 3, with = "hold" }
    world:job([[
      local haul = require "haul"
      return haul.job { name = "clean", part_size = "5MiB", concurrency = 1,
        haul.copy { from = haul.dir($src) / "", to = $store / "u/" } }
    ]], { src = world:path "src", store = { fault.store } })
    world:start():await("part_succeeded", 2):kill()
    assert.equal(1, #fault:uploads())
    world:run { verb = "clean" }:expect(0)
    assert.equal(0, #fault:uploads())
    assert.is_nil(world:state():match "clean/%S+ f")
  end)
end)
