-- haul test: specs of job files, run by haul in worlds of their own.  Each case here is a spec file with its job
-- beside it; what busted says of it is read.
local files = require "support.files"
local shell = require "support.shell"

local build = os.getenv "BUILD" or "release"
local haul = os.getenv "HAUL" or ("%s/build/%s/haul"):format(shell.read("pwd"):gsub("\n", ""), build)

describe("haul test", function()
  local dir

  before_each(function() dir = files.dir() end)

  local function write(name, text) files.write(dir .. "/" .. name, text) end

  -- Exit status, and all that was said.
  local function run(arguments)
    local pipe = assert(io.popen(("cd %s && TMPDIR=%s ASAN_OPTIONS=exitcode=99 %s test %s 2>&1; echo status $?")
      :format(shell.quote(dir), shell.quote(dir), shell.quote(haul), arguments)))
    local text = pipe:read("a")
    pipe:close()
    local said, status = text:match("^(.*)status (%d+)\n$")
    return tonumber(status), said
  end

  -- The body of one test, which must pass.
  local function passes(body)
    write("a_spec.lua", 'local test = require "haul.test"\ndescribe("a", function() it("b", function()\n' .. body ..
      "\nend) end)\n")
    local status, said = run "a_spec.lua"
    assert.equal(0, status, said)
    assert.truthy(said:find("1 success", 1, true), said)
    assert.is_nil(said:find("ERROR: ", 1, true), said)
    assert.equal("", shell.read("ls -d " .. dir .. "/haul-world-* 2>/dev/null || true"))
  end

  local function fails(body, words)
    write("a_spec.lua", 'local test = require "haul.test"\nit("b", function()\n' .. body .. "\nend)\n")
    local status, said = run "a_spec.lua"
    assert.equal(1, status, said)
    assert.truthy(said:find(words, 1, true), said)
  end

  local UPLOAD = [[
    local haul = require "haul"
    haul.param { day = { "the day", default = "today" } }
    return haul.job { name = "upload", concurrency = 4, part_size = "5MiB", $more
      haul.copy { from = haul.dir "/srv/data" / "", to = haul.$kind { bucket = "photos" } / (haul.param.day .. "/") } }
  ]]

  local function upload(kind, more)
    write("upload.lua", (UPLOAD:gsub("%$(%w+)", { kind = kind or "s3", more = more or "" })))
  end

  it("passes what passes, fails what fails, and says so", function()
    write("good_spec.lua", 'it("is", function() assert.equal(1, 1) end)')
    write("bad_spec.lua", 'it("is not", function() assert.equal(1, 2) end)')
    local status, said = run "good_spec.lua"
    assert.equal(0, status, said)
    status, said = run "good_spec.lua bad_spec.lua"
    assert.equal(1, status, said)
    assert.truthy(said:find("1 success / 1 failure", 1, true), said)
    status = run "good_spec.lua bad_spec.lua -- --filter-out=not"
    assert.equal(0, status)
    assert.equal(2, (run ""))
    assert.equal(1, (run "none_spec.lua"))
  end)

  for _, kind in ipairs { "s3", "oss", "tos" } do
    it("uploads in parts to " .. kind .. ", crashes and resumes", function()
      upload(kind)
      passes [[
        local world = test.world { clock = "2026-11-20T23:00:00" }
        local bytes = test.bytes("32MiB", 7)
        world:dir("/srv/data", { ["a.bin"] = bytes, ["x/b.txt"] = "hello" })
        world:fault("photos", "upload_part", { part = 2, with = "throttled", times = 2, retry_after = "3s" })
        world:fault("photos", "upload_part", { part = 6, crash = true })
        local first = world:run("upload.lua", { day = "20" })
        assert.equal("crashed", first.state)
        assert.is_nil(first.status)
        assert.equal(1, #world:uploads "photos")
        local second = world:run("upload.lua", { day = "20" }):expect(0)
        assert.equal("finished", second.state)
        assert.same({ "20/a.bin", "20/x/b.txt" }, world:list "photos")
        assert.is_true(world:read("photos", "20/a.bin") == bytes)
        assert.equal(7, first:count "part_succeeded" + second:count "part_succeeded")
        assert.equal(1, second:count("resumed"))
        assert.same({}, world:uploads "photos")
        assert.equal(1, second:count("object_succeeded", { key = "a.bin" }))
        assert.equal("text/plain", world:head("photos", "20/x/b.txt").content_type)
        assert.truthy(second.seconds < 60)
      ]]
    end)
  end

  it("loses answers: what took effect is found", function()
    upload()
    passes [[
      local world = test.world()
      world:dir("/srv/data", { ["a.bin"] = test.bytes("12MiB", 7) })
      world:fault("photos", "complete", { with = "network", lost = true })
      local run = world:run("upload.lua"):expect(0)
      assert.same({ "today/a.bin" }, world:list "photos")
      assert.equal(1, #run:requested "complete")
      assert.equal("network", run:requested("complete")[1].error)
    ]]
  end)

  it("knows every kind of failure", function()
    upload("s3", 'retry = { attempts = 2, base = "1s", jitter = "none" },')
    passes [[
      for _, kind in ipairs { "network", "timeout", "throttled", "server", "corrupt" } do
        local world = test.world()
        world:dir("/srv/data", { a = "hello" })
        world:fault("s3://photos", "put", { with = kind })
        local run = world:run("upload.lua"):expect(0)
        assert.equal(2, #run:requested "put")
        assert.equal(kind, run:requested("put")[1].error)
        assert.equal("hello", world:read("photos", "today/a"))
      end
      for _, kind in ipairs { "denied", "auth" } do
        local world = test.world()
        world:dir("/srv/data", { a = "hello", b = "you" })
        world:fault("photos", "put", { key = "**/a", with = kind, code = kind == "auth" and "SignatureDoesNotMatch" or nil })
        local run = world:run("upload.lua"):expect(1)
        assert.equal(kind, run:find("object_failed", { key = "a" }).error.kind)
        assert.same({ "today/b" }, world:list "photos")
        assert.truthy(tostring(run):find("a failed: " .. kind, 1, true))
      end
    ]]
  end)

  it("has disks that fail", function()
    write("down.lua", [[
      local haul = require "haul"
      return haul.job { name = "down", retry = { attempts = 1 },
        haul.copy { from = haul.tos { bucket = "photos" } / "", to = haul.dir "/srv/data" / "" } }
    ]])
    passes [[
      local world = test.world()
      world:store("photos", { a = "hello", ["d/b"] = test.bytes "20MiB", c = "you", e = "too" })
      world:fault("/srv/data", "finish", { key = "/a", with = "disk" })
      world:fault("/srv/data", "write", { key = "d/b", part = 2, with = "disk", code = "ENOSPC" })
      world:fault("/srv/data", "temp", { key = "/e", with = "denied" })
      local run = world:run "down.lua"
      assert.is_true(run.status ~= 0)
      assert.same({}, { world:read("/srv/data", "a") })
      assert.equal("disk", run:find("object_failed", { key = "d/b" }).error.kind)
      local second = world:run("down.lua")
      second:expect(0)
      assert.same({ "a", "c", "d/b", "e" }, world:list "/srv/data")
      assert.is_true(world:read("/srv/data", "d/b") == test.bytes "20MiB")
      assert.equal("/srv/data/c", run:find("object_succeeded", { key = "c" }).path)
    ]]
  end)

  it("keeps what it knows between runs, and apart from other worlds", function()
    write("mirror.lua", [[
      local haul = require "haul"
      return haul.job { name = "mirror",
        haul.sync { from = haul.oss { bucket = "here" } / "", to = haul.s3 { bucket = "there" } / "p/", delete = true,
          max_delete = "60%" },
        on = { job_finished = function(_, job) job.state.nights = (job.state.nights or 0) + 1 end,
          object_succeeded = function(event, job) job.state.last = event.key end } }
    ]])
    passes [[
      local world = test.world { clock = "2026-11-20T23:00:00" }
      world:store("here", { a = { "1", metadata = { owner = "me" }, tags = { k = "v" } }, b = "2" })
      world:run("mirror.lua"):expect(0)
      assert.same({ "p/a", "p/b" }, world:list "there")
      assert.equal("me", world:head("there", "p/a").metadata.owner)
      world:advance "24h"
      assert.equal("2026-11-21T23:00", world.clock:sub(1, 16))
      local second = world:run("mirror.lua"):expect(0)
      assert.equal(0, #second:requested "put")
      world:remove("here", "b")
      world:store("here", { c = "3" })
      world:run("mirror.lua"):expect(0)
      assert.same({ "p/a", "p/c" }, world:list "s3://there")
      assert.equal(0, world:run("mirror.lua", nil, { verify = true }).status)
      world:store("there", { ["p/c"] = "333" })
      assert.equal(5, world:run("mirror.lua", nil, { verify = true }).status)
      assert.same({}, test.world():list "there")
    ]]
  end)

  it("lets hooks decide, by the world's clock", function()
    upload("s3", [[ retry = { attempts = 1 }, on = {
      part_failed = function(event)
        if os.date("%H") == "23" and os.time() == math.floor(event.time) and event.attempt < 3 then
          return haul.retry { after = 3600 }
        end
      end },]])
    passes [[
      local world = test.world { clock = "2026-11-20T23:00:00" }
      world:dir("/srv/data", { ["a.bin"] = test.bytes "12MiB" })
      world:fault("photos", "upload_part", { part = 2, with = "server", times = math.huge })
      local run = world:run("upload.lua"):expect(1)
      assert.equal(2, run:count("part_failed", { ["part.number"] = 2 }))
      assert.truthy(run.seconds >= 3600 and run.seconds < 3700)
      assert.equal("2026-11-21T00:00", world.clock:sub(1, 16))
    ]]
  end)

  it("ends at the window's end and carries on the next night", function()
    upload("s3", 'rate = "1MiB/s", window = { "22:00", "23:00" },')
    passes [[
      local world = test.world { clock = "2026-11-20T22:59:30" }
      world:dir("/srv/data", { ["a.bin"] = test.bytes("64MiB", 3) })
      local first = world:run("upload.lua"):expect(10)
      assert.truthy(first.seconds > 20 and first.seconds < 60)
      world.clock = "2026-11-21T22:00:00"
      local second = world:run("upload.lua"):expect(0)
      assert.is_true(world:read("photos", "today/a.bin") == test.bytes("64MiB", 3))
      assert.truthy(second.summary.bytes_resumed > 0)
      assert.truthy(second.seconds > 30 and second.seconds < 64)
    ]]
  end)

  it("holds a rate to the byte in its own time", function()
    upload("s3", 'rate = "1MiB/s",')
    passes [[
      local world = test.world()
      world:dir("/srv/data", { ["a.bin"] = test.bytes "30MiB", ["b.bin"] = test.bytes "30MiB" })
      local run = world:run("upload.lua"):expect(0)
      assert.truthy(run.seconds > 59 and run.seconds < 61.5, tostring(run.seconds))
    ]]
  end)

  it("asks credentials functions again when they expire", function()
    write("keys.lua", [[
      local haul = require "haul"
      local asked = 0
      local bucket = haul.s3 { bucket = "bucket", region = "eu-central-1", credentials = function()
        asked = asked + 1
        return { access_key = "K" .. asked, secret_key = "s" }
      end }
      return haul.job { haul.copy { from = haul.dir "/d" / "", to = bucket / "" },
        on = { job_finished = function(_, job) job.state.asked = asked end,
          object_succeeded = function() if asked ~= 2 then error "not asked again" end end } }
    ]])
    passes [[
      local world = test.world()
      world:dir("/d", { a = "1" })
      world:fault("bucket", "put", { with = "auth" })
      local run = world:run("keys.lua"):expect(0)
      assert.equal(2, #run:requested "put")
    ]]
  end)

  it("copies inside a service, and relays between two", function()
    write("fan.lua", [[
      local haul = require "haul"
      local from = haul.oss { bucket = "one" }
      return haul.job { part_size = "5MiB", haul.copy { from = from / "", to = { haul.oss { bucket = "two" } / "",
        haul.s3 { bucket = "three" } / "", haul.tos { bucket = "four" } / "" } } }
    ]])
    passes [[
      local world, bytes = test.world(), test.bytes("13MiB", 5)
      world:store("one", { big = bytes, small = "s" })
      world:fault("three", "upload_part", { with = "corrupt", part = 2 })
      world:run("fan.lua"):expect(0)
      for _, name in ipairs { "two", "three", "four" } do
        assert.is_true(world:read(name, "big") == bytes)
        assert.equal("s", world:read(name, "small"))
      end
    ]]
  end)

  it("answers what functions touch, and fails it", function()
    write("touch.lua", [[
      local haul = require "haul"
      return haul.job { concurrency = 3, haul.copy { from = haul.oss { bucket = "one" } / "", to = haul.s3 { bucket = "two" } / "",
        where = function(object) return object.tags.keep == "yes" end,
        rename = function(name, object) return object.metadata.album .. "/" .. name end } }
    ]])
    passes [[
      local world = test.world()
      local objects = {}
      for i = 1, 40 do
        objects[("%02d"):format(i)] = { "x", metadata = { album = "m" .. i % 2 }, tags = { keep = i % 4 < 2 and "yes" or "no" } }
      end
      world:store("one", objects)
      world:fault("one", "get_tags", { with = "throttled", times = 3 })
      world:fault("one", "head", { key = "08", with = "denied", times = -1 })
      world:fault("one", "get_tags", { key = "30", crash = true })
      assert.equal("crashed", world:run("touch.lua").state)
      local run = world:run("touch.lua"):expect(1)
      assert.equal(1, run:count("object_failed", { key = "08" }))
      local names = world:list "two"
      assert.equal(19, #names)
      assert.same({ "m0/04", "m1/37" }, { names[1], names[#names] })
    ]]
  end)

  it("dies at any request, and what comes after mends it", function()
    write("fan.lua", [[
      local haul = require "haul"
      return haul.job { part_size = "5MiB", concurrency = 3,
        haul.sync { from = haul.dir "/d" / "", to = haul.oss { bucket = "one" } / "", delete = true, max_delete = 10 },
        haul.copy { from = haul.oss { bucket = "one" } / "", to = haul.s3 { bucket = "two" } / "" },
        haul.copy { from = haul.s3 { bucket = "two" } / "", to = haul.dir "/e" / "" } }
    ]])
    passes [[
      local bytes = test.bytes("11MiB", 5)
      for _, op in ipairs { "list", "put", "create_upload", "upload_part", "complete", "get", "head", "delete", "temp",
          "finish", "write", "open", "read" } do
        for _, lost in ipairs { false, true } do
          local world = test.world()
          world:dir("/d", { big = bytes, small = "s" })
          world:store("one", { old = "o", older = "o" })
          world:fault(nil, op, { crash = true, lost = lost })
          local first = world:run("fan.lua")
          if op ~= "head" and op ~= "write" and op ~= "read" then
            assert.equal("crashed", first.state, op .. tostring(first)) end
          world:run("fan.lua"):expect(0)
          assert.same({ "big", "small" }, world:list "/e")
          assert.is_true(world:read("/e", "big") == bytes)
          local nobody_knows = op == "create_upload" and lost and 1 or 0
          assert.equal(nobody_knows, #world:uploads "one")
          assert.same({}, world:uploads "two")
          world:close()
        end
      end
    ]]
  end)

  it("has time for hooks that wait, and none after a crash", function()
    upload("s3", [[ on = {
      job_started = function(_, job)
        job:every("30s", function() job.state.ticks = (job.state.ticks or 0) + 1 end)
      end,
      object_succeeded = function(event, job)
        haul.sleep "90s"
        job.state[event.key] = os.date "%H:%M"
      end,
      job_finished = function(_, job)
        haul.log.warn("ticks %d a %s b %s", job.state.ticks or 0, job.state.a or "-", job.state.b or "-")
      end },]])
    write("a_spec.lua", [[
      local test = require "haul.test"
      it("waits", function()
        local world = test.world { clock = "2026-11-20T23:00:00" }
        world:dir("/srv/data", { a = "a" })
        local first = world:run("upload.lua"):expect(0)
        assert.truthy(first.seconds >= 90 and first.seconds < 91)
        world:dir("/srv/data", { a = "a", b = test.bytes "12MiB" })
        world:fault("photos", "upload_part", { part = 2, with = "server", retry_after = "30s" })
        world:fault("photos", "upload_part", { part = 2, crash = true })
        local second = world:run("upload.lua")
        assert.equal("crashed", second.state)
        world:run("upload.lua"):expect(0)
      end)
    ]])
    local status, said = run "a_spec.lua"
    assert.equal(0, status, said)
    assert.truthy(said:find("ticks 3 a 23:01 b -", 1, true), said)
    assert.truthy(said:find("b 23:0", 1, true), said)
    assert.equal(2, select(2, said:gsub("ticks ", "")))
  end)

  it("lets hooks ask stores, and dies while they wait", function()
    write("ask.lua", [[
      local haul = require "haul"
      local store, dir = haul.s3 { bucket = "bucket" }, haul.dir "/d"
      return haul.job { haul.copy { from = dir / "", to = store / "x/" },
        on = { object_succeeded = function(event)
          local head = assert(store:head(event.target))
          if head.size ~= event.size or dir:get(event.key) ~= store:get(event.target) then error "not the same" end
          store:put(event.target .. ".done", "at " .. os.date "%H", { metadata = { by = "hook" } })
        end } }
    ]])
    passes [[
      for n, op in ipairs { "none", "head", "get", "put" } do
        local world = test.world { clock = "2026-11-20T23:00:00" }
        world:dir("/d", { a = "1", b = "22" })
        world:fault("bucket", op ~= "none" and op or nil, { key = "x/b*", crash = true, skip = op == "put" and 1 or 0,
          times = op == "none" and 0 or 1 })
        local first = world:run "ask.lua"
        if n == 1 then
          first:expect(0)
          assert.same({ "x/a", "x/a.done", "x/b", "x/b.done" }, world:list "bucket")
          assert.equal("at 23", world:read("bucket", "x/b.done"))
          assert.equal("hook", world:head("bucket", "x/b.done").metadata.by)
        else
          assert.equal("crashed", first.state)
          world:run("ask.lua"):expect(0)
        end
      end
      local world = test.world()
      world:dir("/d", { a = "1" })
      world:fault("bucket", "head", { with = "denied", times = math.huge })
      local run = world:run("ask.lua"):expect(1)
      assert.equal(1, run.summary.hook_errors)
    ]]
  end)

  it("answers for others", function()
    write("tell.lua", [[
      local haul = require "haul"
      return haul.job { haul.copy { from = haul.dir "/d" / "", to = haul.s3 { bucket = "bucket" } / "" },
        on = {
          object_succeeded = function(event)
            local reply = haul.http { url = "http://127.0.0.1/hook?a=1", method = "POST", body = event.key }
            if reply.status ~= 202 or reply.body ~= "taken" or reply.headers["x-more"] ~= "yes" then error "not taken" end
            local done = haul.exec { "sendmail", "-t", stdin = "to: me" }
            if done.status ~= 3 or done.out ~= "sent" then error("not sent " .. tostring(done.status)) end
          end,
          job_finished = function() haul.http { url = "https://other/down", method = "GET" } end,
        } }
    ]])
    passes [[
      local world = test.world()
      world:dir("/d", { a = "1" })
      world:http("http://127.0.0.1/hook*", function(request)
        assert.equal("POST", request.method)
        return { status = 202, body = "taken", headers = { ["x-more"] = "yes" } }
      end)
      world:http("https://other/*", { error = "timeout" })
      world:exec("sendmail *", { status = 3, out = "sent" })
      world:run "tell.lua"
      assert.equal(2, #world.http_requests)
      assert.equal("http://127.0.0.1/hook?a=1", world.http_requests[1].url)
      assert.equal("a", world.http_requests[1].body)
      assert.same({ { "sendmail", "-t", stdin = "to: me" } }, world.commands)
    ]]
    fails([[
      local world = test.world()
      world:dir("/d", { a = "1" })
      world:run "tell.lua"
    ]], 'world:http("http://127.0.0.1/hook?a=1", { status = 200 })')
    fails([[
      local world = test.world()
      world:dir("/d", { a = "1" })
      world:http("*", function() error "no such luck" end)
      world:run "tell.lua"
    ]], "no such luck")
  end)

  it("fails single deletes of many", function()
    write("clear.lua", [[
      local haul = require "haul"
      return haul.job { haul.delete { from = haul.s3 { bucket = "old" } / "x/", max_delete = "100%" },
        haul.delete { from = haul.dir "/old" / "", max_delete = "100%" } }
    ]])
    passes [[
      local world = test.world()
      world:store("old", { ["x/a"] = "1", ["x/b"] = "2", ["y"] = "3" })
      world:dir("/old", { a = "1", b = { "2", mtime = "2020-01-01T00:00:00" }, ["c/d"] = "3" })
      world:fault("old", "delete", { key = "x/a", with = "denied", times = math.huge })
      world:fault("/old", "remove", { key = "/b", with = "denied", times = math.huge })
      local run = world:run("clear.lua"):expect(1)
      assert.equal(3, run:count "object_deleted")
      assert.same({ "x/a", "y" }, world:list "old")
      assert.same({ "b" }, world:list "/old")
      assert.equal("2", world:read("/old", "b"))
    ]]
  end)

  it("has a web, files that are given, and jobs beside their specs", function()
    files.mkdir(dir .. "/beside")
    write("beside/fetch.lua", [[
      local haul = require "haul"
      haul.param { list = { "keys", required = true } }
      return haul.job { haul.copy { from = haul.web "https://host/files/" / "", to = haul.dir "/d" / "",
        keys = haul.manifest(haul.param.list) } }
    ]])
    write("beside/fetch_spec.lua", [[
      local test = require "haul.test"
      it("fetches", function()
        local world = test.world()
        world:store("https://host/files/", { a = "1", ["b/c"] = test.bytes "9MiB", d = "not named" })
        world:fault("https://host/files/", "get", { with = "timeout" })
        local run = world:run("fetch.lua", { list = world:file("list.txt", "a\nb/c\n") }):expect(0)
        assert.same({ "a", "b/c" }, world:list "/d")
        assert.is_true(world:read("/d", "b/c") == test.bytes "9MiB")
        assert.equal(1, #run:requested("get", { error = "timeout" }))
      end)
    ]])
    local status, said = run "beside/fetch_spec.lua"
    assert.equal(0, status, said)
  end)

  it("shows that what is moved is always somewhere", function()
    write("move.lua", [[
      local haul = require "haul"
      return haul.job { part_size = "5MiB",
        haul.move { from = haul.dir "/d" / "", to = haul.s3 { bucket = "one" } / "" },
        haul.move { from = haul.s3 { bucket = "one" } / "", to = haul.oss { bucket = "two" } / "" } }
    ]])
    passes [[
      local objects = { a = test.bytes "6MiB", b = "b" }
      for _, op in ipairs { "put", "upload_part", "complete", "head", "get", "delete", "remove" } do
        for n = 0, 3 do
          local world = test.world()
          world:dir("/d", objects)
          world:fault(nil, op, { crash = true, lost = n % 2 == 1, skip = n // 2 })
          world:run "move.lua"
          for key, bytes in pairs(objects) do
            assert.is_true(world:read("/d", key) == bytes or world:read("one", key) == bytes
              or world:read("two", key) == bytes)
          end
          world:run("move.lua"):expect(0)
          assert.same({ "a", "b" }, world:list "two")
          assert.same({}, world:list "one")
          assert.same({}, world:list "/d")
          world:close()
        end
      end
    ]]
  end)

  it("runs a night of a thousand objects and many retries in less than a second", function()
    upload("s3", 'retry = { attempts = 200 },')
    passes [[
      local world, many = test.world { clock = "2026-11-20T23:00:00" }, {}
      for i = 1, 1000 do many[("%04d"):format(i)] = "object " .. i end
      world:dir("/srv/data", many)
      world:fault("photos", "put", { with = "throttled", times = 300, retry_after = "10s" })
      world:fault("photos", "put", { with = "network", times = 200 })
      local before = os.clock()
      local run = world:run("upload.lua"):expect(0)
      local took = os.clock() - before
      assert.equal(1000, run.summary.objects_done)
      assert.equal(500, run.summary.retries)
      assert.truthy(run.seconds > 10, tostring(run.seconds))
      print(("%.2f s of %.0f s"):format(took, run.seconds))
    ]]
  end)

  it("refuses what means nothing", function()
    upload()
    fails([[test.world { colour = "red" }]], "unknown field 'colour'")
    fails([[test.world { clock = "tomorrow" }]], "a time is written")
    fails([[test.world():fault("b", "upload_prat")]], "there is no operation 'upload_prat'")
    fails([[test.world():fault("b", "put", { with = "bad luck" })]], "there is no kind of error 'bad luck'")
    fails([[test.world():fault("b", "put", { with = "disk" })]], "a request does not end with 'disk'")
    fails([[test.world():fault("b", "put", { part_number = 3 })]], "unknown field 'part_number'")
    fails([[test.world():run "none.lua"]], "none.lua")
    fails([[test.world():run("upload.lua", { night = 1 })]], "night")
    fails([[test.world():run("upload.lua"):expect(0)]], "/srv/data")
  end)

  it("ends a run that has no end", function()
    write("loop.lua", [[
      local haul = require "haul"
      return haul.job { haul.copy { from = haul.dir "/d" / "", to = haul.s3 { bucket = "bucket" } / "" },
        on = { object_failed = function() return haul.retry { after = 3600 } end } }
    ]])
    fails([[
      local world = test.world { limit = "2d" }
      world:dir("/d", { a = "1" })
      world:fault("bucket", "put", { with = "denied", times = math.huge })
      world:run "loop.lua"
    ]], "the run has no end")
  end)

  it("says what is missing where busted is", function()
    write("a_spec.lua", 'it("is", function() end)')
    local status, said = run "a_spec.lua"
    assert.equal(0, status, said)
    local pipe = io.popen(("cd %s && LUA_PATH=/none/?.lua %s test a_spec.lua 2>&1; echo $?")
      :format(shell.quote(dir), shell.quote(haul)))
    said = pipe:read("a")
    pipe:close()
    assert.truthy(said:find("apt-get install lua-busted", 1, true), said)
    assert.equal("2", said:match("(%d+)\n$"))
  end)

  it("is not for job files", function()
    write("job.lua", 'local test = require "haul.test"')
    local status, said = pcall(shell.read, ("%s check %s/job.lua 2>&1"):format(haul, dir))
    assert.is_false(status)
    assert.truthy(tostring(said):find("haul test", 1, true), said)
  end)
end)
