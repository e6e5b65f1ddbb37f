-- The example jobs that decide while they run, or after what they find.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local world, src, s3

before_each(function()
  world = haul.world()
  world.env.AWS_REGION = "us-east-1"
  s3 = server.fault { dialect = "s3" }
  for name, value in pairs(s3.keys) do world.env[name] = value end
  src = files.mkdir(world:path "src")
end)

after_each(function()
  if world then world:remove() end
  world = nil
end)

local function arguments(params, more)
  local args = { "source=" .. src, "bucket=test", "endpoint=" .. s3.endpoint, table.unpack(more or {}) }
  for name, value in pairs(params or {}) do args[#args + 1] = name .. "=" .. tostring(value) end
  return args
end

local function run(file, status, params, more)
  return world:run { file = file, args = arguments(params, more) }:expect(status)
end

local function stored(prefix)
  local found = {}
  for key, object in pairs(s3:objects()) do
    if key:sub(1, #prefix) == prefix then found[key:sub(#prefix + 1)] = object.sha256 .. " " .. object.size end
  end
  return found
end

-- The time of day so many hours from now.
local function hours(n) return os.date("%H:%M", os.time() + n * 3600) end

describe("the example jobs/website.lua", function()
  local function headers(key)
    local found = {}
    for name, value in pairs(s3:objects()[key].headers) do found[name:lower()] = value end
    return found["cache-control"], found["content-type"]
  end

  before_each(function()
    files.tree(src, { ["index.html"] = 100, ["old/about.html"] = 50, ["app-0123abcd.js"] = 70, ["style.css"] = 60,
      ["site.webmanifest"] = 20 })
  end)

  it("gives each kind of file its headers, and sends pages last", function()
    local it_run = run("jobs/website.lua", 0, { prefix = "site/" })
    checks.same(files.sums(src), stored "site/")
    assert.same({ "no-cache", "text/html" }, { headers "site/index.html" })
    assert.same({ "public, max-age=31536000, immutable", "text/javascript" }, { headers "site/app-0123abcd.js" })
    assert.same({ "public, max-age=300", "text/css" }, { headers "site/style.css" })
    assert.same({ "public, max-age=300", "application/manifest+json" }, { headers "site/site.webmanifest" })
    for i, event in ipairs(it_run:all "object_succeeded") do
      assert.equal(i > 3, event.key:find "%.html$" ~= nil, event.key)
    end
  end)

  it("deletes pages that are gone, and no file that an old page may name", function()
    run("jobs/website.lua", 0)
    os.remove(src .. "/old/about.html")
    os.remove(src .. "/app-0123abcd.js")
    files.write(src .. "/app-89abcdef.js", "new")
    local it_run = run("jobs/website.lua", 0)
    assert.equal(1, it_run:count "object_deleted")
    assert.equal(1, it_run:count("object_succeeded"))
    assert.is_nil(s3:objects()["old/about.html"])
    assert.is_truthy(s3:objects()["app-0123abcd.js"])
  end)
end)

describe("the example jobs/canary.lua", function()
  local sums

  before_each(function()
    local sizes = {}
    for i = 1, 40 do sizes[("f%02d"):format(i)] = i end
    sums = files.sums(files.tree(src, sizes))
  end)

  it("goes faster step by step", function()
    local it_run = run("jobs/canary.lua", 0, { first = 5, step = 10, most = 8 })
    checks.events(it_run)
    checks.same(sums, stored "")
    for _, line in ipairs { "5 objects arrived: 2 requests", "15 objects arrived: 4 requests",
      "25 objects arrived: 8 requests" } do
      assert.matches(line, it_run.stderr, 1, true)
    end
    assert.is_nil(it_run.stderr:find("35 objects arrived", 1, true))
  end)

  it("stops when one of the first fails, having sent no more than those", function()
    s3:rules { op = "put", with = "denied", skip = 3, times = -1 }
    local it_run = run("jobs/canary.lua", 7, { first = 5 })
    assert.equal(3, it_run:count "object_succeeded")
    assert.matches("one of the first", it_run.stderr, 1, true)
    assert.is_true(#s3:requests "put" <= 5)
  end)

  it("goes on when one fails later, and the next run sends what is missing", function()
    s3:rules { op = "put", key = "f40", with = "denied", times = -1 }
    assert.equal(39, run("jobs/canary.lua", 1, { first = 5 }):count "object_succeeded")
    s3:control("DELETE", "/rules")
    run("jobs/canary.lua", 0, { first = 1 })
    checks.same(sums, stored "")
  end)
end)

describe("the example jobs/nights.lua", function()
  local sums, window

  before_each(function()
    sums = files.sums(files.tree(src, { a = 100, big = 40 << 20 }))
    window = hours(-2) .. "-" .. hours(2)
  end)

  it("carries on in the middle of an object, and counts its nights", function()
    local first = run("jobs/nights.lua", 10, { window = window, rate = "20MiB/s" },
      { "--max-duration", "1s", "--concurrency", "1" })
    assert.matches("night 1: 0%.0%d+ GiB moved, 0%.0%d+ GiB left, some %d nights? more", first.stderr)
    assert.is_true(first:count("part_succeeded", { key = "big" }) > 0)
    assert.equal(0, first:count("object_succeeded", { key = "big" }))

    local second = run("jobs/nights.lua", 0, { window = window })
    assert.matches("done after 2 nights, 0%.0%d+ GiB moved", second.stderr)
    checks.same(sums, stored "")
    local sent = {}
    for _, each in ipairs { first, second } do
      for _, event in ipairs(each:all("part_succeeded", { key = "big" })) do
        assert.is_nil(sent[event.part.number], "sent twice")
        sent[event.part.number] = true
      end
    end
  end)

  it("does nothing outside of its hours", function()
    run("jobs/nights.lua", 10, { window = hours(2) .. "-" .. hours(4) })
    assert.same({}, stored "")
  end)
end)

describe("the example jobs/notify.lua", function()
  it("tells a chat of what failed, and a dashboard of the counts", function()
    local hook = server.webhook()
    files.tree(src, { a = 1, b = 2 })
    s3:rules { op = "put", key = "a", with = "denied", times = -1 }
    run("jobs/notify.lua", 1, { chat = hook.endpoint .. "/chat", dashboard = hook.endpoint .. "/counts" })
    local said = {}
    for _, request in ipairs(hook:log()) do
      said[request.path] = said[request.path] or {}
      table.insert(said[request.path], json.decode(request.body))
    end
    assert.matches("object failed", said["/chat"][1].text, 1, true)
    assert.matches("exit status 1", said["/chat"][2].text, 1, true)
    assert.equal(1, said["/counts"][1].summary.objects_done)
  end)
end)

describe("the example jobs/drain.lua", function()
  local spool, sums

  before_each(function()
    spool = files.tree(world:path "spool", { ["cam/0815.mp4"] = 17 << 20, ["cam/0900.mp4.part"] = 5, fresh = 6 })
    sums = files.sums(spool)
    for _, name in ipairs { "cam/0815.mp4", "cam/0900.mp4.part" } do
      shell.read { "touch", "-d", "2026-01-02T03:04:05Z", spool .. "/" .. name }
    end
  end)

  local function drain(status)
    return world:run { file = "jobs/drain.lua", args = { "spool=" .. spool, "bucket=test", "endpoint=" .. s3.endpoint } }
      :expect(status)
  end

  it("moves what has come to rest, by day, and leaves what has not", function()
    drain(0)
    checks.same({ ["2026/01/02/cam/0815.mp4"] = sums["cam/0815.mp4"] }, stored "")
    sums["cam/0815.mp4"] = nil
    checks.same(sums, files.sums(spool))
    assert.equal(0, drain(0):count "object_succeeded")
  end)

  it("removes nothing that is not the same in the archive", function()
    s3:rules { op = "get", with = "flip", times = -1 }
    drain(1)
    checks.same(sums, files.sums(spool))
  end)
end)

describe("the example jobs/office_hours.lua", function()
  it("knows which hours these are", function()
    local sums = files.sums(files.tree(src, { a = 100 }))
    local open, closed = "mon-sun " .. hours(-2) .. "-" .. hours(2), "mon-sun " .. hours(2) .. "-" .. hours(4)
    local by_day = run("jobs/office_hours.lua", 0, { office = open, by_day = "7MiB/s" })
    assert.equal(7 << 20, by_day:find("job_finished").summary.limit)
    local by_night = run("jobs/office_hours.lua", 0, { office = closed, by_day = "7MiB/s" })
    assert.is_nil(by_night:find("job_finished").summary.limit)
    checks.same(sums, stored "")
  end)
end)

describe("the example jobs/vault.lua", function()
  local K = { access_key = "KEYONE", secret_key = "secret/one" }
  local L = { access_key = "KEYTWO", secret_key = "secret+two", token = "token==" }
  local keys, sums

  -- What the agent writes: at once, so that no half of it is ever read.
  local function agent(given, expires)
    files.write(keys .. ".new", json.encode { Credentials = { AccessKeyId = given.access_key,
      SecretAccessKey = given.secret_key, SessionToken = given.token, Expiration = expires } })
    os.rename(keys .. ".new", keys)
  end

  before_each(function()
    keys = world:path "keys.json"
    sums = files.sums(files.tree(src, { big = 40 << 20 }))
  end)

  after_each(function()
    s3:credentials { { access_key = s3.keys.AWS_ACCESS_KEY_ID, secret_key = s3.keys.AWS_SECRET_ACCESS_KEY } }
  end)

  it("goes on with new keys when the old ones run out, and sends no part twice", function()
    s3:credentials { K }
    agent(K, "2099-01-01T00:00:00Z")
    s3:rules { op = "part", part = 3, with = "hold" }
    local it_run = world:start { file = "jobs/vault.lua", args = arguments { keys = keys } }
    it_run:await("part_succeeded", 4)
    s3:credentials { { access_key = K.access_key, secret_key = K.secret_key, expired = true }, L }
    agent(L, "2099-01-01T00:00:00Z")
    s3:release()
    it_run:wait():expect(0)
    checks.events(it_run)
    checks.same(sums, stored "")
    assert.equal(5, it_run:count "part_succeeded")
    assert.is_nil(it_run.stderr:find("secret+two", 1, true))
  end)

  it("says what is wrong with the file", function()
    files.write(keys, "{}")
    assert.matches("the credentials function", run("jobs/vault.lua", 3, { keys = keys }).stderr, 1, true)
    assert.same({}, stored "")
  end)
end)
