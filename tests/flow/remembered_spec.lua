-- What the journal remembers of a sync, seen from outside.
local files = require "support.files"
local haul = require "support.haul"
local shell = require "support.shell"

local SYNC = [[
local haul = require "haul"
return haul.job { name = "nightly", retry = { base = "5ms", cap = "10ms", attempts = 2 },
  haul.sync { from = haul.dir($src) / "", to = haul.dir($dst) / "" } }
]]

describe("a sync that comes again", function()
  local world, src, dst

  before_each(function()
    world = haul.world()
    src, dst = files.mkdir(world:path "src"), files.mkdir(world:path "dst")
    files.tree(src, { a = 1000, b = 2000, ["c/d"] = 3000 })
    world:job(SYNC, { src = src, dst = dst })
  end)

  after_each(function() world:remove() end)

  local function sent(run)
    local keys = {}
    for _, event in ipairs(run:all "object_succeeded") do keys[#keys + 1] = event.key end
    table.sort(keys)
    return keys
  end

  it("sends nothing, and says that nothing has changed", function()
    assert.same({ "a", "b", "c/d" }, sent(world:run():expect(0)))
    local run = world:run():expect(0)
    assert.same({}, sent(run))
    for _, key in ipairs { "a", "b", "c/d" } do
      assert.matches("nothing has changed", run:find("object_skipped", { key = key }).reason)
    end
  end)

  it("sees a file that was replaced by another of the same size and age", function()
    world:run():expect(0)
    files.write(src .. "/new", ("x"):rep(1000))
    shell.read { "touch", "-r", src .. "/a", src .. "/new" }
    shell.read { "mv", src .. "/new", src .. "/a" }
    assert.same({ "a" }, sent(world:run():expect(0)))
    assert.equal(("x"):rep(1000), files.read(dst .. "/a"))
    assert.same({}, sent(world:run():expect(0)))
  end)

  it("sees a target that was changed behind its back, to the same size", function()
    world:run():expect(0)
    files.write(dst .. "/b", ("x"):rep(2000))
    assert.same({ "b" }, sent(world:run():expect(0)))
    assert.same(files.sums(src), files.sums(dst))
  end)

  it("sends again what went missing, also while another object fails every time", function()
    files.write(dst .. "/c", "in the way of c/d")
    assert.same({ "a", "b" }, sent(world:run():expect(1)))
    os.remove(dst .. "/a")
    assert.same({ "a" }, sent(world:run():expect(1)))
    os.remove(dst .. "/c")
    assert.same({ "c/d" }, sent(world:run():expect(0)))
    assert.same({}, sent(world:run():expect(0)))
    assert.same(files.sums(src), files.sums(dst))
  end)

  it("compares by size and time, once, when the journal is damaged", function()
    world:run():expect(0)
    local path = world:path "state/haul/nightly/journal.db"
    files.write(path, files.read(path):sub(1, 5000))
    local run = world:run():expect(0)
    assert.same({}, sent(run))
    assert.matches("damaged", run.stderr)
    assert.matches("size and ", run.stderr)
    run = world:run():expect(0)
    assert.same({}, sent(run))
    assert.matches("nothing has changed", run:find("object_skipped", { key = "a" }).reason)
  end)
end)

local COPY = [[
local haul = require "haul"
return haul.job { name = "nightly", concurrency = 1, retry = { base = "5ms", cap = "10ms", attempts = 2 },
  on = { object_failed = function() return haul.stop "enough" end },
  haul.copy { from = haul.dir($src) / "", to = haul.dir($dst) / "" } }
]]

describe("a run that was stopped", function()
  it("is not finished by a retry, which takes up only what failed", function()
    local world = haul.world()
    local src, dst = files.mkdir(world:path "src"), files.mkdir(world:path "dst")
    local sizes = { ["n1/b"] = 10 }
    for n = 1, 400 do sizes[("n%03d"):format(n)] = n end
    files.tree(src, sizes)
    files.write(dst .. "/n1", "in the way of n1/b")
    world:job(COPY, { src = src, dst = dst })
    local stopped = world:run():expect(7)
    local first = stopped:count "object_succeeded"
    assert.is_true(first < 400)

    os.remove(dst .. "/n1")
    world:run { verb = "retry" }:expect(0)
    local there = 0
    for name in pairs(files.sums(dst)) do
      if sizes[name] then there = there + 1 end -- the others are temporary
    end
    assert.equal(first + 1, there)
    assert.is_true(files.exists(dst .. "/n1/b"))
    local rest = world:run():expect(0)
    assert.equal(400 - first, rest:count "object_succeeded")
    assert.same(files.sums(src), files.sums(dst))
    world:remove()
  end)
end)
