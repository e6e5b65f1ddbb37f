-- Bad input: a clear message, exit status 2 or 3, and nothing written anywhere.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

describe("bad input:", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "s3", options = "connect_timeout = '1s', stall_timeout = '1s'" }
    world = haul.world { keys = fault.keys }
    files.tree(world:path "src", { a = 10, ["d/b"] = 20 })
    files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  -- Runs the job and looks that nothing came of it; `words` are plain text that the message must have.
  local function refuses(status, text, words, given)
    local vars = { store = { fault.store }, src = world:path "src", dst = world:path "dst" }
    for name, value in pairs(given and given.vars or {}) do vars[name] = value end
    world:job(text, vars)
    local before = files.snapshot(world:path "src") .. files.snapshot(world:path "dst")
    local run = world:run(given)
    run:expect(status)
    for _, word in ipairs(words) do
      assert.is_truthy(run.stderr:find(word, 1, true), ("no %q in: %s"):format(word, run.stderr))
    end
    assert.equal(before, files.snapshot(world:path "src") .. files.snapshot(world:path "dst"))
    assert.same({}, fault:objects())
    for _, entry in ipairs(fault:log()) do
      assert.is_true(entry.method == "GET" or entry.method == "HEAD", "sent " .. entry.method)
    end
    assert.equal(0, run:count "object_started")
    return run
  end

  local HEAD = 'local haul = require "haul"\n'
  local UP = 'haul.copy { from = haul.dir($src) / "", to = $store / "x/" }'

  local function job(options, task)
    return HEAD .. "return haul.job {\n  name = 'bad',\n  " .. options .. "\n  " .. (task or UP) .. "\n}\n"
  end

  describe("the job file", function()
    it("does not parse", function()
      refuses(2, HEAD .. "return haul.job {\n  name = = 'x'\n}", { "job.lua:3" })
    end)
    it("raises", function() refuses(2, HEAD .. "\nerror 'no such luck'", { "job.lua:3", "no such luck" }) end)
    it("raises no text", function() refuses(2, "error { code = 5 }", { "job.lua" }) end)
    it("returns nothing", function() refuses(2, HEAD, { "job.lua", "haul.job" }) end)
    it("returns something else", function() refuses(2, "return { name = 'x' }", { "job.lua", "haul.job" }) end)
    it("is not there", function()
      world.file = world:path "nowhere.lua"
      local run = world:run():expect(2)
      assert.is_truthy(run.stderr:find("nowhere.lua", 1, true))
    end)
    it("is a directory", function()
      world.file = world:path "src"
      world:run():expect(2)
    end)
    it("is compiled", function()
      files.write(world:path "job.lua", string.dump(function() return 1 end))
      world.file = world:path "job.lua"
      world:run():expect(2)
    end)
    it("reads an undeclared global", function()
      refuses(2, HEAD .. "local x = undeclared\n" .. job "", { "job.lua:2", "undeclared" })
    end)
    it("has no task", function() refuses(2, job("", ""), { "job.lua:2", "task" }) end)
  end)

  describe("an option", function()
    local cases = {
      { "is unknown to the job", job "concurency = 5,", { "job.lua:2", "concurency", "concurrency" } },
      { "is unknown to the task", job("", 'haul.copy { from = haul.dir($src) / "", to = $store / "x/", form = 1 }'),
        { "job.lua:5", "form", "from" } },
      { "is unknown to the store",
        job("", 'haul.copy { from = haul.dir($src) / "", to = haul.s3 { bukcet = "b" } / "" }'),
        { "job.lua:5", "bukcet", "bucket" } },
      { "lacks its unit", job "part_size = 16000000,", { "job.lua:2", "part_size" } },
      { "lacks its unit in text", job "part_size = '16000000',", { "job.lua:2", "part_size" } },
      { "has an unknown unit", job "part_size = '16MeB',", { "job.lua:2", "part_size" } },
      { "is zero", job "part_size = '0MiB',", { "job.lua:2", "part_size" } },
      { "is negative", job "part_size = '-5MiB',", { "job.lua:2", "part_size" } },
      { "is beyond all numbers", job "part_size = '99999999999999999999TiB',", { "job.lua:2", "part_size" } },
      { "is below the provider's limit", job "part_size = '1MiB',", { "part_size", "5" } },
      { "is above the provider's limit", job "part_size = '6GiB',", { "part_size" } },
      { "is a rate without its time", job "rate = '20MiB',", { "job.lua:2", "rate" } },
      { "is a rate of zero", job "rate = '0MiB/s',", { "job.lua:2", "rate" } },
      { "is a concurrency of zero", job "concurrency = 0,", { "job.lua:2", "concurrency" } },
      { "is a fraction", job "concurrency = 1.5,", { "job.lua:2", "concurrency" } },
      { "is not a number", job "concurrency = 0/0,", { "job.lua:2", "concurrency" } },
      { "is of another type", job "concurrency = 'many',", { "job.lua:2", "concurrency" } },
      { "is a retry of an unknown kind", job "retry = { on = { 'netwrok' } },", { "job.lua", "netwrok", "network" } },
      { "is a hook of an unknown event", job "on = { part_faild = function() end },",
        { "job.lua", "part_faild", "part_failed" } },
      { "is a hook that is no function", job "on = { part_failed = 5 },", { "job.lua", "part_failed" } },
      { "is a job's name that leaves its directory", (job ""):gsub("'bad'", "'../bad'"), { "job.lua:2", "name" } },
      { "lacks: from", job("", 'haul.copy { to = $store / "x/" }'), { "job.lua:5", "from" } },
      { "lacks: bucket", job("", 'haul.copy { from = haul.dir($src) / "", to = haul.s3 { } / "" }'),
        { "job.lua:5", "bucket" } },
      { "is a place that is text", job("", 'haul.copy { from = "src/", to = $store / "x/" }'),
        { "job.lua:5", "from" } },
    }
    for _, case in ipairs(cases) do
      it(case[1], function() refuses(2, case[2], case[3]) end)
    end
  end)

  describe("a parameter", function()
    local text = HEAD .. "haul.param { day = { 'The day', required = true } }\nlocal _ = haul.param.day\n" .. job ""
    text = text:gsub("\n" .. HEAD, "\n")
    it("that is needed is missing", function() refuses(2, text, { "day" }) end)
    it("is unknown", function() refuses(2, text, { "dya", "day" }, { args = { "dya=1", "day=2" } }) end)
  end)

  describe("the command line", function()
    local function says(words, status, text)
      local run = world:run { bare = true, args = words }
      run:expect(status)
      assert.is_truthy(run.stderr:find(text, 1, true), run.stderr)
    end
    it("names no such command", function() says({ "rnu", "x.lua" }, 2, "rnu") end)
    it("names no such option", function() says({ "run", "--concurency", "5", "x.lua" }, 2, "concurency") end)
    it("has no job", function() says({ "run" }, 2, "") end)
  end)

  describe("the store", function()
    local function store(text) return { vars = { store = { text } } } end
    local function at(url)
      return store(("haul.s3 { bucket = 'test', region = 'r', endpoint = %q }"):format(url))
    end
    it("has no such bucket", function()
      refuses(3, job "", { "nowhere" }, store((fault.store:gsub("'test'", "'nowhere'"))))
    end)
    it("does not know the key", function()
      refuses(3, job "", { "InvalidAccessKeyId" }, { env = { AWS_ACCESS_KEY_ID = "SOMEBODYELSE" } })
    end)
    it("has another secret", function()
      refuses(3, job "", { "SignatureDoesNotMatch" }, { env = { AWS_SECRET_ACCESS_KEY = "guessed" } })
    end)
    it("gets no credentials", function()
      refuses(3, job "", { "AWS_ACCESS_KEY_ID" }, { env = { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" } })
    end)
    it("is in another region", function()
      refuses(3, job "", { "us-east-1" }, store((fault.store:gsub("us%-east%-1", "eu-west-9"))))
    end)
    it("has a name that no resolver knows", function()
      refuses(3, job "", { "store.invalid" }, at "http://store.invalid")
    end)
    it("has an endpoint where nobody listens", function()
      refuses(3, job "", { "127.0.0.1:9" }, at "http://127.0.0.1:9")
    end)
    for _, url in ipairs { "file:///etc/passwd", "ftp://127.0.0.1", "http://", "http://a b", "http://u:p@127.0.0.1" } do
      it("has the endpoint " .. url, function()
        world:job(job "", { store = at(url).vars.store, src = world:path "src" })
        local run = world:run()
        assert.is_true(run.status == 2 or run.status == 3, run:describe())
        assert.is_truthy(run.stderr:find("endpoint", 1, true), run.stderr)
      end)
    end
    it("has a bucket name that is none", function()
      world:job(job "", { store = { "haul.s3 { bucket = '../etc', region = 'r' }" }, src = world:path "src" })
      local run = world:run()
      assert.is_true(run.status == 2 or run.status == 3, run:describe())
    end)
  end)

  describe("the files", function()
    it("are not there to be sent", function()
      refuses(3, job("", 'haul.copy { from = haul.dir($dst) / "missing/", to = $store / "x/" }'), { "missing" })
    end)
    it("lack the one that is to be sent", function()
      refuses(3, job("", 'haul.copy { from = haul.dir($src) / "missing.bin", to = $store / "x" }'), { "missing.bin" })
    end)
    it("have no such directory", function()
      refuses(3, job("", 'haul.copy { from = haul.dir("/nonexistent") / "", to = $store / "x/" }'), { "/nonexistent" })
    end)
    it("are read where a file is", function()
      refuses(3, job("", 'haul.copy { from = haul.dir($file) / "", to = $store / "x/" }'), { "src/a" },
        { vars = { file = world:path "src/a" } })
    end)

    local function download(to)
      fault:put("k", "bytes")
      world:job(job("", 'haul.copy { from = $store / "k", to = ' .. to .. " }"),
        { store = { fault.store }, dst = world:path "dst" })
      return world:run()
    end

    it("cannot be written to the directory", function()
      if shell.read("id -u"):match "^0" then
        -- root writes anywhere but below what is no directory
        files.write(world:path "dst/plain", "")
        local run = download('haul.dir($dst) / "plain/"')
        assert.is_true(run.status == 3 or run.status == 1, run:describe())
        assert.equal("", files.read(world:path "dst/plain"))
        return
      end
      shell.read { "chmod", "500", world:path "dst" }
      download('haul.dir($dst) / ""'):expect(3)
    end)
  end)

  describe("a key", function()
    for _, key in ipairs { "../escaped", "a/../../escaped", "/absolute", "a//b", "./x", "a/.", "..", "a/.." } do
      it(("%q is not written anywhere"):format(key), function()
        fault:put("p/good", "good")
        fault:put("p/" .. key, "bad")
        world:job(job("", 'haul.copy { from = $store / "p/", to = haul.dir($dst) / "sub/" }'),
          { store = { fault.store }, dst = files.mkdir(world:path "dst/inner") })
        local run = world:run()
        run:expect(1)
        assert.equal("good", files.read(world:path "dst/inner/sub/good"))
        local names = {}
        for name in pairs(files.sums(world.dir)) do
          if name:find("escaped", 1, true) or name:find("absolute", 1, true) then names[#names + 1] = name end
        end
        assert.same({}, names)
        assert.equal(1, run:count "object_failed")
        assert.equal("invalid", run:find("object_failed").error.kind)
      end)
    end

    it("whose way leads through a symbolic link is refused", function()
      files.mkdir(world:path "outside")
      shell.read { "ln", "-s", world:path "outside", world:path "dst/link" }
      fault:put("p/link/x", "bad")
      fault:put("p/ok", "good")
      world:job(job("", 'haul.copy { from = $store / "p/", to = haul.dir($dst) / "" }'),
        { store = { fault.store }, dst = world:path "dst" })
      local run = world:run():expect(1)
      assert.same({}, files.sums(world:path "outside"))
      assert.equal("good", files.read(world:path "dst/ok"))
      assert.equal(1, run:count("object_failed", { key = "p/link/x" }) + run:count("object_failed", { key = "link/x" }))
    end)

    it("that needs a directory where another is a file is refused, and both are named", function()
      fault:put("p/a", "file")
      fault:put("p/a/b", "below")
      world:job(job("", 'haul.copy { from = $store / "p/", to = haul.dir($dst) / "" }'),
        { store = { fault.store }, dst = world:path "dst" })
      local run = world:run():expect(1)
      assert.equal(1, run:count "object_failed")
      assert.equal(1, run:count "object_succeeded")
      assert.is_truthy(run.stderr:find("p/a", 1, true) or run.stderr:find("'a'", 1, true), run.stderr)
    end)
  end)
end)
