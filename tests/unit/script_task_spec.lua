-- Tasks: what their options become, and what is refused.
package.path = "tests/?.lua;" .. package.path
local files = require "support.files"
local jobfile = require "support.jobfile"

local oss = [[
  oss = haul.oss { bucket = "pail", region = "cn-hangzhou", credentials = "anonymous" }
  tos = haul.tos { bucket = "pail", region = "cn-beijing", credentials = "anonymous" }
  web = haul.web "https://example.org/files/"]]

local function load(inside)
  local script, _, message = jobfile.job(inside, oss)
  return assert(script, message)
end

local function task_of(inside)
  local script = load(inside)
  local task = script:job().tasks[1]
  script:free()
  return task
end

local function fields(task, ...)
  local list = {}
  for i, name in ipairs { ... } do list[i] = task[name] end
  return list
end

describe("a task", function()
  it("has defaults", function()
    local names = { "kind", "overwrite", "compare", "conflict", "route", "remove", "preserve", "keeps_empty", "max_delete",
      "max_deletes", "min_size", "max_size", "since", "before", "functions", "is_also", "also", "attributes" }
    local function defaults(text) return fields(task_of(text), table.unpack(names)) end
    assert.same({ 0, 0, 0, 0, 0, 0, 1, 1, 1.0, -1, -1, -1, 0, 0, 0, 0, 0, "" }, defaults "copy")
    assert.same({ 1, 0, 0, 0, 0, 0, 1, 1, 0.25, -1, -1, -1, 0, 0, 0, 0, 0, "" },
      defaults "haul.sync { from = here, to = there }")
    assert.same({ 2, 0, 0, 0, 0, 1, 1, 0, 1.0, -1, -1, -1, 0, 0, 0, 0, 0, "" }, defaults "haul.delete { from = there }")
  end)

  it("selects", function()
    local task = task_of [[haul.copy { from = here, to = s3, include = "*.jpg", exclude = { "a/**", "b" },
      min_size = "1B", max_size = "5MiB", newer_than = "2026-11-20", older_than = "2026-11-20T10:00:01Z" }]]
    assert.same({ { "*.jpg" }, { "a/**", "b" }, 1, 5 << 20, 1795132800000, 1795168801000 },
      fields(task, "include", "exclude", "min_size", "max_size", "since", "before"))
  end)

  it("reckons dates as the calendar does", function()
    for text, ms in pairs { ["1970-01-02"] = 86400000, ["2000-02-29"] = 951782400000, ["2024-12-31T23:59:59Z"] = 1735689599000,
      ["2100-03-01"] = 4107542400000 } do
      assert.equal(ms, task_of(("haul.copy { from = here, to = s3, newer_than = %q }"):format(text)).since)
    end
  end)

  it("reckons ages back from now", function()
    for text, seconds in pairs { ["7d"] = 604800, ["2w"] = 1209600, ["90m"] = 5400, ["36h"] = 129600 } do
      local before = os.time()
      local since = task_of(("haul.copy { from = here, to = s3, newer_than = %q }"):format(text)).since
      -- time(2) may lag behind the clock by a tick.
      assert.is_true(since >= (before - seconds) * 1000 and since <= (os.time() + 2 - seconds) * 1000)
    end
    assert.equal(1, task_of("haul.copy { from = here, to = s3, newer_than = '99999d' }").since)
  end)

  it("says what objects carry", function()
    local task = task_of [[haul.copy { from = here, to = s3, headers = { ["Cache-Control"] = "no-cache", content_type = "a/b" },
      metadata = { Owner = "me", n = 5 }, storage_class = "STANDARD_IA", acl = "private",
      tags = { b = "x y", a = 1 }, preserve = false }]]
    assert.equal("acl=private cache-control=no-cache content-type=a/b meta-n=5 meta-owner=me storage-class=STANDARD_IA "
      .. "tags=a=1&b=x%20y", task.attributes)
    assert.equal(0, task.preserve)
  end)

  it("has rules", function()
    local task = task_of [[haul.copy { from = oss / "a/", to = tos / "b/", overwrite = "newer", conflict = "rename",
      route = "relay", listing = { "g", "q" } }]]
    assert.same({ 2, 2, 2, { "g", "q" } }, fields(task, "overwrite", "conflict", "route", "splits"))
    task = task_of [[haul.sync { from = here, to = oss / "b/", compare = "etag", delete = true, max_delete = 500 }]]
    assert.same({ 1, 3, 1, 1.0, 500 }, fields(task, "kind", "compare", "remove", "max_delete", "max_deletes"))
    assert.equal(0.05, task_of("haul.sync { from = here, to = oss, max_delete = '5%' }").max_delete)
    task = task_of [[haul.delete { from = oss / "old/", older_than = "30d", max_delete = "50%", keys = { "a" } }]]
    assert.same({ 2, 1, 0.5, "oss://pail", "oss://pail", "old/", { "a" } },
      fields(task, "kind", "remove", "max_delete", "from", "to", "from_path", "keys"))
  end)

  it("says which functions it has", function()
    for text, bits in pairs {
      ["where = print"] = 1, ["headers = print"] = 1, ["tags = print"] = 1, ["part_size = print"] = 1,
      ["keys = print"] = 4, ["conflict = print"] = 8, ["rename = print"] = 17, ["rename = print, keys = print"] = 21,
    } do
      assert.equal(bits, task_of(("haul.copy { from = here, to = there, %s }"):format(text)).functions, text)
    end
    local sync = task_of "haul.sync { from = here, to = there, compare = print }"
    assert.same({ 5, 2 }, fields(sync, "compare", "functions"))
    assert.equal(3, task_of("haul.copy { from = here, to = there, conflict = print }").conflict)
  end)

  it("may have several targets, one listing for all", function()
    local script = load [[haul.copy { from = here, to = { there, oss / "a/", tos / "b/" } }, haul.copy { from = oss, to = there }]]
    local tasks, seen = script:job().tasks, {}
    for i, task in ipairs(tasks) do seen[i] = { task.to, task.to_path, task.is_also, task.also } end
    assert.same({ { "/tmp/haul-to", "", 0, 2 }, { "oss://pail", "a/", 1, 3 }, { "tos://pail", "b/", 1, 0 },
      { "/tmp/haul-to", "", 0, 0 } }, seen)
    script:free()
    script = load [[haul.sync { from = here, to = { there, oss } }]]
    assert.same({ 0, 0 }, { script:job().tasks[2].is_also, script:job().tasks[1].also }) -- each target is listed too
    script:free()
  end)

  it("goes between any two stores", function()
    for _, sides in ipairs { "oss, to = tos", "s3, to = oss", "oss / 'a/', to = oss / 'b/'", "s3 / 'a', to = s3 / 'b'",
      "oss, to = tos, keys = { '/a', 'b/', 'b//..' }", "web / 'one', to = there", "web, keys = { 'a' }, to = oss",
      "web / 'x/', keys = print, to = oss" } do
      load("haul.copy { from = " .. sides .. " }"):free()
    end
  end)

  it("takes keys of two stores, each with its own", function()
    local script = assert(jobfile.job("haul.copy { from = a, to = b }", ([[
      local function keys(name) return { access_key = name, secret_key = "S" .. name } end
      a = haul.oss { bucket = "one", region = "cn-hangzhou", credentials = keys "A", rate = "1MiB/s", ca = %q }
      b = haul.s3 { bucket = "two", endpoint = "http://127.0.0.1:9", credentials = keys "B", requests = 5 }]])
      :format(jobfile.write("", "ca.pem"))))
    local a, b = script:job().stores[1], script:job().stores[2]
    assert.same({ "A", "SA", 1048576, -1, "one.oss-cn-hangzhou.aliyuncs.com" },
      fields(a, "access_key", "secret_key", "read_rate", "request_rate", "host"))
    assert.same({ "B", "SB", -1, 5, "127.0.0.1:9" },
      fields(b, "access_key", "secret_key", "read_rate", "request_rate", "host"))
    script:free()
  end)
end)

describe("a web store", function()
  it("is named without what is secret in its address", function()
    local script = assert(jobfile.job([[haul.copy { from = web / "a b.txt", to = there }]],
      [[web = haul.web { url = "http://127.0.0.1:81/files/", headers = { Authorisation = "x" }, rate = "1MiB/s" }]]))
    local store = script:job().stores[1]
    assert.same({ 4, "http://127.0.0.1:81/files", "127.0.0.1:81", 0, 1048576, 1 },
      fields(store, "kind", "name", "host", "https", "read_rate", "anonymous"))
    script:free()
  end)
end)

describe("a job", function()
  it("may wait for its turn and its time", function()
    local script = load [[copy, overlap = "wait", window = { "22:00", "6:30" }, stop_when = { failed = "5%", of = 200 } ]]
    assert.same({ 1, 1, 1320, 390, 0.05, 0, 200 }, fields(script:job(), "overlap", "window", "window_from", "window_to",
      "breaker_share", "breaker_count", "breaker_of"))
    script:free()
    script = load [[copy, overlap = "skip", stop_when = { failed = 10 } ]]
    assert.same({ 2, 0, 0.0, 10, 1000 },
      fields(script:job(), "overlap", "window", "breaker_share", "breaker_count", "breaker_of"))
    script:free()
  end)
end)

local copy, sync, delete = "haul.copy { from = here, to = s3, %s }", "haul.sync { from = here, to = s3, %s }",
  "haul.delete { from = s3, %s }"

-- Inside of haul.job { ... } on line 9 of the file.
local wrong = {
  { copy, "include = 5", "option 'include': a pattern or a list of them is expected, not 5" },
  { copy, "include = { 5 }", "option 'include': pattern 1 must be text, not 5" },
  { copy, "exclude = { x = 'y' }", "option 'exclude': a plain list of patterns is expected" },
  { copy, "exclude = '['", "option 'exclude': \"[\" is no pattern" },
  { copy, "exclude = ''", "option 'exclude': \"\" is no pattern" },
  { copy, "min_size = 5", "option 'min_size': 5 has no unit: write a size such as \"16MiB\"" },
  { copy, "newer_than = 7", "an age such as \"7d\", or a date such as \"2026-11-20\", is expected, not 7" },
  { copy, "newer_than = '7'", "\"7\" is no age such as \"7d\" and no date such as \"2026-11-20\"" },
  { copy, "older_than = '2026-13-01'", "is no age such as" },
  { copy, "older_than = '2026-02-30'", "is no age such as" },
  { copy, "older_than = '2026-11-20 10:00'", "is no age such as" },
  { copy, "older_than = '2026-11-20T24:00:00Z'", "is no age such as" },
  { copy, "where = true", "option 'where': a function is expected, not true" },
  { copy, "rename = 'x'", "option 'rename': a function is expected, not \"x\"" },
  { copy, "headers = { ['x-amz-acl'] = 'y' }", "\"x-amz-acl\" is no header an object keeps" },
  { copy, "headers = { ['content-tipe'] = 'y' }", "(did you mean 'content-type'?)" },
  { copy, "headers = { ['content-type'] = 'a\\nb' }", "'content-type' must be one line of text" },
  { copy, "headers = 'x'", "a table of names and values is expected, not \"x\"" },
  { copy, "metadata = { ['a b'] = 'x' }", "\"a b\" is no name of metadata" },
  { copy, "metadata = { a = {} }", "'a' must be one line of text, not a table" },
  { copy, "metadata = { a = ('x'):rep(9000) }", "headers, metadata and tags together are more than 8.0 KiB" },
  { copy, "storage_class = 5", "option 'storage_class': it must be one line of text, not 5" },
  { copy, "acl = ''", "option 'acl': it must be one line of text" },
  { copy, "tags = { a = true }", "names and values are text" },
  { copy, "tags = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }", "names and values are text" },
  { copy, "tags = { a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, i=1, j=1, k=1 }", "no store takes more than 10 tags" },
  { copy, "preserve = 'no'", "option 'preserve': true or false is expected" },
  { copy, "overwrite = 'nevr'", "(did you mean 'never'?)" },
  { copy, "conflict = 'skp'", "one of \"error\", \"skip\", \"rename\" is expected, not \"skp\" (did you mean 'skip'?)" },
  { copy, "conflict = 'script'", "one of \"error\", \"skip\", \"rename\" is expected" },
  { copy, "route = 'disk'", "one of \"auto\", \"server\", \"relay\" is expected" },
  { copy, "compare = 'size'", "haul.copy: unknown option 'compare'" },
  { copy, "delete = true", "haul.copy: unknown option 'delete'" },
  { copy, "listing = 0", "a list of keys is expected, not 0" },
  { copy, "listing = {}", "1 to 4096 keys are expected" },
  { copy, "listing = { 'b', 'a' }", "the keys must ascend, and \"a\" does not come after \"b\"" },
  { copy, "listing = { 5 }", "key 1 must be text" },
  { copy, "keys = haul.manifest 'nowhere.csv'", "haul.manifest: there is no file \"nowhere.csv\"" },
  { copy, "keys = haul.manifest '/etc/passwd'", "\"/etc/passwd\" is no .csv, .jsonl or .txt" },
  { copy, "keys = haul.manifest {}", "haul.manifest: takes a path, not a table" },
  { copy, "part_size = '1MiB'", "1.0 MiB is outside of what s3://pail takes" },
  { sync, "rename = print", "haul.sync: option 'rename': a sync compares both sides under the same names" },
  { sync, "keys = { 'a' }", "haul.sync: option 'keys': a sync is of everything below a prefix" },
  { sync, "overwrite = 'never'", "haul.sync: option 'overwrite': a sync writes what differs" },
  { sync, "conflict = 'skip'", "haul.sync: option 'conflict': a sync keeps all names" },
  { sync, "compare = 'tim'", "(did you mean 'time'?)" },
  { sync, "delete = 'yes'", "option 'delete': true or false is expected" },
  { sync, "max_delete = '101%'", "a share such as \"25%\", or a number of objects, is expected, not \"101%\"" },
  { sync, "max_delete = -1", "a share such as" },
  { sync, "max_delete = 0.5", "a share such as" },
  { delete, "to = there", "haul.delete: option 'to': haul.delete removes what `from` names, and has no target" },
  { delete, "metadata = {}", "haul.delete: unknown option 'metadata'" },
  { delete, "keys = { 'a/' , 'a/' }", "keys[1] and keys[2] are both" },
  { copy, "keys = { 'a//b' }", "option 'keys': keys[1] is \"a//b\", which cannot be used: it has an empty segment" },
  { "haul.sync { from = here / 'a', to = s3 }", "a sync is of everything below a prefix: from must end in '/'" },
  { "haul.sync { from = here, to = s3 / 'x' }", "many objects cannot become one: to must end in '/' (s3://pail/x)" },
  { "haul.sync { from = s3 / 'a/', to = s3 }", "from (s3://pail/a/) lies inside of to (s3://pail/)" },
  { "haul.sync { from = here / 'a/', to = here }", "from (/tmp/haul-from/a/) lies inside of to (/tmp/haul-from/)" },
  { "haul.copy { from = s3, to = same / '' }", "from and to are the same place (s3://pail/)" },
  { "haul.copy { from = s3 / 'a', to = s3 / 'a' }", "from and to are the same place (s3://pail/a)" },
  { "haul.copy { from = here / 'one', to = s3 / 'two', rename = print }", "rename gives names below a prefix" },
  { "haul.copy { from = here, to = web }", "nothing can be written to https://example.org/files/" },
  { "haul.sync { from = here, to = web }", "nothing can be written to https://example.org/files/" },
  { "haul.delete { from = web / 'a' }", "nothing can be written to https://example.org/files/a" },
  { "haul.copy { from = web, to = there }", "https://example.org/files/ cannot be listed: name an object, or give keys" },
  { "haul.sync { from = web, to = there }", "cannot be listed" },
  { "haul.copy { from = here, to = {} }", "option 'to': the list of places is empty" },
  { "haul.copy { from = here, to = { s3, 5 } }", "option 'to': [2]: a place is expected, such as store / \"path\", not 5" },
  { "haul.copy { from = here, to = { s3, here } }", "from and to are the same place (/tmp/haul-from/)" },
  { "copy, overlap = 'wat'", "(did you mean 'wait'?)" },
  { "copy, window = '22:00'", "option 'window': two times are expected: { \"22:00\", \"06:00\" }" },
  { "copy, window = { '22:00', '24:00' }", "a time of day is written \"22:00\"" },
  { "copy, window = { '22:00', '22:00' }", "the window is empty" },
  { "copy, stop_when = {}", "stop_when: option 'failed' is missing" },
  { "copy, stop_when = { failed = 0 }", "option 'stop_when': failed must be above zero" },
  { "copy, stop_when = { failed = '5%', off = 5 }", "stop_when: unknown option 'off' (did you mean 'of'?)" },
  { "copy, stop_when = 5", "stop_when: takes a table of options, not 5" },
}

describe("a task that is wrong", function()
  for _, case in ipairs(wrong) do
    local text = case[3] and case[1]:format(case[2]) or case[1]
    it(text, function()
      local script, kind, message = jobfile.job(text, oss ..
        [[ same = haul.s3 { bucket = "pail", endpoint = "http://127.0.0.1:1/", credentials = "anonymous" }]])
      assert.is_nil(script)
      assert.truthy(message:find(case[3] or case[2], 1, true), message)
      assert.equal("invalid", kind)
      assert.truthy(message:find("x.lua:8", 1, true), message)
    end)
  end
end)

describe("the functions of a task", function()
  local object = { key = "in/a/b.jpg", target = "out/a/b.jpg", size = 5, mtime = 7, etag = "E" }

  -- from = here / "in/", to = there / "out/"; what is asked of each object.
  local function map(options, side)
    local script = load(("haul.copy { from = here / 'in/', to = %s / 'out/', hook_timeout = nil, %s }, hook_timeout = '100ms'")
      :format(side or "there", options))
    local answer = table.pack(script:map(1, object))
    script:free()
    return table.unpack(answer, 1, answer.n)
  end

  it("see the object", function()
    assert.is_true((map [[where = function(o)
      return o.key == "in/a/b.jpg" and o.name == "a/b.jpg" and o.target == "out/a/b.jpg" and o.size == 5
        and math.type(o.size) == "integer" and o.mtime == 7 and o.etag == "E"
    end]]))
  end)

  it("may keep it", function()
    local script = load [[haul.copy { from = here, to = there, where = function(o)
      kept = rawget(_G, "kept") or o
      return kept.key == "first"
    end }]]
    assert.is_true((script:map(1, { key = "first" })))
    assert.is_true((script:map(1, { key = "second" })))
    script:free()
  end)

  it("take it or leave it", function()
    assert.is_false((map "where = function(o) return o.size > 5 end"))
    assert.is_false((map "where = function() end"))
    assert.is_true((map "where = function() return 0 end"))
  end)

  it("give it a name, below the target", function()
    local _, target = map "rename = function(name, o) return name:upper() .. o.size end"
    assert.equal("out/A/B.JPG5", target)
    _, target = map "rename = function() end"
    assert.is_nil(target)
    _, target = map("rename = function() return '../a//b' end", "s3")
    assert.equal("out/../a//b", target)
  end)

  it("say what it carries and how it is divided", function()
    assert.same({ true, nil, "meta-key=in/a/b.jpg storage-class=IA tags=n=5", 16 << 20 }, { map [[
      metadata = function(o) return { key = o.key } end, tags = function(o) return { n = o.size } end,
      storage_class = function() return "IA" end, headers = function() return nil end, acl = "private",
      part_size = function() return "16MiB" end]] })
    assert.equal(0, select(4, map "part_size = function() return 'auto' end"))
    assert.equal(0, select(4, map "part_size = function() end"))
  end)

  for options, expected in pairs {
    ["where = function() error 'no' end"] = "x.lua:8: no",
    ["where = function(o) return o.size.x.y end"] = "x.lua:8: attempt to index",
    ["where = function() while true do end end"] = "computed for more than 0.1 seconds",
    ["where = function() coroutine.yield() end"] = "it cannot wait",
    ["where = function() return undeclared end"] = "undeclared name: undeclared",
    ["rename = function() return 5 end"] = 'rename of "in/a/b.jpg": a name is expected, not 5',
    ["rename = function() return '' end"] = "a name is expected, not \"\"",
    ["rename = function() return '../x' end"] = "the name \"../x\" cannot be used: it has the segment '..'",
    ["rename = function() return '/etc/passwd' end"] = "it starts with '/'",
    ["rename = function() return 'a\\0b' end"] = "it holds a zero byte",
    ["rename = function() return ('x'):rep(1025) end"] = "it is longer than 1024 bytes",
    ["headers = function() return { host = 'x' } end"] = 'headers of "in/a/b.jpg": "host" is no header an object keeps',
    ["metadata = function() return 5 end"] = "metadata of \"in/a/b.jpg\": a table of names and values is expected, not 5",
    ["metadata = function() return { a = ('x'):rep(9000) } end"] = "together are more than",
    ["tags = function() return { a = true } end"] = "names and values are text",
    ["acl = function() return 5 end"] = "acl of \"in/a/b.jpg\": it must be one line of text, not 5",
    ["part_size = function() return 5 end"] = "part_size of \"in/a/b.jpg\": 5 has no unit",
    ["part_size = function() return '6GiB' end"] = "part_size of \"in/a/b.jpg\": \"6GiB\" is too large",
  } do
    it("that fail, fail the object: " .. options, function()
      local selected, _, message = map(options)
      assert.is_nil(selected)
      assert.truthy(message:find(expected, 1, true), message)
    end)
  end

  it("cannot ask for parts that the store does not take", function()
    local _, _, message = map("part_size = function() return '1MiB' end", "s3")
    assert.truthy(message:find("part_size of \"in/a/b.jpg\": 1.0 MiB is outside of what s3://pail takes", 1, true), message)
  end)

  it("compare two objects", function()
    local script = load [[haul.sync { from = here / "in/", to = there / "out/", compare = function(a, b)
      assert(a.name == b.name)
      if a.size ~= b.size then return false, "sizes " .. a.size .. " and " .. b.size end
      if a.etag == "bad" then error "cannot say" end
      return true
    end }]]
    local there = { key = "out/a", size = 5 }
    assert.same({ true, "the same, says the job file" }, { script:compare(1, { key = "in/a", size = 5 }, there) })
    assert.same({ false, "sizes 6 and 5" }, { script:compare(1, { key = "in/a", size = 6 }, there) })
    local same, kind, message = script:compare(1, { key = "in/a", size = 5, etag = "bad" }, there)
    assert.same({ n = 3, nil, "script", message }, table.pack(same, kind, message))
    assert.truthy(message:find("x.lua:11: cannot say", 1, true), message)
    script:free()
  end)

  it("settle who has a name", function()
    local script = load [[haul.copy { from = oss / "in/", to = there / "out/", rename = print,
      conflict = function(name, other, target)
        assert(other == "A" and target == "a")
        if name == "bad" then return "../x" end
        return name ~= "skip" and "second-" .. name or nil
      end }]]
    assert.equal("out/second-b", script:settle(1, "in/b", "in/A", "out/a"))
    assert.is_false(script:settle(1, "in/skip", "in/A", "out/a"))
    local name, kind, message = script:settle(1, "in/bad", "in/A", "out/a")
    assert.same({ n = 3, nil, "invalid", message }, table.pack(name, kind, message))
    assert.truthy(message:find("conflict of \"in/bad\": the name \"../x\" cannot be used", 1, true), message)
    script:free()
  end)
end)

describe("keys, one after the other", function()
  local function all(script)
    local list = {}
    while true do
      local key, target, size = script:yield(1)
      if not key then
        if target then list.fault = size end
        script:free()
        return list
      end
      list[#list + 1] = { key, target or false, size }
    end
  end

  local function from(keys, side)
    return all(load(("haul.copy { from = %s / 'in/', to = there / 'out/', keys = %s }"):format(side or "s3", keys)))
  end

  local function manifest(name, text)
    jobfile.write(text, name)
    return from(("haul.manifest %q"):format(jobfile.dir() .. "/" .. name))
  end

  it("come from a function", function()
    assert.same({ { "a", false, -1 }, { "b", "c", 5 }, { "d", false, -1 } }, from
      "coroutine.wrap(function() coroutine.yield 'a' coroutine.yield { key = 'b', target = 'c', size = 5 } coroutine.yield 'd' end)")
    assert.same({}, from "function() end")
  end)

  for keys, expected in pairs {
    ["function() return 5 end"] = "keys: 5 cannot be used: a key must be text, not 5",
    ["function() return {} end"] = "a key must be text, not nil",
    ["function() error 'lost' end"] = "x.lua:8: lost",
    ["function() return ('x'):rep(1023) end"] = "longer than 1024 bytes",
    ["function() return { key = 'a', target = '../b' } end"] = "keys of \"a\": the name \"../b\" cannot be used",
  } do
    it("or an error: " .. keys, function()
      local list = from(keys)
      assert.truthy(list.fault and list.fault:find(expected, 1, true), list.fault)
    end)
  end

  it("are safe as paths", function()
    assert.truthy(from("function() return '../a' end", "here").fault:find("it has the segment '..'", 1, true))
  end)

  local bom = "\xEF\xBB\xBF"
  for name, case in pairs {
    ["a.txt"] = { "a\nb c\r\n\n\"d\"", { { "a", false, -1 }, { "b c", false, -1 }, { '"d"', false, -1 } } },
    ["b.txt"] = { bom .. "a\n", { { "a", false, -1 } } },
    ["c.txt"] = { "", {} },
    ["d.TXT"] = { ("x"):rep(70000) .. "\n", { fault = "longer than 1024 bytes" } },
    ["e.txt"] = { "ok\n" .. ("x"):rep(2 << 20), { { "ok", false, -1 }, fault = "e.txt:2: the line is longer than 1 MiB" } },
    ["a.csv"] = { "key\na\n\"b,c\"\n\"d\"\"e\"\r\n", { { "a", false, -1 }, { "b,c", false, -1 }, { 'd"e', false, -1 } } },
    ["b.csv"] = { bom .. "Bucket, Key ,\"Size\",target,etag\r\np,a,5,x,\r\np,\"b\",\"\",,e\r\n",
      { { "a", "x", 5 }, { "b", false, -1 } } },
    ["c.csv"] = { "key,size\n\"two\r\nlines\",7\nnext,8", { { "two\r\nlines", false, 7 }, { "next", false, 8 } } },
    ["d.csv"] = { "key\n", {} },
    ["e.csv"] = { "key,size\na,\nb,5,more,columns\n", { { "a", false, -1 }, { "b", false, 5 } } },
    ["f.csv"] = { "key,size\na,1\nb,one\n", { { "a", false, 1 }, fault = 'f.csv:3: the size "one" is no whole number' } },
    ["g.csv"] = { "key,size\na,1\n,2\n", { { "a", false, 1 }, fault = "g.csv:3: the key is missing" } },
    ["h.csv"] = { "key,size\n\"a,1\n", { fault = "h.csv:2: a quoted field does not end" } },
    ["i.csv"] = { "key\n\"a\"b\n", { fault = "i.csv:2: text follows a quoted field" } },
    ["j.csv"] = { "size,key\n99999999999999999999,a\n", { fault = "j.csv:2: the size" } },
    ["a.jsonl"] = { '{"key":"a","size":5,"target":"x/y"}\r\n\n"b"\n{"key":"c","size":null}', { { "a", "x/y", 5 },
      { "b", false, -1 }, { "c", false, -1 } } },
    ["b.jsonl"] = { '{"key":"a"}\n{"key":\n', { { "a", false, -1 }, fault = "b.jsonl:2: this is no JSON" } },
    ["c.jsonl"] = { '{"Key":"a"}', { fault = "c.jsonl:1: a record needs a key" } },
    ["d.jsonl"] = { "[]\n", { fault = "d.jsonl:1: a record needs a key" } },
    ["e.jsonl"] = { '{"key":"a","size":-1}', { fault = "e.jsonl:1: the size must be a whole number" } },
    ["f.jsonl"] = { '{"key":"a","target":5}', { fault = "f.jsonl:1: the target must be text" } },
  } do
    it("come from " .. name, function()
      local list, expected = manifest(name, case[1]), case[2]
      assert.same(expected.fault and true or nil, list.fault and expected.fault and
        list.fault:find(expected.fault, 1, true) and true or list.fault)
      list.fault, expected.fault = nil, nil
      assert.same(expected, list)
    end)
  end

  for name, case in pairs {
    ["none.csv"] = { "bucket,name\na,b\n", "none.csv:1: the first line must name the columns, and one of them 'key'" },
    ["empty.csv"] = { "", "empty.csv:1: the first line must name the columns" },
    ["twice.csv"] = { "key,Key\n", "twice.csv:1: two columns are named 'key'" },
  } do
    it("are not in " .. name .. ", which is told when it is named", function()
      jobfile.write(case[1], name)
      local script, kind, message = jobfile.job(("haul.copy { from = s3, to = there, keys = haul.manifest %q }")
        :format(jobfile.dir() .. "/" .. name))
      assert.is_nil(script)
      assert.equal("invalid", kind)
      assert.truthy(message:find(case[2], 1, true) and message:find("x.lua:6", 1, true), message)
    end)
  end

  it("may be taken from one manifest by two tasks", function()
    jobfile.write("a\nb\n", "two.txt")
    local script = load(([[haul.copy { from = s3, to = there, keys = list }, haul.copy { from = s3, to = oss, keys = list }
      ]]):gsub("list", ("haul.manifest %q"):format(jobfile.dir() .. "/two.txt")))
    assert.same({ "a", "a", "b", "b" }, { (script:yield(1)), (script:yield(2)), (script:yield(1)), (script:yield(2)) })
    script:free()
  end)

  it("are streamed: a manifest of a million lines needs little memory", function()
    local lines = {}
    for i = 1, 1000 do lines[i] = ("%s/%06d"):format(("k"):rep(100), i) end
    files.write(jobfile.dir() .. "/long.txt", (table.concat(lines, "\n") .. "\n"):rep(1000))
    local script = load(("haul.copy { from = s3, to = there, keys = haul.manifest %q }"):format(jobfile.dir() .. "/long.txt"))
    local n, last = 0, nil
    for key in function() return (script:yield(1)) end do n, last = n + 1, key end
    assert.same({ 1000000, lines[1000] }, { n, last })
    script:free()
  end)
end)
