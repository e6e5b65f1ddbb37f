-- The verbs beside `run`, and what the command line, the environment and the job file say together.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local MIB, PART = 1 << 20, 128 << 10

local UP = [[
local haul = require "haul"
return haul.job { name = "verbs", concurrency = $concurrency, part_size = "128KiB", $more
  retry = { attempts = 2, base = "5ms", cap = "10ms" },
  haul.copy { from = haul.dir($src) / "", to = $store / "u/" } }
]]

local DOWN = [[
local haul = require "haul"
return haul.job { name = "verbs", concurrency = $concurrency, part_size = "128KiB", $more
  retry = { attempts = 2, base = "5ms", cap = "10ms" },
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
]]

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = json.decode(line) end
  return list
end

describe("the command", function()
  local fault, world, src, dst

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    src = files.tree(world:path "src", { big = 8 * PART + 9, small = 5 })
    dst = files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  local function job(text, more, concurrency)
    world:job(text, { store = { fault.store }, src = src, dst = dst, more = { more or "" },
      concurrency = concurrency or 1 })
  end

  -- An upload that was killed with five parts recorded, or a download.
  local function killed(text)
    if text == UP then
      fault:rules { op = "part", part = 6, with = "hold", times = -1 }
    else
      fault:put("p/big", { size = 8 * PART + 9 })
      fault:rules { op = "get", range = ("bytes=%d-%d"):format(5 * PART, 6 * PART - 1), with = "hold", times = -1 }
    end
    job(text)
    world:start():await("part_succeeded", 5):kill()
    fault:control("DELETE", "/rules")
    fault:control("DELETE", "/log")
  end

  local function by_key(list)
    local found = {}
    for _, entry in ipairs(list) do found[entry.key or entry.state] = entry end
    return found
  end

  describe("plan", function()
    it("prints names, sizes and parts, and writes nothing", function()
      job(UP)
      local before = files.snapshot(world.dir)
      local run = world:run { verb = "plan" }:expect(0)
      assert.matches("big %-> u/big", run.stdout)
      assert.matches("2 objects, 1%.0 MiB, 10 parts", run.stdout)
      local found = by_key(lines(world:run { verb = "plan", args = { "--json" } }:expect(0).stdout))
      assert.same({ 8 * PART + 9, 9, "send" }, { found.big.size, found.big.parts, found.big.state })
      assert.same({ 5, 1, "u/small" }, { found.small.size, found.small.parts, found.small.target })
      assert.same({}, fault:objects())
      assert.same({}, fault:uploads())
      assert.equal("", world:state())
      assert.is_truthy(#before > 0)
    end)

    it("is what run --dry-run does", function()
      job(UP)
      assert.equal(world:run { verb = "plan" }:expect(0).stdout,
        world:run { args = { "-n" }, events = false }:expect(0).stdout)
      assert.same({}, fault:objects())
    end)

    it("says what is resumed and what is done", function()
      fault:rules { op = "part", with = "500", times = -1 }
      job(UP)
      world:run():expect(1)
      fault:control("DELETE", "/rules")
      local found = by_key(lines(world:run { verb = "plan", args = { "--json" } }:expect(0).stdout))
      assert.same({ "resume", "done" }, { found.big.state, found.small.state })
    end)

    it("lets parts grow so that there are never more than 10,000", function()
      local sizes = { [10000] = 10000 * 100 << 10, [10001] = (10000 * 100 << 10) + 1, [99] = 48 << 40 }
      for name, size in pairs(sizes) do
        shell.read { "truncate", "-s", tostring(size > 8 << 40 and 8 << 40 or size), src .. "/sparse" .. name }
      end
      world:job((UP:gsub("128KiB", "100KiB")), { store = { fault.store }, src = src, more = { "" }, concurrency = 1 })
      local found = by_key(lines(world:run { verb = "plan", args = { "--json" } }:expect(0).stdout))
      assert.equal(10000, found.sparse10000.parts)
      assert.is_true(found.sparse10001.parts > 4900 and found.sparse10001.parts <= 10000, found.sparse10001.parts)
      assert.is_true(found.sparse99.parts > 4900 and found.sparse99.parts <= 10000, found.sparse99.parts)
    end)
  end)

  describe("status", function()
    it("says that nothing has run yet", function()
      job(UP)
      local run = world:run { verb = "status" }
      assert.matches("has not run yet", run:expect(0).stdout)
      assert.equal("", world:state())
    end)

    it("counts what is done, what is in flight and what can be carried on", function()
      killed(UP)
      local run = world:run { verb = "status" }:expect(0)
      assert.matches("in flight 1", run.stdout)
      assert.matches("640.0 KiB", run.stdout)
      local said = json.decode(world:run { verb = "status", args = { "--json" } }:expect(0).stdout)
      assert.is_table(said)
      assert.same({}, fault:log())
    end)

    it("lists what failed and why, with the request's id", function()
      fault:rules { op = "put", with = "denied", times = -1 }
      job(UP)
      world:run():expect(1)
      local run = world:run { verb = "status" }:expect(0)
      assert.matches("failed  small: denied: ", run.stdout)
      assert.is_truthy(run.stdout:find(fault:requests("put")[1].request_id, 1, true), run.stdout)
      local said = world:run { verb = "status", args = { "--json" } }:expect(0).stdout
      assert.is_truthy(said:find('"kind":"denied"', 1, true), said)
    end)

    it("can be asked while the job runs", function()
      fault:rules { op = "part", part = 6, with = "hold", times = -1 }
      job(UP)
      local running = world:start():await("part_succeeded", 5)
      assert.matches("in flight 1", world:run { verb = "status" }:expect(0).stdout)
      running:kill()
    end)
  end)

  describe("clean", function()
    it("aborts uploads and removes the journal", function()
      killed(UP)
      assert.equal(1, #fault:uploads())
      assert.matches("1 uploads aborted", world:run { verb = "clean" }:expect(0).stdout)
      assert.same({}, fault:uploads())
      assert.is_nil(world:state():find("journal", 1, true))
      job(UP)
      checks.events(world:run():expect(0))
    end)

    it("removes temporary files, and nothing else", function()
      files.write(dst .. "/.haul-mine", "mine")
      killed(DOWN)
      assert.equal(2, #files.extras(dst, {}))
      assert.matches("1 temporary files", world:run { verb = "clean" }:expect(0).stdout)
      assert.same({ ".haul-mine" }, files.extras(dst, {}))
      assert.is_nil(world:state():find("journal", 1, true))
    end)

    it("keeps the journal of what it could not abort, and does it later", function()
      killed(UP)
      fault:rules { op = "abort", with = "denied", times = -1 }
      world:run { verb = "clean" }:expect(1)
      fault:control("DELETE", "/rules")
      assert.equal(1, #fault:uploads())
      world:run { verb = "clean" }:expect(0)
      assert.same({}, fault:uploads())
    end)

    it("does nothing to a job that runs", function()
      fault:rules { op = "part", part = 6, with = "hold", times = -1 }
      job(UP)
      local running = world:start():await("part_succeeded", 5)
      world:run { verb = "clean" }:expect(11)
      assert.equal(1, #fault:uploads())
      running:kill()
    end)

    it("is content with a job that never ran", function()
      job(UP)
      world:run { verb = "clean" }:expect(0)
    end)
  end)

  describe("check", function()
    it("reaches each store and writes nothing", function()
      job(UP)
      world:run { verb = "check" }:expect(0)
      assert.is_true(#fault:log() > 0)
      for _, entry in ipairs(fault:log()) do
        assert.is_true(entry.method == "GET" or entry.method == "HEAD", entry.method)
      end
      assert.equal("", world:state())
    end)

    it("says with 3 that a store does not let it in", function()
      job(UP)
      world:run { verb = "check", env = { OSS_ACCESS_KEY_SECRET = "guessed" } }:expect(3)
      world:run { verb = "check", env = { OSS_ACCESS_KEY_SECRET = "" } }:expect(3)
    end)
  end)

  it("help lists every verb, and a job's own parameters", function()
    local text = world:run { bare = true, args = { "help" } }:expect(0).stdout
    for _, verb in ipairs { "run", "check", "plan", "status", "clean", "help", "version" } do
      assert.matches("\n +" .. verb .. " ", text)
    end
    world:job [[
      local haul = require "haul"
      haul.param { day = { "Day to migrate", required = true } }
      return haul.job { haul.copy { from = haul.dir "/a" / "", to = haul.dir "/b" / haul.param.day / "" } }
    ]]
    text = world:run { verb = "help" }:expect(0).stdout
    assert.matches("day", text)
    assert.matches("Day to migrate", text)
  end)

  it("version says which one it is", function()
    assert.matches("^haul %d+%.%d+", world:run { bare = true, args = { "version" } }:expect(0).stdout)
  end)
end)

describe("what is set", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    fault:put("p/big", { size = 4 * MIB })
  end)

  after_each(function() world:remove() end)

  local function job(options)
    world:job([[
      local haul = require "haul"
      return haul.job { name = "set", $options
        haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
    ]], { options = { options }, store = { fault.store }, dst = world:path "dst" })
  end

  local function parts(given)
    given = given or {}
    given.verb, given.args = "plan", given.args or {}
    table.insert(given.args, "--json")
    return lines(world:run(given):expect(0).stdout)[1].parts
  end

  it("in the job file stands above the default", function()
    job 'part_size = "1MiB",'
    assert.equal(4, parts())
  end)

  it("in the environment stands above the job file", function()
    job 'part_size = "1MiB",'
    assert.equal(8, parts { env = { HAUL_PART_SIZE = "512KiB" } })
    assert.equal(4, parts { env = { HAUL_PART_SIZE = "" } })
  end)

  it("on the command line stands above both", function()
    job 'part_size = "1MiB",'
    assert.equal(2, parts { env = { HAUL_PART_SIZE = "512KiB" }, args = { "--part-size", "2MiB" } })
  end)

  it("wrong is said to come from where it came", function()
    job ""
    local run = world:run { env = { HAUL_RATE = "fast" } }:expect(2)
    assert.matches("HAUL_RATE", run.stderr)
    assert.matches("%-%-rate", world:run { args = { "--rate", "fast" } }:expect(2).stderr)
    assert.matches("HAUL_CONCURRENCY", world:run { env = { HAUL_CONCURRENCY = "many" } }:expect(2).stderr)
    assert.matches("concurrency", world:run { args = { "--concurrency", "0" } }:expect(2).stderr)
  end)

  it("as the rate holds", function()
    job ""
    local began = shell.now()
    world:run { args = { "--rate", "4MiB/s" } }:expect(0)
    assert.is_true(shell.now() - began > 0.85, "took " .. shell.now() - began)
  end)

  it("as the concurrency holds", function()
    job 'part_size = "256KiB",'
    fault:rules { op = "get", with = "hold", times = -1 }
    local run = world:start { env = { HAUL_CONCURRENCY = "9" }, args = { "--concurrency", "3" } }
    shell.wait(10, "three requests", function() return #fault:requests "get" >= 3 end)
    run:signal "USR1"
    shell.wait(10, "its own word", function() return (files.read(run.base .. "err") or ""):find "3 moving" end)
    assert.equal(3, #fault:requests "get")
    run:kill()
  end)

  it("as the state's directory holds, by HAUL_STATE and --state", function()
    job ""
    world:run { env = { HAUL_STATE = world:path "s1" } }:expect(0)
    assert.is_truthy(files.exists(world:path "s1/journal.db"))
    world:run { env = { HAUL_STATE = world:path "s1" }, args = { "--state", world:path "s2" } }:expect(0)
    assert.is_truthy(files.exists(world:path "s2/journal.db"))
    assert.equal("", world:state())
  end)

  it("as the log is followed: its file, its form, its level, and its next file after SIGHUP", function()
    fault:rules { op = "get", with = "hold", skip = 1, times = -1 }
    job 'part_size = "1MiB", concurrency = 1,'
    local run = world:start { args = { "--log-file", world:path "log", "--log-format", "json" } }
      :await "part_succeeded"
    os.rename(world:path "log", world:path "log.1")
    run:signal "HUP"
    shell.wait(10, "the new file", function() return files.exists(world:path "log") end)
    run:signal "USR1"
    shell.wait(10, "a line in it", function() return (files.read(world:path "log") or ""):find "moving" end)
    fault:control("DELETE", "/rules")
    fault:release()
    run:wait():expect(0)
    for _, line in ipairs(lines(files.read(world:path "log"))) do
      assert.is_string(line.level)
      assert.is_string(line.message)
    end
    local quiet = world:run { args = { "--fresh", "-q" } }:expect(0)
    assert.equal("", quiet.stderr)
  end)
end)
