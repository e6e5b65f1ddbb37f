-- What is tried again, how often and when: policy, hooks and their decisions.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "retry", concurrency = 2, part_size = "256KiB",
  $more
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
]]

describe("trying again", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "s3" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    fault:put("p/a", { size = 600000 })
  end)

  after_each(function() world:remove() end)

  local function run(more, given)
    world:job(JOB, { store = { fault.store }, dst = world:path "dst", more = { more } })
    return world:run(given)
  end

  local FAST = 'retry = { attempts = 3, base = "5ms", cap = "20ms" }, '

  it("ends after the attempts of the policy", function()
    fault:rules { op = "get", range = "bytes=0-262143", with = "500", times = -1 }
    local it_run = run(FAST):expect(1)
    local tried = fault:requests("get", function(e) return e.range == "bytes=0-262143" end)
    assert.equal(3, #tried)
    assert.equal(3, it_run:count("part_failed", { ["part.number"] = 1 }))
    assert.same({ 1, 2, 3 }, { it_run:all("part_failed")[1].attempt, it_run:all("part_failed")[2].attempt,
      it_run:all("part_failed")[3].attempt })
  end)

  it("is not done for a kind that the policy leaves out", function()
    fault:rules { op = "get", with = "500", times = -1 }
    run('retry = { attempts = 5, base = "5ms", cap = "20ms", on = { "network" } }, '):expect(1)
    local tried = fault:requests("get", function(e) return e.range == "bytes=0-262143" end)
    assert.equal(1, #tried)
  end)

  it("is not done for what cannot change", function()
    fault:rules { op = "get", with = "denied", times = -1 }
    run(FAST):expect(1)
    for _, entry in ipairs(fault:requests "get") do assert.equal(403, entry.status) end
    assert.is_true(#fault:requests "get" <= 3)
  end)

  it("waits as long as the store asks", function()
    fault:rules { op = "get", with = "503", retry_after = "1", range = "bytes=0-262143" }
    run(FAST):expect(0)
    local tried = fault:requests("get", function(e) return e.range == "bytes=0-262143" end)
    assert.is_true(tried[2].time - tried[1].time >= 0.95, "waited " .. tried[2].time - tried[1].time)
  end)

  it("does not become a storm", function()
    for i = 1, 20 do fault:put("p/k" .. i, "object") end
    fault:rules { op = "get", with = "throttle", times = 20 }
    local it_run = run('retry = { attempts = 12, base = "20ms", cap = "200ms" }, '):expect(0)
    checks.events(it_run)
    assert.is_true(it_run:count "throttled" > 0)
    assert.is_true(#fault:requests "get" <= 20 + 23 + 3, #fault:requests "get" .. " requests")
  end)

  describe("is decided by a hook that says", function()
    local function hook(body) return FAST .. "on = { part_failed = function(event) " .. body .. " end }, " end

    it("retry", function()
      fault:rules { op = "get", with = "500", times = 6, range = "bytes=0-262143" }
      local it_run = run(hook "return haul.retry { after = 0.01 }"):expect(0)
      assert.equal(6, it_run:count "part_failed")
    end)

    it("skip", function()
      fault:put("p/b", "fine")
      fault:rules { op = "get", key = "p/a", with = "500", times = -1 }
      local it_run = run(hook "return haul.skip 'not today'")
      assert.equal("not today", it_run:find("object_skipped").reason)
      assert.equal(1, it_run:count "object_succeeded")
      it_run:expect(0)
      assert.is_false(files.exists(world:path "dst/a"))
    end)

    it("fail", function()
      fault:rules { op = "get", with = "500", times = 1 }
      local it_run = run(hook "return haul.fail 'enough'"):expect(1)
      assert.matches("enough", it_run:find("object_failed").error.message)
      assert.equal(1, it_run:count "part_failed")
    end)

    it("defer", function()
      fault:put("p/b", "fine")
      fault:rules { op = "get", key = "p/a", with = "500", times = 1 }
      local it_run = run(hook "return haul.defer()"):expect(0)
      assert.equal(2, it_run:count "object_succeeded")
      assert.equal("a", it_run:all("object_succeeded")[2].path:match "[^/]*$")
    end)

    it("stop", function()
      fault:rules { op = "get", with = "500", times = -1 }
      local it_run = run(hook "return haul.stop 'the end of it'"):expect(7)
      assert.matches("the end of it", it_run.stderr)
    end)

    it("nothing, so that the policy decides", function()
      fault:rules { op = "get", with = "500", times = 1 }
      run(hook "return nil"):expect(0)
    end)

    it("nonsense, which is told and counted", function()
      fault:rules { op = "get", with = "500", times = 1 }
      local it_run = run(hook "return 'retry'")
      assert.are_not.equal(0, it_run.status)
      assert.equal(fault:objects()["p/a"].sha256, files.sum(world:path "dst/a"))
    end)

    it("an error, which is told with its place, and harms no transfer", function()
      fault:rules { op = "get", with = "500", times = 1 }
      local it_run = run(hook "error 'broken hook'")
      assert.are_not.equal(0, it_run.status)
      assert.matches("job.lua:%d+: broken hook", it_run.stderr)
      assert.equal(fault:objects()["p/a"].sha256, files.sum(world:path "dst/a"))
      assert.is_true(it_run.events[#it_run.events].summary.hook_errors >= 1)
    end)

    it("nothing ever, and is cut off", function()
      fault:rules { op = "get", with = "500", times = 1 }
      local it_run = run('hook_timeout = "200ms", ' .. hook "while true do pcall(function() while true do end end) end")
      assert.are_not.equal(0, it_run.status)
      assert.equal(fault:objects()["p/a"].sha256, files.sum(world:path "dst/a"))
    end)
  end)

  it("refreshes credentials that ran out, once", function()
    local old = { access_key = "OLDKEY", secret_key = "old", token = "t1", expired = true }
    local new = { access_key = "NEWKEY", secret_key = "new", token = "t2" }
    local fresh = world:path "fresh"
    fault:credentials { { access_key = "OLDKEY", secret_key = "old", token = "t1" } }
    fault:rules { op = "get", with = "hold", skip = 1 }
    world:job([[
      local haul = require "haul"
      local n = 0
      return haul.job { name = "refresh", concurrency = 1, part_size = "256KiB", retry = { base = "5ms" },
        haul.copy { from = haul.s3 { bucket = "test", region = "us-east-1", endpoint = $endpoint,
          credentials = function()
            n = n + 1
            if n == 1 then return { access_key = "OLDKEY", secret_key = "old", token = "t1" } end
            return { access_key = "NEWKEY", secret_key = "new", token = "t2" }
          end } / "p/", to = haul.dir($dst) / "" } }
    ]], { endpoint = fault.endpoint, dst = world:path "dst", fresh = fresh })
    local it_run = world:start():await "part_succeeded"
    fault:credentials { old, new }
    fault:release()
    it_run:wait()
    fault:credentials { { access_key = fault.keys.AWS_ACCESS_KEY_ID, secret_key = fault.keys.AWS_SECRET_ACCESS_KEY } }
    it_run:expect(0)
    assert.equal(fault:objects()["p/a"].sha256, files.sum(world:path "dst/a"))
  end)
end)
