-- 160 keys that somebody will have, or will make up: each arrives as it is, byte for byte, or is
-- refused under its name.  None is changed, none meets another, none leaves the directory.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"
local stores = require "support.stores"

local TEMP = ".haul-0123456789abcdef0123456789abcdef.part"
local deep = ("d/"):rep(199) .. "x"

local CORPUS = {
  parents = { "../x", "a/../../x", "..", "a/..", "./x", ".../x", "..%2fx", "..\\x", "a/../b", "a/./b", ".", "a/.",
    "../../../../tmp/haul-escaped", "%2e%2e/x", "..;/x", "....//x", "..\\..\\x", "a/..b", "a/b../x", "..%c0%af/x" },
  absolute = { "/haul-x", "//haul-x", "/etc/haul-x", "C:/x", "C:x", "\\\\host\\share\\x", "\\x", "/tmp/haul-escaped" },
  empty = { "e//b", "e/b/", "/", "e/", "//", "e///b", "e/b//", "///", "/e/", "e//", "//e//b", "e/ /b" },
  bytes = { "nul\0byte", "\0", "del\127", "bad\xff", "bad\xc3", "over\xc0\xaflong", "over\xe0\x80\xaf/x", "rtl\u{202e}txt.exe",
    "crlf\r\nX-Header: 1", "esc\27[31mred\27[0m", "bom\u{feff}", "sep\u{2028}line", "surrogate\xed\xa0\x80", "nbsp\u{a0}x",
    "beyond\xf4\x90\x80\x80", "zero\u{200b}width" },
  length = { ("s"):rep(255), ("s"):rep(256), ("l"):rep(250) .. "/" .. ("l"):rep(250) .. "/" .. ("l"):rep(194),
    (("m"):rep(127) .. "/"):rep(7) .. ("m"):rep(127), (("k"):rep(127) .. "/"):rep(7) .. ("k"):rep(128), deep,
    ("ü"):rep(127), ("ü"):rep(128), "1/" .. ("s"):rep(255), "1/" .. ("s"):rep(256) .. "/x" },
  windows = { "CON", "PRN", "AUX", "NUL", "COM1", "LPT1", "NUL.txt", "con.tar.gz", "trailing.", "trailing ", "dir./x",
    "dir /x", "a:b", "a:stream:$DATA", "<angle>", "pipe|pipe", "star*", "quest?", "quote\"quote", "CLOCK$" },
  folding = { "case", "Case", "CASE", "Dir/x", "dir/x", "caf\u{e9}", "cafe\u{301}", "\u{c5}", "A\u{30a}", "\u{212b}",
    "stra\u{df}e", "STRASSE", "\u{130}i", "i\u{307}i", "\u{131}i", "Ii", "\u{fb01}n", "fin", "\u{3a3}", "\u{3c3}" },
  nested = { "f1", "f1/b", "f2/b", "f2", "f3/b/c", "f3/b", "f3", "f4", "f4/b/c", "f4/d" },
  ours = { TEMP, "t/" .. TEMP, TEMP .. "/x", ".haul-x.part", ".haul", "journal.db", "journal.db-wal", "lock", "haul.lock",
    TEMP:upper() },
  options = { "-rf", "--help", "-", "--", "--to=/etc", ";reboot", "`id`", "a & b | c > d", "  spaces  ", "new\nline" },
  odd = { "file..txt", "\u{2026}", "a.", "~", "$(x)", "%", "%00", "+", "a+b c%20d", "'\"\\" },
}
-- The other controls, two in a key.
local before
for code = 1, 31 do
  if not ("\n\r\27"):find(string.char(code), 1, true) then
    if before then table.insert(CORPUS.bytes, ("c%02x"):format(code) .. string.char(before, code) .. "x") end
    before = not before and code or nil
  end
end

local ALL, OF = {}, {}
for group, keys in pairs(CORPUS) do
  for _, key in ipairs(keys) do
    assert(not OF[key], key)
    OF[key] = group
    ALL[#ALL + 1] = key
  end
end
table.sort(ALL)

-- Why no file below a directory can have this key; nil: one can.
local function no_file(key)
  if key:find("\0", 1, true) then return "NUL" end
  if key:sub(-1) == "/" then return "marker" end
  if key:sub(1, 1) == "/" then return "absolute" end
  for segment in (key .. "/"):gmatch "([^/]*)/" do
    if segment == "" or segment == "." or segment == ".." then return "segment" end
    if #segment > 255 then return "255" end
    if segment == TEMP then return "temporary" end
  end
end

-- Is a present key in the way of this one, or the other way round?
local function clashes(key, present)
  for other in pairs(present) do
    if other:sub(1, #key + 1) == key .. "/" or key:sub(1, #other + 1) == other .. "/" then return true end
  end
  return false
end

-- Why a provider has no such key; nil: it has.
local KEY_MAX = { s3 = 1024, oss = 1023, tos = 696 }
local function no_key(dialect, key)
  if key:find("\0", 1, true) then return "NUL" end
  if #key > KEY_MAX[dialect] then return tostring(KEY_MAX[dialect]) end
  if dialect == "oss" and key:find "^[/\\]" then return "slash" end
end

-- What a key that clashed left beside its place, to be carried on with.
local function is_left_over(name) return name:match "%.haul%-%x+%.part$" and name ~= TEMP end

local function bytes_of(key) return "bytes of " .. key end

-- As a key with a NUL is shown, which no name can hold.
local function shown(key) return (key:gsub("%z", "\\x00")) end

-- Whatever its bytes are.
local function key_of(event)
  if not event.key_hex then return event.key end
  return (event.key_hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

-- Every line that haul says is one line, and holds nothing that a terminal would obey.
local function plain(run)
  for line in run.stderr:gmatch "[^\n]+" do
    assert.is_nil(line:find "[%z\1-\8\11-\31\127]", line)
    assert.is_truthy(utf8.len(line), line)
    assert.is_nil(line:find("\u{202e}", 1, true), line)
    assert.is_truthy(line:find "^%d%d%d%d%-%d%d%-%d%dT", line)
  end
end

-- Exactly these keys (key -> a word of the reason) have failed, each under its name.
local function refused(run, expected)
  local reasons, told, wrong = {}, {}, {}
  for _, event in ipairs(run:all "object_failed") do reasons[key_of(event)] = event.error.message end
  for key, word in pairs(expected) do
    local reason = reasons[shown(key)]
    told[shown(key)] = true
    if not reason or not reason:find(word, 1, true) then
      wrong[#wrong + 1] = ("%q should be refused for %q: %s"):format(key, word, reason)
    end
  end
  for key, reason in pairs(reasons) do
    if not told[key] then wrong[#wrong + 1] = ("%q was refused: %s"):format(key, reason) end
  end
  assert.same({}, wrong)
end

local function same(wanted, got, what)
  local wrong = {}
  for key, sum in pairs(wanted) do
    if got[key] ~= sum then wrong[#wrong + 1] = ("%s %q: %s instead of %s"):format(what, key, got[key], sum) end
  end
  for key in pairs(got) do
    if not wanted[key] then wrong[#wrong + 1] = ("%s %q should not be there"):format(what, key) end
  end
  assert.same({}, wrong)
end

-- key -> "sha256 size" of all of these.
local function sums_of(keys)
  local dir, sums = files.dir(), {}
  for i, key in ipairs(keys) do files.write(dir .. "/" .. i, bytes_of(key)) end
  local found = files.sums(dir)
  for i, key in ipairs(keys) do sums[key] = found[tostring(i)] end
  files.remove(dir)
  return sums
end

local JOB = [[
local haul = require "haul"
return haul.job { name = "keys", concurrency = 16, retry = { attempts = 2, base = "5ms", cap = "10ms" },
  haul.$task { from = $from / "", $to } }
]]

local function job(world, task, from, to)
  world:job(JOB, { task = { task }, from = { from }, to = { to and ("to = %s / ''"):format(to) or "" } })
  return world
end

local function dir_of(path) return ("haul.dir(%q)"):format(path) end

it("there are 160 hostile keys", function() assert.equal(160, #ALL) end)

-- A tree of those that can be files; of names that clash, the first.
local function plant(root)
  local planted = {}
  for _, key in ipairs(ALL) do
    if not no_file(key) and not clashes(key, planted) then
      planted[key] = true
      files.mkdir((root .. "/" .. key):match "^(.*)/")
      files.write(root .. "/" .. key, bytes_of(key))
    end
  end
  local list = {}
  for key in pairs(planted) do list[#list + 1] = key end
  return list
end

local function keys_where(accept)
  local list = {}
  for _, key in ipairs(ALL) do
    if accept(key) then list[#list + 1] = key end
  end
  return list
end

-- What is known to the server since the log was emptied, but for listings.
local function asked(host)
  local list = {}
  for _, entry in ipairs(host:log()) do
    if entry.op ~= "list" then list[#list + 1] = ("%s %s"):format(entry.op, entry.key) end
  end
  return list
end

-- Has anything been written around the directory, or where an absolute name would lead?
local function contained(world)
  assert.equal("in\n", shell.read { "ls", "-A", world:path "box" })
  assert.equal("dst\n", shell.read { "ls", "-A", world:path "box/in" })
  for _, path in ipairs { "/haul-x", "/etc/haul-x", "/tmp/haul-escaped", "/e/b" } do
    assert.is_false(files.exists(path), path)
  end
end

for _, dialect in ipairs { "s3", "oss", "tos" } do
  describe("hostile keys, " .. dialect .. ":", function()
    local host, world, keys

    before_each(function()
      host = server.fault { dialect = dialect }
      keys = {}
      for name, value in pairs(host.keys) do keys[name] = value end
      world = haul.world { keys = keys }
    end)

    after_each(function() world:remove() end)

    local function stored()
      local sums = {}
      for key, object in pairs(host:objects_by_bytes()) do sums[key] = object.sha256 .. " " .. object.size end
      return sums
    end

    it("what another program stored comes down under its name, or is refused under it", function()
      local dst, expected = files.mkdir(world:path "box/in/dst"), {}
      host:put_keys(ALL, bytes_of "")
      for _, key in ipairs(ALL) do
        if key:sub(-1) ~= "/" or key:find("\0", 1, true) then expected[key] = no_file(key) or no_key(dialect, key) end
      end
      local run = job(world, "sync", host.store, dir_of(dst)):run():expect(1)
      plain(run)
      contained(world)

      local good = keys_where(function(key) return not no_file(key) and not no_key(dialect, key) end)
      local wanted, got = sums_of(good), files.sums(dst)
      for _, key in ipairs(good) do
        if not got[key] and clashes(key, got) then
          wanted[key], expected[key] = nil, ""
        end
      end
      for name in pairs(got) do
        if is_left_over(name) then got[name] = nil end
      end
      same(wanted, got, "file")
      refused(run, expected)
      for _, key in ipairs { "e/", "e/b/", "//" } do
        assert.equal("a directory marker", run:find("object_skipped", { key = key }).reason)
      end

      host:control("DELETE", "/log")
      run = world:run():expect(1)
      for _, request in ipairs(asked(host)) do
        local key = request:match " (.*)"
        assert.is_true(OF[key] == "nested" and expected[key] == "", request)
      end
      refused(run, expected)
      local left, failed = 0, 0
      for name in pairs(files.sums(dst)) do left = left + (is_left_over(name) and 1 or 0) end
      for _, reason in pairs(expected) do failed = failed + (reason == "" and 1 or 0) end
      assert.is_true(left <= failed, left .. " temporary files")
    end)

    it("files go up under their names, the second time nothing is sent, and all of it can be deleted", function()
      local src, expected = files.mkdir(world:path "src"), {}
      local planted = plant(src)
      assert.is_true(#planted > 110)
      for _, key in ipairs(planted) do expected[key] = no_key(dialect, key) end
      local wanted = sums_of(planted)
      for key in pairs(expected) do wanted[key] = nil end

      local run = job(world, "sync", dir_of(src), host.store):run():expect(next(expected) and 1 or 0)
      plain(run)
      refused(run, expected)
      same(wanted, stored(), "object")

      host:control("DELETE", "/log")
      run = world:run():expect(next(expected) and 1 or 0)
      assert.same({}, asked(host))
      refused(run, expected)

      local count = run:count "object_skipped"
      run = job(world, "delete", host.store):run():expect(0)
      assert.equal(count, run:count "object_deleted")
      assert.same({}, host:objects())
      job(world, "delete", dir_of(src)):run():expect(0)
      assert.same({}, files.sums(src))
      assert.equal("", shell.read { "ls", "-A", src })
    end)

    it("all that others stored can be deleted, but for a name that cannot be said", function()
      local left = {}
      host:put_keys(ALL, bytes_of "")
      for _, key in ipairs(ALL) do
        left[key] = no_key(dialect, key)
      end
      local run = job(world, "delete", host.store):run():expect(1)
      plain(run)
      refused(run, left)
      for key in pairs(host:objects_by_bytes()) do assert.is_truthy(left[key], key) end
    end)

    for _, other in ipairs { "s3", "oss", "tos" } do
      if other ~= dialect then
        it("from " .. other .. " they come through memory, and the second time not again", function()
          local from, expected = server.fault { dialect = other }, {}
          for name, value in pairs(from.keys) do keys[name] = value end
          world = haul.world { keys = keys }
          from:put_keys(ALL, bytes_of "")
          for _, key in ipairs(ALL) do
            expected[key] = no_key(other, key) or no_key(dialect, key)
          end
          local run = job(world, "sync", from.store, host.store):run():expect(1)
          plain(run)
          refused(run, expected)
          same(sums_of(keys_where(function(key) return not expected[key] end)), stored(), "object")

          host:control("DELETE", "/log")
          refused(world:run():expect(1), expected)
          assert.same({}, asked(host))
        end)
      end
    end
  end)
end

-- The real server: what it does not take it refuses itself, by name.
describe("hostile keys, radosgw:", function()
  if not server.has "radosgw" then
    pending "radosgw is not installed"
    return
  end

  it("go there, are listed, come back, and can be deleted", function()
    local rgw, from = server.radosgw(), server.fault { dialect = "oss" }
    local real
    for _, entry in ipairs(stores.list) do
      if entry[1] == "radosgw" then real = entry[2]() end
    end
    real.clear()
    local keys = {}
    for _, side in ipairs { rgw, from } do
      for name, value in pairs(side.keys) do keys[name] = value end
    end
    local world = haul.world { keys = keys }
    from:put_keys(ALL, bytes_of "")
    local run, expected = job(world, "sync", from.store, rgw.store):run():expect(1), {}
    plain(run)
    for _, key in ipairs(ALL) do
      expected[key] = no_key("oss", key) or not utf8.len(key) and "InvalidObjectName" or nil
    end
    local good = keys_where(function(key) return not expected[key] end)
    refused(run, expected)
    same(sums_of(good), real.sums "", "object")

    local again = world:run():expect(1)
    assert.equal(#good, again:count "object_skipped")
    assert.equal(0, again:count "object_succeeded")

    local dst, wanted = files.mkdir(world:path "box/in/dst"), {}
    job(world, "sync", rgw.store, dir_of(dst)):run():expect(1)
    contained(world)
    local got = files.sums(dst)
    for key, sum in pairs(sums_of(good)) do
      if not no_file(key) and (got[key] or not clashes(key, got)) then wanted[key] = sum end
    end
    for name in pairs(got) do
      if is_left_over(name) then got[name] = nil end
    end
    same(wanted, got, "file")

    job(world, "delete", rgw.store):run():expect(0)
    assert.same({}, real.sums "")
    world:remove()
  end)
end)
