-- What is told of the language in more than one place is made here, of what haul itself says:
--   haul help --json | lua5.4 docs/generate.lua meta > lua/haul/meta.lua       for editors
--   haul help --json | lua5.4 docs/generate.lua manual docs/*.md               marked regions of the manual
--   haul help --json | lua5.4 docs/generate.lua man build/man                  haul.1 and haul-job.5
local cjson = require "cjson"

local data = cjson.decode(io.read "a")

local function by_name(list)
  local found = {}
  for _, each in ipairs(list) do found[each.name] = each end
  return found
end

local tables, classes = by_name(data.tables), by_name(data.classes)
local functions, methods = by_name(data.functions), by_name(data.running)

local function names_of(list, form)
  local names = {}
  for i, each in ipairs(list) do names[i] = (form or "%s"):format(each.name) end
  return names
end

-- "haul.copy" -> "haul.copy_options", "job:set" -> "haul.job_set_options"
local function class_of(who)
  return "haul." .. who:gsub("^haul%.", ""):gsub("%W", "_") .. "_options"
end

local function default_note(option)
  return option.required and "required" or option.default and "default " .. option.default or nil
end

-- lua/haul/meta.lua -----------------------------------------------------------------------------------

local function write_meta()
  local function say(text, ...) io.write(text:format(...), "\n") end
  local function field(each)
    local note = each.required ~= nil or each.default ~= nil
    local optional = each.optional or each.kind and not each.required
    say("---@field %s%s %s  %s%s", each.name, optional and "?" or "", each.type, each.doc,
      note and "; " .. default_note(each) or "")
  end

  say "---@meta haul"
  say "-- The language of job files, for editors.  Never loaded.  Made by `make docs`: do not change it by hand.\n"
  for _, alias in ipairs(data.aliases) do say("---@alias %s %s  %s", alias.name, alias.type, alias.doc) end
  say("---@alias haul.error_kind %s", table.concat(names_of(data.errors, '"%s"'), "|"))
  say "---@alias haul.handler fun(event: table, job: haul.running): haul.decision?"
  say "---@alias haul.log_line fun(text: string, ...: any)"
  for _, object in ipairs(data.objects) do
    say("\n---@class %s  %s", object.name, object.doc)
    if object.divides then say "---@operator div(string): haul.place" end
    for _, method in ipairs(object.methods or {}) do
      say("---@field %s %s  %s", method.short, method.type, method.doc)
    end
  end
  for _, class in ipairs(data.classes) do
    say("\n---@class %s  %s", class.name, class.doc)
    for _, each in ipairs(class.fields) do field(each) end
  end
  for _, event in ipairs(data.events) do
    say("\n---@class haul.event.%s  %s", event.name, event.doc)
    for _, each in ipairs(event.fields) do field(each) end
  end
  say "\n---@class haul.handlers  what `on` takes: a function for each event that is of interest"
  for _, event in ipairs(data.events) do
    say("---@field %s? fun(event: haul.event.%s, job: haul.running): haul.decision?", event.name, event.name)
  end
  for _, each in ipairs(data.tables) do
    say("\n---@class %s  %s", class_of(each.name), each.doc)
    for _, option in ipairs(each.options) do field(option) end
    if each.name == "haul.job" then say "---@field [integer] haul.task|haul.parallel" end
    if each.name == "haul.parallel" then say "---@field [integer] haul.task" end
  end
  say "\n---@class haul.running  the job as it runs: the second argument of every hook"
  for _, method in ipairs(data.running) do say("---@field %s %s  %s", method.short, method.type, method.doc) end
  say "\n---@class haul"
  for _, each in ipairs(data.functions) do say("---@field %s %s  %s", each.short, each.type, each.doc) end
  say "local haul = {}\n\nreturn haul"
end

-- The manual ------------------------------------------------------------------------------------------

local function cell(text)
  return (text:gsub("|", "\\|"):gsub("\n", " "))
end

local function rows(head, list)
  local lines = { "| " .. table.concat(head, " | ") .. " |", "|" .. (" --- |"):rep(#head) }
  for _, row in ipairs(list) do
    for i = 1, #head do row[i] = cell(row[i] or "") end
    lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
  end
  return table.concat(lines, "\n")
end

local function code(text)
  return "`" .. text .. "`"
end

local function option_table(who)
  local list = {}
  for i, option in ipairs(tables[who].options) do
    local default = option.required and "required" or option.default and code(option.default) or ""
    list[i] = { code(option.name), option.doc, option.form or "", default }
  end
  return rows({ "option", "what it is", "written", "default" }, list)
end

local function field_table(fields)
  local list = {}
  for i, each in ipairs(fields) do
    list[i] = { code(each.name) .. (each.optional and " (may be absent)" or ""), code(each.type), each.doc }
  end
  return rows({ "field", "type", "what it is" }, list)
end

local phase_words = { declare = "in the job file", hook = "in hooks", ["function"] = "in the functions of a task",
  spec = "in specs" }

local function places(at)
  local words = {}
  for i, phase in ipairs(at) do words[i] = phase_words[phase] end
  return table.concat(words, ", ")
end

local function summary(each)
  local doc = each.doc:gsub("^%l", string.upper)
  if not each.type:find "fun%(" then return doc .. "." end
  return ("%s. May be called %s."):format(doc, places(each.at))
end

local function function_text(each)
  local parts = { summary(each) }
  if each.example then parts[#parts + 1] = "```lua\n" .. each.example .. "\n```" end
  if each.options then parts[#parts + 1] = option_table(each.options) end
  return table.concat(parts, "\n\n")
end

local function decisions(event)
  local words = {}
  for i, decision in ipairs(event.decisions) do words[i] = code("haul." .. decision) end
  return table.concat(words, ", ")
end

local function object_named(name)
  for _, object in ipairs(data.objects) do
    if object.name == name then return object end
  end
end

-- What may stand between <!-- NAME --> and <!-- end -->.
local regions = {}

regions["function"] = function(name) return function_text(functions[name] or methods[name] or error("no function " .. name)) end
regions.options = option_table
regions.class = function(name) return field_table(classes[name].fields) end

function regions.functions(prefix)
  local list = {}
  local of = prefix == "job:" and data.running or data.functions
  for i, each in ipairs(of) do list[i] = { code(each.name), each.doc, places(each.at) } end
  return rows({ "name", "what it is", "may be called" }, list)
end

function regions.methods(name)
  local parts = {}
  for _, method in ipairs(object_named(name).methods) do
    parts[#parts + 1] = "### " .. code(method.name) .. "\n\n" .. function_text(method)
  end
  return table.concat(parts, "\n\n")
end

regions["method-table"] = function(name)
  local list = {}
  for i, method in ipairs(object_named(name).methods) do list[i] = { code(method.name), method.doc, code(method.type) } end
  return rows({ "name", "what it is", "type" }, list)
end

-- The first sentence of what stands above a job.
local function purpose(path)
  local words = {}
  for line in io.lines(path) do
    local comment = line:match "^%-%- ?(.*)$"
    if not comment and #words > 0 then break end
    words[#words + 1] = comment
  end
  local text = table.concat(words, " ") .. " "
  return text:sub(1, math.min(text:find "%.%s" or #text, text:find ":%s+haul " or #text) - 1)
end

function regions.jobs()
  local list, pipe = {}, assert(io.popen "ls jobs/*.lua")
  for path in pipe:lines() do
    if not path:find "_spec%.lua$" then
      list[#list + 1] = { ("[`%s`](../%s)"):format(path:match "[^/]+$", path), purpose(path) }
    end
  end
  pipe:close()
  return rows({ "job", "what it does" }, list)
end

function regions.running()
  local parts = {}
  for _, method in ipairs(data.running) do
    parts[#parts + 1] = "### " .. code(method.name) .. "\n\n" .. function_text(method)
  end
  return table.concat(parts, "\n\n")
end

function regions.events()
  local list = {}
  for i, event in ipairs(data.events) do list[i] = { code(event.name), event.doc, decisions(event) } end
  return rows({ "event", "when", "its hook may return" }, list)
end

regions["event-fields"] = function()
  local parts = {}
  for _, event in ipairs(data.events) do
    local words = {}
    for _, each in ipairs(event.fields) do words[#words + 1] = code(each.name .. (each.optional and "?" or "")) end
    parts[#parts + 1] = { code(event.name), table.concat(words, " ") }
  end
  return rows({ "event", "its fields" }, parts)
end

-- Each field once, whatever events have it.
function regions.fields()
  local list, seen = {}, {}
  for _, event in ipairs(data.events) do
    for _, each in ipairs(event.fields) do
      if not seen[each.name] then list[#list + 1] = each end
      seen[each.name] = true
    end
  end
  return field_table(list)
end

local function pairs_of(list, head)
  local out = {}
  for i, each in ipairs(list) do out[i] = { code(each.name), each.doc } end
  return rows({ head, "what it is" }, out)
end

function regions.errors() return pairs_of(data.errors, "kind") end
function regions.statuses() return pairs_of(data.statuses, "exit status") end
function regions.variables() return pairs_of(data.variables, "variable") end

function regions.commands()
  local list = {}
  for i, each in ipairs(data.commands) do
    list[i] = { code("haul " .. each.name .. (each.takes and " " .. each.takes or "")), each.doc }
  end
  return rows({ "command", "does" }, list)
end

function regions.flags()
  local list = {}
  for i, each in ipairs(data.flags) do
    local name = (each.letter and "-" .. each.letter .. ", " or "") .. "--" .. each.name
    list[i] = { code(name .. (each.takes and " " .. each.takes or "")), each.doc, each.variable and code(each.variable) or "" }
  end
  return rows({ "flag", "does", "environment" }, list)
end

local function rewrite(text, path)
  return (text:gsub("(<!%-%- ([%w-]+) ?([%w._: ]-) %-%->\n).-(<!%-%- end %-%->)", function(head, name, argument, tail)
    local region = regions[name] or error(path .. ": no region " .. name)
    return head .. region(argument) .. "\n" .. tail
  end))
end

local function write_manual(paths)
  for _, path in ipairs(paths) do
    local file = assert(io.open(path, "rb"))
    local text = file:read "a"
    file:close()
    local new = rewrite(text, path)
    if new ~= text then
      file = assert(io.open(path, "wb"))
      assert(file:write(new))
      assert(file:close())
    end
  end
end

-- Man pages -------------------------------------------------------------------------------------------

local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("`", "")
  return (text:gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

local function page(path, name, number, about)
  local file = assert(io.open(path, "wb"))
  local it = {}
  function it.raw(text, ...) assert(file:write(text:format(...), "\n")) end
  function it.text(text) it.raw("%s", roff(text)) end
  function it.section(title) it.raw(".SH %s", roff(title):upper()) end
  function it.part(title) it.raw(".SS %s", roff(title)) end
  function it.item(head, body)
    it.raw(".TP\n.B %s", roff(head))
    it.text(body)
  end
  function it.example(text) it.raw(".PP\n.nf\n.RS\n%s\n.RE\n.fi", roff(text)) end
  function it.close() assert(file:close()) end
  it.raw('.\\" Made by `make man` of what haul says of itself.')
  it.raw('.TH %s %s "" "haul" "haul"', name:upper(), number)
  it.section "Name"
  it.raw("%s \\- %s", roff(name), roff(about))
  return it
end

local function option_note(option)
  local notes = {}
  if option.form then notes[1] = option.form end
  notes[#notes + 1] = default_note(option)
  return option.doc .. (#notes > 0 and " (" .. table.concat(notes, "; ") .. ")" or "")
end

local function man_program(dir)
  local it = page(dir .. "/haul.1", "haul", 1, "moves files and objects as a Lua job file says")
  it.section "Synopsis"
  for _, each in ipairs(data.commands) do
    it.raw(".B haul %s\n%s\n.br", each.name, each.takes and roff(each.takes) or "\\&")
  end
  it.section "Description"
  it.text("haul moves files and objects in bulk between local directories and object stores (Amazon S3 and what speaks it, Alibaba "
    .. "Cloud OSS, Volcengine TOS) and from web servers, as a Lua job file says: in parallel parts, resumably, verified, at a "
    .. "set rate. An interrupted run is carried on by the same command. The language of job files is in haul-job(5).")
  it.section "Commands"
  for _, each in ipairs(data.commands) do it.item(each.name .. (each.takes and " " .. each.takes or ""), each.doc) end
  it.section "Options"
  it.text "What the command line says stands above the environment, and that above the job file."
  for _, each in ipairs(data.flags) do
    local head = (each.letter and "-" .. each.letter .. ", " or "") .. "--" .. each.name .. (each.takes and " " .. each.takes or "")
    it.item(head, each.doc .. (each.variable and "; in the environment " .. each.variable or ""))
  end
  it.section "Exit status"
  for _, each in ipairs(data.statuses) do it.item(each.name, each.doc) end
  it.section "Environment"
  for _, each in ipairs(data.variables) do it.item(each.name, each.doc) end
  it.section "Files"
  it.item("$XDG_STATE_HOME/haul/JOBNAME/", "state of a job: its journal, of mode 0700; without the variable below ~/.local/state")
  it.section "Signals"
  it.item("SIGINT, SIGTERM", "ends the run with its state saved; a second one leaves at once")
  it.item("SIGHUP", "reopens the log file")
  it.item("SIGUSR1", "prints every transfer in flight")
  it.section "Examples"
  it.example "haul plan nightly.lua source=/srv/data bucket=backup\nhaul run nightly.lua source=/srv/data bucket=backup"
  it.example "haul sync --delete /srv/data/ s3://backup/data/"
  it.section "See also"
  it.text "haul-job(5)"
  it.close()
end

local function man_functions(it, list)
  for _, each in ipairs(list) do
    it.part(each.name)
    it.text(summary(each))
    if each.example then it.example(each.example) end
    for _, option in ipairs(each.options and tables[each.options].options or {}) do
      it.item(option.name, option_note(option))
    end
  end
end

local function man_language(dir)
  local it = page(dir .. "/haul-job.5", "haul-job", 5, "the language of haul's job files")
  it.section "Description"
  it.text("A job file is a Lua 5.4 program that declares stores and tasks and returns a job. Reading an undeclared name and an "
    .. "unknown option are errors that name file, line and the nearest known name. Sizes, rates and durations are text with a unit.")
  it.example [[
local haul = require "haul"
local archive = haul.s3 { bucket = "archive", region = "eu-central-1" }

return haul.job {
  rate = "50MiB/s",
  haul.copy { from = haul.dir "/srv/photos", to = archive / "photos/" },
  on = {
    object_failed = function(event) haul.log.warn("%s: %s", event.key, event.error.message) end,
  },
}]]
  it.section "Values"
  for _, each in ipairs(data.aliases) do it.item(each.name:gsub("^haul%.", ""), each.doc) end
  it.section "Functions"
  man_functions(it, data.functions)
  for _, each in ipairs(data.tables) do
    if not functions[each.name] and not methods[each.name] then
      it.part(each.name)
      it.text(each.doc)
      for _, option in ipairs(each.options) do it.item(option.name, option_note(option)) end
    end
  end
  it.section "The running job"
  it.text "Every hook gets it as its second argument."
  man_functions(it, data.running)
  for _, object in ipairs(data.objects) do
    if object.methods then
      it.section("Methods of " .. object.name)
      man_functions(it, object.methods)
    end
  end
  it.section "Events"
  it.text "Each is the name of a hook in the table on of a job or a task: function(event, job)."
  for _, event in ipairs(data.events) do
    local names = {}
    for i, each in ipairs(event.decisions) do names[i] = "haul." .. each end
    it.item(event.name, ("%s. Fields: %s. May return: %s."):format(event.doc, table.concat(names_of(event.fields), ", "),
      table.concat(names, ", ")))
  end
  it.section "Fields of events"
  local seen = {}
  for _, event in ipairs(data.events) do
    for _, each in ipairs(event.fields) do
      if not seen[each.name] then it.item(each.name, each.doc .. " (" .. each.type .. ")") end
      seen[each.name] = true
    end
  end
  for _, class in ipairs(data.classes) do
    it.section("Fields of " .. class.name)
    it.text(class.doc)
    for _, each in ipairs(class.fields) do it.item(each.name, each.doc) end
  end
  it.section "Kinds of error"
  for _, each in ipairs(data.errors) do it.item(each.name, each.doc) end
  it.section "See also"
  it.text "haul(1)"
  it.close()
end

local what = arg[1]
if what == "meta" then
  write_meta()
elseif what == "manual" then
  write_manual { table.unpack(arg, 2) }
elseif what == "man" then
  man_program(arg[2])
  man_language(arg[2])
else
  error "docs/generate.lua meta | manual FILE... | man DIR"
end
