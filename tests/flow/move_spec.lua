-- haul.move: copied, verified, proved, and only then removed; whatever comes in between.
local files = require "support.files"
local haul = require "support.haul"
local jobfile = require "support.jobfile"
local server = require "support.server"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
$head
return haul.job { name = "move", concurrency = 4, part_size = "$part",
  retry = { attempts = 3, base = "5ms", cap = "10ms" }, on = { $on },
  haul.move { from = $from, to = $to, $more },
}
]]

local SIZES = { empty = 0, small = 1000, ["d/large"] = 3 * 5242880 + 11, ["d/e/deep"] = 5 }

-- Both sides: fault servers of each dialect, and directories.
local function remote(given)
  return function()
    local host = server.fault(given)
    local it = { keys = host.keys, text = host.store, host = host, part = given.dialect == "oss" and "128KiB" or "5MiB" }
    function it.put(name, size) return host:put("p/" .. name, { size = size, seed = name }).sha256 end
    function it.sum(name) local object = host:objects()["p/" .. name] return object and object.sha256 end
    function it.count() local n = 0 for _ in pairs(host:objects()) do n = n + 1 end return n end
    return it
  end
end

local function directory(world, name)
  local root = files.mkdir(world:path(name))
  local it = { keys = {}, text = ("haul.dir(%q)"):format(root), part = "5MiB", root = root }
  function it.put(path, size)
    files.mkdir((root .. "/p/" .. path):match("^(.*)/"))
    files.random(root .. "/p/" .. path, size, #path)
    return files.sum(root .. "/p/" .. path)
  end
  function it.sum(path) return files.exists(root .. "/p/" .. path) and files.sum(root .. "/p/" .. path) or nil end
  function it.count() return tonumber(shell.read("find " .. shell.quote(root) .. " -type f | wc -l")) end
  return it
end

local DIALECTS = {
  oss = remote { dialect = "oss" }, tos = remote { dialect = "tos" }, s3 = remote { dialect = "s3" },
  ["s3 without sums"] = remote { dialect = "s3", no_checksums = true },
}

describe("a move", function()
  local world, from, to

  before_each(function() world = haul.world() end)
  after_each(function() world:remove() end)

  local function sides(from_name, to_name)
    local function make(name, role)
      local it = name == "dir" and directory(world, role) or DIALECTS[name]()
      for key, value in pairs(it.keys) do world.env[key] = value end
      return it
    end
    from, to = make(from_name, "from"), make(to_name, "to")
  end

  local function job(given)
    given = given or {}
    world:job(JOB, { from = { from.text .. " / " .. (given.from or '"p/"') }, to = { to.text .. " / " .. (given.to or '"p/"') },
      more = { given.more or "" }, head = { given.head or "" }, on = { given.on or "" }, part = { given.part or to.part } })
    return world
  end

  local function fill(sizes)
    local sums = {}
    for name, size in pairs(sizes or SIZES) do sums[name] = from.put(name, size) end
    return sums
  end

  local function moved(sums, run)
    for name, sum in pairs(sums) do
      assert.equal(sum, to.sum(name), name)
      assert.is_nil(from.sum(name), name .. " is still there")
      if run then
        assert.equal(1, run:count("object_deleted", { reason = "moved" , key = "p/" .. name }), name)
        assert.equal(1, run:count("object_succeeded", { key = "p/" .. name }), name)
      end
    end
  end

  for _, pair in ipairs { { "dir", "oss" }, { "dir", "s3" }, { "dir", "dir" }, { "oss", "dir" }, { "s3 without sums", "dir" },
    { "tos", "s3 without sums" }, { "s3", "tos" } } do
    it("goes from " .. pair[1] .. " to " .. pair[2], function()
      sides(table.unpack(pair))
      local sums = fill()
      local run = job():run():expect(0)
      moved(sums, run)
      assert.equal(0, from.count())
      local summary = run:find("job_finished").summary
      assert.same({ 4, 4, 0 }, { summary.objects_done, summary.objects_deleted, summary.objects_failed })
      assert.is_nil(summary.checked.none)
      world:run({ verb = "verify" }):expect(0)
      local again = world:run():expect(0)
      assert.equal(0, again:count "object_started")
    end)
  end

  it("between buckets of one service goes by the service", function()
    sides("oss", "dir")
    from.host:put("p/a", { size = 300000, seed = "a" })
    to = from
    local run = job { to = '"q/"' }:run():expect(0)
    assert.equal(1, run:count("object_deleted", { key = "p/a" }))
    assert.equal(1, #from.host:requests "copy")
    assert.is_truthy(from.host:objects()["q/a"])
    assert.is_nil(from.host:objects()["p/a"])
  end)

  it("takes one object, keys, and other names", function()
    sides("oss", "dir")
    local sums = fill { a = 10, b = 20, c = 30 }
    job { from = '"p/a"', to = '"p/a"' }:run():expect(0)
    assert.equal(sums.a, to.sum "a")
    assert.equal(2, from.count())
    job { more = 'keys = { "b" }, rename = function(name) return name .. ".x" end' }:run({ args = { "--fresh" } }):expect(0)
    assert.equal(sums.b, to.sum "b.x")
    assert.equal(1, from.count())
    assert.is_truthy(from.sum "c")
  end)

  it("is planned as one, and nothing is removed by that", function()
    sides("dir", "oss")
    fill { a = 10, b = 20 }
    local plan = job():run { verb = "plan", args = { "--json" } }:expect(0)
    assert.equal(2, select(2, plan.stdout:gsub('"state":"move"', "")))
    assert.equal(2, from.count())
  end)

  it("removes directories that became empty, and nothing above", function()
    sides("dir", "oss")
    fill()
    files.mkdir(from.root .. "/p/kept")
    job { more = 'exclude = "small"' }:run():expect(0)
    assert.is_false(files.exists(from.root .. "/p/d"))
    assert.is_true(files.exists(from.root .. "/p/kept"))
    assert.is_truthy(from.sum "small")
  end)

  describe("never removes", function()
    before_each(function() sides("oss", "tos") end)

    local function stays(name, run)
      assert.is_truthy(from.sum(name), name .. " is gone")
      assert.equal(0, run:count("object_deleted", { key = "p/" .. name }))
    end

    it("what the target's store took and does not have", function()
      fill { a = 100 }
      to.host:rules({ op = "head", key = "q/a", with = "NoSuchKey", times = -1 })
      stays("a", job { to = '"q/"' }:run():expect(1))
    end)

    it("what turns out to be the target itself, under another name of its bucket", function()
      sides("s3", "dir")
      fill { a = 100 }
      to = { text = from.text:gsub("127%.0%.0%.1", "localhost"), part = "5MiB" }
      stays("a", job():run { seconds = 60 }:expect(1))
    end)

    it("what is gone from the target when it is looked at", function()
      fill { a = 300000 }
      to.host:rules({ op = "head", key = "q/a", with = "remove", times = -1 })
      local run = job { to = '"q/"' }:run():expect(1)
      stays("a", run)
      assert.equal("changed", run:find("object_failed").error.kind)
    end)

    it("what was replaced in the target by somebody else", function()
      fill { a = 100 }
      to.host:rules({ op = "head", key = "q/a", with = "replace", size = 100, times = -1 })
      stays("a", job { to = '"q/"' }:run():expect(1))
    end)

    it("another version of the source", function()
      sides("oss", "dir")
      fill { a = 100 }
      from.host:rules({ op = "head", key = "p/a", with = "replace", size = 50, times = 1 })
      local run = job():run():expect(0)
      assert.equal(1, run:count("restarted", { key = "p/a" }))
      assert.equal(50, files.size(to.root .. "/p/a"))
      assert.is_nil(from.sum "a")
    end)

    it("another version of a file", function()
      sides("dir", "oss")
      fill { a = 100 }
      local run = job { head = "local once", on = ([[verified = function()
        if once then return end
        once = true
        local file <close> = assert(io.open(%q, "w"))
        file:write "written in between"
      end]]):format(from.root .. "/p/a") }:run():expect(0)
      assert.equal("the source changed after it was copied", run:find("restarted", { key = "p/a" }).reason)
      assert.equal(#"written in between", to.host:objects()["p/a"].size)
      assert.is_nil(from.sum "a")
    end)

    it("what may not be deleted: that object has failed, and a retry only deletes", function()
      sides("oss", "dir")
      local sums = fill { a = 100, b = 100 }
      from.host:rules { op = "delete", key = "p/a", with = "denied", times = -1 }
      local run = job():run():expect(1)
      assert.equal("denied", run:find("object_failed", { key = "p/a" }).error.kind)
      stays("a", run)
      from.host:control("DELETE", "/rules")
      from.host:control("DELETE", "/log")
      world:run({ verb = "retry" }):expect(0)
      assert.equal(0, #from.host:requests "get")
      moved(sums)
    end)

    it("what a veto of `before` protects, nor what it could not look at", function()
      fill { a = 100 }
      stays("a", job { to = '"q/"', more = 'before = function() return haul.veto() end' }:run():expect(6))
      stays("a", job { to = '"q/"', more = 'before = function() error "?" end' }:run():expect(6))
    end)

    it("what was skipped", function()
      sides("oss", "dir")
      fill { a = 100 }
      files.mkdir(to.root .. "/p")
      files.write(to.root .. "/p/a", "older")
      stays("a", job { more = 'overwrite = "never"' }:run():expect(0))
    end)
  end)

  describe("that is cut off between copy and delete", function()
    local function cut(name, rule)
      sides("oss", name)
      local sums = fill { a = 300000, b = 10 }
      rule.times, rule.op = 1, rule.op
      from.host:rules(rule)
      local run = job { part = "128KiB" }:start()
      shell.wait(20, "the request", function() return #from.host:requests(rule.op, function(e) return e.key == rule.key end) > 0 end)
      run:await("verified", 1, { key = "p/a" })
      run:kill()
      from.host:release()
      from.host:control("DELETE", "/rules")
      from.host:control("DELETE", "/log")
      return sums
    end

    it("proves again and removes, and copies nothing twice", function()
      local sums = cut("dir", { op = "delete", key = "p/a", with = "hold" })
      from.put("a", 300000) -- whatever became of the delete that was held
      world:run():expect(0)
      moved(sums)
    end)

    it("copies nothing twice where the source is as it was", function()
      local sums = cut("dir", { op = "delete", key = "p/a", with = "mute" })
      local run = world:run():expect(0)
      assert.equal(0, #from.host:requests("get", function(e) return e.key == "p/a" end))
      assert.equal(1, run:count("object_deleted", { key = "p/a" }))
      moved(sums)
    end)

    it("copies again where the target was changed since", function()
      local sums = cut("dir", { op = "delete", key = "p/a", with = "mute" })
      files.write(to.root .. "/p/a", "something else")
      world:run():expect(0)
      moved(sums)
    end)

    it("copies again where the source was changed since", function()
      cut("dir", { op = "delete", key = "p/a", with = "mute" })
      local sum = from.host:put("p/a", { size = 77, seed = "new" }).sha256
      world:run():expect(0)
      moved { a = sum }
    end)
  end)

  for what, more in pairs { ["keys"] = 'keys = { "a", "b" }', ["keys that are asked for"] = 'keys = { "a", "b" }, min_size = "1B"',
    ["keys of an iterator"] = 'keys = function() n = n + 1 return ({ "a", "b" })[n] end' } do
    it("of " .. what .. ", when it is carried on, does not miss what it moved", function()
      sides("oss", "dir")
      local sums = fill { a = 100, b = 200 }
      from.host:rules { op = "delete", key = "p/b", with = "denied", times = -1 }
      job { more = more, head = "local n = 0" }:run():expect(1)
      from.host:control("DELETE", "/rules")
      from.host:control("DELETE", "/log")
      local run = world:run():expect(0)
      assert.equal("moved before the run was interrupted", run:find("object_skipped", { key = "p/a" }).reason)
      assert.equal(0, #from.host:requests "get")
      moved(sums)
    end)
  end

  it("whose answer to the delete was lost is told once", function()
    sides("s3", "dir")
    local sums = fill { a = 100 }
    from.host:rules { op = "delete", key = "p/a", with = "done_cut" }
    local run = job():run():expect(0)
    moved(sums, run)
  end)

  for _, refusal in ipairs { { with = "error", status = 501, code = "NotImplemented" }, { with = "412" } } do
    it("gives S3 a condition, and does without, after another look, where that meets " .. refusal.with, function()
      sides("s3", "dir")
      local sums = fill { a = 100 }
      refusal.op, refusal.key = "delete", "p/a"
      from.host:rules(refusal)
      moved(sums, job():run():expect(0))
      assert.equal(2, #from.host:requests "delete")
      assert.equal(2, #from.host:requests "head")
    end)
  end

  describe("is refused", function()
    local function refused(tasks, pattern)
      local script, _, message = jobfile.job(tasks)
      assert.is_nil(script)
      assert.truthy(message:find(pattern, 1, true), message)
    end

    it("onto itself, and into or out of itself", function()
      refused([[haul.move { from = here / "a/", to = here / "a/" }]], "the same place")
      refused([[haul.move { from = s3 / "a", to = s3 / "a" }]], "the same place")
      refused([[haul.move { from = here / "a/", to = here / "a/b/" }]], "lies inside of from")
      refused([[haul.move { from = here / "a/b/", to = here / "a/" }]], "lies inside of to")
    end)

    it("to several targets, and from the web", function()
      refused([[haul.move { from = here, to = { there, s3 } }]], "it has one target")
      refused([[haul.move { from = haul.web "http://127.0.0.1/" / "a", to = there }]], "nothing can be deleted from")
    end)

    it("without verification, and with a guard that means nothing here", function()
      refused([[haul.move { from = here, to = there, verify = "none" }]], "nothing is called done unless it was checked")
      refused([[haul.move { from = here, to = there, max_delete = 5 }]], "each object goes once its copy is proved")
    end)

    it("beside a task that reads the same objects", function()
      refused([[haul.parallel { haul.move { from = here, to = there }, haul.copy { from = here, to = s3 } }]],
        "would move away and read the same objects")
    end)
  end)
end)
