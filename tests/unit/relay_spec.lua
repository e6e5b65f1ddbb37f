-- A GET that feeds a PUT: both sides over real sockets, in one lane, through a bounded ring.
package.path = "tests/?.lua;" .. package.path
local lane = require "support.probe" "lane"
local server = require "support.server"

local KIB, MIB, RING = 1024, 1 << 20, lane.ring

-- What the probe needs to know of a fault server.
local function store(it, more)
  local fields = { kind = it.dialect, endpoint = it.endpoint, bucket = it.bucket, ca = it.env.CA_FILE, stall_ms = 1000 }
  if it.dialect == "web" then fields.bucket = nil end
  fields.region = ({ s3 = "us-east-1", oss = "cn-hangzhou", tos = "cn-beijing" })[it.dialect]
  fields.access_key = it.keys.AWS_ACCESS_KEY_ID or it.keys.OSS_ACCESS_KEY_ID or it.keys.TOS_ACCESS_KEY
  fields.secret_key = it.keys.AWS_SECRET_ACCESS_KEY or it.keys.OSS_ACCESS_KEY_SECRET or it.keys.TOS_SECRET_KEY
  for name, value in pairs(more or {}) do fields[name] = value end
  return fields
end

local from, to

-- One pair, from `key` of one server to "copy" on the other.  `given`: lanes, connections, cancel_at, the stores'
-- own fields as `source` and `target`, and fields of the ops as `get` and `put`.
local function relay(key, size, given)
  given = given or {}
  local get = { store = 1, key = key, total = size }
  for name, value in pairs(given.get or {}) do get[name] = value end
  local put = { store = 2, call = "put", key = "copy", len = size, feed = get }
  for name, value in pairs(given.put or {}) do put[name] = value end
  local out = lane.run { lanes = given.lanes or 0, connections = given.connections or 2,
    cancel_at = given.cancel_at, stores = { store(from, given.source), store(to, given.target) }, ops = { put } }
  assert.is_true(out.once, "the pair did not come back exactly once")
  return out[1]
end

-- Of an unsigned number of 64 bits in decimal.
local function hex(text)
  local number = 0
  for digit in text:gmatch "%d" do number = number * 10 + digit end
  return ("%016x"):format(number)
end

local function made(size) return from:put("object", { size = size, seed = "s" .. size }) end

local function is_copied(source)
  local copy = to:objects().copy
  assert.truthy(copy, "nothing arrived")
  assert.equal(source.sha256, copy.sha256)
end

local function is_not_there() assert.is_nil(to:objects().copy) end

describe("a relay", function()
  before_each(function()
    from, to = server.fault { dialect = "oss" }, server.fault { dialect = "tos" }
  end)

  for _, size in ipairs { 0, 1, RING - 1, RING, RING + 1, 3 * RING + 12345, 64 * MIB } do
    it("carries " .. size .. " bytes", function()
      local source = made(size)
      local out = relay("object", size, { put = { sum = "crc64", md5 = true }, get = { sum = "crc64" } })
      assert.equal("none", out.err.kind, out.err.message)
      assert.equal("none", out.feed.err.kind)
      assert.equal(size, out.moved)
      assert.equal(size, out.feed.moved)
      is_copied(source)
      local about = from:objects().object
      assert.equal(hex(about.crc64), out.sum)
      assert.equal(out.sum, out.feed.sum)
      assert.equal(about.etag:lower():gsub('"', ""), out.md5)
    end)
  end

  it("sums each side in its own kind", function()
    local source = made(2 * MIB)
    local one = relay("object", 2 * MIB, { put = { sum = "crc64" }, get = { sum = "crc32c" } })
    local other = relay("object", 2 * MIB, { put = { sum = "crc32c" }, get = { sum = "crc64" } })
    assert.equal(one.sum, other.feed.sum)
    assert.equal(one.feed.sum, other.sum)
    assert.not_equal(one.sum, one.feed.sum)
    local none = relay("object", 2 * MIB, { put = { sum = "crc64" } })
    assert.equal(one.sum, none.sum)
    is_copied(source)
  end)

  it("carries a range", function()
    from:put("object", ("0123456789"):rep(200000))
    local out = relay("object", 1000000, { get = { off = 10, len = 1000000, total = 2000000 } })
    assert.equal("none", out.err.kind, out.err.message)
    assert.equal(1000000, to:objects().copy.size)
  end)

  for _, lanes in ipairs { 0, 1, 2 } do
    it("runs beside others with " .. lanes .. " lanes, however few connections there are", function()
      local source, ops = made(2 * MIB), {}
      for i = 1, 12 do
        ops[i] = { store = 2, call = "put", key = "copy" .. i, len = 2 * MIB, sum = "crc64",
          feed = { store = 1, key = "object", total = 2 * MIB } }
        ops[i + 12] = { store = 1, call = "get", key = "object", sum = "crc64" }
      end
      for _, connections in ipairs { 1, 2, 3, 5, 64 } do
        local out = lane.run { lanes = lanes, connections = connections, stores = { store(from), store(to) }, ops = ops }
        assert.is_true(out.once)
        for i = 1, 24 do
          assert.equal("none", out[i].err.kind, out[i].err.message)
          assert.equal(out[1].sum, out[i].sum)
        end
        for i = 1, 12 do assert.equal(source.sha256, to:objects()["copy" .. i].sha256) end
      end
    end)
  end

  it("goes over TLS on either side", function()
    local plain, tls = from, server.fault { dialect = "s3", tls = "good" }
    to = tls
    is_copied((function()
      local source = made(5 * MIB)
      assert.equal("none", relay("object", 5 * MIB).err.kind)
      return source
    end)())
    from, to = tls, plain
    local source = made(5 * MIB)
    local out = relay("object", 5 * MIB)
    assert.equal("none", out.err.kind, out.err.message)
    is_copied(source)
  end)

  it("waits for a source that drips, and does not blame the target", function()
    from:rules { op = "get", with = "drip_body", ms = 4 }
    made(700)
    local out = relay("object", 700, { target = { stall_ms = 300 } })
    assert.equal("none", out.err.kind, out.err.message)
    assert.is_true(out.ms > 600)
  end)

  it("blames the source that stalls", function()
    from:rules { op = "get", with = "stall_body" }
    made(3 * MIB)
    local out = relay("object", 3 * MIB, { source = { stall_ms = 600 }, target = { stall_ms = 300 } })
    assert.equal("timeout", out.err.kind)
    assert.equal("timeout", out.feed.err.kind)
    assert.is_true(out.ms >= 550)
    is_not_there()
  end)

  it("blames the target that stalls", function()
    to:rules { op = "put", with = "stall_upload", after_bytes = MIB } -- the rest is more than sockets hold
    made(64 * MIB)
    local out = relay("object", 64 * MIB, { source = { stall_ms = 300 }, target = { stall_ms = 600 } })
    assert.equal("timeout", out.err.kind)
    assert.equal("cancelled", out.feed.err.kind)
    assert.is_true(out.ms >= 550)
    is_not_there()
  end)

  -- { what it is, the rule, kind of the source's error }
  for _, case in ipairs {
    { "is cut", { with = "cut" }, "network" },
    { "is reset", { with = "reset_body" }, "network" },
    { "is reset before the last byte", { with = "reset_body", after_bytes = "last" }, "network" },
    { "ends early without having said a length", { with = "cut_no_length" }, "network" },
    { "ends early without a length, one byte short", { with = "cut_no_length", after_bytes = "last" }, "network" },
    { "is missing", { with = "NoSuchKey" }, "missing" },
    { "has changed", { with = "412" }, "changed" },
    { "is not to be read", { with = "denied" }, "denied" },
    { "is too busy", { with = "503" }, "throttled" },
    { "has another length", { with = "longer_body" }, "server" },
    { "never answers", { with = "mute" }, "timeout" },
  } do
    it("takes nothing of a source that " .. case[1], function()
      case[2].op = "get"
      from:rules(case[2])
      made(3 * MIB)
      local out = relay("object", 3 * MIB, { source = { stall_ms = 400 } })
      assert.equal(case[3], out.err.kind, out.err.message)
      assert.equal(case[3], out.feed.err.kind)
      assert.equal(out.feed.err.message, out.err.message)
      is_not_there()
    end)
  end

  it("takes nothing of a range that is another one", function()
    from:rules({ op = "get", with = "wrong_start" }, { op = "get", with = "full_200" })
    made(3 * MIB)
    for _ = 1, 2 do
      local out = relay("object", MIB, { get = { off = 5, len = MIB, total = 3 * MIB } })
      assert.equal("server", out.err.kind)
      is_not_there()
    end
  end)

  -- { what it is, the rule, kind }
  for _, case in ipairs {
    { "answers 500 to the whole body", { with = "500" }, "server" },
    { "refuses before it has read anything", { with = "early_error" }, "denied" },
    { "resets half-way", { with = "reset_upload" }, "network" },
    { "resets at once", { with = "reset" }, "network" },
    { "stores and does not say so", { with = "done_cut" }, "network" },
  } do
    it("stops the source when the target " .. case[1], function()
      case[2].op = "put"
      to:rules(case[2])
      made(64 * MIB)
      local out = relay("object", 64 * MIB)
      assert.equal(case[3], out.err.kind, out.err.message)
      assert.is_true(out.feed.err.kind == "cancelled" or out.feed.err.kind == "none")
      if case[2].with == "early_error" then
        assert.equal("cancelled", out.feed.err.kind)
        assert.is_true(out.feed.moved < 64 * MIB)
      end
    end)
  end

  it("ends both sides when it is cancelled", function()
    made(64 * MIB)
    for lanes = 0, 1 do
      local out = relay("object", 64 * MIB, { lanes = lanes, cancel_at = 2 * MIB, target = { rate = 8 * MIB } })
      assert.equal("cancelled", out.err.kind)
      assert.equal("cancelled", out.feed.err.kind)
      assert.is_true(out.moved < 64 * MIB)
      is_not_there()
    end
  end)

  it("keeps the limit of either side", function()
    made(3 * MIB)
    for _, side in ipairs { "source", "target" } do
      local out = relay("object", 3 * MIB, { [side] = { rate = 3 * MIB } })
      assert.equal("none", out.err.kind, out.err.message)
      assert.is_true(out.ms > 850 and out.ms < 1500, side .. ": " .. out.ms .. " ms")
    end
    local both = relay("object", 3 * MIB, { source = { rate = 4 * MIB }, target = { rate = 3 * MIB } })
    assert.equal("none", both.err.kind, both.err.message)
    assert.is_true(both.ms > 850 and both.ms < 1500)
  end)

  it("does not take a limit for a stall", function()
    made(300 * KIB)
    for _, side in ipairs { "source", "target" } do
      local out = relay("object", 300 * KIB,
        { [side] = { rate = 200 * KIB, stall_ms = 300 }, [side == "source" and "target" or "source"] = { stall_ms = 300 } })
      assert.equal("none", out.err.kind, side .. ": " .. out.err.message)
    end
  end)

  it("is not begun where nobody knows how long the object is", function()
    made(1000)
    local out = relay("object", -1)
    assert.equal("invalid", out.err.kind)
    assert.is_true(out.err.final)
    is_not_there()
  end)

  it("begins again where the first connection turns out to be dead", function()
    made(100 * KIB)
    to:rules { op = "put", with = "close", skip = 1 }
    local ops = {}
    for i = 1, 2 do
      ops[i] = { store = 2, call = "put", key = "copy" .. i, len = 100 * KIB,
        feed = { store = 1, key = "object", total = 100 * KIB } }
    end
    local out = lane.run { connections = 2, stores = { store(from), store(to) }, ops = ops }
    for i = 1, 2 do
      assert.equal("none", out[i].err.kind, out[i].err.message)
      assert.equal(from:objects().object.sha256, to:objects()["copy" .. i].sha256)
    end
  end)
end)

describe("a set", function()
  local third

  before_each(function()
    from, to = server.fault { dialect = "oss" }, server.fault { dialect = "tos" }
    third = server.fault { dialect = "s3" }
  end)

  -- One GET for "copy1" and "copy2" on `to`, and with `n` = 3 "copy3" on another server.  `given`: as for a pair, and
  -- fields of the third store as `third`.
  local function fan(n, size, given)
    given = given or {}
    local get = { store = 1, key = "object", total = size, sum = "crc64" }
    local put
    for i = n, 1, -1 do
      put = { store = i == 3 and 3 or 2, call = "put", key = "copy" .. i, len = size, also = put,
        sum = i == 2 and "crc32c" or i == 1 and "crc64" or nil, md5 = i ~= 2 }
    end
    put.feed = get
    local out = lane.run { lanes = given.lanes or 0, connections = given.connections or 2, cancel_at = given.cancel_at,
      stores = { store(from, given.source), store(to, given.target), store(third, given.third) }, ops = { put } }
    assert.is_true(out.once, "the set did not come back exactly once")
    local sinks, sink = { feed = out[1].feed }, out[1]
    while sink do
      sinks[#sinks + 1] = sink
      sink = sink.also
    end
    assert.equal(n, #sinks)
    return sinks
  end

  local function arrived(source, i)
    local copy = (i == 3 and third or to):objects()["copy" .. i]
    assert.truthy(copy, "copy " .. i .. " did not arrive")
    assert.equal(source.sha256, copy.sha256)
  end

  local function not_arrived(i) assert.is_nil((i == 3 and third or to):objects()["copy" .. i]) end

  for _, size in ipairs { 0, 1, RING, RING + 1, 3 * RING + 12345, 32 * MIB } do
    for n = 2, 3 do
      it(("carries %d bytes to %d"):format(size, n), function()
        local source = made(size)
        local out = fan(n, size)
        assert.equal("none", out.feed.err.kind, out.feed.err.message)
        assert.equal(size, out.feed.moved)
        local about = from:objects().object
        for i = 1, n do
          assert.equal("none", out[i].err.kind, out[i].err.message)
          assert.equal(size, out[i].moved)
          arrived(source, i)
        end
        assert.equal(1, #from:requests "get")
        assert.equal(hex(about.crc64), out[1].sum)
        assert.equal(about.etag:lower():gsub('"', ""), out[1].md5)
        local alone = relay("object", size, { put = { sum = "crc32c" } })
        assert.equal(alone.sum, out[2].sum)
        if n == 3 then assert.equal(out[1].md5, out[3].md5) end
      end)
    end
  end

  for _, lanes in ipairs { 0, 1, 2 } do
    it("runs beside pairs and single ones with " .. lanes .. " lanes, however few connections there are", function()
      local source, ops = made(MIB), {}
      for i = 1, 6 do
        ops[i] = { store = 2, call = "put", key = "a" .. i, len = MIB,
          feed = { store = 1, key = "object", total = MIB },
          also = { store = 3, call = "put", key = "b" .. i, len = MIB,
            also = { store = 2, call = "put", key = "c" .. i, len = MIB } } }
        ops[i + 6] = { store = 2, call = "put", key = "d" .. i, len = MIB, feed = { store = 1, key = "object", total = MIB } }
        ops[i + 12] = { store = 1, call = "get", key = "object" }
      end
      for _, connections in ipairs { 1, 3, 64 } do
        local out = lane.run { lanes = lanes, connections = connections, stores = { store(from), store(to), store(third) }, ops = ops }
        assert.is_true(out.once)
        for i = 1, 18 do assert.equal("none", out[i].err.kind, out[i].err.message) end
        for i = 1, 6 do
          for name, there in pairs { a = to, b = third, c = to, d = to } do
            assert.equal(source.sha256, there:objects()[name .. i].sha256)
          end
        end
      end
    end)
  end

  -- { what it does, the rule, kind }
  for _, case in ipairs {
    { "refuses before it has read anything", { with = "early_error" }, "denied" },
    { "resets at once", { with = "reset" }, "network" },
    { "resets half-way", { with = "reset_upload" }, "network" },
    { "answers 500 to the whole body", { with = "500" }, "server" },
    { "stalls", { with = "stall_upload", after_bytes = MIB }, "timeout" },
  } do
    for failing = 1, 3 do
      it(("goes on for the others when target %d %s"):format(failing, case[1]), function()
        local rule = { op = "put", key = "copy" .. failing }
        for name, value in pairs(case[2]) do rule[name] = value end
        ;(failing == 3 and third or to):rules(rule)
        local source = made(32 * MIB)
        local out = fan(3, 32 * MIB, { target = { stall_ms = 600 }, third = { stall_ms = 600 }, source = { stall_ms = 300 } })
        assert.equal("none", out.feed.err.kind, out.feed.err.message)
        assert.equal(1, #from:requests "get")
        for i = 1, 3 do
          assert.is_false(out[i].fed_badly)
          assert.equal(i == failing and case[3] or "none", out[i].err.kind, out[i].err.message)
          if i == failing then not_arrived(i) else arrived(source, i) end
        end
      end)
    end
  end

  it("stops the source when no target is left", function()
    to:rules { op = "put", with = "early_error", times = 2 }
    third:rules { op = "put", with = "early_error" }
    made(64 * MIB)
    local out = fan(3, 64 * MIB)
    for i = 1, 3 do assert.equal("denied", out[i].err.kind) end
    assert.equal("cancelled", out.feed.err.kind)
    assert.is_true(out.feed.moved < 64 * MIB)
  end)

  -- { what it is, the rule, kind of the source's error }
  for _, case in ipairs {
    { "is reset", { with = "reset_body" }, "network" },
    { "is reset before the last byte", { with = "reset_body", after_bytes = "last" }, "network" },
    { "has changed", { with = "412" }, "changed" },
    { "is missing", { with = "NoSuchKey" }, "missing" },
    { "is too busy", { with = "503" }, "throttled" },
    { "stalls", { with = "stall_body" }, "timeout" },
  } do
    it("takes nothing anywhere of a source that " .. case[1], function()
      case[2].op = "get"
      from:rules(case[2])
      made(3 * MIB)
      local out = fan(3, 3 * MIB, { source = { stall_ms = 400 } })
      assert.equal(case[3], out.feed.err.kind)
      for i = 1, 3 do
        assert.equal(case[3], out[i].err.kind, out[i].err.message)
        assert.is_true(out[i].fed_badly)
        not_arrived(i)
      end
    end)
  end

  it("keeps the error of the target that had failed when the source fails", function()
    to:rules { op = "put", key = "copy1", with = "early_error" }
    from:rules { op = "get", with = "reset_body", after_bytes = "last" }
    made(32 * MIB)
    local out = fan(2, 32 * MIB)
    assert.equal("denied", out[1].err.kind)
    assert.is_false(out[1].fed_badly)
    assert.equal("network", out[2].err.kind)
    assert.is_true(out[2].fed_badly)
    not_arrived(2)
  end)

  it("ends all when all are cancelled", function()
    made(64 * MIB)
    for lanes = 0, 1 do
      local out = fan(3, 64 * MIB, { lanes = lanes, cancel_at = 2 * MIB, target = { rate = 8 * MIB } })
      for i = 1, 3 do
        assert.equal("cancelled", out[i].err.kind)
        not_arrived(i)
      end
      assert.equal("cancelled", out.feed.err.kind)
    end
  end)

  it("goes as fast as the slowest target's limit", function()
    local source = made(3 * MIB)
    local out = fan(3, 3 * MIB, { third = { rate = 3 * MIB } })
    for i = 1, 3 do
      assert.equal("none", out[i].err.kind, out[i].err.message)
      arrived(source, i)
    end
    assert.is_true(out[1].ms > 500, out[1].ms .. " ms")
  end)
end)

describe("a plain web server", function()
  local web
  before_each(function()
    web, to = server.fault { dialect = "web" }, server.fault { dialect = "s3" }
    from = web
  end)

  for _, lengths in ipairs { "told", "chunked", "closed" } do
    it("is read whole with its length " .. lengths, function()
      web:put("file", { size = 700 * KIB, seed = "w" })
      web:options { lengths = lengths, ranges = false }
      local stores = { store(web), store(to) }
      local out = lane.run { stores = stores, ops = { { call = "get", key = "file", sum = "crc64" } } }[1]
      assert.equal("none", out.err.kind, out.err.message)
      assert.equal(700 * KIB, out.moved)
      local pair = relay("file", 700 * KIB, { put = { sum = "crc64" } })
      assert.equal("none", pair.err.kind, pair.err.message)
      assert.equal(out.sum, pair.sum)
      local short = relay("file", 700 * KIB + 1)
      assert.not_equal("none", short.err.kind)
      local long = relay("file", 700 * KIB - 1)
      assert.not_equal("none", long.err.kind)
      assert.equal(700 * KIB, to:objects().copy.size)
    end)
  end

  it("that redirects is not followed, and the error says where to", function()
    web:put("file", "x")
    web:rules { op = "get", with = "redirect", status = 302, location = "http://elsewhere.invalid/file" }
    local out = lane.run { stores = { store(web) }, ops = { { call = "get", key = "file" } } }[1]
    assert.equal(302, out.err.status)
    assert.truthy(out.err.message:find("http://elsewhere.invalid/file", 1, true), out.err.message)
  end)
end)
