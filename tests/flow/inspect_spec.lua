-- Commands that look: explain, status over runs and shards, reports, metrics, uploads that were lost.
local haul = require "support.haul"
local files = require "support.files"
local json = require "support.json"
local server = require "support.server"

local SYNC = [[
local haul = require "haul"
return haul.job { name = "night", retry = { base = "5ms", cap = "10ms", attempts = 2 },
  haul.sync { from = haul.dir($src) / "", to = $store / "m/", delete = true, max_delete = "90%",
    exclude = { "*.tmp" }, where = function(object) return object.size ~= 13 end } }
]]

describe("what is looked at:", function()
  local world, src, store

  before_each(function()
    store = server.fault { dialect = "s3" }
    world = haul.world { keys = store.keys }
    src = files.mkdir(world:path "src")
    world:job(SYNC, { src = src, store = { store.store } })
  end)
  after_each(function() world:remove() end)

  local function look(verb, ...)
    return world:run { verb = verb, events = false, args = { ... } }
  end

  local function lines(text)
    local list = {}
    for line in text:gmatch "[^\r\n]+" do list[#list + 1] = line end
    return list
  end

  describe("explain", function()
    local function explained(key)
      local list = json.decode(look("explain", "--json", key):expect(0).stdout)
      return list[1]
    end

    it("says what a run would do with a key, and why", function()
      files.tree(src, { a = 10, b = 20, ["x.tmp"] = 5, odd = 13 })
      local told = explained "a"
      assert.matches("10 B %(10 bytes%), modified", told.source)
      assert.matches("^m/a: not there", told.target)
      assert.equal("would send it", told.run)
      world:run():expect(0)
      told = explained "a"
      assert.matches("nothing has changed since it was sent", told.compare)
      assert.equal("would leave it alone", told.run)
      assert.matches("done in the last run", told.journal)
      assert.matches("exclude", explained("x.tmp").rule)
      assert.matches("where", explained("odd").rule)
      files.write(src .. "/b", "other")
      told = explained "b"
      assert.matches("source has changed", told.compare)
      assert.equal("would send it", told.run)
      store:put("m/b", "somebody else's")
      files.random(src .. "/a", 10, 3)
      store:put("m/gone", "x")
      assert.matches("would delete it", explained("gone").run)
      assert.equal("would do nothing", explained("never").run)
    end)

    it("tells of a failure, as text too", function()
      files.tree(src, { a = 10 })
      store:rules { op = "put", key = "m/a", with = "denied" }
      world:run():expect(1)
      assert.matches("failed: denied", explained("a").journal)
      local text = look("explain", "a"):expect(0).stdout
      assert.matches("task 1: sync from .* to s3://test\n  source   a: 10 B", text)
      assert.matches("\n  journal  failed: denied: ", text)
      look("explain"):expect(2)
    end)

    it("says when a side cannot be asked", function()
      files.tree(src, { a = 10 })
      store:rules { op = "head", with = "denied" }
      assert.matches("denied", look("explain", "a"):expect(3).stdout)
    end)
  end)

  it("a target directory that nobody has made yet is an empty one for plan, verify and explain", function()
    files.tree(src, { a = 10, ["d/b"] = 20 })
    local dst = world:path "none"
    world:job(SYNC:gsub("%$store / \"m/\"", 'haul.dir($dst) / "m/"'), { src = src, dst = dst })
    assert.matches("\n2 objects, 30 B, 2 parts to send, 0 objects to delete", look("plan"):expect(0).stdout)
    assert.equal(2, #lines(look("verify"):expect(5).stdout))
    assert.matches("would send it", look("explain", "a"):expect(0).stdout)
    assert.is_false(files.exists(dst))
    world:run():expect(0)
    assert.equal("", look("verify"):expect(0).stdout)
  end)

  describe("status", function()
    it("shows earlier runs, the newest first", function()
      files.tree(src, { a = 10, b = 20 })
      world:run():expect(0)
      files.remove(src .. "/b")
      world:run():expect(0)
      local told = json.decode(look("status", "--json"):expect(0).stdout)
      assert.equal(2, #told.history)
      assert.same({ 2, 1, 0 }, { told.history[1].run, told.history[1].deleted, told.history[1].exit_status })
      assert.same({ 1, 2, 30 }, { told.history[2].run, told.history[2].done, told.history[2].bytes })
      local text = look("status"):expect(0).stdout
      assert.matches("when this job ran:\n  %d+%-%d+%-%d+ %d+:%d+:%d+  run 2: [^\n]*exit status 0; [^\n]*deleted 1\n", text)
    end)

    it("adds up the shards of a job, by the job and by their directories", function()
      local sizes = {}
      for n = 1, 40 do sizes["k" .. n] = n ~= 13 and n or 50 end
      files.tree(src, sizes)
      store:rules { op = "put", key = "m/k7", with = "denied", times = 9 }
      local failed = 0
      for shard = 1, 3 do failed = failed + world:run { args = { "--shard", shard .. "/3" } }.status end
      assert.equal(1, failed)
      local function check(told)
        assert.same({ 39, 1, 3 }, { told.done, told.failed, #told.journals })
        assert.is_false(told.finished)
        assert.equal("k7", told.failures[1].key)
        assert.matches("shard%-1%-of%-3$", told.journals[1].dir)
      end
      check(json.decode(look("status", "--json"):expect(0).stdout))
      local state = world:path "state/haul/night"
      local function dirs(...) return world:run { verb = "status", events = false, file = false, args = { ... } } end
      check(json.decode(dirs("--json", state):expect(0).stdout))
      check(json.decode(dirs("--json", state .. "/shard-1-of-3", state .. "/shard-2-of-3", state .. "/shard-3-of-3")
        :expect(0).stdout))
      assert.matches("shard%-3%-of%-3: run 1: .*\nrun 1: ended, can be carried on\ndone 39 ", dirs(state):expect(0).stdout)
      assert.matches("no journal", dirs(src):expect(2).stderr)
    end)
  end)

  describe("a report", function()
    before_each(function()
      files.tree(src, { a = 10, ["<b>,\"q\""] = 20, ["=c"] = 5 })
      store:rules { op = "put", key = "m/a", with = "denied", times = 9 }
    end)

    it("is JSON", function()
      world:run { args = { "--report", world:path "r.json" } }:expect(1)
      local told = json.decode(files.read(world:path "r.json"))
      assert.same({ "night", 1, 2, 1 },
        { told.job, told.summary.exit_status, told.summary.objects_done, told.summary.objects_failed })
      local states = {}
      for _, object in ipairs(told.objects) do states[object.key] = object.state end
      assert.same({ a = "failed", ["<b>,\"q\""] = "done", ["=c"] = "done" }, states)
    end)

    it("is CSV that no spreadsheet takes for formulas", function()
      world:run { args = { "--report", world:path "r.csv" } }:expect(1)
      local rows = lines(files.read(world:path "r.csv"))
      assert.equal("task,key,state,size,kind,status,code,request_id,message", rows[1])
      assert.equal('1,"<b>,""q""",done,20,,,"","",""', rows[2])
      assert.equal('1,"\'=c",done,5,,,"","",""', rows[3])
      assert.matches('^1,"a",failed,10,denied,403,"[%w]+",".+",".+"$', rows[4])
    end)

    it("is HTML that shows keys and runs none of them", function()
      os.rename(src .. "/a", src .. "/<script>")
      store:rules { op = "put", key = "m/<script>", with = "denied", times = 9 }
      world:run { args = { "--report", world:path "r.html" } }:expect(1)
      local text = files.read(world:path "r.html")
      assert.matches("<td>&lt;script&gt;</td><td>denied</td>", text)
      assert.is_nil(text:find("<script>", 1, true))
    end)

    it("that cannot be written is told before anything is sent", function()
      for _, name in ipairs { "r.txt", "no/r.csv" } do
        world:run { args = { "--report", world:path(name) } }:expect(2)
      end
      world:run { args = { "--metrics", world:path "no/m.prom" } }:expect(2)
      assert.same({}, store:objects())
      assert.equal(0, #store:requests "put")
    end)
  end)

  it("metrics are whole and in the format of Prometheus, and know the last success", function()
    files.tree(src, { a = 10, b = 20 })
    local path = world:path "m.prom"
    local function metrics(status)
      world:run { args = { "--metrics", path } }:expect(status)
      local found, text = {}, files.read(path)
      for name, labels, value in text:gmatch "(haul_[%w_]+)(%b{}) (%S+)\n" do
        found[name .. (labels:match ",%w+=\"(%w+)\"" or "")] = tonumber(value)
        assert.matches('^{job="night"', labels)
      end
      return found
    end
    local first = metrics(0)
    assert.same({ 2, 30, 0, 0 }, { first.haul_run_objectsdone, first.haul_run_bytesdone, first.haul_run_exit_status,
      first.haul_run_active })
    assert.is_true(first.haul_last_success_timestamp_seconds > 1.7e9)
    files.write(src .. "/a", "changed")
    store:rules { op = "put", key = "m/a", with = "denied", times = 9 }
    local second = metrics(1)
    assert.same({ 1, 1 }, { second.haul_run_objectsfailed, second.haul_run_exit_status })
    assert.is_true(math.abs(first.haul_last_success_timestamp_seconds - second.haul_last_success_timestamp_seconds) < 0.5)
  end)

  it("a bar is drawn where it is asked for", function()
    files.random(src .. "/big", 12 << 20)
    local run = world:run { args = { "--progress", "bar", "--rate", "20MiB/s" } }:expect(0)
    assert.matches("\r%[=*>? *%] +%d+%%  .*20%.?0? ?MiB/s", run.stderr)
  end)

  for dialect, region in pairs { s3 = "us-east-1", oss = "cn-hangzhou", tos = "cn-beijing" } do
    it("lost uploads of " .. dialect .. " are found by their age below the job's targets", function()
      local it = server.fault { dialect = dialect }
      world = haul.world { keys = it.keys }
      files.mkdir(world:path "src")
      world:job(SYNC, { src = world:path "src", store = { it.store } })
      for n = 1, 3 do it:orphan("m/old" .. n, 9 * 86400) end
      it:orphan("m/young", 3600)
      it:orphan("elsewhere/old", 9 * 86400)
      local listed = look("clean", "-n", "--lost", "7d"):expect(0).stdout
      assert.equal(3, #lines(listed))
      assert.matches("^lost     %d+%-%d+%-%d+T%d+:%d+:%d+Z  " .. dialect .. "://test/m/old1\n", listed)
      local count = 0
      for _ in pairs(it:uploads()) do count = count + 1 end
      assert.equal(5, count)
      look("clean", "--lost", "7d"):expect(0)
      local left = {}
      for _, upload in pairs(it:uploads()) do left[#left + 1] = upload.key end
      table.sort(left)
      assert.same({ "elsewhere/old", "m/young" }, left)
      assert.equal("", world:state())
      look("clean", "--lost", "0s"):expect(2)
      look("clean", "--lost", "soon"):expect(2)
      assert.truthy(region)
    end)
  end
end)
