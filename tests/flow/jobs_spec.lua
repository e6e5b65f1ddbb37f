-- Every job file that comes with haul is run, so that no example can go stale.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

describe("the example", function()
  local fault, world, src, sums

  before_each(function()
    fault = server.fault { dialect = "s3" }
    world = haul.world { keys = fault.keys }
    world.env.AWS_REGION = "us-east-1"
    src = files.tree(world:path "src", { small = 10, ["dir/parts"] = 17 << 20, empty = 0 })
    sums = files.sums(src)
  end)

  after_each(function() world:remove() end)

  local function run(file, params, status)
    local args = {}
    for name, value in pairs(params) do args[#args + 1] = name .. "=" .. value end
    local it_run = world:run { file = file, args = args }:expect(status or 0)
    checks.events(it_run)
    return it_run
  end

  local function stored(prefix)
    local found = {}
    for key, object in pairs(fault:objects()) do found[key:sub(#prefix + 1)] = object.sha256 .. " " .. object.size end
    return found
  end

  it("jobs/upload.lua uploads", function()
    run("jobs/upload.lua", { source = src, bucket = "test", prefix = "2026/", endpoint = fault.endpoint })
    checks.same(sums, stored "2026/")
  end)

  it("jobs/download.lua downloads", function()
    for name in pairs(sums) do fault:put("2026/" .. name, files.read(src .. "/" .. name)) end
    local dst = files.mkdir(world:path "dst")
    run("jobs/download.lua", { bucket = "test", prefix = "2026/", target = dst, endpoint = fault.endpoint })
    checks.same(sums, files.sums(dst))
  end)

  it("jobs/copy_dir.lua copies", function()
    local dst = files.mkdir(world:path "dst")
    run("jobs/copy_dir.lua", { source = src, target = dst, rate = "500MiB/s" })
    checks.same(sums, files.sums(dst))
  end)

  it("jobs/demo.lua goes up and comes down, by a server or by a directory", function()
    for _, store in ipairs { "s3", "dir" } do
      local dst = files.mkdir(world:path("dst-" .. store))
      local bucket = store == "s3" and "test" or files.mkdir(world:path "bucket")
      run("jobs/demo.lua", { store = store, direction = "up", source = src, bucket = bucket, endpoint = fault.endpoint })
      local down = world:run { file = "jobs/demo.lua", args = { "store=" .. store, "direction=down", "target=" .. dst,
        "bucket=" .. bucket, "endpoint=" .. fault.endpoint, "--fresh" } }:expect(0)
      assert.is_truthy(down.stderr:find("object_succeeded", 1, true))
      checks.same(sums, files.sums(dst))
    end
  end)

  it("jobs/retry_policy.lua skips what is denied and tries again what fails", function()
    fault:rules({ op = "put", key = "small", with = "denied", times = -1 }, { op = "put", key = "empty", with = "500" })
    local it_run = run("jobs/retry_policy.lua", { source = src, bucket = "test", endpoint = fault.endpoint })
    assert.equal("not allowed", it_run:find("object_skipped").reason)
    assert.equal(2, it_run:count "object_succeeded")
  end)
end)
