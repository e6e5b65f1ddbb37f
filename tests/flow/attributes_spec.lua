-- What files carry into a bucket and back: content types from the system's table, times, what the job says.
local haul = require "support.haul"
local files = require "support.files"
local server = require "support.server"
local lfs = require "lfs"

local UP = [[
local haul = require "haul"
return haul.job { name = "up", part_size = "5MiB", haul.copy { from = haul.dir($src) / "", to = $store / "", $more } }
]]
local DOWN = [[
local haul = require "haul"
return haul.job { name = "down", haul.copy { from = $store / "", to = haul.dir($dst) / "", $more } }
]]

for dialect, meta in pairs { s3 = "x-amz-meta-", oss = "x-oss-meta-", tos = "x-tos-meta-" } do
  describe("files in a bucket of " .. dialect, function()
    local world, store, src

    before_each(function()
      store = server.fault { dialect = dialect }
      world = haul.world { keys = store.keys }
      src = files.mkdir(world:path "src")
      files.write(world:path "types", "text/x-one one  ONE2 # not: three\n# text/none none\n"
        .. "text/x-late one\nbroken\n\nimage/odd\tjpeg\n")
    end)
    after_each(function() world:remove() end)

    local function up(more)
      world:job(UP, { src = src, store = { store.store }, more = { more or "" } })
      return world:run { env = { HAUL_MIME_TYPES = world:path "types" }, args = { "--fresh" } }:expect(0)
    end

    local function type_of(key) return store:objects()[key].headers["content-type"] end

    it("have the type of their ending", function()
      files.tree(src, { ["a.one"] = 5, ["b.JPEG"] = 5, ["c.three"] = 5, none = 5, ["d.x/one"] = 5, ["e."] = 5, [".one"] = 5,
        ["big.jpeg"] = 12 << 20 })
      up()
      assert.equal("text/x-one", type_of "a.one")
      assert.equal("image/odd", type_of "b.JPEG")
      assert.equal("image/odd", type_of "big.jpeg")
      assert.equal("text/x-one", type_of ".one")
      for _, key in ipairs { "c.three", "none", "d.x/one", "e." } do assert.not_matches("odd", type_of(key) or "") end
    end)

    it("have the type that the job says", function()
      files.tree(src, { ["a.one"] = 5, ["b.one"] = 5 })
      up [[headers = function(object) if object.name == "a.one" then return { content_type = "text/mine" } end end]]
      assert.same({ "text/mine", "text/x-one" }, { type_of "a.one", type_of "b.one" })
      up "preserve = false"
      assert.not_equal("text/x-one", type_of "a.one")
    end)

    it("keep their time there and back", function()
      files.tree(src, { ["a.one"] = 5, big = 12 << 20, ["d/c"] = 0 })
      assert(os.execute("touch -d '2001-02-03 04:05:06.123456789 UTC' " .. src .. "/a.one " .. src .. "/big"))
      up()
      assert.equal("981173106.123456789", store:objects()["a.one"].headers[meta .. "mtime"])
      assert.equal("981173106.123456789", store:objects().big.headers[meta .. "mtime"])
      local dst = files.mkdir(world:path "dst")
      local function down(more)
        world:job(DOWN, { dst = dst, store = { store.store }, more = { more } })
        world:run { args = { "--fresh" } }:expect(0)
      end
      down ""
      for _, name in ipairs { "a.one", "big" } do assert.equal(981173106, lfs.attributes(dst .. "/" .. name, "modification")) end
      assert.matches("%.123456789", require "support.shell".read { "stat", "-c", "%y", dst .. "/big" })
      down "preserve = false"
      assert.not_equal(981173106, lfs.attributes(dst .. "/big", "modification"))
    end)
  end)
end

describe("the system's own table", function()
  it("knows what is common, and a table that is not there is told", function()
    local store = server.fault { dialect = "s3" }
    local world = haul.world { keys = store.keys }
    local src = files.mkdir(world:path "src")
    files.tree(src, { ["index.html"] = 5, ["x.png"] = 5 })
    world:job(UP, { src = src, store = { store.store }, more = { "" } })
    world:run():expect(0)
    assert.same({ "text/html", "image/png" }, { store:objects()["index.html"].headers["content-type"],
      store:objects()["x.png"].headers["content-type"] })
    local run = world:run { args = { "--fresh" }, env = { HAUL_MIME_TYPES = world:path "nowhere" } }:expect(0)
    assert.matches("HAUL_MIME_TYPES: .*nowhere: No such file", run.stderr)
    world:remove()
  end)
end)
