-- Commands of scripts: their words, their environment, their end.
package.path = "tests/?.lua;" .. package.path
local files = require "support.files"
local outside = require "support.probe" "outside"
local shell = require "support.shell"

local function sh(text, given)
  given = given or {}
  given.argv = { "sh", "-c", text }
  return outside.exec(given)
end

local function failed(kind, text, answer, err)
  assert.is_nil(answer)
  assert.equal(kind, err.kind)
  assert.truthy(err.message:find(text, 1, true), err.message)
end

-- Waits until no process has the name that a spec gave it; the one that looks does not look like it.
local function is_gone(name)
  local pattern = "[h]" .. name:sub(2)
  shell.wait(10, name .. " to be gone", function() return not shell.try { "pgrep", "-f", pattern } end)
end

-- A word that no other process has in its command line.
local count = 0
local function mark()
  count = count + 1
  return ("haul-exec-%d-%d"):format(shell.pid(), count)
end

describe("a command of a script", function()
  for _, lanes in ipairs { 0, 1 } do
    it("gets its words as they are, with lanes = " .. lanes, function()
      local ran = assert(outside.exec { lanes = lanes, argv = { "printf", "%s|", "a b", "$(id)", "*", "", "é\n" } })
      assert.equal("a b|$(id)|*||é\n|", ran.out)
      assert.equal(0, ran.status)
      assert.equal(0, ran.signal)
    end)
  end

  it("tells how it ended and what it wrote", function()
    local ran = sh "echo out; echo err >&2; exit 3"
    assert.same({ 3, 0, "out\n", "err\n" }, { ran.status, ran.signal, ran.out, ran.err })
    ran = sh "kill -TERM $$"
    assert.same({ 143, 15 }, { ran.status, ran.signal })
  end)

  it("reads what it is given", function()
    local text = ("x\0y"):rep(100000)
    assert.equal(text, outside.exec { argv = { "cat" }, input = text }.out)
    assert.equal("", outside.exec { argv = { "cat" } }.out)
    assert.equal(0, outside.exec { argv = { "true" }, input = text }.status)
  end)

  it("runs where it is told to", function()
    local dir = files.dir()
    assert.equal(dir .. "\n", outside.exec { argv = { "pwd" }, cwd = dir }.out)
    failed("invalid", "cannot run pwd in /nowhere", outside.exec { argv = { "pwd" }, cwd = "/nowhere" })
  end)

  it("that is not there cannot be run", function()
    failed("invalid", "cannot run no-such-program", outside.exec { argv = { "no-such-program", "hush" } })
    failed("invalid", "cannot run /", outside.exec { argv = { "/" } })
  end)

  it("sees nothing of our environment that may be a secret", function()
    local path = files.dir() .. "/out"
    local binary = ("build/%s/probe/?.so"):format(os.getenv "BUILD" or "release")
    local canaries = {}
    for _, name in ipairs { "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OSS_ACCESS_KEY_SECRET", "TOS_SECRET_KEY",
      "HAUL_STATE", "MY_TOKEN", "SSH_AUTH_SOCK", "LD_PRELOAD_X", "LC" } do
      canaries[#canaries + 1] = name .. "=canary"
    end
    files.write(path .. ".lua", ([[
      local open = package.loadlib(%q, "luaopen_outside")
      io.write(open().exec { argv = { "env" }, env = { "GIVEN=yes", "LANG=xx" } }.out)]])
      :format(binary:gsub("?", "outside")))
    local preload = os.getenv "LD_PRELOAD" or ""
    local out = shell.read(("env %s LC_TIME=C LANG=C HOME=/h LD_PRELOAD=%s ASAN_OPTIONS=detect_leaks=0 lua5.4 %s")
      :format(shell.words(canaries), shell.quote(preload), path .. ".lua"))
    assert.is_nil(out:find "canary")
    for _, line in ipairs { "GIVEN=yes", "LANG=xx", "LC_TIME=C", "HOME=/h" } do
      assert.truthy(("\n" .. out):find("\n" .. line .. "\n", 1, true), line)
    end
    assert.is_nil(("\n" .. out):find("\nLANG=C\n", 1, true))
  end)

  it("has none of our descriptors, and a group of its own", function()
    assert.equal("0\n1\n2\n3\n", outside.exec { argv = { "ls", "/proc/self/fd" } }.out) -- 3: the directory
    local ran = sh "ps -o pgid= -p $$; echo $$"
    local group, pid = ran.out:match "(%d+)%s+(%d+)"
    assert.equal(pid, group)
  end)

  it("is not deaf to signals", function()
    assert.equal("0000000000000000\n", sh("sed -n 's/^SigBlk:.//p' /proc/self/status").out)
  end)

  it("is killed with what it started when its time is over", function()
    local name = mark()
    failed("timeout", "more than 0.3 s", sh(("sh -c 'sleep 60; echo %s' & sleep 60"):format(name), { timeout_ms = 300 }))
    is_gone(name)
  end)

  it("is killed when it is cancelled", function()
    local name = mark()
    failed("cancelled", "cancelled", sh(("sleep 60; echo %s"):format(name), { timeout_ms = 60000, cancel_ms = 50 }))
    is_gone(name)
  end)

  it("is over when the program is; what it left behind goes with it", function()
    local name = mark()
    local ran = sh(("sh -c 'sleep 60; echo %s' & echo started"):format(name))
    assert.equal("started\n", ran.out)
    assert.is_true(ran.ms < 20000)
    is_gone(name)
  end)

  it("may write so much and no more", function()
    assert.equal(1000, #sh("head -c 1000 /dev/zero", { max = 1000 }).out)
    failed("invalid", "more than 1000 bytes", sh("head -c 1001 /dev/zero", { max = 1000 }))
    failed("invalid", "more than 1000 bytes", sh("exec yes >&2", { max = 1000 }))
  end)

  it("shares time with others, but no more than four run at once", function()
    local ran = outside.exec { argv = { "sleep", "0.2" }, times = 8 }
    assert.is_true(ran.all_ms >= 400, ran.all_ms .. " ms")
    assert.is_true(ran.all_ms < 1500, ran.all_ms .. " ms")
  end)
end)
