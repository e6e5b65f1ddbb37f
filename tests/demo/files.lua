-- lua5.4 tests/demo/files.lua DIR: many small files and three large ones, the same bytes every time.
local dir = assert(arg[1], "which directory?")
local SMALL, KIB, MIB = 200, 1024, 1048576

math.randomseed(20261120, 7)
local words = {}
for i = 1, MIB // 8 do words[i] = string.pack("<i8", math.random(0)) end
local block = table.concat(words)

local function write(path, size)
  local file = assert(io.open(dir .. "/" .. path, "wb"))
  for at = 0, size - 1, MIB do
    local turned = math.random(MIB) -- no two pieces alike
    local piece = block:sub(turned) .. block:sub(1, turned - 1)
    assert(file:write(piece:sub(1, size - at)))
  end
  assert(file:close())
end

for i = 1, SMALL do write(("small/%03d.txt"):format(i), math.random(0, 48 * KIB)) end
write("films/short.bin", 24 * MIB)
write("films/medium.bin", 40 * MIB + 12345)
write("films/long.bin", 64 * MIB)
