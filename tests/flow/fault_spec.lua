-- Everything a server or a network can do wrong, one test each, in all three dialects.
--
-- Two things hold after every one of them: exit status 0 means that the bytes are right, and anything
-- else leaves nothing under a final name and says which object failed and why.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local PATIENCE = "connect_timeout = '1s', stall_timeout = '1s'"
local KIB, MIB = 1024, 1 << 20

local DOWN = [[
local haul = require "haul"
return haul.job { name = "down", concurrency = 3, part_size = "256KiB",
  retry = { attempts = 4, base = "5ms", cap = "20ms" },
  haul.copy { from = $store / $key, to = haul.dir($dst) / $key } }
]]

local UP = [[
local haul = require "haul"
return haul.job { name = "up", concurrency = $concurrency, part_size = "$part" .. "KiB", rate = $rate,
  retry = { attempts = 4, base = "5ms", cap = "20ms" },
  haul.copy { from = haul.dir($src) / "", to = $store / "" } }
]]

-- { what it is, the rule, what must come of it, error kinds that part_failed may tell of }
--   "heals": status 0 at the end      "fails": status 1, nothing written      "either"
local GETS = {
  { "an answer never comes", { with = "mute" }, "heals", { "timeout" } },
  { "a reset before the headers", { with = "reset" }, "heals", { "network" } },
  { "a close before the headers", { with = "close" }, "heals", { "network" } },
  { "a reset before the first byte", { with = "reset_body", after_bytes = 0 }, "heals", { "network" } },
  { "a reset after one byte", { with = "reset_body", after_bytes = 1 }, "heals", { "network" } },
  { "a reset half-way", { with = "reset_body" }, "heals", { "network" } },
  { "a reset before the last byte", { with = "reset_body", after_bytes = "last" }, "heals", { "network" } },
  { "an end half-way, with a length", { with = "cut" }, "heals", { "network" } },
  { "an end half-way, without a length", { with = "cut_no_length" }, "heals", { "network", "corrupt" } },
  { "the whole object once instead of a range", { with = "full_200" }, "heals" },
  { "the whole object always", { with = "full_200", times = -1 }, "fails" },
  { "another range, honestly labelled", { with = "wrong_start" }, "heals" },
  { "another range always", { with = "wrong_start", times = -1 }, "fails" },
  { "another total", { with = "wrong_total" }, "either" },
  { "no Content-Range", { with = "no_content_range", times = -1 }, "fails" },
  { "more bytes than asked for", { with = "longer_body", times = -1 }, "fails" },
  { "fewer bytes, and a length that agrees", { with = "shorter_body", times = -1 }, "fails" },
  { "multipart/byteranges", { with = "multipart_byteranges", times = -1 }, "fails" },
  { "one bit flipped once", { with = "flip" }, "either" },
  { "one bit flipped always", { with = "flip", times = -1 }, "fails" },
  { "the bytes of a neighbour under the right label", { with = "lying_start", times = -1 }, "fails" },
  { "the object replaced half-way", { with = "replace", skip = 2 }, "either" },
  { "the object replaced by a longer one", { with = "replace", skip = 2, size = 2 * MIB }, "either" },
  { "the object replaced, If-Match ignored", { with = "replace_ignored", skip = 2 }, "either" },
  { "the object removed half-way", { with = "remove", skip = 2 }, "fails" },
  { "no ETag", { with = "etag" }, "either" },
  { "a weak ETag", { with = "etag", etag = 'W/"abc"' }, "either" },
  { "another ETag", { with = "etag", etag = '"an opaque one"', times = -1 }, "fails" },
  { "500", { with = "500" }, "heals", { "server" } },
  { "502", { with = "502" }, "heals", { "server" } },
  { "500 always", { with = "500", times = -1 }, "fails", { "server" } },
  { "503", { with = "503", times = 2 }, "heals", { "throttled", "server" } },
  { "429", { with = "429" }, "heals", { "throttled" } },
  { "the provider's own word for too fast", { with = "throttle", times = 2 }, "heals", { "throttled" } },
  { "503 and Retry-After: 1", { with = "503", retry_after = "1" }, "heals", { "throttled" } },
  { "503 and Retry-After: -5", { with = "503", retry_after = "-5" }, "heals", { "throttled" } },
  { "503 and Retry-After: soon", { with = "503", retry_after = "soon" }, "heals", { "throttled" } },
  { "503 and Retry-After: a date gone by", { with = "503", retry_after = "Wed, 21 Oct 2015 07:28:00 GMT" }, "heals",
    { "throttled" } },
  { "RequestTimeout", { with = "RequestTimeout" }, "heals", { "timeout", "network", "server" } },
  { "a clock that is said to be wrong", { with = "skew" }, "heals", { "auth" } },
  { "AccessDenied", { with = "denied", times = -1 }, "fails", { "denied" } },
  { "SignatureDoesNotMatch", { with = "SignatureDoesNotMatch", times = -1 }, "fails", { "auth" } },
  { "ExpiredToken", { with = "ExpiredToken", times = -1 }, "fails", { "auth" } },
  { "NoSuchKey half-way", { with = "NoSuchKey", skip = 2, times = -1 }, "fails" },
  { "409", { with = "409" }, "either" },
  { "412", { with = "412" }, "either" },
  { "412 always", { with = "412", times = -1 }, "fails", { "changed" } },
  { "416", { with = "416", times = -1 }, "fails" },
  { "301 without Location", { with = "redirect", status = 301, times = -1 }, "fails" },
  { "307 to itself", { with = "redirect", location = "self", times = -1 }, "fails" },
  { "headers that drip", { with = "drip_headers", ms = 1 }, "heals" },
  { "a body that drips", { with = "drip_body", ms = 20, range = "bytes=1048576-1048580" }, "heals" },
  { "a stall after the headers", { with = "stall_headers" }, "heals", { "timeout" } },
  { "a stall half-way", { with = "stall_body" }, "heals", { "timeout" } },
  { "headers without end", { with = "endless_headers" }, "heals", { "server", "network" } },
  { "NUL and escapes in a header", { with = "bad_headers" }, "either" },
  { "escapes in the ETag", { with = "bad_headers", header = "ETag" }, "either" },
  { "an encoding nobody asked for", { with = "content_encoding", times = -1 }, "either" },
  { "two lengths", { with = "two_lengths" }, "either" },
  { "bytes after the answer", { with = "leftover", times = 3 }, "heals" },
  { "a stale cache", { with = "stale", times = -1 }, "either" },
}

local UPLOADS = {
  { "part: an answer never comes", { op = "part", with = "mute" }, "heals", { "timeout" } },
  { "part: a reset before anything", { op = "part", with = "reset" }, "heals", { "network" } },
  { "part: a reset half-way", { op = "part", with = "reset_upload" }, "heals", { "network" } },
  { "part: the server stops reading", { op = "part", with = "stall_upload", after_bytes = 1000 }, "heals",
    { "timeout" } },
  { "part: refused before the body", { op = "part", with = "early_error", times = -1 }, "fails" },
  { "part: 500", { op = "part", with = "500" }, "heals", { "server" } },
  { "part: too fast", { op = "part", with = "throttle", times = 3 }, "heals", { "throttled" } },
  { "part: RequestTimeout", { op = "part", with = "RequestTimeout" }, "heals" },
  { "part: stored, the answer lost", { op = "part", with = "done_cut" }, "heals", { "network" } },
  { "part: stored, and 500", { op = "part", with = "done_error" }, "heals", { "server" } },
  { "part: NoSuchUpload", { op = "part", with = "drop_upload", skip = 1 }, "either" },
  { "part: an ETag that is no MD5", { op = "part", with = "part_etag", times = -1 }, "heals" },
  { "part: no ETag", { op = "part", with = "etag", times = -1 }, "fails" },
  { "part: one bit stored wrong", { op = "part", with = "store_flipped", part = 2 }, "heals", { "corrupt" } },
  { "create: 500", { op = "create", with = "500" }, "heals" },
  { "create: done, the answer lost", { op = "create", with = "done_cut" }, "heals" },
  { "create: an answer that is no answer", { op = "create", with = "garbled", times = -1 }, "fails" },
  { "create: an empty answer", { op = "create", with = "empty", times = -1 }, "fails" },
  { "create: denied", { op = "create", with = "denied", times = -1 }, "fails" },
  { "complete: 200 and an error once", { op = "complete", with = "ok_error" }, "heals" },
  { "complete: 200 and an error always", { op = "complete", with = "ok_error", times = -1 }, "fails" },
  { "complete: 200 and nothing", { op = "complete", with = "empty", times = -1 }, "fails" },
  { "complete: white space, then the result", { op = "complete", with = "whitespace" }, "heals" },
  { "complete: half a result", { op = "complete", with = "truncated_document" }, "heals" },
  { "complete: garbage", { op = "complete", with = "garbled", times = -1 }, "fails" },
  { "complete: an entity bomb", { op = "complete", with = "bomb", times = -1 }, "fails" },
  { "complete: a document without end", { op = "complete", with = "endless_body" }, "heals" },
  { "complete: done, the connection cut", { op = "complete", with = "done_cut" }, "heals" },
  { "complete: done, and 500", { op = "complete", with = "done_error" }, "heals" },
  { "complete: a reset", { op = "complete", with = "reset" }, "heals" },
  { "complete: NoSuchUpload", { op = "complete", with = "drop_upload" }, "either" },
}

local LISTS = {
  { "a reset", { with = "reset", skip = 1 }, "heals" },
  { "500", { with = "500", skip = 1 }, "heals" },
  { "garbage", { with = "garbled", times = -1 }, "fails" },
  { "nothing", { with = "empty", times = -1 }, "fails" },
  { "half a page", { with = "truncated_document", times = -1 }, "fails" },
  { "an entity bomb", { with = "bomb", times = -1 }, "fails" },
  { "an external entity", { with = "dtd", times = -1 }, "fails", only_xml = true },
  { "a page without end", { with = "endless_body", times = -1 }, "fails" },
  { "the same token for ever", { with = "same_token", times = -1 }, "fails" },
  { "more to come but no token", { with = "no_token", times = -1 }, "fails" },
  { "tokens in a circle", { with = "token_cycle", times = -1 }, "fails" },
  { "a key outside the prefix", { with = "outside_prefix", times = -1 }, "fails" },
  { "a size that is text", { with = "bad_size", size = "many", times = -1 }, "fails" },
  { "a negative size", { with = "bad_size", size = "-1", times = -1 }, "fails" },
  { "a size beyond 2^63", { with = "bad_size", size = "9223372036854775808", times = -1 }, "fails" },
}

local function member(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return false
end

-- The kinds told of must be among those that make sense.
local function check_kinds(run, kinds)
  if not kinds then return end
  for _, event in ipairs(run.events) do
    if event.error and (event.event == "part_failed" or event.event == "object_failed") then
      assert.is_true(member(kinds, event.error.kind), ("%s says %s: %s"):format(event.event, event.error.kind,
        event.error.message))
    end
  end
end

for _, dialect in ipairs { "s3", "oss", "tos" } do
  describe("over " .. dialect .. ",", function()
    local fault, world

    before_each(function()
      fault = server.fault { dialect = dialect, options = PATIENCE }
      world = haul.world { keys = fault.keys }
    end)

    after_each(function() world:remove() end)

    local function met() return fault:control("GET", "/rules"):match '"hits": [1-9]' ~= nil end

    for _, case in ipairs(GETS) do
      it("a download meets " .. case[1], function()
        local rule, outcome = case[2], case[3]
        fault:put("obj", { size = 4 * 256 * KIB + 5, seed = "first" })
        if rule.with == "stale" then fault:put("obj", { size = 4 * 256 * KIB + 5, seed = "second" }) end
        rule.op = "get"
        fault:rules(rule)
        world:job(DOWN, { store = { fault.store }, key = "obj", dst = files.mkdir(world:path "dst") })
        local run = world:run()
        assert.is_true(met(), "the fault was never met")
        assert.is_true(run.status == 0 or run.status == 1, run:describe())
        checks.events(run)
        if outcome == "heals" then run:expect(0) elseif outcome == "fails" then run:expect(1) end
        if run.status == 0 then
          checks.same({ obj = fault:objects().obj.sha256 .. " " .. fault:objects().obj.size },
            files.sums(world:path "dst"))
        else
          assert.is_false(files.exists(world:path "dst/obj"))
          assert.equal(1, run:count("object_failed", { key = "obj" }))
        end
        check_kinds(run, case[4])
      end)
    end

    for _, case in ipairs(UPLOADS) do
      it("an upload meets " .. case[1], function()
        local part = dialect == "oss" and 128 * KIB or 5 * MIB
        local src = files.tree(world:path "src", { obj = 2 * part + 999 })
        fault:rules(case[2])
        world:job(UP, { store = { fault.store }, src = src, part = { tostring(part // KIB) }, rate = { "nil" },
          concurrency = 3 })
        local run = world:run()
        assert.is_true(met(), "the fault was never met")
        assert.is_true(run.status == 0 or run.status == 1, run:describe())
        checks.events(run)
        if case[3] == "heals" then run:expect(0) elseif case[3] == "fails" then run:expect(1) end
        local object = fault:objects().obj
        if run.status == 0 then
          assert.equal(files.sum(src .. "/obj"), object.sha256)
          if case[2].with ~= "done_cut" or case[2].op ~= "create" then assert.equal(0, #fault:uploads()) end
        else
          assert.is_nil(object)
        end
        check_kinds(run, case[4])
      end)
    end

    for _, case in ipairs(LISTS) do
      if not (case.only_xml and dialect == "tos") then
        it("a listing meets " .. case[1], function()
          local fails, rule = case[3] == "fails", case[2]
          for i = 1, 7 do fault:put("p/k" .. i, "object " .. i) end
          fault:options { page = 2 }
          rule.op = "list"
          fault:rules(rule)
          world:job(DOWN, { store = { fault.store }, key = "p/", dst = files.mkdir(world:path "dst") })
          local run = world:run()
          fault:options { page = 1000 }
          assert.is_true(met(), "the fault was never met")
          if fails then
            assert.is_true(run.status == 1 or run.status == 3, run:describe())
          else
            run:expect(0)
            assert.equal(7, run:count "object_succeeded")
          end
          for name, sum in pairs(files.sums(world:path "dst")) do
            local object = fault:objects()[name]
            assert.equal(object and object.sha256 .. " " .. object.size, sum, name)
          end
        end)
      end
    end

    it("small objects meet every second request failing", function()
      for i = 1, 30 do fault:put("p/k" .. i, "object " .. i) end
      for i = 1, 30 do fault:rules { op = "get", key = "p/k" .. i, with = ({ "500", "reset", "cut" })[i % 3 + 1] } end
      world:job(DOWN, { store = { fault.store }, key = "p/", dst = files.mkdir(world:path "dst") })
      checks.events(world:run():expect(0))
      for name, object in pairs(fault:objects()) do
        assert.equal(object.sha256, files.sum(world:path "dst" .. "/" .. name))
      end
    end)

    it("one bad object does not stop the others", function()
      for i = 1, 9 do fault:put("p/k" .. i, "object " .. i) end
      fault:rules { op = "get", key = "p/k5", with = "denied", times = -1 }
      world:job(DOWN, { store = { fault.store }, key = "p/", dst = files.mkdir(world:path "dst") })
      local run = world:run():expect(1)
      assert.equal(8, run:count "object_succeeded")
      assert.equal("denied", run:find("object_failed").error.kind)
      assert.matches("k5", run.stderr)
    end)
  end)
end

describe("a server that is not there", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "s3", options = PATIENCE }
    world = haul.world { keys = fault.keys }
    fault:put("obj", { size = 4 << 20 })
    world:job(DOWN, { store = { fault.store }, key = "obj", dst = files.mkdir(world:path "dst") })
  end)

  after_each(function()
    fault:listening(true)
    world:remove()
  end)

  it("from the beginning, is said so, with status 3", function()
    fault:listening(false)
    local run = world:run():expect(3)
    assert.matches(fault.endpoint:match "%d+$", run.stderr)
    checks.nothing_in(world:path "dst")
  end)

  it("for a while, is waited for", function()
    world:job((DOWN:gsub("attempts = 4, base = \"5ms\", cap = \"20ms\"",
      "attempts = 60, base = \"100ms\", cap = \"100ms\", jitter = \"none\"")),
      { store = { fault.store }, key = "obj", dst = world:path "dst" })
    fault:rules { op = "get", with = "hold", skip = 3 }
    local run = world:start():await "object_started"
    shell.wait(10, "the request that is held", function() return #fault:requests("get") >= 4 end)
    fault:listening(false)
    run:await "part_failed"
    fault:listening(true)
    run:wait():expect(0)
    assert.equal(fault:objects().obj.sha256, files.sum(world:path "dst/obj"))
  end)
end)

describe("a redirect to another host", function()
  it("is not followed, and that host hears nothing", function()
    local fault = server.fault { dialect = "s3" }
    local other = server.fault { dialect = "s3", region = "us-east-1" }
    local world = haul.world { keys = fault.keys }
    fault:put("obj", { size = 4 << 20 })
    fault:rules { op = "get", with = "redirect", location = other.endpoint .. "/test/obj", times = -1 }
    world:job(DOWN, { store = { fault.store }, key = "obj", dst = files.mkdir(world:path "dst") })
    world:run():expect(1)
    assert.equal(0, #other:log())
    world:remove()
  end)
end)

describe("TLS", function()
  local cases = { ["expired"] = 3, ["wrong-host"] = 3, ["self-signed"] = 3, ["old"] = 3, ["good"] = 0 }
  for kind, status in pairs(cases) do
    it("that is " .. kind .. " ends with " .. status, function()
      local fault = server.fault { dialect = "s3", tls = kind, options = PATIENCE }
      local world = haul.world { keys = fault.keys }
      fault:put("obj", { size = 300000 })
      world:job(DOWN, { store = { fault.store }, key = "obj", dst = files.mkdir(world:path "dst") })
      local run = world:run():expect(status)
      if status == 0 then
        assert.equal(fault:objects().obj.sha256, files.sum(world:path "dst/obj"))
      else
        for _, entry in ipairs(fault:log()) do assert.equal("tls", entry.op) end
        checks.nothing_in(world:path "dst")
        assert.is_true(#run.stderr > 0)
      end
      world:remove()
    end)
  end

  it("with a certificate that nobody vouches for ends with 3", function()
    local fault = server.fault { dialect = "s3", tls = "good", options = PATIENCE }
    local world = haul.world { keys = fault.keys }
    world:job(DOWN, { store = { (fault.store:gsub(", ca = \"[^\"]*\"", "")) }, key = "obj",
      dst = files.mkdir(world:path "dst") })
    world:run():expect(3)
    assert.equal(0, #fault:requests "head" + #fault:requests "get" + #fault:requests "list")
    world:remove()
  end)
end)

describe("an upload that is taken up again", function()
  local PART = 128 * KIB
  local fault, world, src

  before_each(function()
    fault = server.fault { dialect = "oss", options = PATIENCE }
    world = haul.world { keys = fault.keys }
    src = files.tree(world:path "src", { obj = 8 * PART + 9 })
  end)

  after_each(function() world:remove() end)

  local function job()
    world:job(UP, { store = { fault.store }, src = src, part = { "128" }, rate = { "nil" }, concurrency = 1 })
  end

  -- Stops with part 6 held by the server, five parts recorded.
  local function killed()
    fault:rules { op = "part", part = 6, with = "hold" }
    job()
    local run = world:start():await("part_succeeded", 5):kill()
    fault:control("DELETE", "/rules")
    fault:control("DELETE", "/log")
    return run
  end

  local function numbers_sent()
    local sent = {}
    for _, entry in ipairs(fault:requests "part") do sent[#sent + 1] = entry.part end
    table.sort(sent)
    return sent
  end

  local function finish()
    local run = world:run():expect(0)
    checks.events(run)
    assert.equal(files.sum(src .. "/obj"), fault:objects().obj.sha256)
    assert.equal(0, #fault:uploads())
    return run
  end

  it("sends only what is missing", function()
    killed()
    finish()
    assert.same({ 6, 7, 8, 9 }, numbers_sent())
  end)

  it("reads every page of the list of parts", function()
    killed()
    fault:options { page = 2 }
    finish()
    fault:options { page = 1000 }
    assert.is_true(#fault:requests "list_parts" >= 3)
    assert.same({ 6, 7, 8, 9 }, numbers_sent())
  end)

  it("sends again what the server does not list", function()
    killed()
    fault:rules { op = "list_parts", with = "lacks_part", lacks = 3, times = -1 }
    finish()
    assert.same({ 3, 6, 7, 8, 9 }, numbers_sent())
  end)

  it("sends nothing when only the answer of the last step was lost", function()
    fault:rules { op = "complete", with = "done_hold", times = -1 }
    job()
    local run = world:start():await("part_succeeded", 9)
    shell.wait(10, "the object", function() return fault:objects().obj end)
    run:kill()
    fault:control("DELETE", "/rules")
    fault:control("DELETE", "/log")
    finish()
    assert.same({}, numbers_sent())
  end)

  it("starts over when the upload has expired, and says so", function()
    killed()
    fault:control("DELETE", "/uploads")
    local run = finish()
    assert.equal(9, #numbers_sent())
    assert.equal(1, run:count "restarted")
  end)

  it("starts over when the source has changed, and says so", function()
    killed()
    files.random(src .. "/obj", 8 * PART + 9, 99)
    local run = finish()
    assert.equal(9, #numbers_sent())
    assert.equal(1, run:count "restarted")
  end)
end)

describe("an upload whose last answer was lost in a kill", function()
  for _, given in ipairs { { dialect = "s3" }, { dialect = "s3", no_checksums = true }, { dialect = "tos" } } do
    it("is known to be done on " .. given.dialect .. (given.no_checksums and " without checksums" or ""), function()
      given.options = PATIENCE
      local fault = server.fault(given)
      local world = haul.world { keys = fault.keys }
      local src = files.tree(world:path "src", { obj = 10 * MIB + 5 })
      world:job(UP, { store = { fault.store }, src = src, part = { "5120" }, rate = { "nil" }, concurrency = 3 })
      fault:rules { op = "complete", with = "done_hold", times = -1 }
      local run = world:start():await("part_succeeded", 3)
      shell.wait(10, "the object", function() return fault:objects().obj end)
      run:kill()
      fault:control("DELETE", "/rules")
      fault:control("DELETE", "/log")
      checks.events(world:run():expect(0))
      assert.equal(0, #fault:requests "part")
      assert.equal(files.sum(src .. "/obj"), fault:objects().obj.sha256)
      world:remove()
    end)
  end
end)

describe("a download that is taken up again", function()
  local PART = 256 * KIB
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss", options = PATIENCE }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    fault:put("obj", { size = 8 * PART + 9 })
    world:job((DOWN:gsub("concurrency = 3", "concurrency = 1")), { store = { fault.store }, key = "obj",
      dst = world:path "dst" })
    fault:rules { op = "get", range = ("bytes=%d-%d"):format(5 * PART, 6 * PART - 1), with = "hold" }
    world:start():await("part_succeeded", 5):kill()
    fault:control("DELETE", "/rules")
    fault:control("DELETE", "/log")
  end)

  after_each(function() world:remove() end)

  local function temporary()
    local found = {}
    for name in pairs(files.sums(world:path "dst")) do found[#found + 1] = name end
    assert.equal(1, #found, table.concat(found, " "))
    return world:path "dst" .. "/" .. found[1]
  end

  local function finish(gets)
    local run = world:run():expect(0)
    checks.events(run)
    checks.same({ obj = fault:objects().obj.sha256 .. " " .. fault:objects().obj.size }, files.sums(world:path "dst"))
    if gets then assert.equal(gets, #fault:requests "get") end
    return run
  end

  it("fetches only what is missing", function() finish(4) end)

  it("fetches again a part whose bytes were changed on disk", function()
    local file <close> = assert(io.open(temporary(), "r+b"))
    file:seek("set", 2 * PART + 1)
    local byte = file:read(1)
    file:seek("set", 2 * PART + 1)
    file:write(string.char(byte:byte() ~ 1))
    file:close()
    finish(5)
  end)

  it("starts over when the temporary file is gone", function()
    os.remove(temporary())
    assert.equal(1, finish(9):count "restarted")
  end)

  it("starts over when the temporary file was cut short", function()
    shell.read { "truncate", "-s", "1000", temporary() }
    finish(9)
  end)

  it("starts over when the object was replaced", function()
    fault:put("obj", { size = 8 * PART + 9, seed = "another" })
    assert.equal(1, finish(9):count "restarted")
  end)

  it("sets a damaged journal aside, and says so", function()
    local journal = shell.read(("find %s -name '*.db' -o -name '*.sqlite*' -o -name 'journal*' | head -1")
      :format(shell.quote(world:path "state"))):gsub("\n", "")
    assert.is_true(#journal > 0)
    shell.read("dd if=/dev/urandom of=" .. shell.quote(journal) .. " bs=1k count=8 conv=notrunc")
    shell.try("rm -f " .. shell.quote(journal) .. "-wal " .. shell.quote(journal) .. "-shm")
    local run = world:run():expect(0)
    assert.equal(fault:objects().obj.sha256, files.sum(world:path "dst/obj"))
    assert.matches("journal", run.stderr)
  end)
end)
