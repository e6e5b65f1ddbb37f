-- Hooks that wait: for time, for each other, for stores; what they wait for stops nothing else.
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"

local PART = 256 << 10

local JOB = [[
local haul = require "haul"
local store, here, there = $store, haul.dir($src), haul.dir($dst)
$before
return haul.job { name = "waiting", concurrency = $concurrency, part_size = "256KiB",
  retry = { attempts = 3, base = "5ms", cap = "10ms" }, $more
  on = { $on },
  $task }
]]

describe("a hook that waits", function()
  local fault, world

  before_each(function()
    fault = server.fault { dialect = "oss" }
    world = haul.world { keys = fault.keys }
    files.mkdir(world:path "dst")
    files.mkdir(world:path "src")
    fault:put("p/a", { size = 3 * PART + 1, seed = "a" })
    fault:put("p/b", "fine")
  end)

  after_each(function() world:remove() end)

  local DOWN = 'haul.copy { from = store / "p/", to = there / "" }'
  local UP = 'haul.copy { from = here / "", to = store / "u/" }'

  local function start(on, given)
    given = given or {}
    world:job(JOB, { store = { fault.store }, src = world:path "src", dst = world:path "dst", on = { on },
      before = { given.before or "" }, more = { given.more or "" }, task = { given.task or DOWN },
      concurrency = given.concurrency or 4 })
    return world:start { args = given.args }
  end

  local function run(on, given) return start(on, given):wait() end

  -- What the hooks said with haul.log.info "SAID ...".
  local function said(it_run)
    local list = {}
    for line in it_run.stderr:gmatch "SAID ([^\n]*)" do list[#list + 1] = line end
    return list
  end

  -- A job_started hook whose body says what it finds.
  local function says(body, given)
    return said(run("job_started = function(event, job) local function say(...) haul.log.info('SAID ' .. "
      .. "table.concat({ ... }, ' ')) end " .. body .. " end", given):expect(given and given.status or 0))
  end

  local function right(name)
    assert.equal(fault:objects()["p/" .. name].sha256, files.sum(world:path "dst" .. "/" .. name))
  end

  describe("for a store", function()
    for dialect, class in pairs { s3 = "STANDARD_IA", tos = "IA" } do
      it("of another kind (" .. dialect .. ")", function()
        local other = server.fault { dialect = dialect }
        local there = haul.world { keys = other.keys }
        there:job([[
local haul = require "haul"
local store = $store
return haul.job { name = "kinds",
  on = { job_started = function()
    store:put("k/a.json", "{}", { metadata = { owner = "mine" }, storage_class = $class, tags = { a = "b c" } })
    local text, object = store:get "k/a.json"
    haul.log.info(("SAID %s %s %s %s"):format(text, object.content_type, object.metadata.owner, object.storage_class))
    haul.log.info("SAID " .. store:tags("k/a.json").a)
    store:tag("k/a.json", { c = "d" })
    for each in store:list { prefix = "k/" } do haul.log.info("SAID " .. each.key .. store:tags(each.key).c) end
    store:delete "k/a.json"
    haul.log.info("SAID " .. select(2, store:head "k/a.json").kind .. " " .. tostring(store:tags "k/a.json"))
  end },
  haul.copy { from = haul.dir($src) / "", to = store / "u/" } }
]], { store = { other.store }, class = class, src = files.mkdir(there:path "src") })
        assert.same({ "{} application/json mine " .. class, "b c", "k/a.jsond", "missing nil" }, said(there:run():expect(0)))
        there:remove()
      end)
    end

    it("on the web, which can be read alone", function()
      local web = server.fault { dialect = "web" }
      web:put("pub/list.txt", "one")
      assert.same({ "one 3", "invalid", "invalid" }, says([[
        local text, object = web:get "pub/list.txt"
        say(text, object.size)
        say(select(2, pcall(web.put, web, "x", "y")).kind)
        say(select(2, pcall(web:list())).kind)]], { before = "local web = " .. web.store }))
    end)

    for _, kind in ipairs { "store", "here" } do
      it("puts, looks, reads, lists and deletes (" .. kind .. ")", function()
        assert.same({ "made 5", "5 text/plain", "bytes 5", "k/a.txt k/b", "nil missing nil missing", "k/b" },
          says(([[
            local s = %s
            s:put("k/a.txt", "bytes")
            s:put("k/b", "")
            say("made", s:head("k/a.txt").size)
            say(s:head("k/a.txt").size, s:head("k/a.txt").content_type)
            local text, object = s:get "k/a.txt"
            say(text, object.size)
            local function keys()
              local list = {}
              for each in s:list { prefix = "k/" } do list[#list + 1] = each.key end
              return table.concat(list, " ")
            end
            say(keys())
            s:delete "k/a.txt"
            s:delete "k/a.txt"
            local none, why = s:head "k/a.txt"
            local nothing, reason = s:get "k/a.txt"
            say(tostring(none), why.kind, tostring(nothing), reason.kind)
            say(keys())
            s:delete "k/b"]]):format(kind)))
      end)
    end

    it("gives and takes what an object carries", function()
      assert.same({ "text/html mine IA", "a=1 b=2 c", "c=d/e", "none" }, says [[
        store:put("k", "x", { headers = { ["content-type"] = "text/html" }, metadata = { owner = "mine" },
          storage_class = "IA", tags = { a = "1", ["b"] = "2 c" } })
        local object = store:head "k"
        say(object.content_type, object.metadata.owner, object.storage_class)
        local tags = store:tags "k"
        say("a=" .. tags.a, "b=" .. tags.b)
        store:tag("k", { c = "d/e" })
        say("c=" .. store:tags("k").c)
        store:tag("k", {})
        say(next(store:tags "k") or "none")]])
    end)

    it("lists more than a page, page by page", function()
      for i = 1, 25 do fault:put(("l/%02d"):format(i), "x") end
      fault:options { page = 10 }
      assert.same({ "25 l/01 l/25", "12" }, says [[
        local n, first, last = 0
        for each in store:list { prefix = "l/" } do n, first, last = n + 1, first or each.key, each.key end
        say(n, first, last)
        n = 0
        for each in store:list { prefix = "l/" } do n = n + 1 if n == 12 then break end end
        say(n)]])
    end)

    it("is made again as the policy says, and then raises an error object", function()
      fault:rules({ op = "head", key = "k", with = "500", times = 2 }, { op = "get", key = "k", with = "500", times = -1 },
        { op = "put", key = "k2", with = "denied", times = -1 })
      fault:put("k", "x")
      local it_run = run([[job_started = function()
        haul.log.info("SAID " .. store:head("k").size)
        local good, e = pcall(store.get, store, "k")
        haul.log.info(("SAID %s %s %s %s"):format(good, e.kind, e.status,
          e.message:find "store:get: oss://.-/k: .* at .-job.lua:" ~= nil))
        good, e = pcall(store.put, store, "k2", "x")
        haul.log.info(("SAID %s %s"):format(good, e.kind))
      end]]):expect(0)
      assert.same({ "1", "false server 500 true", "false denied" }, said(it_run))
    end)

    it("refuses what is more than it takes", function()
      fault:put("k", { size = 100000 })
      files.write(world:path "src/big", ("x"):rep(100000))
      assert.same({ "invalid", "invalid", "100000" }, says [[
        for _, s in ipairs { store, here } do
          local good, e = pcall(s.get, s, s == store and "k" or "big", { max = "10KiB" })
          say(e.kind)
        end
        say(#store:get("k"))]], { task = DOWN })
    end)

    it("never asks for a key outside of a directory", function()
      assert.same({ "invalid", "invalid" }, says [[
        for _, key in ipairs { "../x", "/etc/passwd" } do
          local good, e = pcall(here.get, here, key)
          say(e.kind)
        end]])
    end)

    it("that no task names may be used as well, and is told of when it is wrong", function()
      assert.same({ "x", "true" }, says([[
        spare:put("s", "x")
        say((spare:get "s"))
        local good, e = pcall(bad.head, bad, "x")
        say(tostring(not good and e.message:find "cannot be used" ~= nil))]],
        { before = "local spare = haul.dir(tostring(here) .. '/spare') local bad = haul.s3 { bucket = 'pail', "
          .. "region = 'x', credentials = function() error 'no keys here' end }" }))
    end)
  end)

  it("is refused where nothing can wait", function()
    local it_run = run([[job_started = function()
      for _, f in ipairs { function() table.sort({ 3, 2, 1 }, function() haul.sleep "1s" end) end,
        function() ("x"):gsub("x", function() store:head "k" end) end } do
        local good, e = pcall(f)
        haul.log.info("SAID " .. tostring(e):match "which [%a ]*")
      end
    end]]):expect(0)
    assert.same({ "which is not possible inside of a function that table", "which is not possible inside of a function that table" },
      said(it_run))
    local declared = run("", { before = "haul.sleep '1s'" }):expect(2)
    assert.matches("haul.sleep at .*job.lua:%d+ waits, which only a hook can", declared.stderr)
    local mapped = run("", { task = 'haul.copy { from = store / "p/", to = there / "", where = function() haul.sleep "1s" end }' })
    assert.equal(1, mapped.status, mapped:describe())
    assert.matches("waits, which only a hook can", mapped.stderr)
  end)

  it("may do so in a coroutine of the job file's own", function()
    assert.same({ "1", "2", "3", "done" }, says [[
      local function numbers()
        return coroutine.wrap(function()
          for i = 1, 3 do
            haul.sleep "10ms"
            coroutine.yield(i)
          end
        end)
      end
      for i in numbers() do say(i) end
      say "done"]])
  end)

  describe("lets go on", function()
    -- Every part of a large object moves while the hook of a small one sleeps.
    it("the transfers", function()
      fault:put("p/a", { size = 40 * PART, seed = "a" })
      local it_run = run([[object_started = function(event)
        if event.key == "p/b" then haul.sleep "1s" haul.log.info "SAID awake" end end,
        object_succeeded = function(event) haul.log.info("SAID " .. event.key) end]], { concurrency = 64 }):expect(0)
      assert.same({ "p/a", "awake", "p/b" }, said(it_run))
      local first = it_run:find("object_started", { key = "p/b" }).time
      for _, event in ipairs(it_run:all("part_succeeded", { key = "p/a" })) do
        assert.is_true(event.time < first + 1, "a part came " .. event.time - first .. " s after the hook began")
      end
      right "a"
    end)

    it("the other parts of an object whose part waits for a decision", function()
      fault:rules { op = "get", key = "p/a", range = "bytes=0-262143", with = "500", times = 3 }
      local it_run = run([[part_failed = function(event) haul.sleep "300ms" return haul.retry { after = 0 } end]]):expect(0)
      local last
      for _, event in ipairs(it_run:all("part_succeeded", { key = "p/a" })) do last = event.part.number end
      assert.equal(1, last)
      right "a"
    end)
  end)

  it("keeps the order of one object's events", function()
    local it_run = run([[object_started = function(event) haul.sleep "100ms" haul.log.info("SAID started " .. event.key) end,
      part_succeeded = function(event) haul.sleep "10ms" haul.log.info("SAID part " .. event.key) end,
      object_succeeded = function(event) haul.log.info("SAID done " .. event.key) end]]):expect(0)
    local order = {}
    for _, line in ipairs(said(it_run)) do
      local what, key = line:match "(%a+) (.*)"
      order[key] = (order[key] or "") .. what .. " "
    end
    assert.equal("started part part part part done ", order["p/a"])
  end)

  describe("is ended with the run", function()
    local SLEEPS = [[object_started = function(event)
      local x <close> = setmetatable({}, { __close = function() haul.log.info "SAID closed" end })
      haul.log.info "SAID sleeps"
      haul.sleep "1h"
    end, job_finished = function() haul.sleep "10ms" haul.log.info "SAID finished" end]]

    it("that is interrupted", function()
      local it_run = start(SLEEPS)
      it_run:await("object_succeeded", 2)
      it_run:signal "INT"
      it_run:wait()
      assert.equal(130, it_run.status, it_run:describe())
      assert.same({ "sleeps", "sleeps", "closed", "closed", "finished" }, said(it_run))
      right "b"
    end)

    it("that is stopped, or out of time", function()
      for more, status in pairs { ["--max-duration=1s"] = 10 } do
        local it_run = run(SLEEPS, { args = { more } })
        assert.equal(status, it_run.status, it_run:describe())
        assert.same({ "sleeps", "sleeps", "closed", "closed", "finished" }, said(it_run))
      end
    end)

    it("in job_finished too, where nothing else is left", function()
      local it_run = start [[job_finished = function() haul.sleep "1h" end]]
      it_run:await("job_finished", 1)
      it_run:signal "INT"
      it_run:wait()
      assert.equal(130, it_run.status, it_run:describe())
      run(""):expect(0)
    end)

    it("while a request of it is under way", function()
      fault:rules { op = "head", key = "never", with = "hold", times = -1 }
      local it_run = start [[object_started = function(event)
        local x <close> = setmetatable({}, { __close = function() haul.log.info "SAID closed" end })
        store:head "never" end]]
      it_run:await("object_succeeded", 2)
      it_run:signal "INT"
      it_run:wait()
      assert.equal(130, it_run.status, it_run:describe())
      assert.same({ "closed", "closed" }, said(it_run))
    end)
  end)

  describe("with haul.spawn and job:every", function()
    it("goes on beside them, joins and cancels them", function()
      assert.same({ "ready", "1 2", "it was joined already", "cancelled", "closed", "oops", "failed" }, says([[
        local h = haul.spawn(function() haul.sleep "20ms" return 1, 2 end)
        say(h:status())
        say(h:join())
        say(select(2, pcall(h.join, h)).message:match "it was joined already")
        local k = haul.spawn(function()
          local x <close> = setmetatable({}, { __close = function() say "closed" end })
          haul.sleep "1h"
        end)
        haul.sleep "10ms"
        k:cancel()
        say(k:status())
        haul.sleep "10ms"
        local bad = haul.spawn(function() error { kind = "script", message = "oops" } end)
        say(select(2, pcall(bad.join, bad)).message)
        say(bad:status())]], { status = 1 }))
    end)
  end)

  it("counts as a failed hook when what it spawned fails", function()
    local it_run = run "job_started = function() haul.spawn(function() haul.sleep '10ms' error 'in here' end) end"
    assert.equal(1, it_run.status, it_run:describe())
    assert.matches("haul.spawn: .*job.lua:%d+: in here", it_run.stderr)
    right "a"
  end)

  it("calls a function every so often while there is work", function()
    local it_run = run([[job_started = function(event, job)
      local n = 0
      job:every("20ms", function(j) n = n + 1 haul.log.info("SAID " .. n .. " " .. j.name) end)
      haul.sleep "300ms"
    end]]):expect(0)
    local ticks = said(it_run)
    assert.is_true(#ticks >= 1 and #ticks <= 20, #ticks)
    local calls = it_run.stderr:match "hook job:every[^\n]-: (%d+) calls"
    assert.is_true((tonumber(calls) or 0) >= #ticks, calls)
    assert.equal("1 waiting", ticks[1])
  end)

  it("may give up the object of its event", function()
    fault:rules { op = "get", key = "p/a", range = "bytes=0-262143", with = "hold", times = -1 }
    local it_run = run([[part_succeeded = function(event)
        haul.log.info("SAID " .. event.transfer:stats().parts)
        event.transfer:cancel "enough of it"
      end,
      object_succeeded = function(event)
        haul.sleep "50ms"
        local good, e = pcall(event.transfer.stats, event.transfer)
        haul.log.info("SAID " .. e:match "the transfer is over")
      end]], { concurrency = 4 })
    assert.equal(1, it_run.status, it_run:describe())
    local failed = it_run:find("object_failed", { key = "p/a" })
    assert.same({ "cancelled", "enough of it" }, { failed.error.kind, failed.error.message })
    assert.is_truthy(it_run.stderr:find("SAID the transfer is over", 1, true))
    right "b"
  end)

  it("uploads as before, with a hook that asks the store about each object", function()
    local sizes = {}
    for i = 1, 60 do sizes["f" .. i] = 10 end
    files.tree(world:path "src", sizes)
    local it_run = run([[object_succeeded = function(event)
      assert(store:head(event.target).size == event.size) haul.log.info "SAID ok" end]], { task = UP }):expect(0)
    assert.equal(60, #said(it_run))
    checks.events(it_run)
  end)

  it("holds what it cannot keep up with: nothing is lost, and only so much waits", function()
    fault:put_many(20000, "many/%05d", 1)
    local it_run = run([[object_deleted = function(event)
        now = now + 1
        if now > most then most = now end
        haul.sleep "20ms"
        now, all = now - 1, all + 1
      end,
      job_finished = function() haul.log.info(("SAID %d %s"):format(all, most)) end]],
      { before = "local now, most, all = 0, 0, 0", task = 'haul.delete { from = store / "many/", max_delete = "100%" }' })
      :expect(0)
    local all, most = said(it_run)[1]:match "(%d+) (%d+)"
    assert.equal("20000", all)
    assert.is_true(tonumber(most) < 12000, most)
  end)
end)
