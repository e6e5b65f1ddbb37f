-- haul ctl: what may be said to a run from outside, and that nobody who says it harms the run.
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local KIB, MIB = 1 << 10, 1 << 20

local JOB = [[
local haul = require "haul"
return haul.job { name = "told", part_size = "256KiB", $more
  haul.copy { from = $from, to = $to } }
]]

describe("haul ctl", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    fault:put("p/big", { size = 4 * MIB })
  end)

  after_each(function() world:remove() end)

  local function write(given)
    given = given or {}
    local up = given.up
    world:job(JOB, { more = { given.more or "" },
      from = { up and ("haul.dir(%q) / ''"):format(world:path "src") or fault.store .. ' / "p/"' },
      to = { up and fault.store .. ' / "u/"' or ("haul.dir(%q) / ''"):format(world:path "dst") } })
  end

  -- At 64 KiB/s, with a part in place: more than a minute from its end.
  local function started(given)
    given = given or {}
    given.more = (given.more or "") .. ' rate = "64KiB/s",'
    write(given)
    return world:start(given):await("progress", 1, { ["progress.limit"] = 64 * KIB })
  end

  local function ctl(words, given)
    given = given or {}
    local args = type(words) == "string" and { words } or words
    return world:run { verb = "ctl", args = args, file = given.file, env = given.env }
  end

  local function state() return world:path "state/haul/told" end

  local function right()
    assert.equal(fault:objects()["p/big"].sha256, files.sum(world:path "dst/big"))
  end

  local function ends(run, status)
    run:wait(20):expect(status or 0)
    if not status then right() end
  end

  for _, lanes in ipairs { 0, 1 } do
    it(("changes the rate at once, with %d lanes"):format(lanes), function()
      local run = started { more = ("lanes = %d,"):format(lanes) }
      assert.equal("", ctl("rate=1MiB/s"):expect(0).stdout)
      run:await("progress", 1, { ["progress.limit"] = MIB })
      ctl("rate=unlimited"):expect(0)
      ends(run)
      assert.is_nil(run:find "job_finished".summary.limit)
      assert.matches("haul ctl: rate=1MiB/s\n.*told: the rate is 1.0 MiB/s from now on", run.stderr)
    end)
  end

  it("changes the concurrency, and gives both back to the job file", function()
    fault:rules { op = "get", with = "hold", times = -1 }
    write { more = 'concurrency = 2, rate = "64KiB/s",' }
    local run = world:start()
    shell.wait(20, "two requests", function() return #fault:requests "get" == 2 end)
    ctl { "concurrency=6", "rate=unlimited" }:expect(0)
    shell.wait(20, "six requests", function() return #fault:requests "get" == 6 end)
    ctl { "rate=auto", "concurrency=auto" }:expect(0)
    local stats = json.decode(ctl { "stats", "--json" }:expect(0).stdout)
    assert.same({ 2, 64 * KIB }, { stats.concurrency, stats.limit })
    ctl "rate=unlimited"
    fault:control("DELETE", "/rules")
    fault:release()
    ends(run)
  end)

  it("makes room for more requests than the job file has, between stores too", function()
    local other = server.fault { dialect = "tos" } -- whose parts have 5 MiB at least
    for name, value in pairs(other.keys) do world.env[name] = value end
    for i = 1, 20 do fault:put("p/k" .. i, { size = 600 * KIB, seed = tostring(i) }) end
    world:job([[
      local haul = require "haul"
      return haul.job { name = "told", part_size = "5MiB", concurrency = 1, rate = "64KiB/s",
        haul.copy { from = $from / "p/", to = $to / "u/", route = "relay" } }
    ]], { from = { fault.store }, to = { other.store } })
    local run = world:start():await("progress", 1, { ["progress.in_flight"] = 1 })
    fault:rules { op = "get", with = "hold", times = -1 }
    ctl { "concurrency=400", "rate=unlimited" }:expect(0)
    shell.wait(20, "a request for each object", function() return #fault:requests "get" >= 21 end)
    fault:control("DELETE", "/rules")
    fault:release()
    run:wait(30):expect(0)
    local there, here = other:objects(), fault:objects()
    for i = 1, 20 do assert.equal(here["p/k" .. i].sha256, there["u/k" .. i].sha256) end
    assert.equal(here["p/big"].sha256, there["u/big"].sha256)
  end)

  local function cpu(run)
    local text = files.read(("/proc/%d/stat"):format(run.pid)):gsub("^.*%) ", "")
    local fields = {}
    for word in text:gmatch "%S+" do fields[#fields + 1] = tonumber(word) or 0 end
    return (fields[12] + fields[13]) / 100
  end

  it("pauses: nothing is sent, nothing ends, and nothing spins", function()
    fault:put_many(20, "p/k%02d", 100)
    fault:rules { op = "get", key = "p/big", with = "hold", times = 1 }
    write { more = "concurrency = 1," }
    local run = world:start()
    shell.wait(20, "the request for the first part", function() return #fault:requests "get" >= 1 end)
    ctl "pause":expect(0)
    fault:release()
    run:await("progress", 1, { ["progress.in_flight"] = 0, ["progress.paused"] = true })
    local sent, used = #fault:log(), cpu(run)
    local seen = run:count("progress", { ["progress.paused"] = true })
    run:await("progress", seen + 6, { ["progress.paused"] = true })
    assert.equal(sent, #fault:log())
    assert.is_true(cpu(run) - used < 0.3, "it spins: " .. cpu(run) - used .. " s of CPU in 1.5 s")
    assert.matches("paused", ctl "stats":expect(0).stdout)
    ctl "resume":expect(0)
    ends(run)
    assert.is_false(run:find "job_finished".summary.paused)
  end)

  it("is obeyed by a run without lanes and without anybody who watches", function()
    write { more = 'rate = "64KiB/s", lanes = 0,' }
    local run = world:start { events = false, args = { "--progress", "none" } }
    shell.wait(20, "its answer", function() return ctl "stats".status == 0 end)
    ctl "pause":expect(0)
    assert.is_true(json.decode(ctl { "stats", "--json" }:expect(0).stdout).paused)
    ctl { "resume", "rate=unlimited" }:expect(0)
    run:wait(20):expect(0)
    right()
  end)

  it("leaves a paused run to a signal, which ends it at once", function()
    local run = started { more = "concurrency = 1," }
    ctl { "pause", "rate=unlimited" }:expect(0)
    run:await("progress", 1, { ["progress.in_flight"] = 0, ["progress.paused"] = true })
    run:signal "INT"
    run:wait(2):expect(130)
  end)

  it("tells how far it is, for people and for programs", function()
    local run = started()
    local text = ctl "stats":expect(0).stdout
    assert.matches("^0/1 objects .* of 64.0 KiB/s .* 0 failed\n$", text)
    local stats = json.decode(ctl { "stats", "--json" }:expect(0).stdout)
    assert.same({ 1, 4 * MIB, 64 * KIB, false }, { stats.objects_known, stats.bytes_known, stats.limit, stats.paused })
    assert.is_true(stats.seconds > 0)
    ctl "cancel"
    run:wait(20):expect(7)
  end)

  it("cancels, and the next run carries on", function()
    local run = started { more = "concurrency = 1," }
    run:await "part_succeeded"
    ctl "cancel":expect(0)
    run:wait(20):expect(7)
    assert.matches("ended early: cancelled\n", run.stderr)
    write()
    local again = world:run():expect(0)
    assert.is_true(again:find "job_finished".summary.bytes_resumed >= 256 * KIB)
    right()
  end)

  it("cancels and keeps nothing with --abort", function()
    files.tree(world:path "src", { big = 4 * MIB })
    local run = started { up = true, more = "concurrency = 1," }
    run:await "part_succeeded"
    assert.equal(1, #fault:uploads())
    ctl { "cancel", "--abort" }:expect(0)
    run:wait(20):expect(7)
    assert.equal(0, #fault:uploads())
  end)

  it("finds the run by its file, its name, its directory, and where --state says", function()
    local run = started()
    ctl "stats":expect(0)
    ctl("stats", { file = "told" }):expect(0)
    ctl("stats", { file = state() }):expect(0)
    ctl({ "stats", "--state", state() }, { file = "anything" }):expect(0)
    ctl("cancel"):expect(0)
    run:wait(20):expect(7)
    local other = started { args = { "--state", world:path "elsewhere" } }
    ctl "stats":expect(3)
    ctl { "cancel", "--state", world:path "elsewhere" }:expect(0)
    other:wait(20):expect(7)
  end)

  it("finds one shard of it", function()
    local keys = {}
    for i = 1, 9 do keys[i] = "p/s" .. i end
    for _, key in ipairs(keys) do fault:put(key, { size = MIB, seed = key }) end
    write { more = 'rate = "64KiB/s",' }
    local run = world:start { args = { "--shard", "2/3" } }:await("progress", 1)
    ctl "stats":expect(3)
    ctl { "stats", "--shard", "1/3" }:expect(3)
    ctl { "cancel", "--shard", "2/3" }:expect(0)
    run:wait(20):expect(7)
  end)

  it("works below a path that is longer than a socket's address", function()
    local deep = world:path(("state/" .. ("d"):rep(100) .. "/"):rep(3) .. "end")
    local run = started { args = { "--state", deep } }
    ctl { "rate=unlimited", "--state", deep }:expect(0)
    ends(run)
  end)

  it("passes name=value on to the job file", function()
    world:job([[
      local haul = require "haul"
      haul.param { day = { "Day", required = true } }
      return haul.job { name = "day-" .. haul.param.day, rate = "64KiB/s",
        haul.copy { from = $from, to = haul.dir($dst) / "" } }
    ]], { from = { fault.store .. ' / "p/"' }, dst = world:path "dst" })
    local run = world:start { args = { "day=monday" } }:await("progress", 1)
    ctl { "day=tuesday", "rate=unlimited" }:expect(3)
    ctl { "rate=unlimited", "day=monday" }:expect(0)
    ends(run)
  end)

  it("says that nothing runs: never did, has ended, was killed; and the next run is reached", function()
    write()
    local none = ctl "stats":expect(3)
    assert.matches("job.lua is not running %(its state is .*/state/haul/told%)\n$", none.stderr)
    world:run():expect(0)
    assert.is_false(files.exists(state() .. "/control"))
    ctl "stats":expect(3)
    fault:put("p/big", { size = 4 * MIB, seed = "new" })
    started():kill()
    assert.is_true(files.exists(state() .. "/control"))
    ctl "stats":expect(3)
    local run = started()
    ctl "rate=unlimited":expect(0)
    ends(run)
  end)

  local wrong = {
    { { "rate=fast" }, "\"?'?fast" }, { { "rate=0MiB/s" }, "above zero" }, { { "rate=" }, "haul ctl" },
    { { "concurrency=0" }, "from 1 to 4096, not '0'" }, { { "concurrency=5000" }, "from 1 to 4096" },
    { { "concurrency=-3" }, "from 1 to 4096" }, { { "stop" }, "'stop' is none of rate=, concurrency=, pause" },
    { { "pause", "resume" }, "not both" }, { { "pause resume" }, "is not one word" }, { { "pause\nresume" }, "is not one word" },
    { {}, "takes what the run is to do" }, { { ("pause"):rep(1000) }, "too many words" },
    { { "rate=1MiB/s", "concurrency=many" }, "not 'many'" },
  }
  it("refuses what it does not understand, and then does none of it", function()
    local run = started()
    for _, case in ipairs(wrong) do
      local answer = ctl(case[1]):expect(2)
      assert.matches(case[2], answer.stderr)
    end
    local stats = json.decode(ctl { "stats", "--json" }:expect(0).stdout)
    assert.same({ 64 * KIB, 16, false }, { stats.limit, stats.concurrency, stats.paused })
    ctl "rate=unlimited"
    ends(run)
  end)

  -- What a visitor that is not haul does; `body` is Python with s(), a new connection.
  local function visit(body, prefix)
    local script = world:path "visitor.py"
    files.write(script, ([[
import os, socket, sys, time
def s():
    it = socket.socket(socket.AF_UNIX)
    it.settimeout(10)
    for i in range(200):
        try:
            it.connect(%q)
            return it
        except BlockingIOError: # so many at once are let in one after the other
            time.sleep(0.02)
def gone(it):
    try:
        return it.recv(65536) == b""
    except ConnectionResetError:
        return True
def say(it, line):
    try:
        it.sendall(line)
    except BrokenPipeError: # shut the door before it was said
        pass
%s]]):format(state() .. "/control", body))
    return shell.read(("%s /usr/bin/python3 - <%s"):format(prefix or "", script))
  end

  it("is not held up by visitors that say too much, nothing, or never listen", function()
    local run = started()
    visit [[
it = s(); it.sendall(b"x" * 4096); assert gone(it)
it = s(); it.sendall(b"pause\0\n"); assert gone(it)
it = s(); it.sendall(b"\n"); assert it.recv(100) == b"nothing was asked for\n", "empty"
it = s(); it.sendall(b"pa"); time.sleep(0.05); it.sendall(b"rse\nresume\n"); assert b"'parse' is none" in it.recv(1000)
it = s(); it.sendall(bytes(range(1, 256)).replace(b"\n", b"") + b"\n"); assert b"is none of" in it.recv(1000)
it = s(); it.close()
silent = [s() for i in range(30)]
for it in silent[:20]: assert gone(it)
for i in range(200):
    it = s(); it.sendall(b"stats-json\n")
]]
    local stats = json.decode(ctl { "stats", "--json" }:expect(0).stdout)
    assert.same({ 64 * KIB, false }, { stats.limit, stats.paused })
    visit 'held = [s() for i in range(8)]; os.system("true")'
    ctl "rate=unlimited":expect(0)
    ends(run)
  end)

  it("is for the same user alone", function()
    local run = started()
    assert.equal("600", shell.read("stat -c %a " .. state() .. "/control"):match "%d+")
    assert.equal("700", shell.read("stat -c %a " .. state()):match "%d+")
    if shell.read("id -u"):match "%d+" == "0" then -- who may become somebody else
      shell.read(("chmod 666 %s/control; chmod o+x %s/.. %s %s %s %s"):format(state(), world.dir, world.dir,
        world:path "state", world:path "state/haul", state()))
      visit([[it = s(); say(it, b"pause\n"); assert gone(it)]], "setpriv --reuid=65534 --regid=65534 --clear-groups")
    end
    local stats = json.decode(ctl { "stats", "--json" }:expect(0).stdout)
    assert.is_false(stats.paused)
    ctl "rate=unlimited":expect(0)
    ends(run)
  end)
end)
