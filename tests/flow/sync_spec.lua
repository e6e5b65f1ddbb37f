-- Mirrors: what is sent, what is left alone, what is deleted, and what is never deleted.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local SYNC = [[
local haul = require "haul"
return haul.job { name = "sync", retry = { attempts = 3, base = "5ms", cap = "10ms" }, $on
  haul.sync { from = $from / $from_path, to = $to / $to_path, $more } }
]]

local SIZES = { a = 10, b = 0, ["c/d"] = 300, ["c/e/f"] = 70000, ["c-x"] = 1, ["c0"] = 2 }

describe("a sync", function()
  local fault, world, src

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    src = files.tree(world:path "src", SIZES)
  end)

  after_each(function() world:remove() end)

  local function up(more, on)
    world:job(SYNC, { from = { ("haul.dir(%q)"):format(src) }, from_path = "", to = { fault.store }, to_path = "p/",
      more = { more or "" }, on = { on and "on = {" .. on .. "}," or "" } })
    return world
  end

  local function down(more)
    world:job(SYNC, { from = { fault.store }, from_path = "p/", to = { ("haul.dir(%q)"):format(world:path "dst") },
      to_path = "", more = { more or "" }, on = { "" } })
    return world
  end

  local function stored()
    local sums = {}
    for key, object in pairs(fault:objects()) do sums[key:sub(3)] = ("%s %d"):format(object.sha256, object.size) end
    return sums
  end

  -- How often each operation was asked for since the log was emptied.
  local function operations()
    local count = {}
    for _, entry in ipairs(fault:log()) do count[entry.op] = (count[entry.op] or 0) + 1 end
    return count
  end

  local function only_lists()
    local count = operations()
    assert.is_truthy(count.list)
    count.list = nil
    assert.same({}, count)
  end

  local function fresh_log() fault:control("DELETE", "/log") end

  local function summary(run) return run:find("job_finished").summary end

  it("sends everything the first time, and only lists the second time", function()
    checks.events(up():run():expect(0))
    checks.same(files.sums(src), stored())
    fresh_log()
    local run = up():run():expect(0)
    only_lists()
    assert.equal(6, run:count("object_skipped", { reason = "nothing has changed since it was sent" }))
  end)

  it("does so too for objects that went in parts, whose ETag is no MD5", function()
    files.random(src .. "/big", 3 << 20, 7)
    up('part_size = "1MiB"'):run():expect(0)
    fresh_log()
    up('part_size = "1MiB"'):run():expect(0)
    only_lists()
  end)

  it("down: the same", function()
    for name, size in pairs(SIZES) do fault:put("p/" .. name, { size = size, seed = name }) end
    files.mkdir(world:path "dst")
    down():run():expect(0)
    checks.same(stored(), files.sums(world:path "dst"))
    fresh_log()
    down():run():expect(0)
    only_lists()
  end)

  it("sends what changed, in size, in time or in bytes of the same length", function()
    up():run():expect(0)
    files.write(src .. "/a", "0123456789")
    files.write(src .. "/new", "n")
    local run = up():run():expect(0)
    assert.equal(2, run:count "object_succeeded")
    checks.same(files.sums(src), stored())
  end)

  it("sends again what somebody changed on the target", function()
    up():run():expect(0)
    fault:put("p/a", "9876543210")
    local run = up():run():expect(0)
    assert.equal(1, run:count("object_succeeded", { key = "a" }))
    checks.same(files.sums(src), stored())
  end)

  it("without a memory compares by size and time, says so, and remembers", function()
    up():run():expect(0)
    files.remove(world:path "state/haul")
    fresh_log()
    local run = up():run():expect(0)
    only_lists()
    assert.matches("6 objects were compared by size and time", run.stderr)
    assert.is_nil(up():run():expect(0).stderr:find "size and time")
  end)

  describe("comparing by", function()
    local function again(compare, change)
      up(compare):run():expect(0)
      change()
      fresh_log()
      return up(compare):run():expect(0)
    end

    it("size does not see another content of the same length", function()
      local run = again('compare = "size"', function() files.write(src .. "/a", "0123456789") end)
      assert.equal(0, run:count "object_succeeded")
    end)

    it("time sees what is newer, and only that", function()
      local run = again('compare = "time"', function()
        shell.read { "touch", "-d", "2001-01-01", src .. "/c/d" }
        shell.read { "touch", "-d", "2099-01-01", src .. "/a" }
      end)
      assert.equal(1, run:count "object_succeeded")
      assert.equal("a", run:find("object_succeeded").key)
    end)

    it("checksum reads both sides", function()
      local run = again('compare = "checksum"', function()
        files.write(src .. "/a", "0123456789")
        shell.read { "touch", "-d", "2001-01-01", src .. "/a" }
        shell.read { "touch", src .. "/c/d" }
      end)
      assert.equal(1, run:count "object_succeeded")
      assert.equal("a", run:find("object_succeeded").key)
      checks.same(files.sums(src), stored())
    end)

    it("a function does what it says", function()
      local run = again("compare = function(source, target) return source.size == 10, 'because' end", function() end)
      assert.equal(5, run:count "object_succeeded")
      assert.equal("because", run:find("object_skipped", { key = "a" }).reason)
    end)
  end)

  describe("with delete", function()
    it("removes what is gone, after everything was sent", function()
      up "delete = true, max_delete = '100%'":run():expect(0)
      os.remove(src .. "/a")
      files.remove(src .. "/c")
      files.write(src .. "/new", "n")
      local run = up("delete = true, max_delete = '100%'"):run():expect(0)
      checks.same(files.sums(src), stored())
      assert.equal(3, run:count "object_deleted")
      assert.equal(3, summary(run).objects_deleted)
      local last_sent, first_deleted
      for i, event in ipairs(run.events) do
        if event.event == "object_succeeded" then last_sent = i end
        if event.event == "object_deleted" and not first_deleted then first_deleted = i end
      end
      assert.is_true(last_sent < first_deleted)
    end)

    it("removes files and the directories that become empty, on a directory", function()
      for name, size in pairs(SIZES) do fault:put("p/" .. name, { size = size, seed = name }) end
      files.mkdir(world:path "dst")
      down("delete = true, max_delete = '100%'"):run():expect(0)
      fault:delete "p/c/e/f"
      fault:delete "p/a"
      down("delete = true, max_delete = '100%'"):run():expect(0)
      checks.same(stored(), files.sums(world:path "dst"))
      assert.is_false(files.exists(world:path "dst/c/e"))
      assert.is_true(files.exists(world:path "dst/c"))
    end)

    it("keeps what an exclude names on either side", function()
      fault:put("p/keep.tmp", "k")
      files.write(src .. "/mine.tmp", "m")
      up("delete = true, max_delete = '100%', exclude = { '*.tmp' }"):run():expect(0)
      local sums = stored()
      assert.is_truthy(sums["keep.tmp"])
      assert.is_nil(sums["mine.tmp"])
    end)

    it("removes more than a page of a thousand", function()
      local one = files.mkdir(world:path "many")
      shell.read(("cd %s && seq -f 'x%%05g' 2500 | xargs touch"):format(shell.quote(one)))
      src = one
      up("delete = true, max_delete = '100%'"):run():expect(0)
      shell.read(("cd %s && ls | tail -n +2 | xargs rm"):format(shell.quote(one)))
      local run = up("delete = true, max_delete = '100%'"):run():expect(0)
      assert.equal(2499, run:count "object_deleted")
      checks.same(files.sums(src), stored())
    end)
  end)

  describe("does not delete", function()
    local DELETE = "delete = true, max_delete = '25%'"

    before_each(function()
      up(DELETE):run():expect(0)
    end)

    local function untouched(run, status, words)
      run:expect(status)
      assert.equal(0, run:count "object_deleted")
      for name in pairs(SIZES) do assert.is_truthy(stored()[name], name) end
      if words then assert.matches(words, run.stderr) end
    end

    it("when the source is empty", function()
      files.remove(src)
      files.mkdir(src)
      untouched(up(DELETE):run(), 6, "source is empty")
    end)

    it("when the source is gone", function()
      files.remove(src)
      untouched(up(DELETE):run(), 3)
    end)

    it("when more than max_delete would go", function()
      files.remove(src .. "/c")
      untouched(up(DELETE):run(), 6, "2 of 6 objects")
    end)

    it("when more than a number would go", function()
      files.remove(src .. "/c")
      untouched(up("delete = true, max_delete = 1"):run(), 6, "max_delete is 1")
    end)

    it("when a page of the target's listing fails", function()
      os.remove(src .. "/a")
      fault:rules { op = "list", with = "denied", skip = 1, times = -1 }
      untouched(up(DELETE):run(), 1, "oss://test: AccessDenied")
    end)

    it("when a directory cannot be read", function()
      if shell.read "id -u" == "0\n" then
        shell.read { "chown", "-R", "65534", src }
        shell.read { "chmod", "755", world.dir }
      end
      shell.read { "chmod", "0", src .. "/c/e" }
      os.remove(src .. "/a")
      local run = up(DELETE):run { prefix = shell.read("id -u") == "0\n" and
        "setpriv --bounding-set=-all --inh-caps=-all" or "" }
      shell.read { "chmod", "755", src .. "/c/e" }
      untouched(run, 1, "not everything could be listed")
    end)

    it("when the job file says no", function()
      os.remove(src .. "/a")
      local run = up(DELETE, "before_delete = function(event) return haul.veto('only ' .. event.objects) end"):run()
      untouched(run, 6, "only 1")
    end)

    it("but does when the job file has nothing against it", function()
      os.remove(src .. "/a")
      local run = up(DELETE, "before_delete = function() end"):run():expect(0)
      assert.equal(1, run:count "object_deleted")
    end)
  end)

  it("that was interrupted sends again what was changed on the target meanwhile", function()
    fault:rules { op = "put", key = "p/c/e/f", with = "denied", times = 1 }
    up():run():expect(1)
    fault:delete "p/a"
    up():run():expect(0)
    checks.same(files.sums(src), stored())
  end)

  it("that is killed between two deletes goes on", function()
    up("delete = true, max_delete = '100%'"):run():expect(0)
    files.remove(src .. "/c")
    fault:rules { op = "delete_many", with = "mute", times = 1 }
    local run = up("delete = true, max_delete = '100%'"):start()
    shell.wait(20, "the delete to be asked for", function() return #fault:requests "delete_many" > 0 end)
    run:kill()
    up("delete = true, max_delete = '100%'"):run():expect(0)
    checks.same(files.sums(src), stored())
  end)
end)
