local core = require "support.probe" "core_units"
local KiB, MiB, TiB = 1 << 10, 1 << 20, 1 << 40

describe("part sizes", function()
  local table_of = {
    { size = 0, want = 8 * MiB, parts = 1 },
    { size = 1, want = 8 * MiB, parts = 1 },
    { size = 8 * MiB - 1, want = 8 * MiB, parts = 1 },
    { size = 8 * MiB, want = 8 * MiB, parts = 1 },
    { size = 8 * MiB + 1, want = 8 * MiB, parts = 2 },
    { size = 64 << 30, want = 8 * MiB, parts = 8192 },
    { size = (64 << 30) + 1, want = 9 * MiB, parts = 7282 },
    { size = 5 * TiB, want = 640 * MiB, parts = 8192 },
    { size = 48800000000000, want = 5682 * MiB, parts = 8191, max = 0 },
    { size = 48800000000000, want = 5 << 30, parts = 9090, max = 5 << 30 },
    { size = 53687091200000, want = 5 << 30, parts = 10000, max = 5 << 30 },
    { size = 10 * MiB, asked = 100 * KiB, want = 100 * KiB, parts = 103 },
    { size = 10 * MiB, asked = 100 * KiB, min = 5 * MiB, want = 5 * MiB, parts = 2 },
    { size = 100000 * MiB, asked = 1 * MiB, want = 10 * MiB, parts = 10000 },
    { size = 10001, asked = 1, want = 2, parts = 5001 },
  }
  for _, row in ipairs(table_of) do
    it(("of %d bytes, %s asked"):format(row.size, row.asked or "none"), function()
      local size = core.part_size(row.size, row.asked or 0, row.min or 0, row.max or 0)
      assert.equal(row.want, size)
      assert.equal(row.parts, core.part_count(row.size, size))
    end)
  end

  it("tile the object exactly, whatever the sizes", function()
    math.randomseed(7)
    for _ = 1, 60 do
      local size = math.random(0, 1 << math.random(1, 45))
      local asked = math.random(3) == 1 and 0 or math.random(1, 1 << math.random(1, 30))
      local part_size = core.part_size(size, asked, 0, 0)
      local count, at = core.part_count(size, part_size), 0
      assert.is_true(count >= 1 and count <= 10000)
      local tiled = true
      for n = 0, count - 1 do
        local off, len = core.part(size, part_size, n)
        tiled = tiled and at == off and len <= part_size and (len > 0 or size == 0)
        at = off + len
      end
      assert.is_true(tiled)
      assert.equal(size, at)
    end
  end)
end)
