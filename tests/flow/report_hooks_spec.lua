-- Reports that a job file writes: whole at the end, for their owner alone, and manifests of a later job.
local haul = require "support.haul"
local files = require "support.files"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

describe("a report of hooks", function()
  local world, store, dst, path

  before_each(function()
    store = server.fault { dialect = "oss" }
    world = haul.world { keys = store.keys }
    dst, path = files.mkdir(world:path "dst"), world:path "failures.jsonl"
    for _, key in ipairs { "ok", "lost", 'o"d,d', "é" } do store:put("a/" .. key, "bytes of " .. key) end
  end)
  after_each(function() world:remove() end)

  local function job(report, more)
    world:job([[
local haul = require "haul"
local report = haul.report.$form($path)
return haul.job { name = "reporting", retry = { attempts = 2, base = "1ms", cap = "1ms" },
  haul.copy { from = $store / "a/", to = haul.dir($dst) / "" $more },
  on = { object_failed = report, job_finished = $finished } }
]], { form = { report.form }, path = path, store = { store.store }, dst = dst, finished = { report.finished or "nil" },
      more = { more or "" } })
  end

  local function rows()
    local list = {}
    for line in files.read(path):gmatch "[^\n]+" do list[#list + 1] = json.decode(line) end
    table.sort(list, function(a, b) return a.key < b.key end)
    return list
  end

  it("has a row for each event, and is a manifest of what is still to be done", function()
    store:rules { op = "get", key = "a/[lo]*[td]", with = "500", times = -1 }
    job { form = "jsonl" }
    world:run():expect(1)
    local list = rows()
    assert.equal(2, #list)
    assert.same({ "lost", "a/lost", "object_failed", "server", 500, 1, 1 },
      { list[1].key, list[1].object, list[1].event, list[1].kind, list[1].status, list[1].attempt, list[1].task })
    assert.equal('o"d,d', list[2].key)
    assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+Z$", list[1].time)
    assert.equal("600", shell.read { "stat", "-c", "%a", path }:match "%d+")
    store:control("DELETE", "/rules")
    files.remove(dst)
    files.mkdir(dst)
    local again = world:path "again.jsonl"
    assert(os.rename(path, again))
    job({ form = "jsonl" }, (", keys = haul.manifest %q"):format(again))
    world:run { args = { "--fresh" } }:expect(0)
    assert.same({ "lost", 'o"d,d' }, (function()
      local names = {}
      for name in pairs(files.sums(dst)) do names[#names + 1] = name end
      table.sort(names)
      return names
    end)())
  end)

  it("as CSV is a manifest, too", function()
    path = world:path "failures.csv"
    store:rules { op = "get", key = "a/o*d", with = "denied", times = -1 }
    job { form = "csv" }
    world:run():expect(1)
    assert.matches('^key,target,object,.-\r\n"o""d,d",,"a/o""d,d",object_failed,1,%d+,,1,denied,403,', files.read(path))
    store:control("DELETE", "/rules")
    local again = world:path "again.csv"
    assert(os.rename(path, again))
    job({ form = "csv" }, (", keys = haul.manifest %q"):format(again))
    world:run { args = { "--fresh" } }:expect(0)
    assert.is_truthy(files.exists(dst .. '/o"d,d'))
    assert.equal(1, #store:requests("get", function(r) return r.key == 'a/o"d,d' and r.status == 200 end))
  end)

  it("is there, and empty, when nothing was told, and before job_finished is", function()
    files.write(path, "of yesterday")
    job { form = "jsonl", finished = ("function() assert(io.open(%q)):close() assert(not io.open(%q)) end"):format(path,
      path .. ".part") }
    world:run():expect(0)
    assert.equal("", files.read(path))
  end)

  it("is that of the run before while a run goes on", function()
    files.write(path, "of yesterday")
    files.write(path .. ".part", "torn")
    store:rules({ op = "get", key = "a/lost", with = "500", times = -1 }, { op = "get", key = "a/ok", with = "hold" })
    job { form = "jsonl" }
    local run = world:start()
    run:await("object_failed", 1)
    assert.equal("of yesterday", files.read(path))
    store:release()
    run:wait():expect(1)
    assert.equal("lost", rows()[1].key)
  end)

  it("that cannot be written is an error of the hook", function()
    path = world:path "nowhere/failures.jsonl"
    job { form = "jsonl" }
    local run = world:run():expect(1)
    assert.matches("nowhere/failures.jsonl.part: No such file or directory", run.stderr)
    assert.equal(4, run:count "object_succeeded")
  end)

  it("does not follow a link that stands in its way", function()
    local victim = world:path "victim"
    files.write(victim, "mine")
    shell.read { "ln", "-s", victim, path .. ".part" }
    job { form = "jsonl" }
    world:run():expect(0)
    assert.equal("mine", files.read(victim))
    assert.equal("", files.read(path))
  end)

  it("has a path of its own", function()
    world:job([[
local haul = require "haul"
local one, two = haul.report.csv "x.csv", haul.report.jsonl "x.csv"
]], {})
    assert.matches('haul.report.jsonl: "x.csv" is the path of another report at .*job.lua:2', world:run():expect(2).stderr)
  end)
end)
