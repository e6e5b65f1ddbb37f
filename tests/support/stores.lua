-- The stores that one suite of specs runs over, behind one face:
--   name, store (Lua text), keys (environment), part (part size in bytes, as small as the store takes)
--   put(prefix, dir)    fills the store by other means than haul
--   sums(prefix)        key without the prefix -> "sha256 size", by other means than haul
--   headers(key)        content-type, and user metadata by its bare name; of a directory: {}
--   place               Lua text of the store with its own keys in it: for jobs with two stores
--   uploads()           how many unfinished uploads there are
--   clear()
local files = require "support.files"
local json = require "support.json"
local server = require "support.server"

local MIB = 1048576
local stores = {}

local function directory()
  local root = files.dir()
  local it = { name = "dir", part = MIB, keys = {}, store = ("haul.dir(%q)"):format(root), root = root }
  it.place = it.store
  function it.put(prefix, dir)
    local target = files.mkdir(root .. "/" .. prefix)
    require("support.shell").read { "cp", "-r", dir .. "/.", target }
  end
  function it.sums(prefix)
    files.mkdir(root .. "/" .. prefix)
    return files.sums(root .. "/" .. prefix)
  end
  function it.uploads() return 0 end
  function it.headers() return {} end
  function it.clear()
    files.remove(root)
    files.mkdir(root)
  end
  return it
end

local function decode(key)
  return (key:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- Metadata by its bare name, whatever the provider puts in front of it.
local function bare(headers)
  local found = {}
  for name, value in pairs(headers) do
    name = name:lower()
    found[name:match("^x%-%a+%-meta%-(.+)$") or name] = value
  end
  return found
end

local function with_keys(store, keys)
  local access, secret
  for name, value in pairs(keys) do
    if name:find("SECRET", 1, true) then secret = value else access = value end
  end
  return (store:gsub("%s*}$", (", credentials = { access_key = %q, secret_key = %q } }"):format(access, secret)))
end

local function real(name)
  local host = server[name]()
  local it = { name = name, part = 5 * MIB, keys = host.keys, store = host.store, server = host }
  it.place = with_keys(host.store, host.keys)
  function it.headers(key) return bare(json.decode(host:s3("head", host.bucket, key)).headers) end
  function it.put(prefix, dir) host:s3("put-tree", host.bucket, prefix, dir) end
  function it.sums(prefix)
    local sums = {}
    for hash, size, key in host:s3("sums", host.bucket, prefix):gmatch("(%x+) (%d+) ([^\n]+)\n") do
      sums[decode(key):sub(#prefix + 1)] = hash .. " " .. size
    end
    return sums
  end
  function it.uploads() return select(2, host:s3("uploads", host.bucket):gsub("\n", "")) end
  function it.clear() host:s3("rm", host.bucket, "") end
  return it
end

local function fault(name, given)
  local host = server.fault(given)
  local small = given.dialect == "oss"
  local it = { name = name, part = small and 128 * 1024 or 5 * MIB, keys = host.keys, store = host.store,
    server = host }
  it.place = with_keys(host.store, host.keys)
  function it.headers(key) return bare(host:objects()[key].headers) end
  function it.put(prefix, dir)
    for path in pairs(files.sums(dir)) do host:put(prefix .. path, files.read(dir .. "/" .. path)) end
  end
  function it.sums(prefix)
    local sums = {}
    for key, object in pairs(host:objects_by_bytes()) do
      if key:sub(1, #prefix) == prefix then
        sums[key:sub(#prefix + 1)] = ("%s %d"):format(object.sha256, object.size)
      end
    end
    return sums
  end
  function it.uploads() return #host:uploads() end
  function it.clear() host:reset() end
  return it
end

-- name -> function that makes it; made when its specs begin.
stores.list = {
  { "dir", directory },
  { "radosgw", function() return real "radosgw" end, needs = "radosgw" },
  { "swift", function() return real "swift" end, needs = "swift-proxy-server" },
  { "s3", function() return fault("s3", { dialect = "s3" }) end },
  { "s3 without sums", function() return fault("s3 without sums", { dialect = "s3", no_checksums = true }) end },
  { "oss v4", function() return fault("oss v4", { dialect = "oss" }) end },
  { "oss v1", function() return fault("oss v1", { dialect = "oss", options = "signature = 'v1'" }) end },
  { "tos", function() return fault("tos", { dialect = "tos" }) end },
}

return stores
