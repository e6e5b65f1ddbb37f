-- Secrets stay secret, nothing is written outside, and what is left behind is nobody else's to read.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local SECRET, TOKEN, KEY = "canary/SECRET+0123456789abcdef", "canary.TOKEN.fedcba9876543210==", "CANARYACCESSKEY00001"

local JOB = [[
local haul = require "haul"
return haul.job { name = "quiet", concurrency = 1, part_size = "256KiB", rate = $rate,
  retry = { attempts = 2, base = "5ms" },
  on = { part_failed = function(event) haul.log.info(haul.json.encode(event)) end },
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }
]]

describe("security:", function()
  local fault, world, credentials

  before_each(function()
    fault = server.fault { dialect = "s3" }
    credentials = { AWS_ACCESS_KEY_ID = KEY, AWS_SECRET_ACCESS_KEY = SECRET, AWS_SESSION_TOKEN = TOKEN }
    fault:credentials { { access_key = KEY, secret_key = SECRET, token = TOKEN } }
    world = haul.world { keys = credentials }
    files.mkdir(world:path "dst")
    fault:put("p/a", { size = 600000 })
    fault:put("p/b", { size = 600000 })
  end)

  after_each(function()
    fault:credentials { { access_key = fault.keys.AWS_ACCESS_KEY_ID, secret_key = fault.keys.AWS_SECRET_ACCESS_KEY } }
    world:remove()
  end)

  local function job(store, rate)
    world:job(JOB, { store = { store or fault.store }, dst = world:path "dst", rate = { rate or "nil" } })
  end

  -- No file below the world, logs, state and output included, holds the secret or the token.
  local function no_canary()
    for _, canary in ipairs { SECRET, TOKEN } do
      local found = shell.read(("grep -rlF -e %s %s || true"):format(shell.quote(canary), shell.quote(world.dir)))
      assert.equal("", found)
    end
  end

  it("no secret is in any file, log or message", function()
    fault:rules({ op = "get", key = "p/a", with = "500" }, { op = "get", key = "p/b", with = "SignatureDoesNotMatch",
      times = -1 })
    job()
    world:run { args = { "-v", "--log-level", "trace", "--log-file", world:path "log" } }
    no_canary()
  end)

  it("no secret is in the arguments, and the journal of a killed run has none", function()
    job(nil, '"256KiB/s"')
    local run = world:start():await "part_succeeded"
    local arguments = files.read(("/proc/%d/cmdline"):format(run.pid))
    assert.is_nil(arguments:find("canary", 1, true))
    run:kill()
    no_canary()
  end)

  it("a secret in the job file is not in a message about it", function()
    job((fault.store:gsub(" }$", ", credentials = { access_key = " .. ("%q"):format(KEY) .. ", secret_key = " ..
      ("%q"):format(SECRET) .. ", token = " .. ("%q"):format(TOKEN) .. ", oops = 1 } }")))
    local run = world:run { env = { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", AWS_SESSION_TOKEN = "" } }
    run:expect(2)
    assert.is_nil((run.stderr .. run.stdout):find("canary", 1, true), run.stderr)
  end)

  it("a store shows no secret", function()
    world:job([[
      local haul = require "haul"
      local s = haul.s3 { bucket = "b", credentials = { access_key = "A", secret_key = $secret } }
      error(tostring(s) .. tostring(getmetatable(s)) .. tostring(s.credentials))
    ]], { secret = SECRET })
    local run = world:run():expect(2)
    assert.is_nil(run.stderr:find("canary", 1, true), run.stderr)
  end)

  it("what is not finished is readable by its owner only", function()
    job(nil, '"256KiB/s"')
    local run = world:start { prefix = "sh -c 'umask 000; exec \"$@\"' sh" }:await "part_succeeded"
    run:kill()
    local open = shell.read(("find %s %s -perm /077 ! -type l"):format(shell.quote(world:path "state/haul"),
      shell.quote(world:path "dst") .. " -mindepth 1"))
    assert.equal("", open)
  end)

  it("a finished file has the usual mode", function()
    job()
    world:run { prefix = "sh -c 'umask 022; exec \"$@\"' sh" }:expect(0)
    assert.equal("644\n", shell.read { "stat", "-c", "%a", world:path "dst/a" })
  end)

  it("names that look like temporary files are left alone", function()
    local names = { ".a.tmp", "a.part", ".haul-a" }
    for _, name in ipairs(names) do files.write(world:path "dst/" .. name, name) end
    job()
    world:run():expect(0)
    for _, name in ipairs(names) do assert.equal(name, files.read(world:path "dst/" .. name)) end
  end)

  it("a symbolic link under the final name is replaced, not followed", function()
    files.write(world:path "victim", "untouched")
    shell.read { "ln", "-s", world:path "victim", world:path "dst/a" }
    job()
    world:run()
    assert.equal("untouched", files.read(world:path "victim"))
  end)

  it("links in a source directory are not followed, and are told of", function()
    files.tree(world:path "src", { plain = 10 })
    files.write(world:path "outside", "private")
    shell.read { "ln", "-s", world:path "outside", world:path "src/link" }
    shell.read { "mkfifo", world:path "src/pipe" }
    world:job([[
      local haul = require "haul"
      return haul.job { name = "links", haul.copy { from = haul.dir($src) / "", to = $store / "up/" } }
    ]], { src = world:path "src", store = { fault.store } })
    local run = world:run()
    assert.is_true(fault:objects()["up/plain"] ~= nil, run:describe())
    assert.is_nil(fault:objects()["up/link"])
    assert.is_nil(fault:objects()["up/pipe"])
    assert.is_truthy((run.stderr):find("link", 1, true) or run:find("object_skipped"))
  end)

  it("the state is not inside the data", function()
    job()
    world:run():expect(0)
    local names = {}
    for name in pairs(files.sums(world:path "dst")) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "a", "b" }, names)
    assert.equal("700\n", shell.read { "stat", "-c", "%a", world:path "state/haul/quiet" })
  end)

  it("a proxy of the environment is not used", function()
    job()
    world:run { env = { http_proxy = "http://127.0.0.1:9", HTTP_PROXY = "http://127.0.0.1:9",
      https_proxy = "http://127.0.0.1:9" } }:expect(0)
  end)
end)
