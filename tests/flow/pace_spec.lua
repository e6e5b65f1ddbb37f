-- Stores that ask to slow down: the whole store is slowed down, and nothing becomes a storm.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local UP = [[
local haul = require "haul"
return haul.job { name = "pace", concurrency = $concurrency,
  retry = { attempts = 12, base = "10ms", cap = "100ms" }, $more
  haul.copy { from = haul.dir($src) / "", to = $store / "" } }
]]

local RELAY = [[
local haul = require "haul"
return haul.job { name = "relay", concurrency = 4, part_size = "256KiB", retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = $from / "", to = $to / "", route = "relay" } }
]]

local MIRROR = [[
local haul = require "haul"
return haul.job { name = "mirror", retry = { base = "10ms", cap = "100ms" },
  haul.sync { from = haul.dir($src) / "", to = $store / "", delete = true, max_delete = 1000 } }
]]

-- What came to the server between two times.
local function between(fault, from, to)
  local n = 0
  for _, entry in ipairs(fault:log()) do
    if entry.time > from and entry.time < to then n = n + 1 end
  end
  return n
end

local function refused(fault, op)
  return fault:requests(op, function(entry) return entry.status == 503 or entry.status == 429 end)
end

-- After the first refusal, and what was on its way then, the server hears nothing for so long.
local function held(fault, op, seconds)
  local first = refused(fault, op)[1]
  assert.truthy(first, "nothing was refused")
  assert.equal(0, between(fault, first.done + 0.1, first.done + seconds - 0.05))
  assert.is_true(between(fault, first.done + seconds - 0.05, first.done + seconds + 5) > 0)
end

for _, dialect in ipairs { "s3", "oss", "tos" } do
  describe(dialect .. ": a store that", function()
    local fault, world

    before_each(function()
      fault = server.fault { dialect = dialect }
      world = haul.world { keys = fault.keys }
    end)

    after_each(function() world:remove() end)

    local function up(n, concurrency, more)
      local sizes = {}
      for i = 1, n do sizes["k" .. i] = 100 + i end
      local src = files.tree(world:path "src", sizes)
      world:job(UP, { store = { fault.store }, src = src, concurrency = concurrency, more = { more or "" } })
      local run = world:run():expect(0)
      checks.events(run)
      local stored = {}
      for key, object in pairs(fault:objects()) do stored[key] = object.sha256 .. " " .. object.size end
      checks.same(files.sums(src), stored)
      return run
    end

    local one = dialect == "oss" and it or function() end -- what all dialects would do alike

    one("takes so many at once gets no more than it refuses once in a while", function()
      fault:rules { op = "put", with = "busy", most = 4, ms = 40, times = -1 }
      local run = up(120, 24)
      local no = #refused(fault, "put")
      assert.is_true(no > 0 and no <= 24 + 24, no .. " refused")
      local first = run:find "throttled"
      assert.equal("throttled", first.error.kind)
      assert.is_true(first.pace.concurrency <= 12 and first.pace.requests > 0, "concurrency " .. first.pace.concurrency)
      assert.equal(0, first.pace.wait_ms)
      assert.is_true(run:count "throttled" < no, run:count "throttled" .. " events for " .. no)
    end)

    one("takes so many a second gets hardly more", function()
      fault:rules { op = "put", with = "busy", per_second = 25, times = -1 }
      local run = up(150, 8)
      local no = #refused(fault, "put")
      assert.is_true(no > 0 and no <= 50, no .. " refused")
      assert.is_true(run:count "throttled" > 0)
    end)

    one("refuses everything for a while is asked by one at a time", function()
      fault:rules { op = "put", with = "throttle", times = 24 }
      local run = up(30, 8)
      local all, no = fault:requests "put", refused(fault, "put")
      assert.equal(24, #no)
      assert.equal(30 + 24, #all)
      local last = run:all "throttled"
      assert.equal(1, last[#last].pace.concurrency)
      -- 8, 4 and 2 at once, then one by one, twice a second
      for i = 16, #no do
        local gap = no[i].time - no[i - 1].time
        assert.is_true(gap > 0.4, ("%.3f s between the refusals %d and %d"):format(gap, i - 1, i))
      end
    end)

    it("names a time is left alone until then", function()
      fault:rules { op = "put", with = "429", retry_after = "2", skip = 10 }
      local run = up(60, 6)
      held(fault, "put", 2)
      assert.is_true(run:find("throttled").pace.wait_ms > 1900)
      assert.equal(1, run:count "throttled")
    end)

    it("is told to a hook with its new pace", function()
      fault:rules { op = "put", with = "throttle" }
      local run = up(8, 8, [[
        on = { throttled = function(event)
          print("pace", event.pace.concurrency, event.pace.requests > 0, event.pace.wait_ms, event.key)
        end },]])
      assert.matches("pace%s+%d%s+true%s+0%s+k%d", run.stderr)
    end)
  end)
end

describe("a listing that is refused", function()
  it("holds its store back too", function()
    local fault = server.fault { dialect = "s3" }
    local world = haul.world { keys = fault.keys }
    for i = 1, 6 do fault:put("k" .. i, "object " .. i) end
    fault:options { page = 2 }
    fault:rules { op = "list", with = "503", retry_after = "1", skip = 2 }
    local other = server.fault { dialect = "oss" }
    for name, value in pairs(other.keys) do world.env[name] = value end
    world:job(RELAY, { from = { fault.store }, to = { other.store } })
    local run = world:run():expect(0)
    fault:options { page = 1000 }
    held(fault, "list", 1)
    assert.is_nil(run:find("throttled").key)
    assert.equal("test", run:find("throttled").bucket)
    world:remove()
  end)
end)

describe("a delete that is refused", function()
  it("is tried again when the store has said", function()
    local fault = server.fault { dialect = "s3" }
    local world = haul.world { keys = fault.keys }
    local src = files.tree(world:path "src", { stays = 10 })
    for i = 1, 5 do fault:put("k" .. i, "object " .. i) end
    fault:rules { op = "delete_many", with = "503", retry_after = "1" }
    world:job(MIRROR, { store = { fault.store }, src = src })
    local run = world:run():expect(0)
    assert.equal(5, run:count "object_deleted")
    assert.equal(1, run:count "throttled")
    held(fault, "delete_many", 1)
    world:remove()
  end)
end)

describe("a relay", function()
  local from, to, world

  before_each(function()
    from, to = server.fault { dialect = "s3" }, server.fault { dialect = "oss" }
    world = haul.world { keys = from.keys }
    for name, value in pairs(to.keys) do world.env[name] = value end
    for i = 1, 6 do from:put("k" .. i, { size = 900000, seed = "k" .. i }) end
    world:job(RELAY, { from = { from.store }, to = { to.store } })
  end)

  after_each(function() world:remove() end)

  local function run_it()
    local run = world:run():expect(0)
    for key, object in pairs(from:objects()) do assert.equal(object.sha256, to:objects()[key].sha256) end
    return run
  end

  it("takes no part while its target is held", function()
    to:rules { op = "part", with = "503", retry_after = "2", skip = 3 }
    local run = run_it()
    held(to, "part", 2)
    local first = refused(to, "part")[1]
    local taken = from:requests("get", function(entry)
      return entry.time > first.done + 0.1 and entry.time < first.done + 1.95
    end)
    assert.equal(0, #taken)
    assert.equal(1, run:count("throttled", { ["error.status"] = 503 }))
  end)

  it("asks nothing of its source while that is held", function()
    from:rules { op = "get", with = "503", retry_after = "2", skip = 3 }
    run_it()
    held(from, "get", 2)
    local first = refused(from, "get")[1]
    local sent = to:requests("part", function(entry)
      return entry.time > first.done + 0.1 and entry.time < first.done + 1.95
    end)
    assert.equal(0, #sent)
  end)
end)
