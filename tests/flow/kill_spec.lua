-- kill -9 at random moments of an upload and of a download against a real server.  KILLS=100 and
-- SEED=number choose how many and which.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local KILLS = tonumber(os.getenv "KILLS" or 100)
local MIB = 1 << 20
local PART, CONCURRENCY = 5 * MIB, 4
local SIZES = { big = 7 * PART + 4321, ["dir/exact"] = 2 * PART, ["dir/small"] = 70000, empty = 0 }
-- Parts in flight, and what one commit group may hold that was not yet written down.
local BOUND = 2 * CONCURRENCY * PART

local JOB = [[
local haul = require "haul"
local place = $place
return haul.job {
  name = "kill", concurrency = 4, part_size = "5MiB", rate = "60MiB/s",
  retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = $from, to = $to },
}
]]

local function total()
  local sum = 0
  for _, size in pairs(SIZES) do sum = sum + size end
  return sum
end

-- Runs with kills until a run comes to its end.  `moments` are seconds into each run.
local function with_kills(world, random, kills)
  local moved, killed, summary = 0, 0, nil
  while not summary do
    local run = world:start()
    if killed < kills then
      local moment = shell.now() + random() * 0.9
      shell.wait(5, "the moment", function() return shell.now() >= moment or not run:running() end)
      if run:running() then run:signal "KILL" end
      killed = killed + 1
    end
    run:wait(120)
    if run.status == 0 then
      summary = run.events[#run.events].summary
    elseif run.status ~= 137 then
      error("a run ended by itself\n" .. run:describe())
    end
    for _, event in ipairs(run:all "part_succeeded") do moved = moved + event.part.size end
  end
  return summary, moved, killed
end

describe("killed at random moments,", function()
  local rgw, src, seed, random

  setup(function()
    if not server.has "radosgw" then return end
    rgw = server.radosgw()
    src = files.tree(files.dir(), SIZES)
    seed = tonumber(os.getenv "SEED" or os.time())
    math.randomseed(seed)
    random = math.random
  end)

  local function series(what, from, to, look)
    if not rgw then return pending "radosgw is not installed" end
    local done, largest = 0, 0
    while done < KILLS do
      local world = haul.world { keys = rgw.keys }
      local dst = files.mkdir(world:path "dst")
      world:job(JOB, { place = { rgw.store }, from = { from:format(dst) }, to = { to:format(dst) } })
      local kills = math.min(3, KILLS - done)
      local _, moved, killed = with_kills(world, random, kills)
      look(dst)
      -- What was reported done and then moved again, over all kills of this object tree.
      local again = math.max(0, moved - total())
      largest = math.max(largest, again)
      assert.is_true(again <= killed * BOUND, ("%d bytes again after %d kills, seed %d"):format(again, killed, seed))
      done = done + killed
      world:remove()
    end
    print(("%s: %d kills, seed %d, the largest re-send %d bytes (%.1f parts)"):format(what, done, seed, largest,
      largest / PART))
  end

  it("an upload completes, byte for byte", function()
    if not rgw then return pending "radosgw is not installed" end
    local wanted = files.sums(src)
    series("upload", ("haul.dir(%q) / ''"):format(src):gsub("%%", "%%%%"), "place / 'kill/'", function()
      local sums = {}
      for hash, size, key in rgw:s3("sums", "test", "kill/"):gmatch("(%x+) (%d+) kill/([^\n]+)\n") do
        sums[key] = hash .. " " .. size
      end
      assert.same(wanted, sums)
      assert.equal("", rgw:s3("uploads", "test"))
      rgw:s3("rm", "test", "kill/")
    end)
  end)

  it("a download completes, byte for byte", function()
    if not rgw then return pending "radosgw is not installed" end
    rgw:s3("put-tree", "test", "kill-down/", src)
    local wanted = files.sums(src)
    series("download", "place / 'kill-down/'", "haul.dir(%q) / ''", function(dst)
      assert.same(wanted, files.sums(dst))
    end)
    rgw:s3("rm", "test", "kill-down/")
  end)
end)
