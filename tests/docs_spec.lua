-- What is told of the language and of the command line tells all of it, and what it is.  When one of
-- these fails after an option, an event or a flag was added: describe it in lua/haul/reference.lua or
-- lua/haul/vocabulary.lua, and run `make docs`.
package.path = "tests/?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
local core = require "support.probe" "script".core()
local files = require "support.files"
local haul = require "support.haul"
local json = require "support.json"
local shell = require "support.shell"
package.preload["haul.core"] = function() return core end

local reference = require "haul.reference"
local schema = require "haul.schema"
local vocabulary = require "haul.vocabulary"
local language = require "haul"

local text = shell.read { haul.binary, "help", "--json" }
local data = json.decode(text)

local function names(list, at)
  local found = {}
  for i, each in ipairs(list) do found[i] = each[at or "name"] end
  return found
end

local function sorted(list)
  table.sort(list)
  return list
end

local function keys(map)
  local list = {}
  for key in pairs(map) do list[#list + 1] = key end
  return sorted(list)
end

describe("what haul says of itself", function()
  it("names everything that haul has", function()
    assert.same(keys(language), sorted(names(data.functions, "short")))
  end)

  it("names everything that the running job has", function()
    assert.same(sorted { table.unpack(require "haul.running".names) }, sorted(names(data.running, "short")))
  end)

  it("names every event and every kind of error", function()
    assert.same(core.events, names(data.events))
    assert.same(core.kinds, names(data.errors))
  end)

  it("says what every table of options is for, and how each option is written", function()
    for _, who in ipairs(schema.names()) do
      assert.is_string(reference.tables[who], who .. " is not in reference.tables")
      for _, name in ipairs(schema.options(who)) do
        local option = schema.option(who, name)
        assert.is_table(reference.kinds[option.kind], option.kind .. " is not in reference.kinds")
        assert.is_true(#option.doc > 0, who .. "." .. name)
      end
    end
  end)

  it("has an example for every function", function()
    for _, list in ipairs { data.functions, data.running } do
      for _, each in ipairs(list) do assert.is_truthy(each.example or each.name == "job:name", each.name) end
    end
  end)

  it("knows every field that an event gets", function()
    local known = {}
    for _, event in ipairs(data.events) do
      for _, field in ipairs(event.fields) do known[field.name] = true end
    end
    for _, class in ipairs(data.classes) do
      for _, field in ipairs(class.fields) do known[field.name] = true end
    end
    local source = files.read "runner/script/event_table.c"
    for name in source:gmatch 'set_%a+%(L, "([%w_]+)"' do assert.is_true(known[name], name) end
    for name in source:gmatch 'lua_setfield%(L, %-2, "([%w_]+)"' do assert.is_true(known[name], name) end
    for name in source:match("#define TOTALS_COUNTS.-\n\n"):gmatch "X%((%w[%w_]*)%)" do assert.is_true(known[name], name) end
  end)

  it("knows every variable of the environment that is read", function()
    local known = {}
    for _, each in ipairs(data.variables) do known[each.name] = true end
    for path in shell.read("ls runner/*/*.c lua/haul/*.lua"):gmatch "[^\n]+" do
      local source = path:find "^runner/base/" and "" or files.read(path)
      for name in source:gmatch 'getenv%("([%u_%d]+)"' do assert.is_true(known[name], path .. ": " .. name) end
      for name in source:gmatch '"(AWS_[%u_]+)"' do assert.is_true(known[name] or name:find "_SIZE$" ~= nil, path .. ": " .. name) end
    end
  end)

  it("gives decisions that the policy takes", function()
    for _, event in ipairs(vocabulary.events) do
      for _, name in ipairs(event.decides or {}) do assert.is_function(language[name], name) end
    end
  end)
end)

describe("lua/haul/meta.lua", function()
  it("is as `make docs` makes it", function()
    local path = files.dir() .. "/data.json"
    files.write(path, text)
    local made = shell.read("lua5.4 docs/generate.lua meta <" .. shell.quote(path))
    assert.is_true(made == files.read "lua/haul/meta.lua", "run `make docs`")
    assert.is_function(load(made))
  end)
end)

describe("haul help", function()
  local function help(word)
    return shell.read { haul.binary, "help", word }
  end

  it("tells of an option, of all that have it", function()
    local said = help "part_size"
    assert.matches("part_size, option of haul.copy, haul.sync", said, 1, true)
    assert.matches("option of haul.job", said, 1, true)
    assert.matches("--part-size SIZE", said, 1, true)
    assert.matches('default "auto"', said, 1, true)
  end)

  it("tells of a function with its options and an example", function()
    local said = help "haul.copy"
    for _, name in ipairs(schema.options "haul.copy") do assert.matches("\n +" .. name .. " ", said) end
    assert.matches("haul.copy {", said, 1, true)
    assert.equal(said, help "copy")
  end)

  it("tells of an event with its fields and decisions", function()
    local said = help "part_failed"
    assert.matches("haul.retry, haul.skip, haul.fail, haul.defer, haul.stop", said, 1, true)
    assert.matches("\n +error +what went wrong", said)
  end)

  it("tells of a flag, a status, a variable and a kind of error", function()
    assert.matches("^%-%-rate RATE\n", help "--rate")
    assert.matches("HAUL_RATE", help "--rate", 1, true)
    assert.matches("exit status 11", help "11", 1, true)
    assert.matches("corrupt, a kind of error", help "corrupt", 1, true)
  end)

  it("tells of every name that there is", function()
    local words = {}
    for _, section in ipairs { "functions", "running", "events", "commands", "statuses", "variables", "errors", "classes" } do
      for _, each in ipairs(data[section]) do words[#words + 1] = each.name end
    end
    for _, flag in ipairs(data.flags) do words[#words + 1] = "--" .. flag.name end
    local script = {}
    for _, word in ipairs(words) do script[#script + 1] = shell.words { haul.binary, "help", word } .. " >/dev/null" end
    shell.read(table.concat(script, " && "))
  end)

  it("names what is near to a word that it does not know", function()
    local good, said = pcall(help, "part_sise")
    assert.is_false(good)
    assert.matches("did you mean 'part_size'", tostring(said), 1, true)
  end)
end)
