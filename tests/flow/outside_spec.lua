-- haul.http and haul.exec: what a hook asks of the world outside, and waits for, while transfers go on.
package.path = "tests/?.lua;" .. package.path
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
local hook = $hook
$before
return haul.job { name = "outside", concurrency = 2, part_size = "256KiB",
  on = { $on },
  haul.copy { from = haul.dir($src) / "", to = haul.dir($dst) / "", $task } }
]]

describe("a hook", function()
  local world, hook

  before_each(function()
    world, hook = haul.world(), server.webhook()
    files.tree(world:path "src", { a = 10, b = 300 << 10, c = 20 })
    files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  local function start(on, given)
    given = given or {}
    world:job(JOB, { src = world:path "src", dst = world:path "dst", on = { on or "" }, task = { given.task or "" },
      hook = given.hook or hook.endpoint, before = { given.before or "" } })
    return world:start { env = given.env }
  end

  local function run(on, given) return start(on, given):wait() end

  local function all_there()
    checks.same(files.sums(world:path "src"), files.sums(world:path "dst"))
  end

  -- A hook of the object "a" that keeps what `body` returns in a file.
  local function told(body, given)
    local out = world:path "told"
    local it_run = run(([[object_started = function(event, job) if event.key == "a" then
      local function f() %s end
      local file <close> = io.open(%q, "w")
      file:write(haul.json.encode(f()))
    end end]]):format(body, out), given)
    return json.decode(files.read(out) or it_run:describe()), it_run
  end

  -- A word that no other process has in its command line, and whether one has it.
  local function mark() return "haul-outside-" .. world.dir:match "[^/]*$" end
  local function runs(name) return shell.try { "pgrep", "-f", "[h]" .. name:sub(2) } end

  describe("with haul.http", function()
    it("sends what it is told to, and sees the answer", function()
      local answer, it_run = told [[return haul.http { url = hook .. "/echo?a=1", method = "PUT", body = "hello",
        headers = { ["Content-Type"] = "text/x-y", Authorization = "Bearer sesame-open" } }]]
      it_run:expect(0)
      assert.same({ 200, "hello", "text/x-y" }, { answer.status, answer.body, answer.headers["content-type"] })
      local asked = hook:log()[1]
      assert.same({ "PUT", "/echo?a=1", "hello", "Bearer sesame-open" },
        { asked.method, asked.path, asked.body, asked.headers.authorization })
      all_there()
    end)

    it("posts a body and gets without one", function()
      told [[haul.http { url = hook .. "/echo", body = "{}" } return haul.http { url = hook .. "/echo" }]]
      assert.same({ "POST", "GET" }, { hook:log()[1].method, hook:log()[2].method })
    end)

    it("tells of the end of the job", function()
      run([[job_finished = function(event) haul.http { url = hook .. "/done", body = haul.json.encode(event.summary) } end]])
        :expect(0)
      assert.equal(3, json.decode(hook:log()[1].body).objects_done)
    end)

    it("sees every status as an answer, and joins headers of one name", function()
      local answers = told [[local list = {} for _, path in ipairs { "/status/404", "/status/500", "/redirect", "/headers" } do
        list[#list + 1] = haul.http { url = hook .. path } end return list]]
      assert.same({ 404, 500, 302, 200 },
        { answers[1].status, answers[2].status, answers[3].status, answers[4].status })
      assert.equal("1, 3", answers[4].headers["x-one"])
      assert.equal(4, #hook:log())
    end)

    it("gets an error with a kind where there is no answer", function()
      local kinds = told [[local list = {}
        for _, options in ipairs { { url = "http://127.0.0.1:1/hush" }, { url = hook .. "/hold", timeout = "200ms" },
          { url = hook .. "/cut" }, { url = hook .. "/large/2000", max = "1kB" } } do
          local good, why = pcall(haul.http, options)
          list[#list + 1] = { good, why.kind, why.message }
        end
        return list]]
      local seen = {}
      for i, each in ipairs(kinds) do
        assert.is_false(each[1])
        assert.truthy(each[3]:find("^haul.http: .* at .*job.lua:%d+$"), each[3])
        assert.is_nil(each[3]:find("hush", 1, true))
        seen[i] = each[2]
      end
      assert.same({ "network", "timeout", "network", "server" }, seen)
    end)

    it("fails by such an error when it does not keep it, and harms nothing", function()
      local it_run = run([[object_started = function() haul.http { url = "http://127.0.0.1:1/" } end]]):expect(1)
      assert.equal(3, it_run:find("job_finished").summary.hook_errors)
      all_there()
    end)

    it("sends nothing to whom nobody vouches for", function()
      local tls = server.webhook "good"
      local answer = told([[local good, why = pcall(haul.http, { url = hook .. "/echo", body = "x" })
        return { good, why.kind }]], { hook = tls.endpoint })
      assert.same({ false, "network" }, answer)
      assert.same({}, tls:log())
      answer = told(([[return haul.http { url = hook .. "/echo", body = "x", ca = %q }]]):format(tls.env.CA_FILE),
        { hook = tls.endpoint })
      assert.equal("x", answer.body)
    end)

    it("shows no secret that it was given, whatever prints it", function()
      local it_run = run([[object_started = function(event)
        haul.http { url = hook .. "/echo", headers = { ["X-Api-Key"] = "canary-1234", Authorization = "Bearer canary-5678" } }
        haul.exec { "true", env = { MY_TOKEN = "canary-9999" } }
        print("canary-1234", "canary-5678", "canary-9999") error("canary-1234")
      end]])
      assert.is_nil(it_run.stderr:find("canary", 1, true), it_run.stderr)
    end)

    it("stops nothing while it waits", function()
      local it_run = start [[object_started = function(event)
        if event.key == "a" then haul.http { url = hook .. "/hold", timeout = "20s" } end
      end]]
      it_run:await("object_succeeded", 3)
      shell.wait(10, "the request", function() return #hook:log() == 1 end)
      assert.is_true(it_run:running())
      it_run:signal "TERM"
      it_run:wait():expect(143)
    end)

    it("takes no place of a transfer's, however many wait", function()
      local fault = server.fault { dialect = "s3" }
      for i = 1, 12 do fault:put("p/" .. i, "bytes " .. i) end
      world.env = fault.keys
      world:job([[
local haul = require "haul"
return haul.job { name = "outside", concurrency = 2, lanes = 1,
  on = { object_started = function(event) haul.http { url = $hook .. "/hold", timeout = "1m" } end },
  haul.copy { from = $store / "p/", to = haul.dir($dst) / "" } }]],
        { store = { fault.store }, hook = hook.endpoint, dst = world:path "dst" })
      local it_run = world:start()
      it_run:await("object_succeeded", 12)
      shell.wait(10, "eight requests", function() return #hook:log() == 8 end)
      it_run:signal "TERM"
      it_run:wait():expect(143)
    end)

    it("is told what is wrong with a request, with its line", function()
      for options, text in pairs {
        ["{}"] = "option 'url' is missing", ["{ url = 'h/x' }"] = "option 'url': an address such as",
        ["{ url = hook, method = 'get' }"] = "did you mean 'GET'", ["{ url = hook, timeout = 5 }"] = "has no unit",
        ["{ url = hook, heders = {} }"] = "did you mean 'headers'",
        ["{ url = hook, method = 'GET', body = 'x' }"] = "body: a GET has none",
        ["{ url = hook, headers = { host = 'x' } }"] = "headers: host is not for a script to set",
        ["{ url = hook, headers = { x = 'a\\nb' } }"] = "one line of text", ["{ url = 'http://u:p@h/' }"] = "a user or a password",
      } do
        local message = told(("local _, why = pcall(haul.http, %s) return why.message"):format(options))
        assert.truthy(message:find(text, 1, true), message)
        assert.matches("at .*job.lua:%d+$", message)
      end
    end)
  end)

  describe("with haul.exec", function()
    it("runs a command, word by word, and sees how it ended", function()
      local ran, it_run = told [[return {
        haul.exec { "printf", "%s|", "a b", "$(id)", 5 },
        haul.exec { "sh", "-c", "cat; echo bad >&2; exit 3", stdin = "given" },
        haul.exec { "sh", "-c", "kill -9 $$" },
        haul.exec { "pwd", cwd = "/usr" },
      }]]
      it_run:expect(0)
      assert.same({ status = 0, out = "a b|$(id)|5|", err = "" }, ran[1])
      assert.same({ status = 3, out = "given", err = "bad\n" }, ran[2])
      assert.same({ 137, 9 }, { ran[3].status, ran[3].signal })
      assert.equal("/usr\n", ran[4].out)
      all_there()
    end)

    it("gives it nothing of our environment that may be a secret", function()
      local env = { AWS_SECRET_ACCESS_KEY = "canary", OSS_ACCESS_KEY_SECRET = "canary", TOS_SECRET_KEY = "canary",
        HAUL_LOG_LEVEL = "info", MY_TOKEN = "canary" }
      local ran = told([[return haul.exec { "env", env = { GIVEN = "yes" } }.out]], { env = env })
      assert.is_nil(ran:find "canary")
      assert.is_nil(ran:find "HAUL_")
      assert.truthy(ran:find("GIVEN=yes\n", 1, true))
      assert.truthy(ran:find("PATH=", 1, true))
    end)

    it("gets an error with a kind where it could not be run to its end", function()
      local kinds = told [[local list = {}
        for _, options in ipairs { { "no-such-program" }, { "sleep", "60", timeout = "200ms" },
          { "head", "-c", "2000", "/dev/zero", max = "1kB" } } do
          local good, why = pcall(haul.exec, options)
          list[#list + 1] = { good, why.kind, why.message }
        end
        return list]]
      local seen = {}
      for i, each in ipairs(kinds) do
        assert.truthy(each[3]:find("^haul.exec: .* at .*job.lua:%d+$"), each[3])
        seen[i] = each[2]
      end
      assert.same({ "invalid", "timeout", "invalid" }, seen)
    end)

    it("stops nothing while it runs, and it is killed when the run ends", function()
      local name = mark()
      local it_run = start(([[object_started = function(event)
        if event.key == "a" then haul.exec { "sh", "-c", "sleep 60; echo %s" } end
      end]]):format(name))
      it_run:await("object_succeeded", 3)
      shell.wait(10, "the command", function() return runs(name) end)
      it_run:signal "TERM"
      it_run:wait():expect(143)
      shell.wait(10, "its end", function() return not runs(name) end)
    end)

    it("does not outlive haul", function()
      local name = "haul-follows-" .. mark()
      files.write(world:path(name), "")
      local it_run = start(([[object_started = function(event)
        if event.key == "a" then haul.exec { "tail", "-f", %q } end end]]):format(world:path(name)))
      shell.wait(10, "the command", function() return runs(name) end)
      it_run:kill()
      shell.wait(10, "its end", function() return not runs(name) end)
    end)

    it("is told what is wrong with a command, with its line", function()
      for options, text in pairs {
        ["{}"] = "takes a program and its arguments", ["{ '' }"] = "word 1 must be text", ["{ 'a', {} }"] = "word 2 must be text",
        ["{ 'a', nil, 'b' }"] = "word 2 must be text, not missing", ["{ 'a', timeout = 1 }"] = "has no unit",
        ["{ 'a', env = { ['A=B'] = 'x' } }"] = "is no name of a variable", ["{ 'a', inptu = 'x' }"] = "unknown option 'inptu'",
        ["{ 'a', stdin = 5 }"] = "option 'stdin': text is expected",
      } do
        local message = told(("local _, why = pcall(haul.exec, %s) return why.message"):format(options))
        assert.truthy(message:find(text, 1, true), message)
      end
    end)
  end)

  describe("alone may wait:", function()
    for name, call in pairs { http = "haul.http { url = hook }", exec = "haul.exec { 'true' }" } do
      it("haul." .. name .. " is refused while the job file is read", function()
        local it_run = run("", { before = call }):expect(2)
        assert.truthy(it_run.stderr:find("waits, which only a hook can", 1, true), it_run.stderr)
      end)

      it("haul." .. name .. " is refused in a function of a task", function()
        local it_run = run("", { task = "where = function() " .. call .. " return true end" }):expect(1)
        assert.truthy(it_run.stderr:find("waits, which only a hook can", 1, true), it_run.stderr)
        assert.same({}, hook:log())
      end)
    end
  end)
end)
