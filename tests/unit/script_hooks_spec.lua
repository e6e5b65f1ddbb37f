package.path = "tests/?.lua;" .. package.path
local jobfile = require "support.jobfile"

local function with_hook(body, more)
  local script, _, message = jobfile.job(([[copy, hook_timeout = "100ms", on = { part_failed = %s }]]):format(body), more)
  return assert(script, message)
end

-- What the run was asked after one part_failed with ticket 7.
local function outcome(body, more)
  local script = with_hook(body, more)
  script:tell(1, "part_failed", 7)
  local calls = script:resume()
  script:tell(1, "part_failed", 8)
  local again = script:resume()
  script:free()
  assert.equal(calls, (again:gsub("decide 8", "decide 7")), "the second time is as the first")
  return calls
end

local policy = "decide 7 policy after=-1 part_size=0 refresh=0 reason=\n"
local failed = "hook_failed\n" .. policy

describe("a decision", function()
  local cases = {
    ["return nil"] = policy,
    ["return haul.retry()"] = "decide 7 retry after=-1 part_size=0 refresh=0 reason=\n",
    ["return haul.retry { after = 5 }"] = "decide 7 retry after=5000 part_size=0 refresh=0 reason=\n",
    ["return haul.retry { after = 0.25 }"] = "decide 7 retry after=250 part_size=0 refresh=0 reason=\n",
    ["return haul.retry { after = '2m' }"] = "decide 7 retry after=120000 part_size=0 refresh=0 reason=\n",
    ["return haul.retry { part_size = '16MiB', refresh_credentials = true }"] =
      "decide 7 retry after=-1 part_size=16777216 refresh=1 reason=\n",
    ["return haul.skip 'gone'"] = "decide 7 skip after=-1 part_size=0 refresh=0 reason=gone\n",
    ["return haul.skip()"] = "decide 7 skip after=-1 part_size=0 refresh=0 reason=skipped by the job file\n",
    ["return haul.fail 'no'"] = "decide 7 fail after=-1 part_size=0 refresh=0 reason=no\n",
    ["return haul.defer()"] = "decide 7 defer after=-1 part_size=0 refresh=0 reason=\n",
    ["return haul.stop 'enough'"] = "decide 7 stop after=-1 part_size=0 refresh=0 reason=enough\n",
  }
  for body, expected in pairs(cases) do
    it(body, function() assert.equal(expected, outcome("function() " .. body .. " end")) end)
  end

  it("is cut to what fits", function()
    assert.truthy(outcome("function() return haul.skip(('x'):rep(1000)) end"):find("reason=" .. ("x"):rep(255) .. "\n"))
  end)
end)

describe("a wrong decision is an error of the hook", function()
  for _, body in ipairs {
    "return 'skip'", "return true", "return 5", "return {}", "return { kind = 'skip' }", "return haul.skip",
    "return setmetatable({}, { __index = function() return 'skip' end })", "return haul.retry { after = -1 }",
    "return haul.retry { after = 0/0 }", "return haul.retry { after = 1/0 }", "return haul.retry { after = '5' }",
    "return haul.retry { afte = 1 }", "return haul.retry { part_size = 5 }", "return haul.retry { part_size = '0B' }",
    "return haul.retry { part_size = '6GiB' }", "return haul.skip {}", "return haul.retry(5)",
    "return coroutine.create(print)",
  } do
    it(body, function() assert.equal(failed, outcome("function() " .. body .. " end")) end)
  end
end)

describe("an error in a hook harms nothing", function()
  for _, body in ipairs {
    "error 'text'", "error {}", "error()", "error(setmetatable({}, { __tostring = function() error 'again' end }))",
    "error(setmetatable({}, { __tostring = function() while true do end end }))",
    "error(setmetatable({}, { __tostring = function() return 5 end }))",
    "error(setmetatable({ kind = 5, message = 5 }, { __index = error }))", "error(function() end)",
    "error { kind = 'auth', message = ('x'):rep(100000) }", "error(('x\\n'):rep(100000))",
    "local function f() return 1 + f() end f()", "return nil .. nil", "return undeclared",
    "coroutine.yield()", "coroutine.yield(haul.skip())", "table.sort({ 3, 2, 1 }, function() coroutine.yield() end)",
    "local x <close> = setmetatable({}, { __close = function() error 'closing' end })",
    "local x <close> = setmetatable({}, { __close = function() error 'closing' end }) error 'body'",
    "coroutine.wrap(function() error 'inside' end)()", "haul.job {}", "haul.copy { from = 1 }",
    "string.format('%d', 'x')", "job:cance()", "job:set { rate = 5 }", "job.name = 'x'", "here.secret = 1",
    "haul.param.nothing()", "for k, v in pairs(job) do error(k) end error 'end'",
  } do
    it(body, function() assert.equal(failed, outcome("function(event, job) " .. body .. " end")) end)
  end
end)

describe("a hook that computes for too long is stopped", function()
  for _, body in ipairs {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do pcall(pcall, function() while true do end end) end",
    "local function f() while true do pcall(g) end end local function h() while true do pcall(f) end end h()",
    "while true do coroutine.wrap(function() while true do end end)() end",
    "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do pcall(c) end",
    "repeat local x <close> = setmetatable({}, { __close = function() while true do end end }) until false",
    "table.sort({ 1, 2, 3 }, function() while true do end end)",
    "local s = ('x'):rep(1000) while true do s:gsub('x', function() return 'y' end) end",
    "coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) "
      .. "while true do end end)()",
    "setmetatable({}, { __index = function() while true do end end }).x = nil local _ = "
      .. "setmetatable({}, { __index = function() while true do end end }).x",
  } do
    it(body, function() assert.equal(failed, outcome("function() " .. body .. " end")) end)
  end

  it("and the next one has all its time again", function()
    local script = with_hook("function(event) if event.attempt then n = n + 1 end if n == 1 then while true do end end "
      .. "for i = 1, 1e6 do end return haul.skip 'ok' end", "n = 0")
    script:tell(1, "part_failed", 1)
    script:tell(1, "part_failed", 2)
    assert.equal("hook_failed\ndecide 1 policy after=-1 part_size=0 refresh=0 reason=\n"
      .. "decide 2 skip after=-1 part_size=0 refresh=0 reason=ok\n", script:resume())
    script:free()
  end)
end)

describe("a hook that needs too much memory is stopped", function()
  for _, body in ipairs {
    "local t = {} for i = 1, 1e9 do t[i] = { i } end", "return ('x'):rep(1 << 33)",
    "local s = 'x' while true do s = s .. s end", "local t = {} while true do t[#t + 1] = pcall(string.rep, 'x', 1 << 27) end",
  } do
    it(body, function()
      local script = with_hook("function() " .. body .. " end")
      script:tell(1, "part_failed", 7)
      assert.equal(failed, script:resume())
      script:free()
    end)
  end

  it("and so is a job file", function()
    local script, kind, message = jobfile.load "local t = {} for i = 1, 1e9 do t[i] = { i } end"
    assert.is_nil(script)
    assert.equal("script", kind)
    assert.matches("the job file needs more than its 256.* MiB of memory", message)
  end)
end)

describe("an event", function()
  it("is a table that JSON can hold", function()
    local script = with_hook [[function(event)
      event.progress, event.part.seconds = nil, nil
      local text = haul.json.encode(event)
      local expected = '{"attempt":2,"bucket":"pail","error":{"code":"SlowDown","host_id":"H1","kind":"throttled",'
        .. '"message":"slow down","request_id":"R1","retryable":true,"status":503},"event":"part_failed","job":"x",'
        .. '"key":"a/b","part":{"crc64":"18446744073709551615","etag":"\\"e\\"","number":4,"offset":30,"size":10},'
        .. '"path":"/srv/a/b","reason":"why","size":10,"target":"t/a/b","task":1,"temp_file":".tmp","time":1.5,'
        .. '"upload_id":"U1"}'
      return haul.skip(text == expected and "good" or text)
    end]]
    script:tell(1, "part_failed", 1)
    assert.truthy(script:resume():find "reason=good")
    script:free()
  end)

  it("comes with times, parts and names", function()
    local script = with_hook [[function(e, job)
      assert(e.time == 1.5 and e.task == 1 and e.size == 10 and e.path == "/srv/a/b" and e.target == "t/a/b")
      assert(e.part.number == 4 and e.part.offset == 30 and e.part.size == 10 and e.part.etag == '"e"')
      assert(e.part.seconds == 0.25 and e.reason == "why" and e.upload_id == "U1" and e.temp_file == ".tmp")
      assert(e.progress.bytes_done == 77 and e.progress.limit == 1000 and e.progress.eta == nil)
      assert(math.type(e.size) == "integer" and job.name == "x" and tostring(job) == "job x")
      return haul.skip "good"
    end]]
    script:tell(1, "part_failed", 1)
    assert.truthy(script:resume():find "reason=good")
    script:free()
  end)

  it("of the job has a summary", function()
    local script = assert(jobfile.job [[copy, on = {
      job_finished = function(e)
        assert(e.task == nil and e.size == nil and e.summary.exit_status == 1 and e.summary.bytes_done == 77)
        return haul.stop "seen"
      end, verified = function(e) return haul.stop(e.check) end, progress = function(e) end }]])
    script:tell(0, "job_finished")
    script:tell(1, "verified")
    script:tell(0, "progress")
    assert.equal("stop seen\nstop crc64\n", script:resume())
    script:free()
  end)

  it("that decides nothing cannot skip", function()
    local script = assert(jobfile.job [[copy, on = { object_succeeded = function() return haul.skip "x" end }]])
    script:tell(1, "object_succeeded")
    assert.equal("hook_failed\n", script:resume())
    script:free()
  end)
end)

describe("handlers", function()
  it("of a task replace the job's, event by event", function()
    local script = assert(jobfile.job([[
      copy, haul.copy { from = here / "a/", to = there / "b/", on = { part_failed = function() return haul.skip "task" end } },
      on = { part_failed = function() return haul.skip "job" end, verified = function() end }]]))
    assert.is_true(script:wants(1, "part_failed") and script:wants(2, "part_failed") and script:wants(2, "verified"))
    assert.is_false(script:wants(2, "part_succeeded") or script:wants(0, "job_started"))
    script:tell(1, "part_failed", 1)
    script:tell(2, "part_failed", 2)
    local calls = script:resume()
    assert.truthy(calls:find("decide 1 skip.-reason=job\ndecide 2 skip.-reason=task\n"))
    script:free()
  end)

  it("that are not there cost nothing", function()
    local script = assert(jobfile.job "copy")
    assert.is_nil(script:wants(1, "part_failed"))
    script:free()
  end)

  it("may be told of everything the engine knows", function()
    local names = jobfile.core().events
    local list = {}
    for i, name in ipairs(names) do list[i] = name .. " = function(e) seen = seen + 1 end" end
    local script = assert(jobfile.job(("copy, on = { %s, part_failed = function() return haul.stop(tostring(seen)) end }")
      :format(table.concat(list, ", ")), "seen = 0"))
    for _, name in ipairs(names) do script:tell(1, name) end
    script:tell(1, "part_failed", 1)
    assert.truthy(script:resume():find("reason=" .. #names - 1, 1, true))
    script:free()
  end)
end)

describe("the running job", function()
  it("is told what to do", function()
    local script = with_hook [[function(event, job)
      job:set { rate = "1MiB/s", concurrency = 3 }
      job:set { rate = "unlimited" }
      job:set { rate = "auto" }
      job:set { of = here, rate = { read = "2MiB/s" }, requests = 5 }
      job:set { of = there, rate = "3MiB/s" }
      job:set { of = copy, rate = "4MiB/s" }
      job:pause() job:resume() job:cancel() job:cancel { abort = true }
      local stats = job:stats()
      assert(stats.objects_done == 3 and stats.limit == nil and stats.eta == 1.5 and stats.checked.md5 == 2)
    end]]
    script:tell(1, "part_failed", 7)
    assert.equal("set concurrency 0 3\nset rate 0 1048576\nset rate 0 -1\nset rate 0 auto\n"
      .. "set read 0 2097152\nset requests 0 5\n"
      .. "set read 1 3145728\nset write 1 3145728\nset task 0 4194304\n"
      .. "pause 1\npause 0\ncancel 0\ncancel 1\n" .. policy, script:resume())
    script:free()
  end)

  it("is only there while it runs", function()
    local script, _, message = jobfile.job("copy", [[require "haul.core.run".stats()]])
    assert.is_nil(script)
    assert.truthy(message:find "the job is not running")
  end)
end)

describe("credentials from a function", function()
  local function provider(body)
    return jobfile.job([[haul.copy { from = here, to = keyed / "" }]], ([[
      calls = 0
      keyed = haul.s3 { bucket = "pail", endpoint = "http://127.0.0.1:1", credentials = function()
        calls = calls + 1
        %s
      end }]]):format(body))
  end

  it("are asked for at once, and again", function()
    local script = assert(provider [[return { access_key = "A" .. calls, secret_key = "secret-value", token = "T",
      expires = "2033-05-18T03:33:20Z" }]])
    local store = script:job().stores[2]
    assert.equal("A1", store.access_key)
    assert.equal(2000000000000, store.expires)
    assert.equal(1, store.can_refresh)
    assert.is_true(script:refresh(2))
    store = script:job().stores[2]
    assert.equal("A2", store.access_key)
    assert.equal("secret-value", store.secret_key)
    script:free()
  end)

  for body, text in pairs {
    ["return nil"] = "returned no table", ["return 'x'"] = "returned no table", ["return {}"] = "'access_key' is missing",
    ["return { access_key = 'A', secret_key = 'S', expires = 'soon' }"] = "'expires' must be",
    ["return { access_key = 'A', secret_key = 'S', exp = 5 }"] = "unknown field 'exp'",
    ["return { access_key = 'A', secret_key = 5 }"] = "'secret_key' must be text",
    ["error 'no vault'"] = "no vault",
  } do
    it("that does: " .. body, function()
      local script, _, message = provider(body)
      assert.is_nil(script)
      assert.truthy(message:find(text, 1, true), message)
    end)
    it("that does later: " .. body, function()
      local script = assert(provider("if calls == 1 then return { access_key = 'A', secret_key = 'S' } end " .. body))
      local good, kind, message = script:refresh(2)
      assert.is_nil(good)
      assert.equal("auth", kind)
      assert.truthy(message:find(text, 1, true), message)
      assert.equal("A", script:job().stores[2].access_key)
      script:free()
    end)
  end

  it("that never end are given up", function()
    local script = assert(jobfile.job([[hook_timeout = "100ms", haul.copy { from = here, to = keyed / "" }]], [[
      calls = 0
      keyed = haul.s3 { bucket = "pail", endpoint = "http://127.0.0.1:1", credentials = function()
        calls = calls + 1
        while calls > 1 do end
        return { access_key = "A", secret_key = "S" }
      end }]]))
    local good, kind = script:refresh(2)
    assert.is_nil(good)
    assert.equal("auth", kind)
    script:free()
  end)
end)

describe("before_delete", function()
  local function outcome_of(body)
    local script = assert(jobfile.job(([[haul.sync { from = here, to = there, delete = true },
      on = { before_delete = function(event) %s end }]]):format(body)))
    assert.is_true(script:wants(1, "before_delete"))
    script:tell(1, "before_delete", 7)
    local calls = script:resume()
    script:free()
    return calls
  end

  local vetoed = "hook_failed\ndecide 7 veto after=-1 part_size=0 refresh=0 reason=the hook before_delete failed\n"
  for body, expected in pairs {
    ["return nil"] = policy,
    ["return haul.veto 'not today'"] = "decide 7 veto after=-1 part_size=0 refresh=0 reason=not today\n",
    ["return haul.veto()"] = "decide 7 veto after=-1 part_size=0 refresh=0 reason=vetoed by the job file\n",
    ["return haul.stop 'enough'"] = "decide 7 stop after=-1 part_size=0 refresh=0 reason=enough\n",
    ["return haul.veto(event.objects .. ' ' .. event.bytes .. ' ' .. event.target_objects .. ' ' .. event.source_objects)"] =
      "decide 7 veto after=-1 part_size=0 refresh=0 reason=5 50 20 15\n",
    -- Where the hook cannot say, nothing is deleted.
    ["error 'lost'"] = vetoed, ["return haul.skip()"] = vetoed, ["return true"] = vetoed, ["return undeclared"] = vetoed,
    ["while true do end"] = vetoed, ["return haul.retry()"] = vetoed,
  } do
    it(body, function() assert.equal(expected, outcome_of(body)) end)
  end

  it("alone can be vetoed", function() assert.equal(failed, outcome "function() return haul.veto() end") end)
end)

describe("job.state", function()
  local function state(body)
    local script = with_hook("function(event, job) " .. body .. " end")
    local function tell()
      script:tell(1, "part_failed", 7)
      return script:resume()
    end
    return script, tell
  end

  it("is a table that is given back when it has changed", function()
    local script, tell = state "job.state.n = (job.state.n or 0) + 1"
    assert.is_true(script:remember(nil))
    assert.is_false(script:recall(false))
    assert.equal(policy, tell())
    assert.equal('{"n":1}', script:recall(false))
    assert.is_false(script:recall(false))
    assert.is_false(script:recall(true))
    tell()
    assert.equal('{"n":2}', script:recall(false))
    script:free()
  end)

  it("comes back as it was", function()
    local script, tell = state [[
      local s = job.state
      assert(s.n == 7 and math.type(s.n) == "integer" and s.list[2] == "b" and s.deep.er == 1.5 and s.yes == true)
      assert(next(s.none) == nil)]]
    assert.is_true(script:remember '{"n":7,"list":["a","b"],"deep":{"er":1.5},"yes":true,"none":{}}')
    assert.equal(policy, tell())
    assert.is_false(script:recall(true))
    script:free()
  end)

  it("keeps every digit, and lists that are empty", function()
    local text = '{"crc64":"18446744073709551615","list":[],"n":9007199254740993,"third":0.3333333333333333,"top":9223372036854775807}'
    local script, tell = state "job.state.top = job.state.top - 1 job.state.n = job.state.n + 0"
    assert.is_true(script:remember(text))
    assert.equal(policy, tell())
    assert.equal((text:gsub("5807", "5806")), script:recall(false))
    script:free()
  end)

  it("is looked at again at the end, where a hook has kept it", function()
    local script, tell = state "kept = rawget(_G, 'kept') or job.state kept.n = (kept.n or 0) + 1"
    script:remember(nil)
    tell()
    script:recall(false)
    tell()
    assert.equal('{"n":2}', script:recall(true))
    script:free()
  end)

  it("may be replaced, and emptied", function()
    local script, tell = state "job.state = job.state.a and {} or { a = { 1, 2 } }"
    script:remember(nil)
    tell()
    assert.equal('{"a":[1,2]}', script:recall(false))
    tell()
    assert.equal("{}", script:recall(false))
    script:free()
  end)

  for body, expected in pairs {
    ["job.state.f = print"] = "a function has no form in JSON",
    ["job.state.me = job.state"] = "nested too deeply, or in a circle",
    ["job.state.n = 0/0"] = "has no form in JSON",
    ["job.state.long = ('x'):rep(1 << 20)"] = "it is larger than 1.0 MiB: keep less in it",
  } do
    it("cannot hold everything: " .. body, function()
      local script, tell = state(body)
      script:remember(nil)
      assert.equal(policy, tell())
      local text, kind, message = script:recall(false)
      assert.is_nil(text)
      assert.equal("script", kind)
      assert.truthy(message:find(expected, 1, true), message)
      assert.is_false(script:recall(false)) -- told once
      script:free()
    end)
  end

  for _, body in ipairs { "job.state = 5", "job.stat = {}", "return job.stat" } do
    it("is no place for mistakes: " .. body, function()
      local script, tell = state(body)
      script:remember(nil)
      assert.equal(failed, tell())
      script:free()
    end)
  end

  it("is refused when it is not JSON", function()
    local script = state "return"
    for _, text in ipairs { "{", "5", "null" } do
      local good, kind = script:remember(text)
      assert.same({ n = 2, nil, "corrupt" }, table.pack(good, kind))
    end
    script:free()
  end)

  it("is not there while the file is declared", function()
    local script, _, message = jobfile.load [[
      local haul = require "haul"
      local job = haul.job { haul.copy { from = haul.dir "/tmp/a", to = haul.dir "/tmp/b" } }
      job.state.n = 1
      return job]]
    assert.is_nil(script)
    assert.truthy(message:find("job.state: it is there in a hook only, while the job runs", 1, true), message)
    assert.truthy(message:find("x.lua:3", 1, true), message)
  end)

  it("costs nothing where there are no hooks", function()
    local script = assert(jobfile.job "copy")
    assert.is_false(pcall(script.recall, script, true))
    script:free()
  end)
end)
