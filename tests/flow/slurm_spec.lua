-- One job file shared out over a job array of Slurm, by the batch script that comes with haul.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local OBJECTS, SIZE = 60, 100000

describe("a job array of Slurm", function()
  local slurm, store, world, src
  if not server.has "slurmctld" then return end

  before_each(function()
    slurm, store = server.slurm(), server.fault { dialect = "s3" }
    world = haul.world { keys = store.keys }
    world.env.AWS_REGION = "us-east-1"
    src = world:path "src"
    for n = 1, OBJECTS do files.random(("%s/k%02d"):format(src, n), SIZE) end
  end)

  -- The command with the environment that sbatch hands on to the job, haul in its PATH.
  local function command(words, more)
    local env = { "env", "-i", "LANG=C.UTF-8", "HOME=" .. world:path "home", "XDG_STATE_HOME=" .. world:path "state",
      "SLURM_CONF=" .. slurm.env.SLURM_CONF,
      ("PATH=%s/build/%s:%s"):format(shell.read "pwd":gsub("\n", ""), haul.build, os.getenv "PATH") }
    for _, set in ipairs { world.env, more or {} } do
      for name, value in pairs(set) do env[#env + 1] = name .. "=" .. value end
    end
    return shell.words(env) .. " " .. shell.words(words)
  end

  after_each(function()
    if not world then return end
    shell.try(command { "scancel", "--user=" .. shell.read "id -un":gsub("\n", "") })
    world:remove()
    world = nil
  end)

  local function log_of(shard) return files.read(world:path "array-" .. shard) or "" end

  local function logs() return log_of(1) .. log_of(2) end

  -- Sends jobs/upload.lua to the queue as two elements, and waits until it is empty.
  local function run_array(more)
    local id = shell.read(command({ "sbatch", "--parsable", "--array=1-2", "--output=" .. world:path "array-%a",
      "jobs/array_job.sh", "jobs/upload.lua", "source=" .. src, "bucket=test", "prefix=p/",
      "endpoint=" .. store.endpoint }, more)):match "^%d+"
    local good, why = pcall(shell.wait, 90, "the array to end", function()
      return shell.read(command { "squeue", "--noheader", "--jobs=" .. id }) == ""
    end)
    if not good then error(why .. "\n" .. shell.read(command { "squeue" }) .. logs(), 2) end
  end

  local function status()
    local it_run = world:run { verb = "status", file = "jobs/upload.lua", args = { "--json", "source=" .. src,
      "bucket=test", "endpoint=" .. store.endpoint } }:expect(0)
    return json.decode(it_run.stdout)
  end

  -- All is there, sent once, by one of the two: their journals have it all, and neither has it alone.
  local function check_shared()
    local sums, sent = {}, {}
    for key, object in pairs(store:objects()) do sums[key:sub(3)] = object.sha256 .. " " .. object.size end
    checks.same(files.sums(src), sums)
    for _, entry in ipairs(store:requests("put", function(entry) return entry.status == 200 end)) do
      sent[entry.key] = (sent[entry.key] or 0) + 1
    end
    for key in pairs(store:objects()) do assert.equal(1, sent[key], key) end

    local told = status()
    assert.is_true(told.finished, logs())
    assert.same({ OBJECTS, 0, 2 }, { told.done, told.failed, #told.journals })
    for n, journal in ipairs(told.journals) do
      assert.matches(("shard%%-%d%%-of%%-2$"):format(n), journal.dir)
      assert.is_true(journal.done > 0 and journal.done < OBJECTS)
    end
  end

  it("sends each object once", function()
    run_array()
    check_shared()
    for shard = 1, 2 do assert.matches("upload: %d+ done, 0 skipped, 0 failed", log_of(shard)) end
  end)

  it("goes back into the queue when its time is over, and carries on", function()
    run_array { HAUL_MAX_DURATION = "1s", HAUL_RATE = "1MiB/s" }
    check_shared()
    for shard = 1, 2 do assert.matches("carrying on where the last run ended", log_of(shard)) end
  end)

  it("leaves what failed to haul retry", function()
    store:rules { op = "put", key = "p/k07", with = "denied", times = 1 }
    run_array()
    assert.matches("k07: denied", logs())
    local told = status()
    assert.same({ OBJECTS - 1, 1 }, { told.done, told.failed })
    for shard = 1, 2 do
      world:run { verb = "retry", file = "jobs/upload.lua", args = { "--shard", shard .. "/2", "source=" .. src,
        "bucket=test", "prefix=p/", "endpoint=" .. store.endpoint } }:expect(0)
    end
    check_shared()
  end)
end)
