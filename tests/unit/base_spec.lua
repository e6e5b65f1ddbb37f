package.path = "tests/?.lua;" .. package.path
local base = require "support.probe" "base"
local cjson = require "cjson"
local files = require "support.files"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

describe("units", function()
  local KiB, MiB, GiB, TiB = 1024, 1024 ^ 2 // 1 | 0, 1024 ^ 3 // 1 | 0, 1024 ^ 4 // 1 | 0
  local sizes = {
    ["0B"] = 0, ["1B"] = 1, ["512 B"] = 512, ["1KiB"] = KiB, ["1.5GiB"] = GiB + GiB // 2, ["16MiB"] = 16 * MiB,
    ["2TiB"] = 2 * TiB, ["1kB"] = 1000, ["3MB"] = 3000000, ["5GB"] = 5000000000, ["1TB"] = 1000000000000,
    [" 8 MiB "] = 8 * MiB, ["0.5kB"] = 500, ["8388607TiB"] = 8388607 * TiB,
  }
  for text, bytes in pairs(sizes) do
    it("reads the size " .. text, function() assert.equal(bytes, base.size(text)) end)
  end

  for _, text in ipairs {
    "", "16", "MiB", "16 mib", "16M", "16KB", "-1MiB", "+1MiB", "1..5MiB", "1.MiB", ".5MiB", "1e3B", "0x10B", "1 MiB/s",
    "8388608TiB", "99999999999999999999B", "1MiB1", "nan B", "16\xc2\xa0MiB",
  } do
    it("refuses the size " .. text, function()
      local value, err = base.size(text)
      assert.is_nil(value)
      assert.equal("invalid", err.kind)
      assert.is_true(err.final)
      assert.truthy(err.message:find "is not a size")
    end)
  end

  local rates = {
    unlimited = -1, ["20MiB/s"] = 20 * MiB, ["160Mbit/s"] = 20000000, ["1Gbit/s"] = 125000000, ["8bit/s"] = 1,
    ["1.5 kB/s"] = 1500, ["100kbit/s"] = 12500, ["1Tbit/s"] = 125000000000,
  }
  for text, rate in pairs(rates) do
    it("reads the rate " .. text, function() assert.equal(rate, base.rate(text)) end)
  end

  for _, text in ipairs { "", "20MiB", "20", "0B/s", "1bit/s", "-1MiB/s", "20MiB/m", "20 Mbps", "Unlimited", "/s" } do
    it("refuses the rate " .. text, function() assert.equal("invalid", select(2, base.rate(text)).kind) end)
  end

  local durations = {
    ["250ms"] = 250, ["30s"] = 30000, ["5m"] = 300000, ["1.5h"] = 5400000, ["2d"] = 172800000, ["0s"] = 0,
    ["0.001s"] = 1,
  }
  for text, ms in pairs(durations) do
    it("reads the duration " .. text, function() assert.equal(ms, base.duration(text)) end)
  end

  for _, text in ipairs { "", "30", "s", "30 sec", "1h30m", "-5s", "106751991168d", "1e9s" } do
    it("refuses the duration " .. text, function() assert.equal("invalid", select(2, base.duration(text)).kind) end)
  end

  it("shows them", function()
    local shown = {
      { "size", 0, "0 B" }, { "size", 1023, "1023 B" }, { "size", 1024, "1.0 KiB" }, { "size", 1536 * MiB, "1.5 GiB" },
      { "size", 1048575, "1.0 MiB" }, { "size", math.maxinteger, "8.0 EiB" }, { "size", -1, "unknown" },
      { "rate", 20 * MiB, "20.0 MiB/s" }, { "rate", -1, "unlimited" }, { "duration", 0, "0ms" },
      { "duration", 999, "999ms" }, { "duration", 12345, "12.3s" }, { "duration", 245000, "4m05s" },
      { "duration", 3720000, "1h02m" }, { "duration", 183600000, "2d03h" }, { "duration", -5, "0ms" },
      { "duration", math.maxinteger, "106751991167d07h" },
    }
    for _, case in ipairs(shown) do assert.equal(case[3], base.show(case[1], case[2])) end
  end)
end)

describe("a buf", function()
  it("never passes its maximum, and takes nothing after it was full", function()
    local text, taken = base.fill(5, "abc", "de", "f", "")
    assert.equal("abcde", text)
    assert.same({ true, true, false, false }, taken)
    text = base.fill(5, "abc", "def", "g")
    assert.equal("abc", text)
  end)

  it("takes long texts", function()
    local long = ("x"):rep(100000)
    assert.equal(long .. long, (base.fill(200000, long, long)))
  end)
end)

describe("escaping", function()
  local cases = {
    { "plain", "plain", '"plain"' },
    { 'a"b\\c', 'a"b\\c', '"a\\"b\\\\c"' },
    { "a\r\nb\tc", "a\\x0d\\x0ab\\x09c", '"a\\r\\nb\\tc"' },
    { "\27[31m\127", "\\x1b[31m\\x7f", '"\\u001b[31m\\u007f"' },
    { "é中", "é中", '"é中"' },
    { "\xff\xfe", "\\xff\\xfe", '"\xef\xbf\xbd\xef\xbf\xbd"' },
    { "\xc0\xaf", "\\xc0\\xaf", '"\xef\xbf\xbd\xef\xbf\xbd"' },
    { "\xed\xa0\x80", "\\xed\\xa0\\x80", '"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"' },
    { "\u{202e}gpj", "\\xe2\\x80\\xaegpj", '"\\u202egpj"' },
    { "\u{9b}x", "\\xc2\\x9bx", '"\\u009bx"' },
    { "\u{feff}x", "\\xef\\xbb\\xbfx", '"\\ufeffx"' },
    { "😀", "😀", '"😀"' },
    { "a\xe4\xb8", "a\\xe4\\xb8", '"a\xef\xbf\xbd\xef\xbf\xbd"' },
  }
  for _, case in ipairs(cases) do
    it("of " .. case[2], function()
      assert.equal(case[2], (base.printable(case[1])))
      assert.equal(case[3], (base.json(case[1])))
    end)
  end

  it("gives JSON that decodes to the same text for every single byte and valid UTF-8", function()
    for byte = 1, 127 do
      local text = string.char(byte)
      assert.equal(text, cjson.decode("[" .. base.json(text) .. "]")[1])
    end
    for _, point in ipairs { 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0x10000, 0x10ffff } do
      local text = utf8.char(point)
      assert.equal(text, cjson.decode("[" .. base.json(text) .. "]")[1])
    end
  end)

  it("says a name in hexadecimal too where JSON cannot hold its bytes", function()
    assert.equal('"key":"é"', (base.json_name("é")))
    assert.equal('"key":"a\xef\xbf\xbd","key_hex":"61ff"', (base.json_name("a\xff")))
    assert.equal('"key":""', (base.json_name("")))
    assert.equal("", (base.json_name("a\xff", 22))) -- all of it or nothing
  end)

  it("is all or nothing where the room is short", function()
    local text, ok = base.json("abc", 4)
    assert.equal("", text)
    assert.is_false(ok)
    assert.is_true(select(2, base.json("abc", 5)))
    assert.is_false(select(2, base.printable("ab\1", 5)))
  end)
end)

describe("an error", function()
  it("has the words of the vocabulary, both ways", function()
    assert.same({
      "none", "network", "timeout", "throttled", "server", "auth", "denied", "missing", "changed", "corrupt", "disk",
      "cancelled", "script", "invalid", "bug",
    }, base.kinds())
    assert.is_false(base.kind_known "Network")
    assert.is_false(base.kind_known "")
  end)

  it("keeps its message printable and whole characters", function()
    local _, err = base.error_of("server", "a\nb\27")
    assert.equal("a\\x0ab\\x1b", err.message)
    _, err = base.error_of("server", ("é"):rep(400))
    assert.equal(("é"):rep(159), err.message)
    _, err = base.error_of("server", ("\1"):rep(1000))
    assert.is_true(#err.message < 320)
  end)

  it("is wrapped", function()
    local _, err = base.error_of("disk", "no room", "part 3")
    assert.equal("part 3: no room", err.message)
    assert.equal("disk", err.kind)
    _, err = base.error_of("disk", ("x"):rep(300), ("y"):rep(400))
    assert.equal(319, #err.message)
  end)

  it("of the system has a kind", function()
    local cases = { ENOENT = "missing", EACCES = "denied", ENOSPC = "disk", EIO = "disk" }
    for name, kind in pairs(cases) do
      local _, err = base.system_error(name, "file")
      assert.equal(kind, err.kind)
      assert.truthy(err.message:find "^file: %u")
      assert.equal(name == "ENOENT" or name == "EACCES", err.final)
    end
  end)
end)

describe("the log", function()
  local path
  before_each(function() path = files.dir() .. "/log" end)

  it("writes one line of JSON whatever the text is", function()
    base.log_one(path, "json", "warn", 'a\nb"c\27')
    local text = read(path)
    local line = cjson.decode(text)
    assert.equal(1, select(2, text:gsub("\n", "")))
    assert.equal("warn", line.level)
    assert.equal('a\nb"c\27', line.message)
    assert.truthy(line.time:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$")
  end)

  it("writes text, and only at or above its level", function()
    base.log_one(path, "text", "info", "hello\rworld")
    base.log_one(path, "text", "debug", "unseen")
    assert.truthy(read(path):find "^%S+Z info  hello\\x0dworld\n$")
  end)

  it("cuts long lines", function()
    base.log_one(path, "json", "info", ("\1"):rep(100000))
    assert.is_true(#read(path) <= 65536)
    assert.truthy(cjson.decode(read(path)).message)
  end)

  it("hides secrets, even inside others and at the cut", function()
    base.secret "abc"
    base.secret "sesame-open"
    base.secret "sesame"
    base.log_one(path, "text", "info", "abc sesame-open sesame sesamesesame " .. ("x"):rep(65000) .. " sesame-open")
    local text = read(path)
    assert.truthy(text:find("abc *** *** ****** ", 1, true))
    assert.is_nil(text:find "sesa")
    assert.equal("x***y", base.redact "xsesamey")
  end)

  it("keeps more secrets than its first memory holds", function()
    for i = 1, 100 do base.secret(("token-%03d-"):format(i) .. ("t"):rep(2000)) end
    assert.equal("***", base.redact("token-001-" .. ("t"):rep(2000)))
    assert.equal("***", base.redact "sesame")
  end)

  it("is private, and never goes through a symbolic link", function()
    base.log_one(path, "text", "info", "x")
    local pipe = io.popen("stat -c %a " .. path)
    assert.equal("600", pipe:read "l")
    pipe:close()
    local link = path .. ".link"
    os.execute(("ln -s %s %s"):format(path, link))
    assert.is_false(base.opens(link))
    os.remove(link)
  end)
end)

describe("random numbers", function()
  it("repeat with the seed", function()
    assert.same(base.random_list(7, 0, 20), base.random_list(7, 0, 20))
    assert.not_same(base.random_list(7, 0, 20), base.random_list(8, 0, 20))
  end)

  it("are below what was asked, and reach all of it", function()
    local seen = {}
    for _, value in ipairs(base.random_list(1, 6, 1000)) do
      assert.is_true(value >= 0 and value < 6)
      seen[value] = (seen[value] or 0) + 1
    end
    for value = 0, 5 do assert.is_true(seen[value] > 100) end
  end)

  it("from the kernel are hex", function()
    assert.truthy(base.hex(16):find "^%x+$")
    assert.equal(32, #base.hex(16))
    assert.not_equal(base.hex(16), base.hex(16))
  end)
end)
