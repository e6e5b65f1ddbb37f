-- One suite over every store there is.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local stores = require "support.stores"

local JOB = [[
local haul = require "haul"
local place = $place
return haul.job {
  name = "suite", concurrency = 6, part_size = "$part" .. "KiB", rate = $rate,
  retry = { base = "10ms", cap = "100ms" },
  haul.$task { from = $from, to = $to, keys = $keys },
}
]]

-- Names that are legal and trouble nobody but a careless program.
local ODD = {
  ["with space"] = 10, ["plus+sign"] = 11, ["per%cent"] = 12, ["%25"] = 13, ["a%2Fb"] = 14, ["ünïcode/日本.bin"] = 15,
  ["question?mark&amp;=x#y"] = 16, ["quote'and\"quote"] = 17, ["semi;colon:and,comma"] = 18, ["<xml>&amp;"] = 19,
  ["~tilde/!bang/(round)/[square]/{curly}"] = 20, ["back\\slash"] = 21, ["file..txt"] = 22, ["...dots"] = 23,
  [("long"):rep(50) .. "/" .. ("name"):rep(50) .. "/end"] = 24, ["-rf"] = 25, ["emoji/😀"] = 26, ["e\u{301}"] = 27,
}

for _, entry in ipairs(stores.list) do
  local name, make = entry[1], entry[2]

  describe(name .. ":", function()
    local it_store, world, sizes

    if entry.needs and not server.has(entry.needs) then
      pending(entry.needs .. " is not installed")
      return
    end

    setup(function()
      it_store = make()
      local part = it_store.part
      sizes = {
        empty = 0, ["one/byte"] = 1, ["small"] = 1000, ["dir/sub/part"] = part, ["part-1"] = part - 1,
        ["part+1"] = part + 1, ["dir/many parts"] = 3 * part + 12345,
      }
    end)

    before_each(function()
      it_store.clear()
      world = haul.world { keys = it_store.keys }
    end)

    after_each(function()
      if world then world:remove() end
      world = nil
    end)

    local function job(from, to, more)
      more = more or {}
      world:job(JOB, { place = { it_store.store }, part = { tostring(it_store.part // 1024) },
        from = { from }, to = { to }, task = { more.task or "copy" },
        keys = { more.keys or "nil" }, rate = { more.rate or "nil" } })
    end

    local function local_place(path, key) return ("haul.dir(%q) / %q"):format(path, key) end

    it("takes up a tree and gives it back", function()
      local src, dst = files.tree(world:path "src", sizes), files.mkdir(world:path "dst")
      job(local_place(src, ""), 'place / "tree/"')
      local up = world:run():expect(0)
      local summary = checks.events(up)
      checks.same(files.sums(src), it_store.sums "tree/")
      assert.equal(7, summary.objects_done)
      assert.equal(0, it_store.uploads())

      job('place / "tree/"', local_place(dst, ""))
      local down = world:run { args = { "--fresh" } }:expect(0)
      checks.events(down)
      checks.same(files.sums(src), files.sums(dst))
    end)

    it("is moved into and out of, and each side is empty then", function()
      local src, dst = files.tree(world:path "src", sizes), files.mkdir(world:path "dst")
      local sums = files.sums(src)
      job(local_place(src, ""), 'place / "tree/"', { task = "move" })
      local up = world:run():expect(0)
      checks.same(sums, it_store.sums "tree/")
      checks.same({}, files.sums(src))
      assert.equal(7, up:find("job_finished").summary.objects_deleted)
      job('place / "tree/"', local_place(dst, ""), { task = "move" })
      local down = world:run { args = { "--fresh" } }:expect(0)
      checks.same(sums, files.sums(dst))
      checks.same({}, it_store.sums "tree/")
      assert.equal(7, down:find("job_finished").summary.objects_deleted)
    end)

    it("gives back what another program put there", function()
      local src, dst = files.tree(world:path "src", sizes), files.mkdir(world:path "dst")
      it_store.put("other/", src)
      job('place / "other/"', local_place(dst, ""))
      checks.events(world:run():expect(0))
      checks.same(files.sums(src), files.sums(dst))
    end)

    it("moves one object by its name, both ways", function()
      local src = files.tree(world:path "src", { one = 2 * it_store.part + 5 })
      job(local_place(src, "one"), 'place / "single/renamed"')
      world:run():expect(0)
      checks.same({ renamed = files.sums(src).one }, it_store.sums "single/")
      job('place / "single/renamed"', local_place(world:path "dst", "back"))
      files.mkdir(world:path "dst")
      world:run { args = { "--fresh" } }:expect(0)
      checks.same({ back = files.sums(src).one }, files.sums(world:path "dst"))
    end)

    it("moves only the keys of a list", function()
      local src, dst = files.tree(world:path "src", { a = 5, ["b/c"] = 6, d = 7 }), files.mkdir(world:path "dst")
      it_store.put("list/", src)
      job('place / "list/"', local_place(dst, ""), { keys = '{ "a", "b/c" }' })
      world:run():expect(0)
      local sums = files.sums(src)
      checks.same({ a = sums.a, ["b/c"] = sums["b/c"] }, files.sums(dst))
    end)

    it("moves only what is below the prefix", function()
      local src = files.tree(world:path "src", { ["in/a"] = 5, ["in/b"] = 6, ["inside"] = 7, out = 8 })
      local dst = files.mkdir(world:path "dst")
      it_store.put("p/", src)
      job('place / "p/in/"', local_place(dst, "got/"))
      world:run():expect(0)
      local sums = files.sums(src)
      checks.same({ ["got/a"] = sums["in/a"], ["got/b"] = sums["in/b"] }, files.sums(dst))
    end)

    it("keeps odd names as they are", function()
      local src, dst = files.tree(world:path "src", ODD), files.mkdir(world:path "dst")
      job(local_place(src, ""), 'place / "odd/"')
      world:run():expect(0)
      checks.same(files.sums(src), it_store.sums "odd/")
      job('place / "odd/"', local_place(dst, ""))
      world:run { args = { "--fresh" } }:expect(0)
      checks.same(files.sums(src), files.sums(dst))
    end)

    it("moves many small objects", function()
      local many = {}
      for i = 1, 250 do many[("d%d/f%d"):format(i % 7, i)] = i % 50 end
      local src, dst = files.tree(world:path "src", many), files.mkdir(world:path "dst")
      job(local_place(src, ""), 'place / "many/"')
      world:run():expect(0)
      job('place / "many/"', local_place(dst, ""))
      world:run { args = { "--fresh" } }:expect(0)
      checks.same(files.sums(src), files.sums(dst))
    end)

    -- Killed half-way at a set rate, then run again: only what was not recorded is sent again.
    local function killed_half_way(from, to)
      job(from, to, { rate = ('"%dKiB/s"'):format(it_store.part * 4 // 1024) })
      local first = world:start():await("part_succeeded", 3):kill()
      job(from, to)
      local second = world:run():expect(0)
      local recorded, again = {}, 0
      for _, event in ipairs(first:all "part_succeeded") do recorded[event.part.number] = true end
      for _, event in ipairs(second:all "part_succeeded") do
        if recorded[event.part.number] then again = again + 1 end
      end
      assert.is_true(first:count "part_succeeded" >= 3)
      assert.is_true(again == 0, again .. " parts that were reported done were moved again")
      local summary = checks.events(second)
      assert.is_true(summary.bytes_resumed >= 3 * it_store.part, "resumed only " .. summary.bytes_resumed)
      assert.equal(1, second:count "resumed")
    end

    it("carries on with an upload that was killed", function()
      local src = files.tree(world:path "src", { big = 10 * it_store.part + 77 })
      killed_half_way(local_place(src, "big"), 'place / "kill/big"')
      checks.same(files.sums(src), it_store.sums "kill/")
      assert.equal(0, it_store.uploads())
    end)

    it("carries on with a download that was killed", function()
      local src, dst = files.tree(world:path "src", { big = 10 * it_store.part + 77 }), files.mkdir(world:path "dst")
      it_store.put("kill/", src)
      killed_half_way('place / "kill/big"', local_place(dst, "big"))
      checks.same(files.sums(src), files.sums(dst))
    end)
  end)
end
