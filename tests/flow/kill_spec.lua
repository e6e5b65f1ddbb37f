-- kill -9 at random moments: of an upload and of a download against a real server, KILLS=100 of each,
-- and of a relay, RELAY_KILLS=10.  SEED=number repeats the moments.
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

local RELAY_KILLS = tonumber(os.getenv "RELAY_KILLS" or 10)
local RELAY_PART = 8 * MIB
local RELAY = [[
local haul = require "haul"
return haul.job {
  name = "relay", concurrency = 4, part_size = "8MiB", rate = "100MiB/s", retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = $from / "kill/", to = $to / "relayed/" },
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

  -- Unfinished uploads that hold parts.  Of one whose creation was not answered before the kill nobody
  -- knows; it holds none.
  local function check_uploads()
    for line in rgw:s3("uploads", "test"):gmatch "[^\n]+" do
      assert.equal(0, json.decode(line).parts, line)
      orphans = orphans + 1
    end
  end

  local function stored(prefix)
    local sums = {}
    for hash, size, key in rgw:s3("sums", "test", prefix):gmatch "(%x+) (%d+) ([^\n]+)\n" do
      sums[key:sub(#prefix + 1)] = hash .. " " .. size
    end
    return sums
  end

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
      assert.same(wanted, stored "kill/")
      check_uploads()
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

  -- Ten objects of 64 MiB from one service to another, at a rate at which ten kills find it at work.
  it("a relay completes, byte for byte", function()
    if not rgw then return pending "radosgw is not installed" end
    local from, wanted, keys, total = server.fault { dialect = "oss" }, {}, {}, 10 * 64 * MIB
    for i = 1, 10 do
      local object = from:put(("kill/%02d"):format(i), { size = 64 * MIB, seed = i })
      wanted[("%02d"):format(i)] = object.sha256 .. " " .. object.size
    end
    for _, side in ipairs { rgw, from } do
      for name, value in pairs(side.keys) do keys[name] = value end
    end
    local world = haul.world { keys = keys }
    world:job(RELAY, { from = { from.store }, to = { rgw.store } })

    local largest, killed, reasons = with_kills(world, random, RELAY_KILLS)
    assert.same(wanted, stored "relayed/")
    check_uploads()
    assert.is_true(largest <= BOUND, ("%d bytes moved again after one kill, seed %d\n%s"):format(largest, seed, reasons))
    local fetched = 0
    for _, entry in ipairs(from:requests "get") do fetched = fetched + entry.sent end
    print(("relay: %d kills, seed %d, the largest re-send of what was reported %d bytes, fetched in all %.1f MiB of %.0f")
      :format(killed, seed, largest, fetched / MIB, total / MIB))
    -- What is under way at a kill comes again, and no more than that.
    assert.equal(RELAY_KILLS, killed)
    assert.is_true(fetched <= total + killed * CONCURRENCY * RELAY_PART)
    world:remove()
    rgw:s3("rm", "test", "relayed/")
    from:reset()
  end)
end)
