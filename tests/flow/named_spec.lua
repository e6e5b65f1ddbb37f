-- Objects that a job file names: twice, with names of its own on the other side, and after an interruption.
local haul = require "support.haul"
local files = require "support.files"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "named", concurrency = 4, part_size = "5MiB", retry = { base = "5ms", cap = "10ms", attempts = 2 },
  haul.copy { from = haul.dir($src) / "", to = $store / "to/", $more } }
]]

describe("objects that are named", function()
  local world, store, src

  before_each(function()
    store = server.fault { dialect = "tos" }
    world = haul.world { keys = store.keys }
    src = files.mkdir(world:path "src")
    files.tree(src, { a = 10, b = 20, c = 30, big = 16 << 20 })
  end)
  after_each(function() world:remove() end)

  local function job(more, vars)
    world:job(JOB, { src = src, store = { store.store }, more = { more } })
    for name, value in pairs(vars or {}) do world.env[name] = value end
    return world
  end

  local function there()
    local list = {}
    for key in pairs(store:objects()) do list[#list + 1] = key end
    table.sort(list)
    return list
  end

  it("twice are sent once", function()
    local run = job [[keys = (function()
      local list, n = { "a", "b", "a", "a", "big", "big" }, 0
      return function() n = n + 1 return list[n] end
    end)()]]:run():expect(0)
    assert.same({ "to/a", "to/b", "to/big" }, there())
    assert.equal(3, run:count "object_succeeded")
    assert.equal(1, #store:requests("put", function(one) return one.key == "to/a" end))
    assert.equal(1, #store:requests("complete"))
  end)

  it("twice with two names on the other side have both", function()
    files.write(world:path "list.csv", "key,target\na,one\na,two\nb,three\nbig,four\nbig,five\n")
    job([[keys = haul.manifest(]] .. ("%q"):format(world:path "list.csv") .. ")"):run():expect(0)
    assert.same({ "to/five", "to/four", "to/one", "to/three", "to/two" }, there())
  end)

  it("in a manifest that failed are sent to their own names by a retry, and no others", function()
    files.write(world:path "list.csv", "key,target\na,one\nb,two\nc,three\n")
    store:rules { op = "put", key = "to/two", with = "denied", times = 2 }
    job([[keys = haul.manifest(]] .. ("%q"):format(world:path "list.csv") .. ")"):run():expect(1)
    assert.same({ "to/one", "to/three" }, there())
    local before = #store:requests "put"
    local run = world:run { verb = "retry" }
    if run.status == 1 then run = world:run { verb = "retry" } end
    run:expect(0)
    assert.same({ "to/one", "to/three", "to/two" }, there())
    assert.is_true(#store:requests "put" - before <= 2)
  end)

  it("otherwise than in the interrupted run begin anew, and nothing is left behind", function()
    job([[keys = { "big" }, rename = function(name) return (os.getenv "DAY" or "") .. name end]], { DAY = "1-" })
    store:rules { op = "part", part = 3, with = "hold", times = 1 }
    local run = world:start():await("part_succeeded", 2)
    run:kill()
    store:release()
    world.env.DAY = "2-"
    run = world:run():expect(0)
    assert.matches("had another name", run:find("restarted").reason)
    assert.same({ "to/2-big" }, there())
    assert.equal(files.sum(src .. "/big"), store:objects()["to/2-big"].sha256)
    assert.same({}, store:uploads())
  end)
end)
