-- haul crashes, or meets a failing disk, at every named fault point there is; the same command again
-- must end with the same bytes and leave nothing behind.  The points exist in build/asan/haul alone.
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"

local BINARY = "build/asan/haul"
local PART = 5 << 20
local SIZES = { big = 2 * PART + 4321, ["dir/exact"] = PART, ["dir/small"] = 70000, ["small"] = 3, empty = 0 }
local PASSES = { 1, 2, 3, 5, 8, 13 }

local JOB = [[
local haul = require "haul"
local place = $place
return haul.job {
  name = "crash", concurrency = 3, part_size = "5MiB", durability = $durability,
  retry = { base = "5ms", cap = "20ms" },
  haul.copy { from = $from, to = $to },
}
]]

-- The names in base/fault.h.
local function points()
  local list = {}
  for name in files.read("runner/base/fault.h"):gmatch "\n    X%(([%w_]+)%)" do list[#list + 1] = name end
  return list
end

describe("a crash", function()
  local rgw, src, wanted, world

  local missing = not server.has "radosgw" and "radosgw is not installed" or
    not files.exists(BINARY) and ("there is no %s: make BUILD=asan"):format(BINARY)
  if missing then
    pending(missing)
    return
  end

  setup(function()
    rgw = server.radosgw()
    src = files.tree(files.dir(), SIZES)
    wanted = files.sums(src)
    rgw:s3("put-tree", "test", "crash-down/", src)
  end)

  teardown(function()
    rgw:s3("rm", "test", "crash-down/")
  end)

  before_each(function()
    world = haul.world { keys = rgw.keys }
    files.mkdir(world:path "dst")
  end)

  after_each(function()
    if world then world:remove() end
    world = nil
  end)

  local function job(up, durability)
    local dir = up and src or world:path "dst"
    world:job(JOB, { place = { rgw.store }, durability = durability or "group",
      from = { up and ("haul.dir(%q) / ''"):format(dir) or "place / 'crash-down/'" },
      to = { up and "place / 'crash-up/'" or ("haul.dir(%q) / ''"):format(dir) } })
  end

  local function look_up()
    local sums = {}
    for hash, size, key in rgw:s3("sums", "test", "crash-up/"):gmatch "(%x+) (%d+) crash%-up/([^\n]+)\n" do
      sums[key] = hash .. " " .. size
    end
    assert.same(wanted, sums)
    -- An upload whose creation was not recorded before the crash is nobody's; it holds no part.
    for line in rgw:s3("uploads", "test"):gmatch "[^\n]+" do assert.equal(0, json.decode(line).parts, line) end
    rgw:s3("rm", "test", "crash-up/")
  end

  local function look_down() assert.same(wanted, files.sums(world:path "dst")) end

  -- Runs with the fault, then without; says whether the fault was met.
  local function twice(up, variable, name, pass, met)
    local fault = world:run { binary = BINARY, env = { [variable] = name .. "#" .. pass } }
    if fault.status == 0 then
      if up then look_up() else look_down() end
      return false
    end
    met(fault)
    world:run { binary = BINARY }:expect(0)
    if up then look_up() else look_down() end
    return true
  end

  local function killed(run) assert.equal(137, run.status, run:describe()) end

  for _, name in ipairs(points()) do
    for _, up in ipairs { true, false } do
      local what = up and "an upload" or "a download"

      it("of " .. what .. " at " .. name .. " is made good", function()
        local met = 0
        for _, pass in ipairs(PASSES) do
          job(up)
          if not twice(up, "HAUL_CRASH_AT", name, pass, killed) then break end
          met = met + 1
          world:remove()
          world = haul.world { keys = rgw.keys }
          files.mkdir(world:path "dst")
        end
        -- An upload writes no file, and syncs none.
        if not (up and name:match "^file_") then assert.is_true(met > 0, name .. " was never reached") end
      end)
    end
  end

  for _, durability in ipairs { "object", "group", "none" } do
    it("while files are put in place with durability " .. durability .. " is made good", function()
      local met = 0
      for _, pass in ipairs { 1, 2, 3 } do
        job(false, durability)
        if twice(false, "HAUL_CRASH_AT", "file_rename", pass, killed) then met = met + 1 end
        world:remove()
        world = haul.world { keys = rgw.keys }
        files.mkdir(world:path "dst")
      end
      assert.is_true(met > 0)
    end)
  end

  for _, name in ipairs { "file_pwrite", "file_fsync", "file_rename", "journal_before_commit", "journal_after_commit" } do
    it("is not what a disk that fails at " .. name .. " leads to", function()
      for _, pass in ipairs { 1, 2, 3 } do
        job(false)
        twice(false, "HAUL_FAIL_AT", name, pass, function(run)
          assert.is_true(run.status == 1 or run.status == 3, run:describe())
          assert.is_true(#run.stderr > 0)
        end)
        world:remove()
        world = haul.world { keys = rgw.keys }
        files.mkdir(world:path "dst")
      end
    end)
  end
end)
