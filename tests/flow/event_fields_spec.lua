-- What the manual says of an event's fields is what events carry: no field that it does not name, and
-- every one that it does not call optional.
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local server = require "support.server"
local shell = require "support.shell"

local data = json.decode(shell.read { haul.binary, "help", "--json" })
local events, classes = {}, {}
for _, event in ipairs(data.events) do events[event.name] = event.fields end
for _, class in ipairs(data.classes) do classes[class.name] = class.fields end

-- Everything that is wrong with a table as the manual describes it.
local function compare(given, fields, name, wrong)
  local known = {}
  for _, field in ipairs(fields) do
    known[field.name] = true
    local value = given[field.name]
    if value == nil and not field.optional and given[field.name .. "_hex"] == nil then
      wrong[name .. " lacks " .. field.name] = true
    end
    if type(value) == "table" and classes[field.type] then compare(value, classes[field.type], field.type, wrong) end
  end
  for field in pairs(given) do
    if not known[field:gsub("_hex$", "")] then wrong[name .. " has " .. field] = true end
  end
end

local JOB = [[
local haul = require "haul"
local store, src, dst = $store, haul.dir($src), haul.dir($dst)
return haul.job { name = "fields", concurrency = 2, part_size = "5MiB", retry = { attempts = 2, base = "5ms", cap = "10ms" },
  $what }
]]

describe("the fields of events", function()
  local fault, world, seen, wrong

  setup(function()
    fault, seen, wrong = server.fault { dialect = "s3" }, {}, {}
    world = haul.world { keys = fault.keys }
    files.tree(world:path "src", { big = 11 << 20, small = 5 })
    files.mkdir(world:path "dst")
  end)

  teardown(function() world:remove() end)

  local function look(run)
    for _, event in ipairs(run.events) do
      seen[event.event] = true
      compare(event, events[event.event], event.event, wrong)
    end
  end

  local function job(what)
    world:job(JOB, { store = { fault.store }, src = world:path "src", dst = world:path "dst", what = { what } })
  end

  local function run(what, status, args)
    job(what)
    look(world:run { args = args }:expect(status or 0))
    fault:control("DELETE", "/rules")
  end

  it("of uploads", function()
    fault:rules({ op = "create", with = "500" }, { op = "part", with = "500" }, { op = "complete", with = "500" })
    run [[ haul.copy { from = src, to = store / "a/" } ]]
    fault:rules { op = "part", part = 2, with = "denied", times = -1 }
    run([[ haul.copy { from = src, to = store / "b/" },
      on = { object_failed = function(_, job) job:cancel { abort = true } end } ]], 7, { "--fresh" })
    assert.same({}, wrong)
  end)

  it("of downloads, interrupted and throttled", function()
    fault:rules { op = "get", skip = 2, with = "hold" }
    job [[ haul.copy { from = store / "a/", to = dst } ]]
    local it_run = world:start { args = { "--fresh" } }
    look(it_run:await("part_succeeded", 1):kill())
    fault:control("DELETE", "/rules")
    fault:rules { op = "get", with = "503" }
    run [[ haul.copy { from = store / "a/", to = dst } ]]
    assert.same({}, wrong)
  end)

  it("of a sync that deletes, of what is skipped, and of what differs", function()
    fault:put("a/gone", "bytes")
    local what = [[ haul.sync { from = src, to = store / "a/", delete = true, max_delete = 5 } ]]
    run(what, 0, { "--fresh" })
    run(what)
    fault:put("a/small", "other")
    look(world:run { verb = "verify", args = { "--events", world:path "verify.jsonl" } }:expect(5))
    for line in io.lines(world:path "verify.jsonl") do
      local event = json.decode(line)
      seen[event.event] = true
      compare(event, events[event.event], event.event, wrong)
    end
    assert.same({}, wrong)
  end)

  it("were seen of most of them", function()
    local missing = {}
    for name in pairs(events) do
      if not seen[name] then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.is_true(#missing <= 6, "not seen: " .. table.concat(missing, ", "))
  end)
end)
