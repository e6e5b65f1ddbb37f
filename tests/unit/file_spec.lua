package.path = "tests/?.lua;" .. package.path
local probe = require "support.probe" "io"
local files = require "support.files"
local lfs = require "lfs"
local shell = require "support.shell"

local function names(dir)
  local list = {}
  for name in lfs.dir(dir) do
    if name ~= "." and name ~= ".." then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function run(kind, fields)
  local out, err, after = probe.run(kind, fields)
  return out or after, out == nil and err or nil
end

local function must(kind, fields)
  local out, err = run(kind, fields)
  assert(not err, err and err.message)
  return out
end

describe("a key as a path", function()
  it("is refused where it could leave the directory or is no file's name", function()
    for _, key in ipairs { "", "/", "/a", "..", "../a", "a/..", "a/../b", ".", "./a", "a/.", "a//b", "a/", "//",
      ("x"):rep(256), "a/" .. ("x"):rep(256) .. "/b" } do
      local ok, err = probe.path_ok(key)
      assert.is_nil(ok, key)
      assert.equal("invalid", err.kind)
      assert.is_true(err.final)
    end
  end)

  it("is taken otherwise, however odd", function()
    for _, key in ipairs { "a", "...", "..a", "a..", ".a", "a/.b/..c", " ", "\n", "\xff", "-rf", "~", "c:\\x",
      ("x"):rep(255) } do
      assert.is_true(probe.path_ok(key), key)
    end
  end)
end)

describe("a temporary file", function()
  it("is made beside the target, private, of the size, and discarded", function()
    local root = files.dir()
    local out = must("temp", { root = root, path = "new/dir/file", size = 5000 })
    assert.is_true(probe.is_temp(out.temp))
    assert.same({ out.temp }, names(root .. "/new/dir"))
    assert.equal("rw-------", lfs.attributes(root .. "/new/dir/" .. out.temp, "permissions"))
    assert.equal(5000, lfs.attributes(root .. "/new/dir/" .. out.temp, "size"))
    must("discard", { root = root, path = "new/dir/file", temp = out.temp, fd = out.fd })
    assert.same({}, names(root .. "/new/dir"))
    must("discard", { root = root, path = "new/dir/file", temp = out.temp })
  end)

  it("discards nothing that is not haul's", function()
    local root = files.dir()
    files.write(root .. "/precious", "x")
    local _, err = run("discard", { root = root, path = "file", temp = "precious" })
    assert.equal("bug", err.kind)
    assert.equal("x", files.read(root .. "/precious"))
  end)

  it("makes the root where it is missing", function()
    local root = files.dir() .. "/not/yet"
    local out = must("temp", { root = root, path = "file" })
    probe.close(out.fd)
    assert.same({ out.temp }, names(root))
  end)

  it("never goes through a symbolic link", function()
    local root, outside = files.dir(), files.dir()
    shell.try(("cd %s && ln -s %s link && mkdir d && ln -s %s d/link"):format(root, outside, outside))
    for _, path in ipairs { "link/file", "d/link/file", "link/new/file", "d/link/x/y" } do
      for _, kind in ipairs { "temp", "save" } do
        local _, err = run(kind, { root = root, path = path, memory = "x" })
        assert.equal("invalid", err.kind)
        assert.is_true(err.final)
        assert.matches("symbolic link", err.message)
      end
    end
    assert.same({}, names(outside))
  end)

  it("is not made below a file", function()
    local root = files.dir()
    files.write(root .. "/a", "x")
    local _, err = run("temp", { root = root, path = "a/b" })
    assert.equal("invalid", err.kind)
    assert.is_true(err.final)
  end)
end)

describe("rechecking a temporary file", function()
  local root, temp, sums
  before_each(function()
    root = files.dir()
    local out = must("temp", { root = root, path = "file", size = 8 })
    temp = out.temp
    assert(probe.write(out.fd, "abcdefgh"))
    sums = {}
    for i = 0, 1 do sums[i] = must("hash", { root = root, fd = out.fd, fd_off = i * 4, len = 4, sum = true }).sum end
    probe.close(out.fd)
  end)

  local function recheck(fields)
    fields.root, fields.path, fields.temp, fields.sum = root, "file", fields.temp or temp, true
    fields.size = fields.size or 8
    fields.items = { { off = 0, len = 4, sum = sums[0] }, { off = 4, len = 4, sum = sums[1] },
      { off = 6, len = 4, sum = 0 }, { off = -1, len = 1, sum = 0 } }
    return run("recheck", fields)
  end

  local function verdicts(out)
    probe.close(out.fd)
    return { out.items[1].good, out.items[2].good, out.items[3].good, out.items[4].good }
  end

  it("says which parts are in it", function()
    assert.same({ true, true, false, false }, verdicts(recheck {}))
    local file <close> = assert(io.open(root .. "/" .. temp, "r+"))
    file:seek("set", 5)
    file:write "X"
    file:flush()
    assert.same({ true, false, false, false }, verdicts(recheck {}))
  end)

  it("trusts nothing in a file of another size", function()
    assert.same({ false, false, false, false }, verdicts(recheck { size = 9 }))
    assert.equal(9, files.size(root .. "/" .. temp))
  end)

  it("does not take what is missing, a link, a fifo or a second name of a file", function()
    local function refused(other)
      local _, err = recheck { temp = other }
      return err and err.kind
    end
    local function name(n) return ".haul-" .. ("%032x"):format(n) .. ".part" end
    shell.try(("cd %s && echo x > victim && ln victim %s && ln -s victim %s && mkfifo %s")
      :format(root, name(1), name(2), name(3)))
    assert.equal("missing", refused(name(0)))
    assert.equal("missing", refused(name(1)))
    assert.equal("missing", refused(name(2)))
    assert.equal("missing", refused(name(3)))
    assert.equal("missing", refused "victim")
    assert.equal("x\n", files.read(root .. "/victim"))
  end)
end)

describe("finishing", function()
  local function saved(root, path, text)
    return must("save", { root = root, path = path, memory = text, mtime_ns = 1234567890 * 1000000000 + 5 }).temp
  end

  for _, sync in ipairs { false, true } do
    it("gives files their names, times and modes" .. (sync and ", durably" or ""), function()
      local root, items = files.dir(), {}
      for i = 1, 5 do
        local path = ("d%d/file%d"):format(i % 2, i)
        items[i] = { path = path, temp = saved(root, path, "text" .. i) }
      end
      local open = must("temp", { root = root, path = "top", size = 3 })
      assert(probe.write(open.fd, "top"))
      items[6] = { path = "top", temp = open.temp, fd = open.fd, mtime_ns = -5 * 1000000000 }
      local out = must("finish", { root = root, items = items, sync = sync })
      for i = 1, 6 do assert.is_true(out.items[i].renamed) end
      assert.same({ "file2", "file4" }, names(root .. "/d0"))
      assert.equal("text4", files.read(root .. "/d0/file4"))
      assert.equal(1234567890, lfs.attributes(root .. "/d0/file4", "modification"))
      assert.equal("rw-r--r--", lfs.attributes(root .. "/d0/file4", "permissions"))
      assert.equal("rw-r--r--", lfs.attributes(root .. "/top", "permissions"))
      assert.equal(-5, lfs.attributes(root .. "/top", "modification"))
    end)
  end

  it("a single file replaces the old one", function()
    local root = files.dir()
    files.write(root .. "/file", "old")
    must("finish", { root = root, sync = true, items = { { path = "file", temp = saved(root, "file", "new") } } })
    assert.equal("new", files.read(root .. "/file"))
    assert.same({ "file" }, names(root))
  end)

  it("says which failed and finishes the others", function()
    local root = files.dir()
    shell.try(("mkdir %s/taken %s/full && touch %s/full/x"):format(root, root, root))
    local out, err = run("finish", { root = root, sync = true, items = {
      { path = "good", temp = saved(root, "good", "1") },
      { path = "taken", temp = saved(root, "taken", "2") },
      { path = "full", temp = saved(root, "full", "3") },
      { path = "gone/x", temp = ".haul-" .. ("0"):rep(32) .. ".part" },
      { path = "lost", temp = ".haul-" .. ("0"):rep(32) .. ".part" },
    } })
    assert.equal("invalid", err.kind)
    assert.equal("none", out.items[1].kind)
    assert.equal("invalid", out.items[2].kind)
    assert.matches("a directory is in its place", out.items[2].message)
    assert.equal("invalid", out.items[3].kind)
    assert.equal("missing", out.items[4].kind)
    assert.equal("missing", out.items[5].kind)
    assert.equal("1", files.read(root .. "/good"))
  end)
end)

describe("opening a source", function()
  it("reads and hashes a small file", function()
    local root = files.dir()
    files.write(root .. "/f", "123456789")
    local out = must("open", { root = root, path = "f", memory_max = 9, sum = true, hashes = true })
    assert.equal("123456789", out.body)
    assert.equal(-1, out.fd)
    assert.equal(math.tointeger(0x995dc9bbdf1939fa), out.sum)
    assert.equal("25f9e794323b453885f5181f1b624d0b", out.md5)
    assert.equal("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225", out.sha256)
    assert.equal(9, out.size)
  end)

  it("opens a larger one, whose ranges can be hashed and copied", function()
    local root = files.dir()
    files.write(root .. "/f", ("x"):rep(3) .. "123456789")
    local out = must("open", { root = root, path = "f", memory_max = 5 })
    assert.is_true(out.fd >= 0)
    local hash = must("hash", { root = root, fd = out.fd, fd_off = 3, len = 9, sum = true, hashes = true })
    assert.equal(math.tointeger(0x995dc9bbdf1939fa), hash.sum)
    assert.equal("25f9e794323b453885f5181f1b624d0b", hash.md5)
    local temp = must("temp", { root = root, path = "copy" })
    local copy = must("copy", { root = root, source_fd = out.fd, off = 3, len = 9, fd = temp.fd, fd_off = 2, sum = true })
    assert.equal(hash.sum, copy.sum)
    assert.equal("\0\000123456789", files.read(root .. "/" .. temp.temp))
    local _, err = run("hash", { root = root, fd = out.fd, fd_off = 3, len = 10 })
    assert.equal("changed", err.kind)
    probe.close(out.fd)
    probe.close(temp.fd)
  end)

  it("takes files and nothing else", function()
    local root, outside = files.dir(), files.dir()
    files.write(outside .. "/secret", "s")
    shell.try(("cd %s && mkfifo pipe && mkdir dir && ln -s %s/secret link && ln -s %s out"):format(root, outside, outside))
    for path, word in pairs { pipe = "a fifo", dir = "a directory", link = "symbolic link", ["out/secret"] = "symbolic link" } do
      for _, kind in ipairs { "open", "head" } do
        local _, err = run(kind, { root = root, path = path, memory_max = 100 })
        assert.equal("invalid", err and err.kind, kind .. " " .. path)
        assert.matches(word, err.message)
        assert.is_true(err.final)
      end
    end
    local _, err = run("open", { root = root, path = "none" })
    assert.equal("missing", err.kind)
  end)

  it("is told to stop", function()
    local root = files.dir()
    local _, err = run("temp", { root = root, path = "f", cancel = true })
    assert.equal("cancelled", err.kind)
    assert.same({}, names(root))
  end)
end)

describe("the head of an answer", function()
  it("is read line by line, interim answers passed over and trailers ignored", function()
    local status, done, fields = probe.head { "HTTP/1.1 100 Continue\r\n", "x: 1\r\n", "\r\n", "HTTP/1.1 206 Partial\r\n",
      "ETag: \"a\"\r\n", "X-Empty:\r\n", "x-pad: \t a b \t\r\n", "\r\n", "trailer: 1\r\n" }
    assert.equal(206, status)
    assert.is_true(done)
    assert.same({ etag = '"a"', ["x-empty"] = "", ["x-pad"] = "a b" }, fields)
  end)

  it("is refused where it is malformed or too large", function()
    for _, line in ipairs { "no colon\r\n", " folded: 1\r\n", "a: b\0c\r\n", "x: " .. ("y"):rep(65536) .. "\r\n" } do
      local status, err = probe.head { "HTTP/1.1 200 OK\r\n", line }
      assert.is_nil(status)
      assert.equal("server", err.kind)
    end
    local lines = { "HTTP/1.1 200 OK\r\n" }
    for i = 1, 200 do lines[#lines + 1] = ("x%d: 1\r\n"):format(i) end
    local status, err = probe.head(lines)
    assert.is_nil(status)
    assert.equal("server", err.kind)
  end)
end)
