-- One suite over every pair of stores: from each to each other, through the machine in between.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local lfs = require "lfs"
local server = require "support.server"
local shell = require "support.shell"
local stores = require "support.stores"

local JOB = [[
local haul = require "haul"
return haul.job {
  name = "pair", concurrency = 6, part_size = "$part" .. "KiB", rate = $rate,
  retry = { base = "10ms", cap = "100ms" },
  haul.copy { from = $from, to = $to, $more },
}
]]

local IN_PAIRS = { dir = true, radosgw = true, swift = true, ["oss v4"] = true, tos = true }
local ODD = {
  ["with space"] = 10, ["plus+sign"] = 11, ["per%cent%25"] = 12, ["ünïcode/日本.bin"] = 15,
  ["question?mark&amp;=x#y"] = 16, ["quote'and\"quote"] = 17, ["semi;colon:and,comma"] = 18, ["<xml>&amp;"] = 19,
  ["~tilde/!bang/(round)/[square]"] = 20, ["back\\slash"] = 21, ["...dots"] = 23, ["e\u{301}"] = 27,
}
local MTIME = 1600000000

local made = {}
local function get(entry)
  made[entry[1]] = made[entry[1]] or entry[2]()
  return made[entry[1]]
end

local function pair(from_entry, to_entry)
  describe(("%s to %s:"):format(from_entry[1], to_entry[1]), function()
    local from, to, part, world

    setup(function()
      from, to = get(from_entry), get(to_entry)
      part = math.max(from.part, to.part)
    end)

    before_each(function()
      from.clear()
      to.clear()
      local keys = {}
      for _, side in ipairs { from, to } do
        for name, value in pairs(side.keys) do keys[name] = value end
      end
      world = haul.world { keys = keys }
    end)

    after_each(function()
      if world then world:remove() end
      world = nil
    end)

    local function run(source, target, options)
      options = options or {}
      world:job(JOB, { part = { tostring(part // 1024) }, rate = { options.rate or "nil" }, from = { source },
        to = { target }, more = { options.more or "" } })
      if options.start then return world:start() end
      return world:run { args = options.again and {} or { "--fresh" } }:expect(0)
    end

    local function place(side, path) return ("%s / %q"):format(side.place, path) end
    local function here(path) return ("haul.dir(%q) / %q"):format(path, "") end

    -- Files as old as they are on the first side.
    local function tree(sizes)
      local src = files.tree(world:path "src", sizes)
      for name in pairs(sizes) do lfs.touch(src .. "/" .. name, MTIME) end
      return src
    end

    it("objects of every size, with their names, metadata and times", function()
      local sizes = { empty = 0, ["one/byte"] = 1, ["page.html"] = 3000, ["in memory"] = 262144, ["one request"] = 400000,
        ["one part"] = part, ["many parts.html"] = 3 * part + 12345 }
      for name, size in pairs(ODD) do sizes["odd/" .. name] = size end
      local src, back = tree(sizes), files.mkdir(world:path "back")
      if from.root then
        shell.read { "mkdir", "-p", from.root .. "/from" }
        shell.read { "cp", "-a", src .. "/.", from.root .. "/from" }
      else
        run(here(src), place(from, "from/"), { more = 'metadata = { colour = "red" }' })
      end

      local summary = checks.events(run(place(from, "from/"), place(to, "to/")))
      checks.same(files.sums(src), to.sums "to/")
      assert.equal(0, to.uploads())
      assert.equal(summary.objects_known, summary.objects_done)
      for _, name in ipairs { "page.html", "many parts.html" } do
        local headers = to.headers("to/" .. name)
        if not (from.root or to.root) then assert.equal("red", headers.colour) end
      end

      if to.root then back = to.root .. "/to" else run(place(to, "to/"), here(back)) end
      for name in pairs(sizes) do
        assert.equal(MTIME, lfs.attributes(back .. "/" .. name, "modification"), name)
      end
    end)

    it("what was killed half-way is carried on with", function()
      local src = tree { big = 10 * part + 77 }
      from.put("kill/", src)
      local source, target = place(from, "kill/big"), place(to, "kill/big")
      local first = run(source, target, { start = true, rate = ('"%dKiB/s"'):format(part * 4 // 1024) })
      first:await("part_succeeded", 3):kill()
      local second = run(source, target, { again = true })
      local recorded, again = {}, 0
      for _, event in ipairs(first:all "part_succeeded") do recorded[event.part.number] = true end
      for _, event in ipairs(second:all "part_succeeded") do
        if recorded[event.part.number] then again = again + 1 end
      end
      assert.equal(0, again)
      assert.equal(1, second:count "resumed")
      assert.is_true(checks.events(second).bytes_resumed >= 3 * part)
      checks.same(files.sums(src), to.sums "kill/")
      assert.equal(0, to.uploads())
    end)
  end)
end

for _, from in ipairs(stores.list) do
  for _, to in ipairs(stores.list) do
    local both = IN_PAIRS[from[1]] and IN_PAIRS[to[1]] and from ~= to
    local here = not (from.needs and not server.has(from.needs)) and not (to.needs and not server.has(to.needs))
    if both and here then pair(from, to) end
  end
end
