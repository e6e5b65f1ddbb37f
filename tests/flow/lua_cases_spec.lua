-- What a job file can do wrong, from a plain error to a call that never comes back: the run ends as it is promised, what
-- it is asked about afterwards it answers, its journal is sound, and the same job with a sound file completes.
package.path = "tests/?.lua;" .. package.path
local checks = require "support.checks"
local files = require "support.files"
local haul = require "support.haul"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
local here, there = haul.dir($src), haul.dir($dst)
return haul.job { name = "cases", concurrency = 2, part_size = "256KiB", hook_timeout = "100ms", hook_memory = "64MiB",
  on = { $on },
  haul.copy { from = here / "", to = there / "", $task } }
]]

local SIZES = { a = 10, b = 700 << 10, ["d/c"] = 300 << 10 }

describe("a job file", function()
  local world

  before_each(function()
    world = haul.world()
    files.tree(world:path "src", SIZES)
    files.mkdir(world:path "dst")
  end)

  after_each(function() world:remove() end)

  local function run(on, task)
    world:job(JOB, { src = world:path "src", dst = world:path "dst", on = { on or "" }, task = { task or "" } })
    return world:run()
  end

  local function all_there()
    checks.same(files.sums(world:path "src"), files.sums(world:path "dst"))
  end

  -- Nothing of it lasts.
  local function is_well()
    assert.equal(0, world:run({ verb = "status" }).status)
    assert.equal("ok\n", shell.read { "sqlite3", world:path "state/haul/cases/journal", "PRAGMA integrity_check" })
    run():expect(0)
    all_there()
  end

  -- --- errors ----------------------------------------------------------------------------------------

  local EVENTS = { "job_started", "object_started", "part_succeeded", "temp_file_created", "temp_file_renamed", "verified",
    "object_succeeded", "job_finished" }

  describe("whose hook raises", function()
    for _, event in ipairs(EVENTS) do
      it("in " .. event .. " is told its place, and all bytes are right", function()
        local it_run = run(event .. " = function(event) local t = nil return t.field end"):expect(1)
        assert.matches("job.lua:%d+:", it_run.stderr)
        -- What the last hook did comes after the last summary.
        assert.equal(event ~= "job_finished", it_run:find("job_finished").summary.hook_errors > 0)
        checks.events(it_run)
        all_there()
        is_well()
      end)
    end

    it("in all of them at once is none the worse", function()
      local on = {}
      for i, event in ipairs(EVENTS) do on[i] = event .. " = function() error 'broken' end" end
      run(table.concat(on, ", ")):expect(1)
      all_there()
      is_well()
    end)
  end)

  -- Called once, for the object "a".
  local function hook(body)
    return ("object_started = function(event, job) if event.key == 'a' then %s end end"):format(body)
  end

  describe("with an error that is", function()
    for what, body in pairs {
      ["text"] = "error 'broken'",
      ["a table"] = "error {}",
      ["nil"] = "error()",
      ["an object without words"] = "error(setmetatable({}, {}))",
      ["an object whose words are an error"] = "error(setmetatable({}, { __tostring = function() error 'again' end }))",
      ["an object whose words never end"] = "error(setmetatable({}, { __tostring = function() while true do end end }))",
      ["raised in an error handler"] = "xpcall(error, function() error 'again' end) error 'after'",
      ["a stack that overflows"] = "local function f() return 1 + f() end f()",
      ["os.exit in a coroutine"] = "coroutine.wrap(function() os.exit(0) end)()",
      ["raised in a coroutine"] = "coroutine.wrap(function() error 'inside' end)()",
      ["a yield over C"] = "table.sort({ 3, 2, 1 }, function() coroutine.yield() end)",
      ["a yield to nobody"] = "coroutine.yield(1)",
      ["a value of the wrong type"] = "return 'retry'",
      ["a megabyte of text"] = "error(('x\\n'):rep(1 << 19))",
      ["a table in a circle"] = "local t = {} t.t = t haul.json.encode(t)",
      ["a table that sets traps"] = "return setmetatable({}, { __index = function() error 'trap' end, __len = error })",
      ["raised while variables are closed"] =
        "local x <close> = setmetatable({}, { __close = function() error 'closing' end }) error 'body'",
    } do
      it(what .. " goes on with all objects", function()
        local it_run = run(hook(body)):expect(1)
        assert.equal(1, it_run:find("job_finished").summary.hook_errors)
        assert.is_nil(it_run.stderr:find(("x"):rep(500)), "the log holds all of the error")
        all_there()
        is_well()
      end)
    end
  end)

  describe("whose function of an object gives", function()
    for what, task in pairs {
      ["a size that is no number"] = "part_size = function() return 0/0 end",
      ["a size below zero"] = "part_size = function() return -1 end",
      ["half a byte"] = "part_size = function() return 262144.5 end",
      ["a size without end"] = "part_size = function() return math.huge end",
      ["a number for a name"] = "rename = function() return 5 end",
      ["a table that sets traps for headers"] =
        "headers = function() return setmetatable({}, { __pairs = error, __index = error, __len = error }, 5) end",
      ["an error"] = "where = function() error 'broken' end",
      ["nothing, ever"] = "where = function() while true do pcall(function() while true do end end) end end",
    } do
      it(what .. " fails those objects, or has no say", function()
        local it_run = run(nil, task)
        assert.is_true(it_run.status == 1 or it_run.status == 0, it_run:describe())
        if it_run.status == 0 then all_there() else checks.nothing_in(world:path "dst") end
        is_well()
      end)
    end
  end)

  -- --- what never ends -------------------------------------------------------------------------------

  describe("that would never end in", function()
    for what, body in pairs {
      ["a loop"] = "while true do end",
      ["a loop of pcall"] = "while true do pcall(function() while true do end end) end",
      ["pcall in pcall"] = "while true do pcall(pcall, function() while true do end end) end",
      ["coroutines"] = "while true do coroutine.wrap(function() while true do end end)() end",
      ["coroutines in pcall"] = "while true do pcall(coroutine.wrap(function() while true do end end)) end",
      ["__close"] = "repeat local x <close> = setmetatable({}, { __close = function() while true do end end }) until false",
      ["a sort"] = "table.sort({ 1, 2, 3 }, function() while true do end end)",
      ["a finalizer"] = "setmetatable({}, { __gc = function() while true do end end }) collectgarbage()",
      ["a large replacement"] = "local s = ('x'):rep(1e5):gsub('x', ('y'):rep(1e5))",
      ["8 GiB of text"] = "local s = ('x'):rep(1 << 33)",
      ["a table that grows"] = "local t = {} for i = 1, 1e9 do t[i] = { i } end",
    } do
      it(what .. " is cut off there, and all objects go on", function()
        local it_run = run(hook(body)):expect(1)
        assert.equal(1, it_run:find("job_finished").summary.hook_errors)
        all_there()
        is_well()
      end)
    end

    for what, body in pairs {
      ["a search that backtracks"] = "string.find(('a'):rep(40), ('a-'):rep(30) .. 'b')",
      ["a search in pcall in a coroutine"] =
        "coroutine.wrap(function() pcall(string.find, ('a'):rep(40), ('a-'):rep(30) .. 'b') end)()",
    } do
      it(what .. " is ended with its process", function()
        local it_run = run(hook(body)):expect(7)
        assert.truthy(it_run.stderr:find("object_started of a: computes without end", 1, true), it_run.stderr)
        is_well()
      end)
    end
  end)

  -- --- what is not its own ---------------------------------------------------------------------------

  describe("has no way to", function()
    for what, body in pairs {
      ["load machine code as text"] = [[local f, why = load("\27Lua") assert(not f and why:find "binary")]],
      ["make bytecode"] = "assert(string.dump == nil and ('').dump == nil)",
      ["debug"] = "assert(not pcall(function() return debug end) and not pcall(require, 'debug'))",
      ["load a library"] = "assert(not pcall(function() return package.loadlib('x', 'y') end))",
      ["find modules elsewhere"] =
        "pcall(function() package.path = '/tmp/?.lua' end) assert(not pcall(require, 'nowhere') and not pcall(require, '/etc/x'))",
      ["start a process by itself"] = "assert(not pcall(function() return io.popen('true') end)) "
        .. "assert(not pcall(function() return os.execute('true') end))",
      ["leave"] = "assert(not pcall(function() os.exit(0) end))",
      ["change what text can do"] = "assert(not getmetatable('')) assert(not pcall(function() getmetatable('').__index = nil end))",
      ["stop the collector"] = "for _, o in ipairs { 'stop', 'setpause', 'generational' } do assert(not pcall(collectgarbage, o)) end",
      ["read what a store holds"] = "assert(not getmetatable(here)) assert(not pcall(function() return here.private end))",
      ["change a store"] = "assert(not pcall(function() here.name = 'x' end)) assert(not pcall(setmetatable, here, {}))",
      ["break haul by breaking the library"] =
        "string.format, string.find, table.sort, math.tointeger = nil assert(haul.retry { after = 1 }) job:stats()",
      ["run text with its own environment as haul"] = "assert(not pcall(load('return require \"haul.core\".nothing.x')))",
    } do
      it(what, function()
        run(hook(body)):expect(0)
        all_there()
        is_well()
      end)
    end
  end)
end)
