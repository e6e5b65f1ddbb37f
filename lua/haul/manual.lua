-- What haul says about its own language: `haul help WORD`, and everything as one JSON value, of which
-- the manual, the man pages and the annotations for editors are made.  Called from C
-- (runner/script/manual.c) and nowhere else.
local credentials = require "haul.credentials"
local err = require "haul.err"
local json = require "haul.json"
local reference = require "haul.reference"
local schema = require "haul.schema"
local test_reference = require "haul.test_reference"
local vocabulary = require "haul.vocabulary"
require "haul"

local manual = {}

-- Data ------------------------------------------------------------------------------------------------

local function quoted(words)
  return '"' .. table.concat(words, '"|"') .. '"'
end

local function type_of(option)
  local own = reference.types[option[1]]
  if own and (option.kind == "attribute" or option.kind == "function") then return own end
  local kind = reference.kinds[option.kind]
  local type = kind and kind.type or "any"
  return option.words and type:format(quoted(option.words)) or type
end

local function form_of(option)
  local kind = reference.kinds[option.kind]
  if option.kind == "word" then return '"' .. table.concat(option.words, '", "') .. '"' end
  if not kind or not kind.form then return nil end
  if not option.min then return kind.form end
  return ("%s from %s to %s"):format(kind.form, option.min, option.max)
end

local function default_of(option)
  local value = option.default
  if value == nil or type(value) == "table" and next(value) == nil then return nil end
  if type(value) == "string" then return '"' .. value .. '"' end
  if type(value) ~= "table" then return tostring(value) end
  local words = {}
  for i, word in ipairs(value) do words[i] = '"' .. word .. '"' end
  return "{ " .. table.concat(words, ", ") .. " }"
end

local function options_of(who)
  local list = {}
  for i, name in ipairs(schema.options(who)) do
    local option = schema.option(who, name)
    list[i] = { name = name, type = type_of(option), form = form_of(option), default = default_of(option), kind = option.kind,
      required = option.required or nil, doc = option.doc }
  end
  return list
end

local function tables()
  local list = {}
  for i, who in ipairs(schema.names()) do
    list[i] = { name = who, doc = reference.tables[who] or "", options = options_of(who) }
  end
  return list
end

-- "haul.copy" -> "haul.copy_options", "job:set" -> "haul.job_set_options"
function manual.class_of(who)
  return "haul." .. who:gsub("^haul%.", ""):gsub("%W", "_") .. "_options"
end

local function type_of_function(entry)
  return entry.type or ("fun(options%s: %s)%s"):format(entry.optional and "?" or "", manual.class_of(entry.options),
    entry.returns and ": " .. entry.returns or "")
end

-- What is called has the prefix as it is, "job:"; what is only there has a dot, "job.".
local function functions(list, prefix, at)
  local out = {}
  for i, entry in ipairs(list) do
    local type = type_of_function(entry)
    local own = type:find "^fun" and prefix or prefix:gsub(":$", ".")
    out[i] = { name = own .. entry[1], short = entry[1], type = type, doc = entry.doc, options = entry.options,
      at = entry.at or at, example = entry.example }
  end
  return out
end

local function field(each)
  local name, optional = each[1]:match "^(.-)(%??)$"
  return { name = name, optional = optional ~= "" or nil, type = each[2], doc = each[3] }
end

local function fields(list)
  local out = {}
  for i, each in ipairs(list) do out[i] = field(each) end
  return out
end

local function events()
  local list = {}
  for i, event in ipairs(vocabulary.events) do
    list[i] = { name = event[1], doc = event.doc, scope = event.scope or "task", fields = fields(vocabulary.fields_of(event)),
      decisions = { table.unpack(event.decides or {}) } }
    table.insert(list[i].decisions, "stop")
  end
  return list
end

local function classes(...)
  local list = {}
  for _, registered in ipairs { ... } do
    for _, class in ipairs(registered) do
      list[#list + 1] = { name = class[1], doc = class.doc, fields = fields(class.fields) }
    end
  end
  return list
end

-- "haul.store" -> "store:head", "haul.test.world" -> "world:run", "haul.test" -> "test.world"
local function objects(...)
  local list = {}
  for _, registered in ipairs { ... } do
    for _, object in ipairs(registered) do
      local short = object[1]:match "[^.]+$" .. (object.dot and "." or ":")
      list[#list + 1] = { name = object[1], doc = object.doc, divides = object.divides,
        methods = object.methods and functions(object.methods, short, { "hook" }) }
    end
  end
  return list
end

local function named(list, names)
  local out = {}
  for i, each in ipairs(list) do
    out[i] = {}
    for at, name in ipairs(names) do out[i][name] = each[at] end
  end
  return out
end

local what = { access_key = "the id of the key", secret_key = "its secret", token = "the token of temporary keys",
  region = "region of buckets that do not say theirs", endpoint = "address of the service" }

local function variables(flags)
  local list = {}
  for _, flag in ipairs(flags) do
    if flag.variable then list[#list + 1] = { name = flag.variable, doc = "like --" .. flag.name } end
  end
  for _, each in ipairs(vocabulary.variables) do list[#list + 1] = { name = each[1], doc = each[2] } end
  for _, provider in ipairs { "s3", "oss", "tos" } do
    for _, setting in ipairs { "access_key", "secret_key", "token", "region", "endpoint" } do
      for i, name in ipairs(credentials.variables[provider][setting]) do
        local note = i > 1 and " (asked after the one before)" or ""
        list[#list + 1] = { name = name, doc = ("%s: %s%s"):format(provider, what[setting], note) }
      end
    end
  end
  return list
end

local function section(entries, name)
  local list = {}
  for _, entry in ipairs(entries) do
    if entry.section == name then
      list[#list + 1] = { name = entry.name, takes = entry.takes, doc = entry.doc, letter = entry.letter, variable = entry.variable }
    end
  end
  return list
end

-- Everything, as plain tables.  entries: what only the program knows.
function manual.data(entries)
  local flags = section(entries, "flags")
  return {
    commands = section(entries, "commands"), flags = flags, statuses = section(entries, "statuses"),
    variables = variables(flags), tables = tables(), classes = classes(vocabulary.classes, test_reference.classes), events = events(),
    functions = functions(reference.functions, "haul."), running = functions(reference.running, "job:", { "hook" }),
    errors = named(vocabulary.errors, { "name", "doc" }), aliases = named(reference.aliases, { "name", "type", "doc" }),
    objects = objects(reference.objects, test_reference.objects),
  }
end

-- Help ------------------------------------------------------------------------------------------------

local function add(items, words, title, lines)
  items[#items + 1] = { words = words, title = title, lines = lines }
end

local function option_line(option)
  local note = option.required and "required" or option.default and "default " .. option.default
  local notes = {}
  if option.form and not option.doc:find(option.form, 1, true) then notes[1] = option.form end
  if note then notes[#notes + 1] = note end
  return option.doc .. (#notes > 0 and " (" .. table.concat(notes, "; ") .. ")" or "")
end

local function indented(text)
  return "    " .. text:gsub("\n", "\n    ")
end

local function example(lines, entry)
  if entry.example then
    lines[#lines + 1] = ""
    lines[#lines + 1] = indented(entry.example)
  end
end

local function places(at)
  local words = {}
  for i, phase in ipairs(at) do words[i] = reference.phases[phase] end
  return table.concat(words, ", ")
end

local function table_lines(data, who)
  local lines = {}
  for _, each in ipairs(data.tables) do
    for _, option in ipairs(each.name == who and each.options or {}) do
      lines[#lines + 1] = ("  %-18s %s"):format(option.name, option_line(option))
    end
  end
  return lines
end

local function add_functions(items, data, list)
  for _, each in ipairs(list) do
    local lines = { each.doc, (each.type:find "fun%(" and "may be called: " or "is there: ") .. places(each.at) }
    if each.options then
      lines[#lines + 1] = "options:"
      table.move(table_lines(data, each.options), 1, 99, #lines + 1, lines)
    end
    example(lines, each)
    add(items, { each.name, each.short }, each.name, lines)
  end
end

-- Names of the tables that are told of with their function.
local function taken_tables(data)
  local taken = {}
  local function take(list)
    for _, each in ipairs(list) do taken[each.options or ""] = true end
  end
  take(data.functions)
  take(data.running)
  for _, object in ipairs(data.objects) do take(object.methods or {}) end
  return taken
end

-- An option that several tables have in the same words is told once.
local function add_options(items, data)
  local seen, taken = {}, taken_tables(data)
  for _, each in ipairs(data.tables) do
    for _, option in ipairs(each.options) do
      local line = option_line(option)
      local item = seen[option.name .. "\0" .. line]
      if item then
        item.title = item.title .. ", " .. each.name
      else
        add(items, { option.name }, ("%s, option of %s"):format(option.name, each.name), { line })
        seen[option.name .. "\0" .. line] = items[#items]
      end
    end
    if not taken[each.name] then
      add(items, { each.name }, each.name .. ": " .. each.doc, table_lines(data, each.name))
    end
  end
end

local function field_line(each)
  return ("  %-18s %s"):format(each.name .. (each.optional and "?" or ""), each.doc)
end

local function add_events(items, data)
  for _, event in ipairs(data.events) do
    local names = {}
    for i, decision in ipairs(event.decisions) do names[i] = "haul." .. decision end
    local lines = { event.doc, "its hook may return: " .. table.concat(names, ", "), "fields:" }
    for _, each in ipairs(event.fields) do lines[#lines + 1] = field_line(each) end
    add(items, { event.name }, event.name .. ", an event", lines)
  end
end

local function add_fields(items, data)
  for _, class in ipairs(data.classes) do
    local lines, short = { class.doc }, class.name:gsub("^haul%.", "")
    for _, each in ipairs(class.fields) do
      lines[#lines + 1] = field_line(each)
      add(items, { each.name, short .. "." .. each.name }, ("%s, field of %s"):format(each.name, class.name), { each.doc })
    end
    add(items, { class.name, short }, class.name, lines)
  end
end

local function add_program(items, data)
  for _, each in ipairs(data.commands) do
    add(items, { each.name }, ("haul %s%s"):format(each.name, each.takes and " " .. each.takes or ""), { each.doc })
  end
  for _, each in ipairs(data.flags) do
    local lines = { each.doc }
    if each.variable then lines[2] = "in the environment: " .. each.variable end
    local title = (each.letter and "-" .. each.letter .. ", " or "") .. "--" .. each.name
    if each.takes then title = title .. " " .. each.takes end
    add(items, { "--" .. each.name, each.name, each.letter and "-" .. each.letter }, title, lines)
  end
  for _, each in ipairs(data.statuses) do add(items, { each.name }, "exit status " .. each.name, { each.doc }) end
  for _, each in ipairs(data.variables) do
    add(items, { each.name }, each.name .. ", a variable of the environment", { each.doc })
  end
  for _, each in ipairs(data.errors) do add(items, { each.name }, each.name .. ", a kind of error", { each.doc }) end
end

local function items_of(data)
  local items = {}
  add_functions(items, data, data.functions)
  add_functions(items, data, data.running)
  for _, object in ipairs(data.objects) do add_functions(items, data, object.methods or {}) end
  add_events(items, data)
  add_options(items, data)
  add_fields(items, data)
  add_program(items, data)
  return items
end

local function plain(word)
  return word:lower():gsub("_", "-")
end

-- "--rate" is the flag alone, "rate" all that has this name.
local function found(items, word)
  local list = {}
  for _, item in ipairs(items) do
    for _, each in pairs(item.words) do
      if plain(each) == plain(word) then
        list[#list + 1] = item.title .. "\n" .. indented(table.concat(item.lines, "\n")):gsub("[ ]+\n", "\n")
        break
      end
    end
  end
  return list
end

local function refuse(items, word)
  local words = {}
  for _, item in ipairs(items) do
    for _, each in pairs(item.words) do words[#words + 1] = each end
  end
  error(err.new("invalid", ("haul help: there is nothing called %s%s"):format(err.show(word), err.hint(word, words))), 0)
end

-- What there is to say about a word; without one everything as JSON.
function manual.answer(entries, word)
  local data = manual.data(entries)
  if not word then return json.encode(data) .. "\n" end
  local items = items_of(data)
  local list = found(items, word)
  if #list == 0 then refuse(items, word) end
  return table.concat(list, "\n\n") .. "\n"
end

return manual
