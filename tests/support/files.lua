-- Directories for specs: made, filled with known bytes, summed, and removed at the end.
local lfs = require "lfs"
local shell = require "support.shell"

local files = {}
local made = {}

-- A new directory of the spec's own.
function files.dir()
  local path = shell.read("mktemp -d"):gsub("\n", "")
  made[#made + 1] = path
  return path
end

function files.remove(path)
  shell.try("chmod -R u+rwx " .. shell.quote(path) .. "; rm -rf " .. shell.quote(path))
end

function files.remove_all()
  for _, path in ipairs(made) do files.remove(path) end
  made = {}
end

function files.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

function files.read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

function files.exists(path)
  return lfs.symlinkattributes(path, "mode") ~= nil
end

function files.size(path)
  return lfs.attributes(path, "size")
end

-- Makes the directory and those above it.
function files.mkdir(path)
  shell.read { "mkdir", "-p", path }
  return path
end

-- `size` bytes that are the same for the same seed.
function files.random(path, size, seed)
  files.mkdir(path:match("^(.*)/[^/]*$"))
  if size == 0 then return files.write(path, "") end
  local key = ("%032x"):format(seed or size)
  shell.read(("openssl enc -aes-128-ctr -K %s -iv %032d -in /dev/zero 2>/dev/null | head -c %d >%s")
    :format(key, 0, size, shell.quote(path)))
end

-- files.tree(dir, { ["a/b"] = 100, ... }): a file of so many bytes for every name.
function files.tree(dir, sizes)
  for name, size in pairs(sizes) do files.random(dir .. "/" .. name, size, #name * 1000003 + size) end
  return dir
end

-- name -> "sha256 size" of every regular file below a directory.
function files.sums(dir)
  local sums = {}
  local text = shell.read(("cd %s && find . -type f -print0 | xargs -0 -r sha256sum -z --")
    :format(shell.quote(dir)))
  for hash, name in text:gmatch("(%x+) [ *]%./([^%z]+)%z") do
    sums[name] = hash .. " " .. files.size(dir .. "/" .. name)
  end
  return sums
end

function files.sum(path)
  return shell.read { "sha256sum", "--", path }:match("%x+")
end

-- Every entry below a directory with its kind, mode, size and time of change: equal before and
-- after means that nothing was touched.
function files.snapshot(dir)
  return shell.read(("find %s -mindepth 1 -printf '%%P %%y %%m %%s %%T@ %%l\\n' | sort"):format(shell.quote(dir)))
end

-- Names of what looks like a left-over: anything that is not in `wanted` (name -> anything).
function files.extras(dir, wanted)
  local extras = {}
  for name in pairs(files.sums(dir)) do
    if not wanted[name] then extras[#extras + 1] = name end
  end
  table.sort(extras)
  return extras
end

return files
