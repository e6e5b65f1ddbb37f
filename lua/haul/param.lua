-- haul.param { name = { "what it is", required = true } } declares what the command line may set as
-- name=value; haul.param.name is its value.
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"

local param = {}

local who = "haul.param"
local given = {}    -- name -> text, of the command line
local declared = {} -- name -> { description, required, default }
local order = {}    -- declared names, sorted within each call
local values = {}

function param.reset()
  given, declared, order, values = {}, {}, {}, {}
end

-- The command line's list of "name=value".
function param.give(list)
  for _, text in ipairs(list) do
    local name, value = text:match("^([%a_][%w_-]*)=(.*)$")
    if not name then
      error(err.new("invalid", ("%s is no parameter: write name=value"):format(err.show(text))), 0)
    end
    if given[name] then error(err.new("invalid", ("parameter '%s' is given twice"):format(name)), 0) end
    given[name] = value
  end
end

local truths = { ["true"] = true, yes = true, ["1"] = true, ["false"] = false, no = false, ["0"] = false }

-- Text of the command line as the type that the default has.
local function convert(name, text, default)
  if type(default) == "boolean" then
    if truths[text] == nil then
      error(err.new("invalid", ("parameter '%s': true or false is expected, not %s"):format(name, err.show(text))), 0)
    end
    return truths[text]
  end
  if type(default) ~= "number" then return text end
  local number = tonumber(text)
  if not number then
    error(err.new("invalid", ("parameter '%s': a number is expected, not %s"):format(name, err.show(text))), 0)
  end
  return number
end

local function undeclared()
  local names = {}
  for name in pairs(given) do
    if not declared[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function missing(where, name, entry)
  local near = err.nearest(name, undeclared())
  err.raise(where, who, "parameter '%s' is missing: add %s=VALUE to the command line (%s)%s", name, name,
    entry.description, near and (" (it has '%s')"):format(near) or "")
end

local entry_keys = { "default", "description", "required" }

local function check_entry(where, name, entry)
  if type(name) ~= "string" or not name:find("^[%a_][%w_-]*$") then
    err.raise(where, who, "%s is no name for a parameter", err.show(name))
  end
  if declared[name] then err.raise(where, who, "parameter '%s' is declared twice", name) end
  if type(entry) == "string" then entry = { entry } end
  if type(entry) ~= "table" then err.raise(where, who, "parameter '%s': a table is expected", name) end
  for key in next, entry do
    if key ~= 1 and key ~= "default" and key ~= "description" and key ~= "required" then
      err.raise(where, who, "parameter '%s': unknown option %s%s", name, err.show(key), err.hint(key, entry_keys))
    end
  end
  local description = rawget(entry, 1) or rawget(entry, "description")
  if type(description) ~= "string" then
    err.raise(where, who, "parameter '%s': a description is missing", name)
  end
  return { description = description, required = rawget(entry, "required"), default = rawget(entry, "default") }
end

local function set_value(where, name, entry)
  if given[name] ~= nil then
    values[name] = convert(name, given[name], entry.default)
  elseif entry.default ~= nil then
    values[name] = entry.default
  elseif entry.required then
    if not context.help then missing(where, name, entry) end
    values[name] = name:upper()
  end
end

local function declare(where, list)
  if type(list) ~= "table" then err.raise(where, who, "takes a table, not %s", err.show(list)) end
  local names = {}
  for name, entry in next, list do
    local checked = check_entry(where, name, entry)
    names[#names + 1], declared[name] = name, checked
  end
  table.sort(names)
  for _, name in ipairs(names) do
    order[#order + 1] = name
    set_value(where, name, declared[name])
  end
end

-- After the job file has run: names that nobody declared.
function param.check_given()
  local name = undeclared()[1]
  if not name then return end
  local hint = err.hint(name, order)
  if #order == 0 then hint = ": the job file takes none" end
  error(err.new("invalid", ("%s: unknown parameter '%s'%s"):format(context.file, name, hint)), 0)
end

function param.help()
  local lines = {}
  for _, name in ipairs(order) do
    local entry = declared[name]
    local note = entry.required and " (required)"
      or entry.default ~= nil and entry.default ~= "" and (" (default %s)"):format(tostring(entry.default)) or ""
    lines[#lines + 1] = ("  %-16s %s%s\n"):format(name .. "=", entry.description, note)
  end
  return table.concat(lines)
end

local call = core.located(function(where, _, list) declare(where, list) end)

local function index(_, name)
  if declared[name] then return values[name] end
  err.raise(core.where(2), who, "parameter %s is not declared%s", err.show(name), err.hint(name, order))
end

param.object = setmetatable({}, {
  __name = "haul.param",
  __metatable = false,
  __call = call,
  __index = index,
  __newindex = function() error("parameters are set on the command line", 2) end,
})

return param
