package.path = "tests/?.lua;" .. package.path
local jobfile = require "support.jobfile"
local files = require "support.files"

describe("a job file", function()
  it("has defaults for what it does not say", function()
    local script = assert(jobfile.job "copy")
    local job = script:job()
    assert.same({ "x", 16, 1, 4, -1, 1 },
      { job.name, job.concurrency, job.lanes, job.workers, job.rate, job.durability })
    local task = job.tasks[1]
    assert.same({ 8, 500, 30000, 0, 0, 0, -1, 0 }, { task.retry.network.attempts, task.retry.network.base,
      task.retry.network.cap, task.retry.network.jitter, task.part_size,
      task.concurrency, task.rate, task.single })
    local on = 0
    for i, kind in ipairs(jobfile.core().kinds) do
      if ("network timeout throttled server corrupt changed"):find(kind) then on = on | 1 << i end
    end
    assert.equal(on, task.retry_on)
    script:free()
  end)

  it("sets what it says", function()
    local script = assert(jobfile.job([[name = "a.b-c_1", concurrency = 64, lanes = 0, workers = 2, rate = "160Mbit/s",
      durability = "none", part_size = "32MiB", retry = { attempts = 3, base = "1s", cap = "2s", jitter = "none", on = {} },
      haul.copy { from = here / "a/", to = s3 / "b/", keys = { "x", "y/z" }, concurrency = 4, rate = "1MB/s" },
      haul.copy { from = s3 / "one", to = there / "two", part_size = "auto", retry = { attempts = 1 } }]]))
    local job = script:job()
    assert.same({ "a.b-c_1", 64, 0, 2, 20000000, 2 },
      { job.name, job.concurrency, job.lanes, job.workers, job.rate, job.durability })
    local one, two = job.tasks[1], job.tasks[2]
    assert.same({ "a/", "b/", 33554432, 4, 1000000, 3, 1000, 2000, 1, 0, 0 }, { one.from_path, one.to_path, one.part_size,
      one.concurrency, one.rate, one.retry.server.attempts, one.retry.server.base, one.retry.server.cap, one.retry.server.jitter,
      one.retry_on, one.single })
    assert.same({ "x", "y/z" }, one.keys)
    assert.same({ "one", "two", 0, 1, 1 }, { two.from_path, two.to_path, two.part_size, two.retry.disk.attempts, two.single })
    assert.same({ "/tmp/haul-from", "s3://pail", "/tmp/haul-to" },
      { job.stores[1].name, job.stores[2].name, job.stores[3].name })
    script:free()
  end)

  it("has a rule for each kind of failure", function()
    local script = assert(jobfile.job [[retry = { attempts = 3, cap = "10s", jitter = "equal" , on = { "network" },
        throttled = { attempts = 20, cap = "2m" }, denied = { attempts = 2, base = "1s", backoff = "linear", jitter = "none" } },
      haul.copy { from = here / "a/", to = s3 / "b/" } ]])
    local task = script:job().tasks[1]
    local function rule(kind)
      local r = task.retry[kind]
      return { r.attempts, r.base, r.cap, r.backoff, r.jitter }
    end
    assert.same({ 3, 500, 10000, 0, 2 }, rule "network")
    assert.same({ 3, 500, 10000, 0, 2 }, rule "server")
    assert.same({ 20, 500, 120000, 0, 2 }, rule "throttled")
    assert.same({ 2, 1000, 10000, 1, 1 }, rule "denied")
    local on = 0
    for i, kind in ipairs(jobfile.core().kinds) do
      if ("network throttled denied"):find(kind) then on = on | 1 << i end
    end
    assert.equal(on, task.retry_on)
    script:free()
  end)

  it("gives way to the command line", function()
    local script = assert(jobfile.job([[haul.copy { from = here, to = s3, part_size = "16MiB" }, rate = "1MiB/s"]], nil,
      { concurrency = 3, part_size = "64MiB", rate = "unlimited" }))
    local job = script:job()
    assert.same({ 3, 67108864, -1 }, { job.concurrency, job.tasks[1].part_size, job.rate })
    script:free()
  end)

  it("has a part size for each object, of the task or the job, below that of the command line", function()
    local text = [[part_size = function(object) if object.size then return "8MiB" end end,
      haul.copy { from = here, to = s3 }, haul.copy { from = here, to = s3 / "b/", part_size = "16MiB" },
      haul.copy { from = here, to = s3 / "c/", part_size = function() return "32MiB" end }, haul.delete { from = s3 / "d/" }]]
    local script = assert(jobfile.job(text))
    local sizes = {}
    for i, task in ipairs(script:job().tasks) do
      sizes[i] = task.functions & 1 == 1 and select(4, script:map(i, { key = "k", size = 5 })) or task.part_size
    end
    assert.same({ 8 << 20, 16 << 20, 32 << 20, 0 }, sizes)
    assert.equal(0, select(4, script:map(1, { key = "k" })))
    script:free()
    script = assert(jobfile.job(text, nil, { part_size = "64MiB" }))
    for i = 1, 3 do assert.same({ 64 << 20, 0 }, { script:job().tasks[i].part_size, script:job().tasks[i].functions & 1 }) end
    script:free()
    assert.matches("option 'part_size': 5 has no unit", select(3, jobfile.job "part_size = 5, haul.copy { from = here, to = s3 }"))
  end)

  it("resolves its stores", function()
    local script = assert(jobfile.job([[haul.copy { from = here, to = oss }, haul.copy { from = tos / "x", to = there }]], [[
      local keys = { access_key = "AK", secret_key = "very-secret", token = "T" }
      oss = haul.oss { bucket = "pail", region = "cn-hangzhou", signature = "v1", credentials = keys, requests = 10,
        rate = { write = "1MiB/s" }, headers = { ["X-Extra"] = "1" }, connect_timeout = "3s", proxy = "http://u:pw@h:1" }
      tos = haul.tos { bucket = "pail", region = "cn-beijing", credentials = keys, rate = "2MiB/s" }
      assert(tostring(oss) == "oss://pail" and tostring(oss / "a") == "oss://pail/a")
      for k in pairs(oss) do error(k) end]]))
    local oss, tos = script:job().stores[2], script:job().stores[3]
    assert.same({ "AK", "very-secret", "T", 0 }, { oss.access_key, oss.secret_key, oss.token, oss.anonymous })
    assert.same({ "pail.oss-cn-hangzhou.aliyuncs.com", 1, 1, 10, -1, 1048576, "1", 3000, 30000, "http://u:pw@h:1" }, {
      oss.host, oss.https, oss.sign_v1, oss.request_rate, oss.read_rate, oss.write_rate, oss.header, oss.connect_timeout,
      oss.stall_timeout, oss.proxy })
    assert.same({ "cn-beijing", 2097152, 2097152, -1 }, { tos.region, tos.read_rate, tos.write_rate, tos.request_rate })
    script:free()
  end)

  it("may begin with #! and require what is beside it", function()
    jobfile.write("counter = 5 return { word = 'beside' }", "helper.lua")
    local script = assert(jobfile.load [[#!/usr/bin/env -S haul run
      local haul = require "haul"
      local helper = require "helper"
      assert(helper.word == "beside" and require "helper" == helper and counter == 5)
      return haul.job { haul.copy { from = haul.dir "/tmp/a", to = haul.dir "/tmp/b" } }]])
    script:free()
  end)
end)

describe("parameters", function()
  local text = [[
    local haul = require "haul"
    haul.param { day = { "Day to move", required = true }, n = { "Count", default = 3 }, dry = { "Only look", default = false },
      note = "A remark" }
    name = ("%s-%s-%s-%s"):format(haul.param.day, haul.param.n + 1, haul.param.dry, haul.param.note)
    return haul.job { name = name, haul.copy { from = haul.dir "/tmp/a", to = haul.dir "/tmp/b" } }]]

  it("come from the command line", function()
    local script = assert(jobfile.load(text, { params = { "day=monday", "n=41", "dry=yes", "note=x" } }))
    assert.equal("monday-42-true-x", script:job().name)
    script:free()
    script = assert(jobfile.load(text, { params = { "day=monday" } }))
    assert.equal("monday-4-false-nil", script:job().name)
    script:free()
  end)

  for params, expected in pairs {
    [{}] = "parameter 'day' is missing: add day=VALUE to the command line (Day to move)",
    [{ "dya=monday" }] = "(it has 'dya')",
    [{ "day=x", "nn=1" }] = "unknown parameter 'nn' (did you mean 'n'?)",
    [{ "day=x", "n=five" }] = "parameter 'n': a number is expected, not \"five\"",
    [{ "day=x", "dry=maybe" }] = "parameter 'dry': true or false is expected",
    [{ "day=x", "day=y" }] = "parameter 'day' is given twice",
    [{ "day" }] = "\"day\" is no parameter: write name=value",
    [{ "=x" }] = "write name=value",
  } do
    it("that are wrong: " .. table.concat(params, " "), function()
      local script, kind, message = jobfile.load(text, { params = params })
      assert.is_nil(script)
      assert.equal("invalid", kind)
      assert.truthy(message:find(expected, 1, true), message)
    end)
  end

  it("are the file's help", function()
    local path = jobfile.write(text)
    local help = jobfile.help { file = path, lua_dir = "lua" }
    assert.truthy(help:find("  day=             Day to move (required)\n", 1, true))
    assert.truthy(help:find("  n=               Count (default 3)\n", 1, true))
  end)
end)

-- What goes into haul.job { ... } and what the message must say, besides the file and the line 6.
local wrong = {
  { "copy, concurency = 5", "haul.job: unknown option 'concurency' (did you mean 'concurrency'?) at %s:6" },
  { "copy, zzz = 5", "haul.job: unknown option 'zzz' at %s:6" },
  { "copy, concurrency = 0", "option 'concurrency': 0 is not within 1 and 4096 at %s:6" },
  { "copy, concurrency = '5'", "option 'concurrency': a whole number is expected, not \"5\"" },
  { "copy, concurrency = 1.5", "a whole number is expected, not 1.5" },
  { "copy, part_size = 5", "option 'part_size': 5 has no unit: write a size such as \"16MiB\"" },
  { "copy, part_size = '5'", "option 'part_size': \"5\" is not a size" },
  { "copy, part_size = '0MiB'", "must be above zero" },
  { "copy, part_size = '-5MiB'", "is not a size" },
  { "copy, part_size = '6GiB'", "too large" },
  { "copy, rate = 20", "20 has no unit: write a rate such as \"20MiB/s\"" },
  { "copy, rate = '20MiB'", "is not a rate" },
  { "copy, rate = '0MiB/s'", "is not a rate" },
  { "copy, hook_timeout = 5", "has no unit: write a duration" },
  { "copy, hook_timeout = '0s'", "duration" },
  { "copy, lanes = 17", "\"auto\" or a whole number from 0 to 16 is expected, not 17" },
  { "copy, durability = 'groop'", "one of \"object\", \"group\", \"none\" is expected, not \"groop\" (did you mean 'group'?)" },
  { "copy, retry = { atempts = 5 }", "retry: unknown option 'atempts' (did you mean 'attempts'?) at %s:6" },
  { "copy, retry = { on = { 'netwrk' } }", "\"netwrk\" is no kind of error that can be tried again (did you mean 'network'?)" },
  { "copy, retry = { base = '1m', cap = '1s' }", "base is longer than cap" },
  { "copy, retry = { throttled = { base = '1m' } }", "throttled: base is longer than cap" },
  { "copy, retry = { throttled = { atempts = 5 } }",
    "retry.throttled: unknown option 'atempts' (did you mean 'attempts'?) at %s:6" },
  { "copy, retry = { throttled = { base = 5 } }", "retry.throttled: option 'base': 5 has no unit" },
  { "copy, retry = { throttled = 5 }", "retry.throttled: takes a table of options, not 5 at %s:6" },
  { "copy, retry = { throtled = {} }", "retry: unknown option 'throtled' (did you mean 'throttled'?) at %s:6" },
  { "copy, retry = { bug = {} }", "retry: unknown option 'bug'" },
  { "copy, retry = { jitter = 'half' }", "retry: option 'jitter': one of \"full\", \"none\", \"equal\", \"decorrelated\"" },
  { "copy, retry = { jitter = 'decorrelated', backoff = 'fixed' }", "jitter \"decorrelated\" grows by itself" },
  { "copy, retry = 5", "retry: takes a table of options, not 5" },
  { "copy, on = { part_faild = print }", "unknown event \"part_faild\" (did you mean 'part_failed'?)" },
  { "copy, on = { part_failed = 5 }", "the handler of 'part_failed' must be a function, not 5" },
  { "copy, name = '../x'", "\"../x\" is no name for a job" },
  { "copy, name = '.x'", "no name for a job" },
  { "copy, name = ('x'):rep(65)", "no name for a job" },
  { "name = 'x'", "it has no task, such as haul.copy { ... }" },
  { "copy, copy", "tasks 1 and 2 are the same" },
  { "copy, { from = 1 }", "entry 2 is no task, such as haul.copy { ... }, but a table" },
  { "copy, nil, copy", "entry 2 is no task" },
  { "here", "entry 1 is no task" },
  { "haul.copy { from = here }", "haul.copy: option 'to' is missing" },
  { "haul.copy { from = '/tmp', to = there }", "option 'from': a place is expected, such as store / \"path\", not \"/tmp\"" },
  { "haul.copy { from = here, to = copy }", "a place is expected" },
  { "haul.copy { from = here, to = there, sync = true }", "haul.copy: unknown option 'sync'" },
  { "haul.copy { here, there }", "haul.copy: takes no entry without a name" },
  { "haul.copy { from = here, to = there, on = { job_started = print } }", "'job_started' is an event of the job" },
  { "haul.copy { from = here, to = here }", "from and to are the same place (/tmp/haul-from/)" },
  { "haul.copy { from = here / 'a', to = here }", "from and to are the same place (/tmp/haul-from/a)" },
  { "haul.copy { from = here, to = here / 'in/' }", "to (/tmp/haul-from/in/) lies inside of from (/tmp/haul-from/)" },
  { "haul.copy { from = s3, to = s3 / 'b/' }", "to (s3://pail/b/) lies inside of from (s3://pail/)" },
  { "haul.copy { from = here, to = s3 / 'one' }", "many objects cannot become one: to must end in '/'" },
  { "haul.copy { from = here / 'one', to = s3, keys = { 'a' } }", "keys are below a prefix" },
  { "haul.copy { from = here, to = s3, part_size = '1MiB' }", "1.0 MiB is outside of what s3://pail takes: 5.0 MiB to 5.0 GiB" },
  { "haul.copy { from = here, to = s3, keys = { 'a', 'b', 'a' } }", "keys[1] and keys[3] are both \"a\"" },
  { "haul.copy { from = s3, to = there, keys = { 'a/../b' } }",
    "keys[1] is \"a/../b\", which cannot be used: it has the segment '..'" },
  { "haul.copy { from = s3, to = there, keys = { '/etc/passwd' } }", "it starts with '/'" },
  { "haul.copy { from = s3, to = there, keys = { 'a//b' } }", "it has an empty segment" },
  { "haul.copy { from = s3, to = there, keys = { 'a/' } }", "it has an empty segment" },
  { "haul.copy { from = s3, to = there, keys = { 'a\\0b' } }", "zero byte" },
  { "haul.copy { from = s3, to = there, keys = { 'a', 5 } }", "keys[2] must be text, not 5" },
  { "haul.copy { from = s3, to = there, keys = { 'a/b/c', 'a/b' } }", "exclude each other" },
  { "haul.copy { from = s3, to = there, keys = { ('x'):rep(1025) } }", "longer than 1024 bytes" },
  { "haul.copy { from = s3, to = there, keys = { a = 'b' } }", "is no part of a list" },
  { "haul.copy { from = s3, to = there, keys = 'list' }", "a list of keys is expected" },
  { "haul.copy { from = here / '../x', to = there }", "the path \"../x\" cannot be used: it has the segment '..'" },
  { "haul.copy { from = here / '/etc/', to = there }", "it starts with '/'" },
  { "haul.copy { from = s3 / '..', to = there }", "the key \"..\" cannot be a file" },
  { "haul.copy { from = here / 5, to = there }", "a place is store / \"path\", not store / 5" },
  { "haul.copy { from = here / 'a' / 'b', to = there }", "nothing can be below an object" },
  { "haul.copy { from = 'x' / here, to = there }", "the store first" },
  { "haul.sink { from = here, to = there }", "haul: it has no \"sink\"" },
  { "haul.copi {}", "it has no \"copi\" (did you mean 'copy'?) at %s:6" },
  { "copy, here.root", "a store has no field \"root\"" },
  { "copi", "undeclared name: copi (did you mean 'copy'?) at %s:6", local_hint = true },
  { "copy, tostrin", "undeclared name: tostrin (did you mean 'tostring'?) at %s:6" },
  { "copy, haul.s3 { bucket = 'b' }", "entry 2 is no task" },
  { "copy, haul.param.day", "parameter \"day\" is not declared" },
}

describe("a job file that is wrong", function()
  for _, case in ipairs(wrong) do
    it(case[1], function()
      local script, kind, message = jobfile.job(case[1])
      assert.is_nil(script)
      assert.equal("invalid", kind)
      local expected = case.local_hint and "undeclared name: copi" or case[2]
      expected = expected:gsub("%%s", jobfile.dir() .. "/x.lua")
      assert.truthy(message:find(expected, 1, true), message)
      assert.truthy(message:find("x.lua:6", 1, true), message)
    end)
  end
end)

-- Above the job: what a store says.
local stores = {
  { "haul.s3 {}", "invalid", "haul.s3: option 'bucket' is missing" },
  { "haul.s3 { bucket = 'Xpail' , endpoint = 'https://s3.amazonaws.com' }", "invalid",
    "haul.s3: bucket: \"Xpail\" is not a bucket name" },
  { "haul.s3 'pail'", "invalid", "takes a table of options, not \"pail\"" },
  { "haul.s3 { bucket = 'pail', regoin = 'x' }", "invalid", "unknown option 'regoin' (did you mean 'region'?)" },
  { "haul.s3 { bucket = 'pail', signature = 'v1' }", "invalid", "unknown option 'signature'" },
  { "haul.s3 { bucket = 'pail', addressing = 'cname' }", "invalid", "one of \"auto\", \"virtual\", \"path\" is expected" },
  { "haul.s3 { bucket = 'pail', endpoint = 'ftp://x' }", "invalid", "haul.s3: endpoint" },
  { "haul.s3 { bucket = 'pail' }", "invalid", "region" },
  { "haul.oss { bucket = 'pail' }", "invalid", "region" },
  { "haul.s3 { bucket = 'pail', ca = '/nowhere' }", "invalid", "there is no file \"/nowhere\"" },
  { "haul.s3 { bucket = 'pail', proxy = 'host' }", "invalid", "an address such as \"http://host:3128\" is expected" },
  { "haul.s3 { bucket = 'pail', requests = 0 }", "invalid", "0 is not within" },
  { "haul.s3 { bucket = 'pail', headers = { Host = 'x' } }", "invalid", "'Host' is haul's own" },
  { "haul.s3 { bucket = 'pail', headers = { ['x y'] = 'x' } }", "invalid", "is no name of a header" },
  { "haul.s3 { bucket = 'pail', headers = { x = 'a\\nb' } }", "invalid", "must be one line" },
  { "haul.s3 { bucket = 'pail', rate = { red = '1MiB/s' } }", "invalid", "rate: unknown option 'red' (did you mean 'read'?)" },
  { "haul.s3 { bucket = 'pail', connect_timeout = 10 }", "invalid", "10 has no unit" },
  { "haul.s3 { bucket = 'pail', credentials = 'SECRETWORD' }", "invalid", "a table, a function or \"anonymous\" is expected" },
  { "haul.s3 { bucket = 'pail', credentials = { access_key = 'SECRETWORD' } }", "invalid", "'secret_key' is missing" },
  { "haul.s3 { bucket = 'pail', credentials = { acces_key = 'SECRETWORD' } }", "invalid", "unknown field 'acces_key' (did you" },
  { "haul.s3 { bucket = 'pail', credentials = { access_key = 'A', secret_key = 'SECRETWORD\\n' } }", "invalid",
    "'secret_key' holds a character that no key has" },
  { "haul.s3 { bucket = 'pail', endpoint = 'http://127.0.0.1', credentials = { profile = 'nobody' } }", "auth",
    "there is no profile \"nobody\"" },
  { "haul.tos { bucket = 'pail', region = 'cn-beijing' }", "auth",
    "haul.tos: no credentials: set TOS_ACCESS_KEY and TOS_SECRET_KEY, or the option credentials" },
  { "haul.dir {}", "invalid", "haul.dir: option 'path' is missing" },
  { "haul.dir ''", "invalid", "it is empty" },
  { "haul.dir(5)", "invalid", "takes a table of options, not 5" },
}

describe("a store that is wrong", function()
  for _, case in ipairs(stores) do
    it(case[1], function()
      local text = case[1]:find "pail" and not case[1]:find "credentials" and case[2] == "invalid"
        and case[1]:gsub(" }$", ", credentials = 'anonymous' }") or case[1]
      local script, kind, message = jobfile.job("haul.copy { from = bad, to = there }", "bad = " .. text)
      assert.is_nil(script)
      assert.truthy(message:find(case[3], 1, true), message)
      assert.equal(case[2], kind)
      assert.truthy(message:find("x.lua:5", 1, true), message)
      assert.is_nil(message:find "SECRETWORD")
    end)
  end
end)

describe("a file that is no job file", function()
  local function fails(text, expected, options)
    local script, _, message = jobfile.load(text, options)
    assert.is_nil(script)
    assert.truthy(message:find(expected, 1, true), message)
  end

  it("is not there", function() fails(nil, "/nowhere/x.lua: No such file or directory", { file = "/nowhere/x.lua" }) end)
  it("is a directory", function() fails(nil, "/tmp: is a directory", { file = "/tmp" }) end)
  it("does not parse", function() fails("return {", "x.lua:1:") end)
  it("is bytecode", function() fails(string.dump(function() end), "attempt to load a binary chunk") end)
  it("raises", function() fails("local x = 1\nerror 'my words'", "x.lua:2: my words") end)
  it("raises a table", function() fails("error { message = 'my words' }", "my words") end)
  it("returns nothing", function() fails("", "x.lua: it returned nil, not a job: end it with return haul.job { ... }") end)
  it("returns text", function() fails("return 'abc'", "it returned \"abc\", not a job") end)
  it("returns a table", function() fails("return { concurrency = 5 }", "it returned a table, not a job") end)
  it("has a name that makes no job's", function()
    fails([[local haul = require "haul" local d = haul.dir
      return haul.job { haul.copy { from = d "/tmp/a", to = d "/tmp/b" } }]], "makes no name for the job", { name = "a b.lua" })
  end)
end)

describe("what a job file cannot reach", function()
  for _, text in ipairs {
    "os.exit()", "os.execute 'true'", "io.popen 'true'", "debug.getinfo(1)", "package.loadlib()", "string.dump(print)",
    "('x').dump(print)", "assert(load(('x').rep))", "io.output():write 'x'", "io.stdout:write 'x'", "dofile '/etc/passwd'",
    "loadfile '/etc/passwd'", "setmetatable({}, { __gc = print })", "getmetatable('').__index.rep = nil",
    "collectgarbage 'stop'", "require 'debug'", "require 'package'", "require '../x'", "require '/etc/passwd'",
    "require 'os'", "require 'haul.nothing'", "_G.undeclared()", "_ENV.undeclared()", "rawget(_G, 'debug').x()",
    "assert(load('return debug'))().x()", "getmetatable(_G).__index = nil",
    "getmetatable(require 'haul'.dir '/tmp').__index = nil",
  } do
    it(text, function()
      local script, _, message = jobfile.job("copy", text)
      assert.is_nil(script, message)
    end)
  end

  it("is not bytecode", function()
    local dumped = ("%q"):format(string.dump(function() return 1 end)):gsub("\\\n", "\\n")
    local script, _, message = jobfile.job("copy", "assert(load(" .. dumped .. ", 'x', 'b'))")
    assert.is_nil(script)
    assert.truthy(message:find("binary chunk", 1, true), message)
  end)
end)

describe("HAUL_LUA", function()
  it("is refused when others may write there", function()
    local dir = files.dir()
    files.mkdir(dir .. "/haul")
    os.execute("chmod 777 " .. dir .. "/haul")
    local script, kind, message = require "support.probe" "script".load { file = jobfile.write "", lua_dir = dir }
    assert.is_nil(script)
    assert.equal("invalid", kind)
    assert.truthy(message:find("others may write to it", 1, true))
  end)
end)

describe("the files in jobs/", function()
  local params = {
    upload = { "source=/tmp/a", "bucket=pail", "endpoint=http://127.0.0.1:1" },
    download = { "target=/tmp/a", "bucket=pail", "endpoint=http://127.0.0.1:1" },
    copy_dir = { "source=/tmp/a", "target=/tmp/b", "rate=5MiB/s" },
    retry_policy = { "source=/tmp/a", "bucket=pail", "endpoint=http://127.0.0.1:1" },
    demo = { "store=dir", "source=/tmp/a", "bucket=/tmp/b" },
  }
  for name, list in pairs(params) do
    it(name, function()
      local script, kind, message = require "support.probe" "script".load {
        file = "jobs/" .. name .. ".lua", lua_dir = "lua", params = list }
      assert.truthy(script or kind == "auth", message)
      if script then script:free() end
    end)
  end
end)
