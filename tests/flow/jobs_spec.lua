-- Every job file that comes with haul is run, so that no example can go stale.
-- jobs/array_job.sh has a spec of its own, slurm_spec.lua.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local REGION = { s3 = "us-east-1", oss = "cn-hangzhou", tos = "cn-beijing" }

local world, src, sums

before_each(function()
  world = haul.world()
  world.env.AWS_REGION = "us-east-1"
  src = files.tree(world:path "src", { small = 10, ["dir/parts"] = 17 << 20, empty = 0 })
  sums = files.sums(src)
end)

after_each(function()
  if world then world:remove() end
  world = nil
end)

-- A store that the job finds the keys of in the environment.
local function store(dialect)
  local fault = server.fault { dialect = dialect }
  for name, value in pairs(fault.keys) do world.env[name] = value end
  return fault
end

local function start(file, params, more)
  local args = { table.unpack(more or {}) }
  for name, value in pairs(params) do args[#args + 1] = name .. "=" .. value end
  return world:run { file = file, args = args }
end

local function run(file, params, status)
  local it_run = start(file, params):expect(status or 0)
  checks.events(it_run)
  return it_run
end

local function stored(fault, prefix)
  local found = {}
  for key, object in pairs(fault:objects()) do
    if key:sub(1, #prefix) == prefix then found[key:sub(#prefix + 1)] = object.sha256 .. " " .. object.size end
  end
  return found
end

-- What the server was asked for since the last look, by operation.
local function asked(fault)
  local count = {}
  for _, entry in ipairs(fault:log()) do count[entry.op] = (count[entry.op] or 0) + 1 end
  fault:control("DELETE", "/log")
  return count
end

local function only_lists(fault)
  local count = asked(fault)
  assert.is_truthy(count.list)
  count.list = nil
  assert.same({}, count)
end

-- The time of day so many hours from now.
local function hours(n) return os.date("%H:%M", os.time() + n * 3600) end

describe("the example", function()
  it("jobs/upload.lua uploads", function()
    local s3 = store "s3"
    run("jobs/upload.lua", { source = src, bucket = "test", prefix = "2026/", endpoint = s3.endpoint })
    checks.same(sums, stored(s3, "2026/"))
  end)

  it("jobs/download.lua downloads", function()
    local s3 = store "s3"
    for name in pairs(sums) do s3:put("2026/" .. name, files.read(src .. "/" .. name)) end
    local dst = files.mkdir(world:path "dst")
    run("jobs/download.lua", { bucket = "test", prefix = "2026/", target = dst, endpoint = s3.endpoint })
    checks.same(sums, files.sums(dst))
  end)

  it("jobs/copy_dir.lua copies", function()
    local dst = files.mkdir(world:path "dst")
    run("jobs/copy_dir.lua", { source = src, target = dst, rate = "500MiB/s" })
    checks.same(sums, files.sums(dst))
  end)

  it("jobs/demo.lua goes up and comes down, by a server or by a directory", function()
    local s3 = store "s3"
    for _, kind in ipairs { "s3", "dir" } do
      local dst = files.mkdir(world:path("dst-" .. kind))
      local bucket = kind == "s3" and "test" or files.mkdir(world:path "bucket")
      run("jobs/demo.lua", { store = kind, direction = "up", source = src, bucket = bucket, endpoint = s3.endpoint })
      local down = start("jobs/demo.lua", { store = kind, direction = "down", target = dst, bucket = bucket,
        endpoint = s3.endpoint }, { "--fresh" }):expect(0)
      assert.is_truthy(down.stderr:find("object_succeeded", 1, true))
      checks.same(sums, files.sums(dst))
    end
  end)

  it("jobs/retry_policy.lua skips what is denied and tries again what fails", function()
    local s3 = store "s3"
    s3:rules({ op = "put", key = "small", with = "denied", times = -1 }, { op = "put", key = "empty", with = "500" })
    local it_run = run("jobs/retry_policy.lua", { source = src, bucket = "test", endpoint = s3.endpoint })
    assert.equal("not allowed", it_run:find("object_skipped").reason)
    assert.equal(2, it_run:count "object_succeeded")
  end)
end)

describe("the example jobs/migrate.lua", function()
  local oss, wanted

  before_each(function()
    oss, wanted = store "oss", {}
    for name, size in pairs { ["2026/a.jpg"] = 100, ["2026/big.jpg"] = 17 << 20, ["2026/tmp/b.jpg"] = 5,
      ["2026/c.txt"] = 7, ["ünï code/d.jpg"] = 0 } do
      local object = oss:put(name, { size = size, seed = name, headers = { ["content-type"] = "image/jpeg",
        ["x-oss-meta-owner"] = "alice", ["x-oss-meta-mtime"] = "1600000000.5" } })
      if name:find "jpg$" and not name:find "tmp/" then wanted[name] = object.sha256 .. " " .. size end
    end
    oss:control("DELETE", "/log")
  end)

  local function params(service, target)
    return { bucket = "test", endpoint = oss.endpoint, region = "cn-hangzhou", service = service, target = "test",
      target_endpoint = target.endpoint, target_region = REGION[service], include = "*.jpg", exclude = "tmp/" }
  end

  for _, service in ipairs { "tos", "s3" } do
    it("moves a bucket to " .. service .. " with all that its objects carry, and then only what is new", function()
      local target = store(service)
      target:rules({ op = "put", with = "503" }, { op = "part", with = "500" })
      local it_run = run("jobs/migrate.lua", params(service, target))
      checks.same(wanted, stored(target, ""))
      for key in pairs(wanted) do
        local headers = {}
        for name, value in pairs(target:objects()[key].headers) do headers[name:lower()] = value end
        assert.equal("image/jpeg", headers["content-type"])
        local meta = service == "tos" and "x-tos-meta-" or "x-amz-meta-"
        assert.equal("alice", headers[meta .. "owner"])
        assert.equal("1600000000.5", headers[meta .. "mtime"])
      end
      assert.matches("3 sent, 0 there already, 0 failed, 17 MiB in", it_run.stderr)
      assert.equal(2, it_run:find("job_finished").summary.retries)

      asked(oss)
      asked(target)
      run("jobs/migrate.lua", params(service, target))
      only_lists(oss)
      only_lists(target)

      wanted["2026/e.jpg"] = oss:put("2026/e.jpg", "new").sha256 .. " 3"
      oss:delete "2026/a.jpg" -- stays at the target
      assert.equal(1, run("jobs/migrate.lua", params(service, target)):count "object_succeeded")
      checks.same(wanted, stored(target, ""))
      assert.is_nil(asked(target).delete_many)
    end)
  end

  it("ends where too much fails", function()
    local tos = store "tos"
    oss:reset()
    oss:put_many(1500, "k/%05d", 1)
    tos:rules { op = "put", with = "denied", times = -1 }
    local given = params("tos", tos)
    given.include, given.exclude = nil, nil
    local it_run = start("jobs/migrate.lua", given):expect(6)
    assert.is_true(it_run:count "object_failed" < 1500)
    assert.same({}, stored(tos, ""))
    assert.matches("stop_when", it_run.stderr)
    assert.matches("k/00000: denied: AccessDenied[^\n]* %(request %w", it_run.stderr)
    assert.is_nil(it_run.stderr:find("cancelled", 1, true))
  end)
end)

describe("the example jobs/nightly.lua", function()
  local s3

  before_each(function()
    s3 = store "s3"
    files.tree(src, { a = 1, b = 2, c = 3, ["d/e"] = 4, ["d/f"] = 5 })
    sums = files.sums(src)
  end)

  local function night(status, more)
    local params = { source = src, bucket = "test", prefix = "data/", endpoint = s3.endpoint,
      window = hours(-2) .. "-" .. hours(2) }
    for name, value in pairs(more or {}) do params[name] = value end
    return start("jobs/nightly.lua", params):expect(status)
  end

  it("mirrors, and when nothing changed only lists", function()
    files.write(src .. "/x.tmp", "never sent")
    local it_run = night(0)
    checks.events(it_run)
    checks.same(sums, stored(s3, "data/"))
    assert.matches("nightly%-test: 8 sent, 0 unchanged, 0 deleted, 0 failed, 17 MiB in", it_run.stderr)
    asked(s3)
    it_run = night(0)
    only_lists(s3)
    assert.matches("0 sent, 8 unchanged, 0 deleted", it_run.stderr)
  end)

  for _, service in ipairs { "oss", "tos" } do
    it("mirrors to " .. service, function()
      s3 = store(service)
      local it_run = night(0, { service = service, region = REGION[service] })
      checks.events(it_run)
      checks.same(sums, stored(s3, "data/"))
      asked(s3)
      night(0, { service = service, region = REGION[service] })
      only_lists(s3)
    end)
  end

  it("sends what changed and deletes what is gone, and nothing beside", function()
    s3:put("other/a", "not of this job")
    night(0)
    files.write(src .. "/b", "changed")
    os.remove(src .. "/d/e")
    local it_run = night(0)
    assert.equal(1, it_run:count("object_deleted", { key = "data/d/e" }))
    assert.equal(1, it_run:count "object_deleted")
    assert.equal(1, it_run:count "object_succeeded")
    checks.same(files.sums(src), stored(s3, "data/"))
    assert.is_truthy(s3:objects()["other/a"])
  end)

  it("refuses to follow a source that is empty, or that lost too much in one night", function()
    night(0)
    local it_run = night(6, { source = files.mkdir(world:path "unmounted") })
    assert.equal(0, it_run:count "object_deleted")
    for _, name in ipairs { "a", "b", "c" } do os.remove(src .. "/" .. name) end
    it_run = night(6)
    assert.equal(0, it_run:count "object_deleted")
    checks.same(sums, stored(s3, "data/"))
    assert.is_nil(asked(s3).delete_many)
  end)

  it("says no when the losses of a week add up", function()
    night(0)
    os.remove(src .. "/a")
    night(0, { weekly_deletes = 2 })
    os.remove(src .. "/b")
    night(0, { weekly_deletes = 2 })
    os.remove(src .. "/c")
    local it_run = night(6, { weekly_deletes = 2 })
    assert.matches("3 objects would be gone within a week: weekly_deletes is 2", it_run.stderr)
    assert.is_truthy(s3:objects()["data/c"])
    for _ = 1, 4 do night(6, { weekly_deletes = 2 }) end -- the week goes by
    night(0, { weekly_deletes = 2 })
    checks.same(files.sums(src), stored(s3, "data/"))
  end)

  it("keeps to its time of day", function()
    night(10, { window = hours(2) .. "-" .. hours(4) })
    assert.same({}, stored(s3, ""))
    night(0, { window = "always" })
    checks.same(sums, stored(s3, "data/"))
  end)

  it("leaves a run alone that is still at it", function()
    s3:rules { op = "put", key = "data/a", with = "hold" }
    local first = world:start { file = "jobs/nightly.lua", args = { "source=" .. src, "bucket=test", "prefix=data/",
      "endpoint=" .. s3.endpoint, "window=always" } }
    first:await("object_succeeded", 1)
    assert.matches("running", night(0).stderr)
    s3:release()
    first:wait():expect(0)
    checks.same(sums, stored(s3, "data/"))
  end)
end)

describe("the example jobs/web_fetch.lua", function()
  local web, wanted, list

  before_each(function()
    web, wanted = store "web", {}
    local host = web.endpoint:match "//(.*)$"
    for name, size in pairs { ["pub/big.iso"] = 17 << 20, ["pub/a b.txt"] = 30, ["pub/100%"] = 0 } do
      wanted[host .. "/" .. name] = web:put(name, { size = size, seed = name }).sha256 .. " " .. size
    end
    list = world:path "urls.txt"
    files.write(list, ("# a list\n$/pub/big.iso\n\n  $/pub/a%20b.txt\r\n$/pub/100%25\n$/gone\n$/pub/big.iso\n")
      :gsub("%$", web.endpoint))
  end)

  it("fetches a list of addresses into a directory, and tells of a dead link", function()
    local dst = files.mkdir(world:path "dst")
    local it_run = run("jobs/web_fetch.lua", { list = list, target = dst })
    checks.same(wanted, files.sums(dst))
    assert.equal("it is not there any more", it_run:find("object_skipped", { key = "gone" }).reason)
  end)

  it("fetches into a bucket", function()
    local s3 = store "s3"
    run("jobs/web_fetch.lua", { list = list, bucket = "test", prefix = "in/", endpoint = s3.endpoint })
    checks.same(wanted, stored(s3, "in/"))
  end)

  it("refuses what is no address, with its line", function()
    local dst = files.mkdir(world:path "dst")
    for _, bad in ipairs { "ftp://host/a", "https://host/", "https://user:word@host/a", "https://host/a?b=c" } do
      files.write(list, "\n" .. bad .. "\n")
      assert.matches("urls.txt:2: no address of a file",
        start("jobs/web_fetch.lua", { list = list, target = dst }):expect(2).stderr)
    end
    assert.matches("either target=", start("jobs/web_fetch.lua", { list = list }):expect(2).stderr)
  end)
end)

describe("the example jobs/fan_out.lua", function()
  local s3, oss

  before_each(function() s3, oss = store "s3", store "oss" end)

  local function fan_out(status)
    return run("jobs/fan_out.lua", { source = src, prefix = "v7/", s3_bucket = "test", s3_endpoint = s3.endpoint,
      oss_bucket = "test", oss_endpoint = oss.endpoint, oss_region = "cn-hangzhou" }, status)
  end

  it("sends to both", function()
    local it_run = fan_out()
    checks.same(sums, stored(s3, "v7/"))
    checks.same(sums, stored(oss, "v7/"))
    assert.equal("public, max-age=31536000, immutable", oss:objects()["v7/small"].headers["cache-control"])
    assert.matches("6 of 6 objects are in place", it_run.stderr)
  end)

  it("goes on with one when the other refuses, and says which", function()
    oss:rules { op = "put", key = "v7/small", with = "denied", times = -1 }
    local it_run = fan_out(1)
    checks.same(sums, stored(s3, "v7/"))
    assert.is_nil(stored(oss, "v7/").small)
    assert.matches("5 of 6 objects are in place", it_run.stderr)
    assert.matches("test lacks 1: ", it_run.stderr)
  end)
end)

describe("the example jobs/manifest.lua", function()
  it("fetches what a list names, under new names, and the second time what is new in it", function()
    local s3 = store "s3"
    for name in pairs(sums) do s3:put("in/" .. name, files.read(src .. "/" .. name)) end
    s3:put("in/\"odd\", name", "odd")
    s3:put("in/unwanted", "unwanted")
    local dst, list = files.mkdir(world:path "dst"), world:path "wanted.csv"
    local lines = "key,size,owner,target\r\nsmall,10,alice,alice/small\r\ndir/parts,,bob,\r\ngone,5,bob,bob/gone\r\n"
      .. "\"\"\"odd\"\", name\",3,carol,odd\r\n"
    files.write(list, lines)
    local params = { list = list, bucket = "test", prefix = "in/", endpoint = s3.endpoint, target = dst }
    local it_run = run("jobs/manifest.lua", params)
    local wanted = { ["alice/small"] = sums.small, ["dir/parts"] = sums["dir/parts"],
      odd = s3:objects()["in/\"odd\", name"].sha256 .. " 3" }
    checks.same(wanted, files.sums(dst))
    assert.equal("the bucket has no such object", it_run:find("object_skipped", { key = "in/gone" }).reason)
    assert.matches("3 fetched, 1 not in the bucket", it_run.stderr)

    files.write(list, lines .. "empty,0,,\r\n")
    asked(s3)
    it_run = run("jobs/manifest.lua", params)
    assert.equal(1, it_run:count "object_succeeded")
    wanted.empty = sums.empty
    checks.same(wanted, files.sums(dst))
  end)
end)
