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
      for _, each in ipairs(list) do assert.is_truthy(each.example or each.name == "job.name", each.name) end
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

describe("lua/haul/meta.lua", function()
  it("names no type that it does not define", function()
    local defined, wrong = { ["haul"] = true }, {}
    local meta = files.read "lua/haul/meta.lua"
    for name in meta:gmatch "%-%-%-@%l+ (haul[%w_.]*)" do defined[name] = true end
    for line in meta:gmatch "[^\n]+" do
      local type = line:match "^%-%-%-@field [%w_%[%]?]+ (.-)  " or line:match "^%-%-%-@alias [%w_.]+ (.-)  "
      for name in (type or ""):gmatch "haul%.[%w_.]+" do
        if not defined[name] then wrong[#wrong + 1] = name .. " in " .. line end
      end
    end
    assert.same({}, wrong)
  end)
end)

-- The manual -----------------------------------------------------------------------------------------

local pages, manual = {}, ""
for path in shell.read("ls docs/*.md"):gmatch "[^\n]+" do
  pages[path] = files.read(path)
  manual = manual .. pages[path]
end

-- Stores that a piece of a job file may name, and a task where it has none.
local HEAD = [[
local haul = require "haul"
local here, there = haul.dir "/tmp/haul-from", haul.dir "/tmp/haul-to"
local archive = haul.s3 { bucket = "archive", region = "eu-central-1" }
local photos = haul.oss { bucket = "photos", region = "cn-hangzhou" }
local backup = haul.tos { bucket = "backup", region = "cn-beijing" }
]]
local TASK = "haul.copy { from = here, to = there }"

-- A block of the manual as a whole job file.
local function whole(block)
  if block:find "require \"haul\"\n" and block:find "return haul.job" then return block end
  if block:find "return haul.job" then return HEAD .. block end
  if not block:find "^[%a_]+ = " and load(block) then return HEAD .. block .. "\nreturn haul.job { " .. TASK .. " }\n" end
  return HEAD .. "return haul.job { " .. TASK .. ",\n" .. block .. "\n}\n"
end

-- What the command line gives for parameters that must be there.
local function parameters(block)
  local list = {}
  for name in block:gmatch "([%w_]+) = { \"[^\"]*\", required = true }" do list[#list + 1] = name .. "=1" end
  return shell.words(list)
end

local KEYS = { AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "word", OSS_ACCESS_KEY_ID = "AKID",
  OSS_ACCESS_KEY_SECRET = "word", TOS_ACCESS_KEY = "AKID", TOS_SECRET_KEY = "word" }

describe("the manual", function()
  it("is as `make docs` makes it", function()
    local dir = files.dir()
    shell.read { "cp", "-r", "docs", dir }
    files.write(dir .. "/data.json", text)
    shell.read(("lua5.4 docs/generate.lua manual %s/docs/*.md <%s/data.json"):format(dir, dir))
    for path, page in pairs(pages) do assert.is_true(page == files.read(dir .. "/" .. path), path .. ": run `make docs`") end
  end)

  it("has every option of every constructor, every function, event, command, flag, status and variable", function()
    local missing = {}
    local function need(form, ...)
      local line = form:format(...)
      if not manual:find(line, 1, true) then missing[#missing + 1] = line end
    end
    local methods = {}
    for _, each in ipairs(data.running) do methods[each.options or ""] = true end
    for _, object in ipairs(data.objects) do
      for _, each in ipairs(object.methods or {}) do methods[each.options or ""] = true end
      if object.methods then
        need("<!-- %s %s -->", object.name:find "^haul%.test" and "method-table" or "methods", object.name)
      end
    end
    for _, each in ipairs(data.tables) do
      if methods[each.name] then need("| `%s` |", each.options[1].name)
      elseif each.name:find "^haul%." then need("<!-- function %s -->", each.name)
      else need("<!-- options %s -->", each.name) end
    end
    for _, each in ipairs(data.functions) do need("<!-- function %s -->", each.name) end
    for _, each in ipairs(data.classes) do need("<!-- class %s -->", each.name) end
    for _, each in ipairs(data.running) do need("### `%s`", each.name) end
    for _, each in ipairs(data.events) do need("| `%s` | %s", each.name, each.doc:sub(1, 20)) end
    for _, section in ipairs { "errors", "statuses", "variables" } do
      for _, each in ipairs(data[section]) do need("| `%s` |", each.name) end
    end
    for _, each in ipairs(data.commands) do need("`haul %s", each.name) end
    for _, each in ipairs(data.flags) do need("--%s", each.name) end
    assert.same({}, missing)
  end)

  it("uses every event in an example", function()
    local examples = ""
    for block in manual:gmatch "```lua\n(.-)\n```" do examples = examples .. block end
    for _, event in ipairs(data.events) do assert.truthy(examples:find(event.name .. " = ", 1, true), event.name) end
  end)

  it("has examples that load, each of them", function()
    local dir, script, count = files.dir(), {}, 0
    local binary = shell.read("realpath " .. haul.binary):gsub("\n", "")
    files.write(dir .. "/wanted.csv", "key,size\na,1\n")
    for name, value in pairs(KEYS) do script[#script + 1] = ("export %s=%s"):format(name, value) end
    script[#script + 1] = ("cd %s; export XDG_STATE_HOME=%s; failed=0"):format(dir, dir)
    for path, page in pairs(pages) do
      for block in page:gmatch "```lua\n(.-)\n```" do
        count = count + 1
        local file = ("%s/%s-%d.lua"):format(dir, path:match "([%w_]+)%.md$", count)
        files.write(file, whole(block))
        script[#script + 1] = ("%s status %s %s >said 2>&1 || { failed=1; cat said %s; }"):format(binary, file,
          parameters(block), file)
      end
    end
    script[#script + 1] = "[ $failed = 0 ]"
    assert.is_true(count > 50)
    files.write(dir .. "/all.sh", table.concat(script, "\n"))
    local good, said = pcall(shell.read, "sh " .. dir .. "/all.sh")
    if not good then error(tostring(said):sub(-4000), 0) end
    good, said = pcall(shell.read, "luacheck --no-config --no-color -q --std lua54 --only 111 112 113 --codes " .. dir)
    if not good then error(said, 0) end
  end)

  it("has specs that pass, each of them", function()
    local count = 0
    for path, page in pairs(pages) do
      for block in page:gmatch "```spec\n(.-)\n```" do
        count = count + 1
        local file = ("%s/%d_spec.lua"):format(files.dir(), count)
        files.write(file, block)
        assert.matches("1 success", shell.read { haul.binary, "test", file }, path)
      end
    end
    assert.is_true(count > 1)
  end)

  it("has everything of haul.test", function()
    local known, source = {}, files.read "lua/haul/test.lua"
    for _, object in ipairs(data.objects) do
      for _, method in ipairs(object.methods or {}) do known[method.name] = true end
    end
    for _, class in ipairs(data.classes) do
      for _, field in ipairs(class.fields) do known[field.name] = class.name:find "^haul%.test" and true or known[field.name] end
    end
    for of, mark, name in source:gmatch "\nfunction (%l+)([.:])([%l_]+)%(" do
      assert.is_true(known[of .. mark .. name], of .. mark .. name)
    end
    for _, what in ipairs { "WORLD", "FAULT", "RUN" } do
      for name in source:match("local " .. what .. " = set(%b())"):gmatch '"([%a_]+)"' do assert.is_true(known[name], name) end
    end
  end)

  it("calls commands and flags that there are", function()
    local verbs, flags, wrong = {}, {}, {}
    for _, each in ipairs(data.commands) do verbs[each.name] = true end
    for _, each in ipairs(data.flags) do
      flags["--" .. each.name] = true
      if each.letter then flags["-" .. each.letter] = true end
    end
    local rest = manual:gsub("```%l+\n.-\n```", "")
    for block in rest:gmatch "```\n(.-)\n```" do
      for line in block:gmatch "[^\n]+" do
        local words = line:match "^haul (.*)$" or line:match "[;%*] +haul (.*)$"
        words = words and words:gsub(" +#.*$", ""):gsub(" %-%- .*$", "")
        local verb = words and words:match "^(%S+)"
        if verb and not verb:find ":$" then
          if not verbs[verb] then wrong[#wrong + 1] = line end
          for flag in (" " .. words):gmatch " (%-%-?[%a-]+)" do
            if not flags[flag] then wrong[#wrong + 1] = flag .. " in " .. line end
          end
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("leads to pages and headings that there are", function()
    local wrong = {}
    for path, page in pairs(pages) do
      for target in page:gmatch "%]%(([^):]+)%)" do
        local file, heading = target:match "^([^#]*)#?(.*)$"
        local other = pages["docs/" .. file]
        local found = other and heading == "" or files.exists("docs/" .. file)
        for title in (other or ""):gmatch "\n#+ ([^\n]+)" do
          local anchor = title:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-")
          found = found or anchor == heading
        end
        if not found then wrong[#wrong + 1] = path .. ": " .. target end
      end
    end
    assert.same({}, wrong)
  end)
end)

-- Pages for man, and what is installed ---------------------------------------------------------------

describe("make install", function()
  local dir, root

  setup(function()
    dir = files.dir()
    root = dir .. "/usr"
    shell.read { "make", "--no-print-directory", "install", "PREFIX=" .. root, "BUILD=" .. haul.build }
  end)

  local function read(path) return assert(files.read(root .. "/" .. path), path) end

  it("puts the program, jobs, manual, annotations and man pages in their places", function()
    assert.matches("^haul ", shell.read { root .. "/bin/haul", "version" })
    assert.is_true(files.exists(root .. "/share/haul/jobs/nightly.lua"))
    assert.is_true(files.exists(root .. "/share/haul/lua/haul/meta.lua"))
    for path in pairs(pages) do assert.is_true(files.exists(root .. "/share/doc/haul/" .. path:match "[^/]*$"), path) end
  end)

  it("has everything in the man pages", function()
    local program, grammar = read "share/man/man1/haul.1", read "share/man/man5/haul-job.5"
    local function need(page, name)
      local line = "\n.B " .. name:gsub("%-", "\\-")
      local part = "\n.SS " .. name:gsub("%-", "\\-")
      assert.truthy(page:find(line, 1, true) or page:find(part, 1, true), name)
    end
    for _, section in ipairs { "commands", "statuses", "variables" } do
      for _, each in ipairs(data[section]) do need(program, each.name) end
    end
    for _, each in ipairs(data.flags) do need(program, (each.letter and "-" .. each.letter .. ", " or "") .. "--" .. each.name) end
    for _, section in ipairs { "functions", "running", "events", "errors" } do
      for _, each in ipairs(data[section]) do need(grammar, each.name) end
    end
    for _, each in ipairs(data.tables) do
      for _, option in ipairs(each.options) do need(grammar, option.name) end
    end
  end)

  it("has man pages that groff has nothing to say about", function()
    for _, page in ipairs { "man1/haul.1", "man5/haul-job.5" } do
      assert.equal("", shell.read(("groff -wall -man -Tutf8 %s/share/man/%s 2>&1 >/dev/null"):format(root, page)))
    end
  end)

  it("has units that systemd takes", function()
    for _, unit in ipairs { "haul@.service", "haul@.timer" } do
      assert.is_nil(read("lib/systemd/system/" .. unit):find "@PREFIX@")
      assert.equal("", shell.read(("systemd-analyze verify --man=no %s/lib/systemd/system/%s"):format(root, unit)))
    end
  end)
end)

describe("haul help", function()
  local function help(word)
    return shell.read { haul.binary, "help", word }
  end

  it("tells of an option, of all that have it", function()
    local said = help "part_size"
    assert.matches("part_size, option of haul.copy, haul.move, haul.sync", said, 1, true)
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
    local words, seen = {}, {}
    for _, section in ipairs { "functions", "running", "events", "commands", "statuses", "variables", "errors", "classes" } do
      for _, each in ipairs(data[section]) do words[#words + 1] = each.name end
    end
    for _, flag in ipairs(data.flags) do words[#words + 1] = "--" .. flag.name end
    for _, object in ipairs(data.objects) do
      for _, each in ipairs(object.methods or {}) do words[#words + 1] = each.name end
    end
    for _, each in ipairs(data.tables) do
      words[#words + 1] = each.name
      for _, option in ipairs(each.options) do words[#words + 1] = option.name end
    end
    local script = {}
    for _, word in ipairs(words) do
      if not seen[word] then script[#script + 1] = shell.words { haul.binary, "help", word } .. " >/dev/null" end
      seen[word] = true
    end
    shell.read(table.concat(script, " && "))
  end)

  it("names what is near to a word that it does not know", function()
    local good, said = pcall(help, "part_sise")
    assert.is_false(good)
    assert.matches("did you mean 'part_size'", tostring(said), 1, true)
  end)
end)
