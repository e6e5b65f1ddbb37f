-- kill -9 at random moments of an upload and of a download against a real server.  KILLS=100 and
-- SEED=number choose how many and which.
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local KILLS = tonumber(os.getenv "KILLS" or 100)
local MIB = 1 << 20
local PART, CONCURRENCY = 5 * MIB, 4
local SIZES = { big = 7 * PART + 4321, ["dir/exact"] = 2 * PART, ["dir/small"] = 70000, empty = 0 }
-- What was reported done is recorded, so it should not be moved again at all; a part in flight may be.
local BOUND = CONCURRENCY * PART

local JOB = [[
local haul = require "haul"
local place = $place
return haul.job {
  name = "kill", concurrency = 4, part_size = "5MiB", rate = "60MiB/s",
  retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = $from, to = $to },
}
]]

-- Bytes of parts that this run moved although an earlier run had reported them done; remembers them.
local function moved_again(run, reported)
  local again, now, why = 0, {}, { run.stderr }
  for _, event in ipairs(run:all "restarted") do why[#why + 1] = json.encode(event) end
  for _, event in ipairs(run:all "part_succeeded") do
    local id = event.key .. " " .. event.part.number
    if reported[id] and not now[id] then again = again + event.part.size end
    now[id] = true
  end
  for id in pairs(now) do reported[id] = true end
  return again, table.concat(why, "\n")
end

-- Runs with kills at random moments until a run comes to its end.  Gives the largest re-send after a
-- kill, how many kills there were, and what was said about starting over.
local function with_kills(world, random, kills)
  local largest, killed, reported, reasons = 0, 0, {}, ""
  while true do
    local run = world:start()
    if killed < kills then
      local moment = shell.now() + random() * 0.9
      shell.wait(5, "the moment", function() return shell.now() >= moment or not run:running() end)
      if run:running() then run:signal "KILL" end
      killed = killed + 1
    end
    run:wait(120)
    if run.status ~= 0 and run.status ~= 137 then error("a run ended by itself\n" .. run:describe()) end
    local again, why = moved_again(run, reported)
    if again > largest then largest, reasons = again, why end
    -- Killed after the last word it had been done all the same; what comes next is another run.
    if run:find "job_finished" then return largest, killed, reasons end
  end
end

describe("killed at random moments,", function()
  local rgw, src, seed, random
  local orphans = 0

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
      local again, killed, reasons = with_kills(world, random, math.min(3, KILLS - done))
      look(dst)
      largest = math.max(largest, again)
      assert.is_true(again <= BOUND, ("%d bytes moved again after one kill, seed %d\n%s"):format(again, seed, reasons))
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
      -- Of an upload whose creation was not answered before the kill nobody knows; it holds no part.
      for line in rgw:s3("uploads", "test"):gmatch "[^\n]+" do
        assert.equal(0, json.decode(line).parts, line)
        orphans = orphans + 1
      end
      rgw:s3("rm", "test", "kill/")
    end)
    print(("upload: %d empty uploads left behind by kills during their creation"):format(orphans))
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
