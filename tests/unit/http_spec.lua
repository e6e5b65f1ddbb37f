package.path = "tests/?.lua;" .. package.path
local wire = require "support.probe" "wire"

describe("percent-encoding", function()
  it("is that of RFC 3986", function()
    assert.equal("data/2024%20q1/r%2Be%3Dp%26o~r%27t%281%29%21%2A%C3%A9%E4%B8%AD.bin",
      wire.encode("data/2024 q1/r+e=p&o~r't(1)!*é中.bin", true))
    assert.equal("a%2Fb%00%FF", wire.encode("a/b\0\xff"))
    assert.equal("", wire.encode "")
  end)

  it("comes back to the same bytes", function()
    math.randomseed(21)
    for _ = 1, 500 do
      local list = {}
      for i = 1, math.random(0, 60) do list[i] = string.char(math.random(0, 255)) end
      local text = table.concat(list)
      assert.equal(text, wire.decode(wire.encode(text, true), true))
      assert.equal(text, wire.decode(wire.encode(text, false), false))
    end
  end)

  it("takes '+' for a space only where forms are meant", function()
    assert.equal("a b", wire.decode("a+b", true))
    assert.equal("a+b", wire.decode("a+b", false))
    assert.equal("a+b", wire.decode("a%2bb", true))
  end)

  it("is not guessed where it is broken", function()
    for _, text in ipairs { "%", "%1", "a%", "%zz", "%1g", "%%41" } do assert.is_nil(wire.decode(text)) end
  end)
end)

describe("an endpoint", function()
  local good = {
    ["s3.example.com"] = { https = true, host = "s3.example.com", port = 0, numeric = false },
    ["https://S3.Example.com/"] = { https = true, host = "s3.example.com", port = 0, numeric = false },
    ["http://127.0.0.1:9000"] = { https = false, host = "127.0.0.1", port = 9000, numeric = true },
    ["HTTP://localhost:80"] = { https = false, host = "localhost", port = 0, numeric = true },
    ["https://h:443"] = { https = true, host = "h", port = 0, numeric = false },
    ["https://h:80"] = { https = true, host = "h", port = 80, numeric = false },
    ["https://[::1]:9000"] = { https = true, host = "[::1]", port = 9000, numeric = true },
    ["http://[2001:DB8::1]"] = { https = false, host = "[2001:db8::1]", port = 0, numeric = true },
    ["127.0.0.1:9000"] = { https = true, host = "127.0.0.1", port = 9000, numeric = true },
  }
  for text, wanted in pairs(good) do
    it("is read from " .. text, function() assert.same(wanted, wire.endpoint(text)) end)
  end

  for _, text in ipairs {
    "", "https://", "ftp://h", "file:///etc/passwd", "gopher://h", "://h", "https://h/path", "https://h?x=1", "https://h#x",
    "https://h:0", "https://h:65536", "https://h:", "https://h:80x", "https://[::1", "https://[]", "https://[zz]",
    "https://a..b", "https://.a", "https://a.", "https://a b", "https://a\nb", "https://h%00", "http:h", "https:///x",
    "https://" .. ("a"):rep(64) .. ".com", "https://" .. ("a."):rep(200) .. "com", "https://é.com",
  } do
    it("is not read from " .. text, function()
      local value, err = wire.endpoint(text)
      assert.is_nil(value)
      assert.equal("invalid", err.kind)
      assert.truthy(err.message:find "^endpoint: ")
    end)
  end

  it("with a password is refused without showing it", function()
    local _, err = wire.endpoint "https://user:hunter2@h"
    assert.is_nil(err.message:find "hunter2")
  end)
end)

describe("Content-Range", function()
  it("is read", function()
    assert.same({ 0, 9, 100 }, { wire.content_range "bytes 0-9/100" })
    assert.same({ 5, 5, 6 }, { wire.content_range "BYTES 5-5/6" })
    assert.same({ 0, 9, -1 }, { wire.content_range "bytes 0-9/*" })
    assert.same({ 0, math.maxinteger - 1, math.maxinteger },
      { wire.content_range "bytes 0-9223372036854775806/9223372036854775807" })
  end)

  it("is refused where it is not that form", function()
    for _, text in ipairs {
      "", "bytes", "bytes ", "bytes */100", "bytes 0-9", "bytes 0-9/", "bytes 9-0/100", "bytes 0-100/100", "bytes -1-9/100",
      "bytes 0-9/100 ", "bytes 0-9/9223372036854775808", "bytes 0-9/-1", "items 0-9/100", "bytes  0-9/100", "bytes 0--9/100",
      "bytes 00000000000000000000000000000000000000099-9/1", "bytes 0-9/1e3", "bytes=0-9/100", "bytes +0-9/100",
    } do
      assert.is_nil((wire.content_range(text)), text)
    end
  end)
end)

describe("a number", function()
  it("is digits within its range", function()
    assert.equal(0, wire.integer "0")
    assert.equal(math.maxinteger, wire.integer "9223372036854775807")
    assert.equal(10, wire.integer("10", 10))
    for _, text in ipairs { "", "-1", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", ("9"):rep(40), "1,2" } do
      assert.is_nil(wire.integer(text))
    end
    assert.is_nil(wire.integer("11", 10))
  end)
end)

describe("a date", function()
  local good = {
    ["Sun, 06 Nov 1994 08:49:37 GMT"] = 784111777000,
    ["Sunday, 06-Nov-94 08:49:37 GMT"] = 784111777000,
    ["Sun Nov  6 08:49:37 1994"] = 784111777000,
    ["1994-11-06T08:49:37Z"] = 784111777000,
    ["1994-11-06T08:49:37.000Z"] = 784111777000,
    ["1994-11-06T08:49:37.12Z"] = 784111777120,
    ["2024-02-29T23:59:59.999999Z"] = 1709251199999,
    ["Thu, 01 Jan 1970 00:00:00 GMT"] = 0,
    ["Thu, 01 Jan 1970 00:00:00 +0000"] = 0,
    ["Sun, 01 Jan 2040 00:00:00 UTC"] = 2208988800000,
    ["2100-03-01T00:00:00Z"] = 4107542400000,
  }
  for text, ms in pairs(good) do
    it("is read from " .. text, function() assert.equal(ms, wire.date(text)) end)
  end

  it("is not read from anything else", function()
    for _, text in ipairs {
      "", "now", "0", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST",
      "1994-13-06T08:49:37Z", "1994-11-32T08:49:37Z", "1994-11-06T24:49:37Z", "1994-11-06T08:60:37Z",
      "1994-11-06T08:49:61Z", "1994-11-06T08:49:37", "1994-11-06 08:49:37Z", "1994-11-06T08:49:37.Z",
      "1969-12-31T23:59:59Z", "Sun, 6 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z ", "19941106T084937Z", ("9"):rep(100),
    } do
      assert.is_nil(wire.date(text), text)
    end
  end)
end)

describe("fields", function()
  it("refuse what would split a header, and more than fits", function()
    assert.same({ true, false, false, false, false },
      wire.fields(1000, { { "a", "1" }, { "a", "1\r\n" }, { "a", "x\ny" }, { "a\n", "1" }, { "a", "x\ry" } }))
    assert.same({ true, false }, wire.fields(10, { { "a", "123456" }, { "b", "1" } }))
    local many = {}
    for i = 1, 100 do many[i] = { "a", "1" } end
    local taken = wire.fields(10000, many)
    assert.is_true(taken[96])
    assert.is_false(taken[97])
  end)
end)
