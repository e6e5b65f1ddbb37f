-- Fields of objects that cost a request: what functions of a job file see, and what it costs.
local haul = require "support.haul"
local files = require "support.files"
local json = require "support.json"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "lazy", part_size = "5MiB", retry = { attempts = 3, base = "1ms", cap = "2ms" },
  haul.$task { from = $from, to = $to, $more } }
]]

local function names(dir)
  local list = {}
  for name in pairs(files.sums(dir)) do list[#list + 1] = name end
  table.sort(list)
  return list
end

for dialect, prefix in pairs { s3 = "x-amz-", oss = "x-oss-", tos = "x-tos-" } do
  describe("objects of " .. dialect .. " that are touched", function()
    local world, store, dst

    before_each(function()
      store = server.fault { dialect = dialect }
      world = haul.world { keys = store.keys }
      dst = files.mkdir(world:path "dst")
    end)
    after_each(function() world:remove() end)

    local function job(more, task)
      world:job(JOB, { task = { task or "copy" }, from = { store.store .. [[ / "a/"]] },
        to = { ("haul.dir %q / \"\""):format(dst) }, more = { more } })
    end

    local function put(count)
      for i = 1, count do
        store:put(("a/%03d"):format(i), "body " .. i, {
          headers = { [prefix .. "meta-number"] = tostring(i), ["cache-control"] = "max-age=" .. i,
            ["content-type"] = "text/x-" .. i }, tags = { parity = i % 2 == 0 and "even" or "odd", ["a b"] = "1&2" } })
      end
    end

    it("cost one HEAD, and only those", function()
      put(20)
      job [[where = function(object)
        if object.name > "010" then return false end
        return tonumber(object.metadata.number) % 2 == 0 and object.cache_control == "max-age=" .. object.metadata.number
          and object.content_type == "text/x-" .. object.metadata.number and object.storage_class:upper() == "STANDARD"
          and object.expires == nil
      end]]
      world:run():expect(0)
      assert.same({ "002", "004", "006", "008", "010" }, names(dst))
      assert.equal(10, #store:requests "head")
    end)

    it("cost one request for their tags", function()
      put(6)
      job [[rename = function(name, object)
        assert(object.tags["a b"] == "1&2")
        return object.tags.parity .. "/" .. name .. "." .. object.metadata.number
      end]]
      world:run():expect(0)
      assert.same({ "even/002.2", "even/004.4", "even/006.6", "odd/001.1", "odd/003.3", "odd/005.5" }, names(dst))
      assert.equal(6, #store:requests "get_tags")
      assert.equal(6, #store:requests "head")
    end)

    it("keep the order of the listing, with some requests at a time", function()
      put(60)
      store:rules { op = "head", key = "a/005", with = "500", times = 2 }
      job [[concurrency = 1, where = function(object)
        return object.name:find "[05]$" ~= nil and (object.name > "030" or object.metadata.number ~= nil)
      end]]
      local run = world:run():expect(0)
      local keys = {}
      for _, event in ipairs(run:all "object_started") do keys[#keys + 1] = event.key end
      local sorted = { table.unpack(keys) }
      table.sort(sorted)
      assert.equal(12, #keys)
      assert.same(sorted, keys)
    end)
  end)
end

describe("an object that is touched", function()
  local world, store, dst

  before_each(function()
    store = server.fault { dialect = "oss" }
    world = haul.world { keys = store.keys }
    dst = files.mkdir(world:path "dst")
  end)
  after_each(function() world:remove() end)

  local function job(more, task, from, to)
    world:job(JOB, { task = { task or "copy" }, from = { from or store.store .. [[ / "a/"]] },
      to = { to or ("haul.dir %q / \"\""):format(dst) }, more = { more } })
  end

  it("cannot be hidden by a pcall", function()
    store:put("a/x", "x", { headers = { ["x-oss-meta-keep"] = "yes" } })
    job [[where = function(object)
      local good, metadata = pcall(function() return object.metadata end)
      return good and metadata.keep == "yes"
    end]]
    world:run():expect(0)
    assert.same({ "x" }, names(dst))
    assert.equal(1, #store:requests "head")
  end)

  it("is asked for again as the policy says, and fails alone with the request's error", function()
    for _, key in ipairs { "ok", "slow", "torn" } do store:put("a/" .. key, key) end
    store:rules({ op = "head", key = "a/slow", with = "500", times = 2 },
      { op = "head", key = "a/torn", with = "denied", times = -1 })
    job "where = function(object) return object.metadata.none == nil end"
    local run = world:run():expect(1)
    assert.same({ "ok", "slow" }, names(dst))
    local failed = run:all "object_failed"
    assert.equal(1, #failed)
    assert.same({ "a/torn", "denied", 403 }, { failed[1].key, failed[1].error.kind, failed[1].error.status })
    assert.matches("which the job file asks for", failed[1].error.message)
    assert.equal(3, #store:requests("head", function(r) return r.key == "a/slow" end))
  end)

  it("does not hold up what stands before it", function()
    store:put("a/1", "1")
    store:put("a/2", "2")
    store:rules { op = "head", key = "a/2", with = "hold" }
    job [[where = function(object) return object.name == "1" or object.metadata ~= nil end]]
    local run = world:start()
    run:await("object_succeeded", 1, { key = "a/1" })
    store:release()
    run:wait():expect(0)
  end)

  it("may be a named one: what it was asked for its size is enough", function()
    store:put("a/x", "x", { headers = { ["x-oss-meta-to"] = "y" } })
    job [[keys = { "x" }, rename = function(name, object) return object.metadata.to end]]
    world:run():expect(0)
    assert.same({ "y" }, names(dst))
    assert.equal(1, #store:requests "head")
  end)

  it("is not asked for again when it is sent, and not lost when it changes meanwhile", function()
    store:put("a/big", { size = 3 << 20, headers = { ["x-oss-meta-keep"] = "yes" } })
    store:put("a/late", { size = 3 << 20, headers = { ["x-oss-meta-keep"] = "yes" } })
    store:rules { op = "get", key = "a/late", with = "replace" }
    job [[part_size = "1MiB", where = function(object) return object.metadata.keep == "yes" end]]
    world:run():expect(0)
    local function heads(key) return #store:requests("head", function(r) return r.key == key end) end
    assert.same({ 1, 2 }, { heads "a/big", heads "a/late" })
    for _, key in ipairs { "big", "late" } do assert.equal(store:objects()["a/" .. key].sha256, files.sum(dst .. "/" .. key)) end
  end)

  it("may be a file: that costs nothing", function()
    files.tree(world:path "src", { ["a.html"] = 3, b = 3 })
    job([[where = function(object)
      return object.content_type == "text/html" and next(object.metadata) == nil and next(object.tags) == nil and not object.expires
    end]], "copy", ("haul.dir %q / \"\""):format(world:path "src"), store.store .. [[ / "up/"]])
    world:run():expect(0)
    assert.is_truthy(store:objects()["up/a.html"])
    assert.is_nil(store:objects()["up/b"])
  end)

  it("may be either side of a comparison", function()
    for i = 1, 4 do
      store:put("a/" .. i, "a" .. i, { headers = { ["x-oss-meta-v"] = tostring(i) } })
      store:put("b/" .. i, "b" .. i, { headers = { ["x-oss-meta-v"] = tostring(i % 2 == 0 and i or 0) } })
    end
    job("compare = function(source, target) return source.metadata.v == target.metadata.v, 'version' end", "sync", nil,
      store.store .. [[ / "b/"]])
    local run = world:run():expect(0)
    assert.equal(2, #run:all "object_skipped")
    assert.equal(2, #run:all "object_succeeded")
    for _, key in ipairs { "a/1", "a/3" } do assert.equal(1, run:count("object_succeeded", { key = key })) end
  end)

  it("may be on one side of a sync alone", function()
    files.tree(world:path "src", { a = 3, b = 3 })
    for key, pinned in pairs { a = "yes", b = "no" } do
      store:put("b/" .. key, "xyz", { headers = { ["x-oss-meta-pinned"] = pinned } })
    end
    job("compare = function(source, target) return target.metadata.pinned == 'yes' and next(source.metadata) == nil end", "sync",
      ("haul.dir %q / \"\""):format(world:path "src"), store.store .. [[ / "b/"]])
    local run = world:run():expect(0)
    assert.same({ 1, 1 }, { run:count("object_skipped", { key = "a" }), run:count("object_succeeded", { key = "b" }) })
  end)

  it("is asked for once for all targets, in functions of each", function()
    for i = 1, 3 do store:put("a/" .. i, "a" .. i, { headers = { ["x-oss-meta-n"] = tostring(i) } }) end
    local other = files.mkdir(world:path "other")
    job([[rename = function(name, object) return object.metadata.n .. ".txt" end]], "copy", nil,
      ("{ haul.dir %q / \"\", haul.dir %q / \"\" }"):format(dst, other))
    world:run():expect(0)
    assert.same({ "1.txt", "2.txt", "3.txt" }, names(dst))
    assert.same(names(dst), names(other))
    assert.equal(3, #store:requests "head")
  end)

  it("may have part sizes, headers and tags of its own", function()
    store:put("a/x", { size = 3 << 20, headers = { ["x-oss-meta-kind"] = "log" }, tags = { team = "blue", empty = "" } })
    job([[part_size = function(object) return object.metadata.kind == "log" and "1MiB" or "2MiB" end,
      tags = function(object) return { team = object.tags.team, empty = object.tags.empty, copied = "yes" } end,
      headers = function(object) return { cache_control = object.metadata.kind } end]], "copy", nil, store.store .. [[ / "b/"]])
    world:run():expect(0)
    local copy = store:objects()["b/x"]
    assert.same({ team = "blue", empty = "", copied = "yes" }, copy.tags)
    assert.equal("log", copy.headers["cache-control"])
  end)

  it("decides what is deleted", function()
    for i = 1, 4 do store:put("a/" .. i, "x", { tags = { keep = i < 3 and "yes" or "no" } }) end
    world:job([[
local haul = require "haul"
return haul.job { name = "lazy",
  haul.delete { from = $from, max_delete = "100%", where = function(object) return object.tags.keep == "no" end } }
]], { from = { store.store .. [[ / "a/"]] } })
    world:run():expect(0)
    local left = {}
    for key in pairs(store:objects()) do left[#left + 1] = key end
    table.sort(left)
    assert.same({ "a/1", "a/2" }, left)
  end)

  it("has no fields to ask for any more when its function has ended", function()
    store:put("a/x", "x")
    world:job([[
local haul = require "haul"
local kept
return haul.job { name = "lazy",
  haul.copy { from = $from, to = haul.dir($dst) / "", where = function(object) kept = object return true end },
  on = { object_succeeded = function() return kept.metadata end } }
]], { from = { store.store .. [[ / "a/"]] }, dst = dst })
    local run = world:run():expect(1)
    assert.matches("object.metadata costs a request", run.stderr)
    assert.equal(0, #store:requests "get_tags")
  end)

  it("is counted by haul plan", function()
    for i = 1, 5 do store:put("a/" .. i, "x", { tags = { keep = "yes" } }) end
    job "where = function(object) return object.tags.keep == 'yes' and object.metadata ~= nil and object.name ~= '5' end"
    assert.matches("10 requests caused by functions of the job file\n4 objects", world:run { verb = "plan" }:expect(0).stdout)
    local totals
    for line in world:run { verb = "plan", args = { "--json" } }:expect(0).stdout:gmatch "[^\n]+" do totals = json.decode(line) end
    assert.same({ 10, 4, "totals" }, { totals.function_requests, totals.objects, totals.state })
    assert.equal(20, #store:requests "get_tags" + #store:requests "head")
  end)

  it("is explained", function()
    store:put("a/x", "x", { tags = { keep = "no" } })
    job "where = function(object) return object.tags.keep == 'yes' end"
    assert.matches("the function `where` does not want it", world:run { verb = "explain", args = { "a/x" } }:expect(0).stdout)
  end)
end)
