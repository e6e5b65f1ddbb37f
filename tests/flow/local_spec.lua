-- What happens between runs, on disk, and with no threads: files of every size, durability, lanes = 0.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local PART = 256 << 10
local SIZES = { empty = 0, one = 1, part = PART, ["part+1"] = PART + 1, ["d/e/big"] = 5 * PART + 7 }

local DOWN = [[
local haul = require "haul"
return haul.job { name = "local", concurrency = $concurrency, part_size = "256KiB", $more
  retry = { base = "5ms", cap = "10ms" },
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
]]

local UP = [[
local haul = require "haul"
return haul.job { name = "local", concurrency = $concurrency, part_size = "256KiB", $more
  retry = { base = "5ms", cap = "10ms" },
  haul.copy { from = haul.dir($src) / "", to = $store / "p/" } }
]]

describe("on disk,", function()
  local fault, world, src, dst

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    src, dst = files.mkdir(world:path "src"), files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  local function job(text, more, concurrency)
    world:job(text, { store = { fault.store }, src = src, dst = dst, more = { more or "" },
      concurrency = concurrency or 3 })
  end

  local function stored()
    local sums = {}
    for key, object in pairs(fault:objects()) do sums[key:sub(3)] = ("%s %d"):format(object.sha256, object.size) end
    return sums
  end

  for _, more in ipairs { "lanes = 0,", "lanes = 2, workers = 1,", 'durability = "object",', 'durability = "none",' } do
    it("with " .. more .. " everything goes up and comes back", function()
      files.tree(src, SIZES)
      job(UP, more)
      checks.events(world:run():expect(0))
      checks.same(files.sums(src), stored())
      job(DOWN, more)
      checks.events(world:run { args = { "--fresh" } }:expect(0))
      checks.same(files.sums(src), files.sums(dst))
      for name in pairs(SIZES) do
        assert.equal("644\n", shell.read { "stat", "-c", "%a", dst .. "/" .. name })
      end
    end)
  end

  it("with lanes = 0 valgrind finds nothing in an upload and a download", function()
    if haul.build ~= "release" then return pending "not with a sanitizer" end
    files.tree(src, SIZES)
    local valgrind = "valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible" ..
      " --errors-for-leak-kinds=definite"
    job(UP, "lanes = 0,")
    world:run { prefix = valgrind, seconds = 120 }:expect(0)
    checks.same(files.sums(src), stored())
    job(DOWN, "lanes = 0,")
    world:run { prefix = valgrind, args = { "--fresh" }, seconds = 120 }:expect(0)
    checks.same(files.sums(src), files.sums(dst))
  end)

  describe("durability", function()
    -- What was synced and renamed, in the order of the system calls.
    local function traced(durability)
      for name, size in pairs { a = 10, b = 20, c = 3 * PART } do fault:put("p/" .. name, { size = size, seed = name }) end
      job(DOWN, ("durability = %q,"):format(durability))
      local trace = world:path "trace"
      -- The leak checker of the sanitized build cannot work below strace.
      world:run { prefix = "env ASAN_OPTIONS=exitcode=99:detect_leaks=0 strace -f -qq -o " .. trace ..
        " -e trace=fsync,fdatasync,syncfs,sync,rename,renameat,renameat2" }:expect(0)
      local calls = {}
      for line in files.read(trace):gmatch "[^\n]+" do
        local call = line:match "^%d+%s+(%l+2?)%("
        if call and not line:find(" = -1 ", 1, true) then calls[#calls + 1] = { call, line } end
      end
      return calls
    end

    local function positions(calls, names)
      local list = {}
      for i, call in ipairs(calls) do
        if names[call[1]] then list[#list + 1] = i end
      end
      return list
    end

    local SYNC, RENAME = { fsync = true, fdatasync = true, syncfs = true },
      { rename = true, renameat = true, renameat2 = true }

    for _, value in ipairs { "object", "group" } do
      it(value .. " syncs before a file gets its name, and its directory after", function()
        local calls = traced(value)
        local syncs, renames = positions(calls, SYNC), positions(calls, RENAME)
        assert.equal(3, #renames)
        assert.is_true(syncs[1] < renames[1], "renamed before it was synced")
        assert.is_true(syncs[#syncs] > renames[#renames], "the directory was not synced")
      end)
    end

    it("group syncs less often than object", function()
      for i = 1, 20 do fault:put("p/k" .. i, "small " .. i) end
      local object = #positions(traced "object", SYNC)
      world:remove()
      world = haul.world { keys = fault.keys }
      dst = files.mkdir(world:path "dst")
      local group = #positions(traced "group", SYNC)
      assert.is_true(group < object, group .. " and " .. object)
    end)

    it("none does not sync the files", function()
      local calls = traced "none"
      assert.equal(3, #positions(calls, RENAME))
      for _, call in ipairs(calls) do assert.are_not.equal("syncfs", call[1], call[2]) end
    end)
  end)

  -- A download that was killed with three of six parts recorded.
  local function killed_down()
    fault:put("p/big", { size = 5 * PART + 7 })
    fault:rules { op = "get", range = ("bytes=%d-%d"):format(3 * PART, 4 * PART - 1), with = "hold", times = -1 }
    job(DOWN, nil, 1)
    world:start():await("part_succeeded", 3):kill()
    fault:control("DELETE", "/rules")
    fault:control("DELETE", "/log")
  end

  local function finish(status)
    local run = world:run():expect(status or 0)
    assert.equal(fault:objects()["p/big"].sha256, files.sum(dst .. "/big"))
    assert.same({ "big" }, files.extras(dst, {}))
    return run
  end

  local function journal() return world:path "state/haul/local/journal.db" end

  describe("between two runs of a download", function()
    it("nothing has changed, so only what is missing comes", function()
      killed_down()
      assert.equal(3, finish():count "part_succeeded")
    end)

    -- An empty file is what a kill leaves just after the journal was made.
    for what, remove in pairs { ["is gone"] = "rm -r %s", ["is empty"] = "rm %s/*-wal %s/*-shm; : >%s/journal.db" } do
      it("the journal " .. what .. ": it starts over and takes the old temporary file away", function()
        killed_down()
        shell.read((remove:gsub("%%s", shell.quote(world:path "state/haul/local"))))
        assert.equal(6, finish():count "part_succeeded")
      end)
    end

    for what, damage in pairs {
      ["is cut in the middle"] = "truncate -s 5000 %s",
      ["is some other file"] = "seq 10000 >%s",
      ["has a page of noise"] = "dd if=/dev/urandom of=%s bs=4096 seek=1 count=2 conv=notrunc",
      ["has noise for a header"] = "dd if=/dev/urandom of=%s bs=100 count=1 conv=notrunc",
    } do
      it("the journal " .. what .. ": it is set aside and said so", function()
        killed_down()
        local quoted = shell.quote(journal())
        shell.read(("sqlite3 %s 'pragma wal_checkpoint(truncate)' && rm -f %s-wal %s-shm"):format(quoted, quoted, quoted))
        shell.read(damage:format(quoted))
        local run = finish()
        assert.matches("journal", run.stderr)
        assert.is_truthy(world:state():find("journal.damaged", 1, true), world:state())
      end)
    end

    it("the journal's log is damaged: the bytes are right all the same", function()
      killed_down()
      local wal = shell.quote(journal() .. "-wal")
      shell.read("dd if=/dev/urandom of=" .. wal .. " bs=1000 seek=5 count=1 conv=notrunc")
      finish()
    end)

    it("somebody has put a directory, a link or a fifo where the temporary file was", function()
      for _, make in ipairs { "mkdir %s", "ln -s /etc/passwd %s", "mkfifo %s" } do
        killed_down()
        local name = files.extras(dst, {})[1]
        local path = dst .. "/" .. name
        os.remove(path)
        shell.read(make:format(shell.quote(path)))
        local run = world:run():expect(0)
        assert.equal(fault:objects()["p/big"].sha256, files.sum(dst .. "/big"))
        assert.equal(1, run:count "restarted")
        shell.read("rm -rf " .. shell.quote(path) .. " " .. shell.quote(dst .. "/big"))
      end
    end)

    it("somebody has linked another file to the temporary name: it is not written to", function()
      killed_down()
      local name = files.extras(dst, {})[1]
      files.write(world:path "victim", ("v"):rep(5 * PART + 7))
      os.remove(dst .. "/" .. name)
      shell.read { "ln", world:path "victim", dst .. "/" .. name }
      world:run():expect(0)
      assert.equal(("v"):rep(5 * PART + 7), files.read(world:path "victim"))
      assert.equal(fault:objects()["p/big"].sha256, files.sum(dst .. "/big"))
    end)

    it("the object is gone", function()
      killed_down()
      fault:delete "p/big"
      local run = world:run()
      assert.is_true(run.status == 0 or run.status == 1, run:describe())
      assert.is_false(files.exists(dst .. "/big"))
    end)

    it("--fresh forgets all of it", function()
      killed_down()
      local run = world:run { args = { "--fresh" } }:expect(0)
      assert.equal(6, run:count "part_succeeded")
      assert.equal(0, run:count "resumed")
      assert.same({ "big" }, files.extras(dst, {}))
    end)
  end)

  describe("between two runs of an upload", function()
    local function killed_up()
      files.random(src .. "/big", 5 * PART + 7)
      fault:rules { op = "part", part = 4, with = "hold", times = -1 }
      job(UP, nil, 1)
      world:start():await("part_succeeded", 3):kill()
      fault:control("DELETE", "/rules")
      fault:control("DELETE", "/log")
    end

    local function finish_up()
      local run = world:run():expect(0)
      checks.same(files.sums(src), stored())
      assert.same({}, fault:uploads())
      return run
    end

    for what, change in pairs {
      ["is larger"] = "echo more >>%s", ["is smaller"] = "truncate -s 300000 %s", ["is empty"] = ": >%s",
      ["has another time"] = "touch -d 2001-01-01 %s",
      ["was replaced"] = "cp %s /dev/stdout >%s.new; mv %s.new %s",
    } do
      it("the source " .. what .. ": it starts over", function()
        killed_up()
        shell.read((change:gsub("%%s", (shell.quote(src .. "/big"):gsub("%%", "%%%%")))))
        local run = finish_up()
        assert.equal(1, run:count "restarted")
        assert.equal(0, run.events[#run.events].summary.bytes_resumed)
      end)
    end

    it("the source is gone", function()
      killed_up()
      os.remove(src .. "/big")
      local run = world:run()
      assert.is_true(run.status == 0 or run.status == 1, run:describe())
      assert.is_nil(fault:objects()["p/big"])
    end)

    it("the journal is damaged: the upload that can still be read from it is not left behind", function()
      killed_up()
      local quoted = shell.quote(world:path "state/haul/local/journal.db")
      shell.read(("sqlite3 %s 'pragma wal_checkpoint(truncate)'; rm -f %s-wal %s-shm"):format(quoted, quoted, quoted))
      local size = files.size(world:path "state/haul/local/journal.db")
      shell.read(("truncate -s %d %s"):format(size - 4096, quoted))
      local run = world:run():expect(0)
      checks.same(files.sums(src), stored())
      assert.matches("journal", run.stderr)
    end)
  end)

  it("a source that changes while it is sent is never sent as half of each", function()
    files.random(src .. "/big", 5 * PART + 7, 1)
    fault:rules { op = "part", part = 4, with = "hold" }
    job(UP, nil, 1)
    local run = world:start():await("part_succeeded", 3)
    shell.wait(10, "the fourth part", function() return #fault:requests("part") >= 4 end)
    files.random(src .. "/big", 5 * PART + 7, 2)
    fault:release()
    run:wait()
    if run.status == 0 then
      checks.same(files.sums(src), stored())
    else
      run:expect(1)
      assert.equal("changed", run:find("object_failed").error.kind)
      assert.is_nil(fault:objects()["p/big"])
    end
    assert.same({}, fault:uploads())
  end)

  it("a disk that is full fails the object with its reason, and ends the run", function()
    if not shell.try "unshare -rm true" then return pending "no mounts of our own here" end
    fault:put("p/big", { size = 8 << 20 })
    fault:put("p/small", "fits")
    job(DOWN)
    local run = world:run { prefix = ("unshare -rm sh -c 'mount -t tmpfs -o size=4m none %s && \"$@\"; rc=$?; ls %s >%s; exit $rc' sh")
      :format(dst, dst, world:path "left") }:expect(1)
    assert.equal("disk", run:find("object_failed", { key = "p/big" }).error.kind)
    assert.equal("ENOSPC", run:find("object_failed", { key = "p/big" }).error.code)
    assert.matches("ended early: .*room", run.stderr)
    assert.is_nil(files.read(world:path "left"):find("big", 1, true))
  end)

  it("a small file that cannot get its name leaves nothing beside it, and is sent as soon as it can", function()
    files.write(src .. "/small", "to be sent")
    files.tree(dst, { ["small/full"] = 1 })
    world:job([[
      local haul = require "haul"
      return haul.job { name = "local", haul.copy { from = haul.dir($src) / "", to = haul.dir($dst) / "" } }
    ]], { src = src, dst = dst })
    world:run():expect(1)
    assert.equal("small\n", shell.read("ls -A " .. dst))
    shell.read("rm -r " .. dst .. "/small")
    local run = world:run():expect(0)
    assert.equal(0, run:count "restarted")
    assert.equal("to be sent", files.read(dst .. "/small"))
  end)
end)
