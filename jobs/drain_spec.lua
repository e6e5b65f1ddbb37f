local test = require "haul.test"

describe("drain", function()
  local world

  before_each(function()
    world = test.world { clock = "2026-11-20T12:00:00Z" }
    world:dir("/srv/spool", {
      ["cam/0815.mp4"] = { test.bytes "20MiB", mtime = "2026-11-20T08:15:00Z" },
      ["cam/0900.mp4.part"] = { "half", mtime = "2026-11-20T09:00:00Z" },
      ["cam/1155.mp4"] = { "just written", mtime = "2026-11-20T11:55:00Z" },
    })
  end)

  local function drain() return world:run("drain.lua", { spool = "/srv/spool", bucket = "archive" }) end

  it("moves what has come to rest, and leaves what has not", function()
    drain():expect(0)
    assert.same({ "2026/11/20/cam/0815.mp4" }, world:list "archive")
    assert.is_true(world:read("archive", "2026/11/20/cam/0815.mp4") == test.bytes "20MiB")
    assert.same({ "cam/0900.mp4.part", "cam/1155.mp4" }, world:list "/srv/spool")
    world:advance "10m"
    drain():expect(0)
    assert.same({ "cam/0900.mp4.part" }, world:list "/srv/spool")
  end)

  it("keeps the file when the archive has not the same", function()
    world:fault("archive", "get", { with = "corrupt", times = math.huge })
    drain():expect(1)
    assert.is_true(world:read("/srv/spool", "cam/0815.mp4") == test.bytes "20MiB")
  end)

  for _, lost in ipairs { false, true } do
    it("sends nothing again after a crash while the file goes" .. (lost and ", or has gone" or ""), function()
      world:fault("/srv/spool", "remove", { crash = true, lost = lost })
      assert.equal("crashed", drain().state)
      local second = drain():expect(0)
      assert.equal(0, #second:requested "upload_part")
      assert.same({ "cam/0900.mp4.part", "cam/1155.mp4" }, world:list "/srv/spool")
      assert.same({ "2026/11/20/cam/0815.mp4" }, world:list "archive")
    end)
  end
end)
