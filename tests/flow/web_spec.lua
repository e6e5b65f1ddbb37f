-- Plain web servers as a source, with good manners and with bad ones.
local checks = require "support.checks"
local haul = require "support.haul"
local files = require "support.files"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job {
  name = "web", concurrency = 4, part_size = "5MiB", retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = $web / $name, to = $to },
}
]]
local MANNERS = { ranges = true, lengths = "told", validators = "strong", head = true }

describe("a web server", function()
  local web, tos, world, dst

  before_each(function()
    web, tos = server.fault { dialect = "web" }, server.fault { dialect = "tos" }
    web:options(MANNERS)
    world = haul.world { keys = tos.keys }
    dst = files.mkdir(world:path "dst")
  end)

  after_each(function()
    web:options(MANNERS)
    if world then world:remove() end
    world = nil
  end)

  local function job(name, to)
    world:job(JOB, { web = { web.store }, name = name, to = { to or ("haul.dir(%q) / ''"):format(dst) } })
    return world
  end

  local function to_tos() return tos.store .. " / 'got/'" end

  it("with ranges is read in parts", function()
    local object = web:put("pub/big.iso", { size = 12 << 20 })
    local run = job("pub/big.iso"):run():expect(0)
    checks.events(run)
    assert.equal(object.sha256, files.sum(dst .. "/big.iso"))
    assert.equal(3, run:count "part_succeeded")
    assert.equal("size", run:find("verified").check)
  end)

  it("gives its time to the file", function()
    web:put("a?b", { size = 10 })
    job("a?b"):run():expect(0)
    local modified = web:objects()["a?b"].mtime
    assert.equal(math.floor(modified), require "lfs".attributes(dst .. "/a?b", "modification"))
  end)

  it("with ranges is relayed in parts", function()
    local object = web:put("big.iso", { size = 17 << 20 })
    local run = job("big.iso", to_tos()):run():expect(0)
    checks.events(run)
    assert.equal(object.sha256, tos:objects()["got/big.iso"].sha256)
    assert.equal(4, run:count "part_succeeded")
  end)

  for name, manners in pairs {
    ["without ranges"] = { ranges = false },
    ["without ranges and HEAD"] = { ranges = false, head = 405 },
    ["with chunked answers"] = { ranges = false, lengths = "chunked" },
    ["without validators"] = { validators = "none" },
    ["with weak ETags"] = { validators = "weak" },
    ["with times alone"] = { validators = "time" },
    ["without HEAD"] = { head = 403 },
  } do
    it(name .. " is taken as it is", function()
      web:options(manners)
      local big, small = web:put("big", { size = 12 << 20 }), web:put("small", { size = 1000 })
      local empty = web:put("empty", { size = 0 })
      for key, object in pairs { big = big, small = small, empty = empty } do
        local run = job(key):run { args = { "--fresh" } }:expect(0)
        checks.events(run)
        assert.equal(object.sha256, files.sum(dst .. "/" .. key))
      end
    end)
  end

  it("without ranges is relayed in one request", function()
    web:options { ranges = false }
    local object = web:put("big", { size = 12 << 20 })
    job("big", to_tos()):run():expect(0)
    assert.equal(object.sha256, tos:objects()["got/big"].sha256)
    assert.equal(1, #tos:requests "put")
    assert.equal(0, #tos:requests "part")
  end)

  it("that tells no length is relayed when it fits into memory, and else refused with a reason", function()
    web:options { ranges = false, lengths = "chunked", head = 405 }
    local small = web:put("small", { size = 200000 })
    web:put("big", { size = 3 << 20 })
    job("small", to_tos()):run():expect(0)
    assert.equal(small.sha256, tos:objects()["got/small"].sha256)
    local run = job("big", to_tos()):run { args = { "--fresh" } }:expect(1)
    assert.matches("no length", run:find("object_failed").error.message)
    assert.is_nil(tos:objects()["got/big"])
  end)

  for name, manners in pairs { strong = { validators = "strong" }, time = { validators = "time" } } do
    it("whose file is replaced on the way is read again (" .. name .. ")", function()
      web:options(manners)
      web:put("big", { size = 22 << 20, seed = "old" })
      web:control("PUT", "/objects/big?size=" .. (22 << 20) .. "&seed=old&mtime=1600000000", "")
      web:rules { op = "get", with = "hold", skip = 2, times = -1 }
      local run = job("big"):start():await("part_succeeded", 2)
      web:control("PUT", "/objects/big?size=" .. (22 << 20) .. "&seed=new&mtime=1600000600", "")
      local object = web:objects().big
      web:control("DELETE", "/rules")
      web:release()
      run:wait():expect(0)
      assert.is_true(run:count "restarted" >= 1)
      assert.equal(object.sha256, files.sum(dst .. "/big"))
    end)
  end

  it("whose stream was cut by a kill says that it begins again", function()
    web:options { ranges = false }
    local object = web:put("big", { size = 12 << 20 })
    web:rules { op = "get", with = "hold", times = 1 }
    local first = job("big"):start():await("temp_file_created", 1):kill()
    assert.equal(0, first:count "object_succeeded")
    web:release()
    local run = world:run():expect(0)
    assert.matches("no ranges", run:find("restarted").reason)
    assert.equal(object.sha256, files.sum(dst .. "/big"))
  end)
end)
