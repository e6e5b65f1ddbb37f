-- haul cp, sync and ls: jobs without a job file.
local haul = require "support.haul"
local files = require "support.files"
local json = require "support.json"
local server = require "support.server"

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

describe("a line instead of a job file:", function()
  local world, src, dst

  before_each(function()
    world = haul.world()
    src, dst = files.mkdir(world:path "src"), world:path "dst"
    files.tree(src, { a = 10, ["b.txt"] = 0, ["d/c"] = 3000 })
  end)
  after_each(function() world:remove() end)

  local function line(verb, ...)
    return world:run { verb = verb, file = false, events = false, args = { ... } }
  end

  describe("cp", function()
    it("copies a directory, and leaves no state behind", function()
      line("cp", src, dst):expect(0)
      assert.same(files.sums(src), files.sums(dst))
      assert.is_nil(world:state():find "journal")
      line("cp", "-r", src .. "/", dst .. "/"):expect(0)
    end)

    it("copies one file, to a name or into a directory", function()
      line("cp", src .. "/a", dst):expect(0)
      assert.equal(files.sum(src .. "/a"), files.sum(dst))
      files.mkdir(world:path "into")
      line("cp", "file://" .. src .. "/d/c", world:path "into"):expect(0)
      assert.equal(files.sum(src .. "/d/c"), files.sum(world:path "into/c"))
    end)

    it("takes what the patterns take", function()
      line("cp", src, dst, "--include", "**.txt", "--include", "d/**", "--exclude", "d/c"):expect(0)
      assert.same({ ["b.txt"] = files.sums(src)["b.txt"] }, files.sums(dst))
    end)

    for dialect, region in pairs { s3 = "us-east-1", oss = "cn-hangzhou", tos = "cn-beijing" } do
      it("speaks to a bucket of " .. dialect .. " and back", function()
        local it = server.fault { dialect = dialect }
        for name, value in pairs(it.keys) do world.env[name] = value end
        local where = { "--endpoint", it.endpoint, "--region", region }
        if it.env.CA_FILE then where[5], where[6] = "--ca", it.env.CA_FILE end
        line("cp", src, dialect .. "://test/up", table.unpack(where)):expect(0)
        line("cp", dialect .. "://test/up/", dst, table.unpack(where)):expect(0)
        assert.same(files.sums(src), files.sums(dst))
        line("cp", dialect .. "://test/up/d/c", world:path "one", table.unpack(where)):expect(0)
        assert.equal(files.sum(src .. "/d/c"), files.sum(world:path "one"))
        local listed = lines(line("ls", dialect .. "://test/up/", table.unpack(where)):expect(0).stdout)
        assert.equal(3, #listed)
        assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+Z +3000  up/d/c$", listed[3])
      end)
    end

    it("gives each side an endpoint of its own", function()
      local from, to = server.fault { dialect = "oss" }, server.fault { dialect = "tos" }
      for _, it in ipairs { from, to } do
        for name, value in pairs(it.keys) do world.env[name] = value end
      end
      local object = from:put("in/x", { size = 70000 })
      line("cp", "oss://test/in/x", "tos://test/out/", "--from-endpoint", from.endpoint, "--from-region", "cn-hangzhou",
        "--to-endpoint", to.endpoint, "--to-region", "cn-beijing"):expect(0)
      assert.equal(object.sha256, to:objects()["out/x"].sha256)
    end)

    it("carries on what was interrupted", function()
      local it = server.fault { dialect = "s3" }
      for name, value in pairs(it.keys) do world.env[name] = value end
      files.random(src .. "/big", 24 << 20)
      it:rules { op = "part", part = 3, with = "hold" }
      local words = { src .. "/big", "s3://test/big", "--endpoint", it.endpoint, "--region", "us-east-1",
        "--part-size", "5MiB", "--concurrency", "1", "--events", world:path "events" }
      local run = world:start { verb = "cp", file = false, events = false, args = words }
      run.events_file = world:path "events"
      run:await("part_succeeded", 2)
      run:kill()
      it:release()
      words[#words] = world:path "again"
      local again = line("cp", table.unpack(words)):expect(0)
      assert.matches("carrying on", again.stderr)
      again.events_file = world:path "again"
      again:read_events()
      assert.equal(3, again:count "part_succeeded")
    end)
  end)

  describe("sync", function()
    it("sends what differs, and deletes only when told to", function()
      line("sync", src, dst):expect(0)
      files.write(dst .. "/extra", "x")
      files.write(src .. "/a", "changed")
      assert.matches("1 done, 2 skipped", line("sync", src, dst):expect(0).stderr)
      assert.is_true(files.exists(dst .. "/extra"))
      line("sync", "--delete", src, dst):expect(0)
      assert.same(files.sums(src), files.sums(dst))
    end)

    it("has the guard of a job, and the command line moves it", function()
      line("sync", src, dst):expect(0)
      files.remove(src .. "/d")
      files.remove(src .. "/a")
      local refused = line("sync", "--delete", src, dst):expect(6)
      assert.matches("2 of 3 objects would go, and max_delete is 25%%", refused.stderr)
      assert.is_true(files.exists(dst .. "/a"))
      line("sync", "--delete", "--max-delete", "1", src, dst):expect(6)
      line("sync", "--delete", "--max-delete", "70%", src, dst):expect(0)
      assert.same(files.sums(src), files.sums(dst))
    end)

    it("can be looked at first", function()
      line("sync", src, dst):expect(0)
      files.write(dst .. "/extra", "x")
      files.write(src .. "/a", "changed")
      local run = line("sync", "-n", "--delete", src, dst):expect(0)
      assert.matches("send [^\n]* a %-> a\n", run.stdout)
      assert.matches("delete [^\n]* extra\n", run.stdout)
      assert.matches("\n1 objects, 7 B, 1 parts to send, 1 objects to delete; nothing was written\n$", run.stdout)
      assert.is_true(files.exists(dst .. "/extra"))
    end)
  end)

  describe("ls", function()
    it("lists a directory in key order, as text and as JSON", function()
      local keys = {}
      for _, one in ipairs(lines(line("ls", src):expect(0).stdout)) do keys[#keys + 1] = one:match "  (%S+)$" end
      assert.same({ "a", "b.txt", "d/c" }, keys)
      local last = json.decode(lines(line("ls", "--json", src):expect(0).stdout)[3])
      assert.same({ "d/c", 3000 }, { last.key, last.size })
    end)

    it("waits for a store that is busy, and says what one answers that refuses", function()
      local it = server.fault { dialect = "s3" }
      for name, value in pairs(it.keys) do world.env[name] = value end
      it:put("k", "x")
      it:rules { op = "list", with = "503", times = 1 }
      assert.matches("k", line("ls", "s3://test/", "--endpoint", it.endpoint, "--region", "us-east-1"):expect(0).stdout)
      world.env.AWS_SECRET_ACCESS_KEY = "wrong"
      local run = line("ls", "s3://test/", "--endpoint", it.endpoint, "--region", "us-east-1"):expect(3)
      assert.matches("SignatureDoesNotMatch", run.stderr)
    end)
  end)

  it("words that are none are told, and nothing is written", function()
    for _, bad in ipairs {
      { "cp", { src }, "two addresses" }, { "cp", { src, dst, "x" }, "two addresses" }, { "ls", {}, "one address" },
      { "cp", { "s3:///x", dst }, "s3://BUCKET/PATH is expected" }, { "cp", { "ftp://h/x", dst }, "ftp:// is no address" },
      { "cp", { "https://host/", dst }, "the address of one file" }, { "cp", { src, "https://host/x" }, "nothing can be written" },
      { "sync", { src, dst, "--max-delete", "many" }, "max_delete" }, { "cp", { src, dst, "--endpiont", "x" }, "endpoint" },
    } do
      local run = line(bad[1], table.unpack(bad[2])):expect(2)
      assert.truthy(run.stderr:find(bad[3], 1, true), run.stderr)
      assert.is_nil(run.stderr:find("lua", 1, true), run.stderr)
    end
    line("cp", world:path "none", dst):expect(3)
    assert.is_false(files.exists(dst))
    assert.equal("", world:state())
  end)
end)
