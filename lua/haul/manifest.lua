-- haul.manifest "list.csv" | "list.jsonl" | "list.txt": keys from a file, one record at a time.
--   txt    a key a line
--   jsonl  a JSON object a line: { "key": ..., "size": ..., "target": ... }, or a JSON string
--   csv    RFC 4180, the first record names the columns: key, and if there are size and target
-- A relative path is below the working directory, as that of haul.dir is.
local core = require "haul.core"
local err = require "haul.err"
local json = require "haul.json"

local manifest = {}

local private = setmetatable({}, { __mode = "k" }) -- manifest -> { path, reader }
local meta = { __name = "haul.manifest", __metatable = false }
meta.__tostring = function(self) return "manifest " .. private[self].path end

local LINE_MAX = 1 << 20 -- no key is as long; a file without ends of lines is no manifest
local BLOCK = 1 << 16

local function refuse(path, number, text, ...)
  error(err.new("invalid", ("%s:%d: %s"):format(path, number, text:format(...))), 0)
end

-- Lines of a file with their numbers and ends; without a byte order mark.
local function lines_of(path)
  local file, reason = io.open(path, "rb")
  if not file then error(err.new("disk", reason), 0) end
  local number, text, at = 0, file:read(BLOCK) or "", 1
  if text:sub(1, 3) == "\xEF\xBB\xBF" then at = 4 end

  local function more()
    local block, fault = file:read(BLOCK)
    if fault then error(err.new("disk", path .. ": " .. fault), 0) end
    if block and #text - at > LINE_MAX then refuse(path, number + 1, "the line is longer than 1 MiB") end
    text, at = text:sub(at) .. (block or ""), 1
    return block
  end

  return function()
    local stop = text:find("\n", at, true)
    while not stop and more() do stop = text:find("\n", at, true) end
    if not stop and at > #text then
      file:close()
      return nil
    end
    local line = text:sub(at, stop)
    at, number = at + #line, number + 1
    return line, number
  end
end

local function bare(line)
  return (line:gsub("\r?\n$", ""))
end

local readers = {}

function readers.txt(_, next_line)
  return function()
    for line in next_line do
      local key = bare(line)
      if key ~= "" then return { key = key } end
    end
  end
end

local function check_row(path, number, row)
  if type(row) == "string" then row = { key = row } end
  if type(row) ~= "table" or type(row.key) ~= "string" then refuse(path, number, "a record needs a key") end
  if row.target == json.null then row.target = nil end
  if row.size == json.null then row.size = nil end
  if row.target ~= nil and type(row.target) ~= "string" then refuse(path, number, "the target must be text") end
  if row.size ~= nil and (math.type(row.size) ~= "integer" or row.size < 0) then
    refuse(path, number, "the size must be a whole number")
  end
  return row
end

function readers.jsonl(path, next_line)
  return function()
    for line, number in next_line do
      if line:find "%S" then
        local good, row = pcall(json.decode, line)
        if not good then refuse(path, number, "this is no JSON") end
        return check_row(path, number, row)
      end
    end
  end
end

-- The quoted field of `line` that begins at `at`; it may go on over more lines.  The text, the line
-- on which it ends, and where in that to go on.
local function quoted(path, line, at, number, next_line)
  local parts, length = {}, 0
  at = at + 1
  while true do
    local quote = line:find('"', at, true)
    if not quote then
      parts[#parts + 1] = line:sub(at)
      length = length + #line
      line, at = next_line(), 1
      if not line or length > LINE_MAX then refuse(path, number, "a quoted field does not end") end
    elseif line:sub(quote + 1, quote + 1) == '"' then
      parts[#parts + 1] = line:sub(at, quote)
      at = quote + 2
    else
      parts[#parts + 1] = line:sub(at, quote - 1)
      return table.concat(parts), line, quote + 1
    end
  end
end

-- The fields of the record that begins with `line`.
local function record(path, line, number, next_line)
  local fields, at, text = {}, 1, bare(line)
  while true do
    if text:sub(at, at) == '"' then
      fields[#fields + 1], line, at = quoted(path, line, at, number, next_line)
      text = bare(line)
      if at <= #text and text:sub(at, at) ~= "," then refuse(path, number, "text follows a quoted field") end
    else
      local comma = text:find(",", at, true) or #text + 1
      fields[#fields + 1], at = text:sub(at, comma - 1), comma
    end
    if at > #text then return fields end
    at = at + 1
  end
end

local function columns_of(path, number, fields)
  local columns = {}
  for i, name in ipairs(fields) do
    name = name:lower():match "^%s*(.-)%s*$"
    if columns[name] then refuse(path, number, "two columns are named '%s'", name) end
    if name == "key" or name == "size" or name == "target" then columns[name] = i end
  end
  if not columns.key then refuse(path, number, "the first line must name the columns, and one of them 'key'") end
  return columns
end

local function csv_row(path, number, fields, columns)
  local function field(name)
    local text = columns[name] and fields[columns[name]]
    return text ~= "" and text or nil
  end
  local size = field "size"
  local bytes = size and size:find "^%d+$" and math.tointeger(tonumber(size))
  if size and not bytes then refuse(path, number, "the size %s is no whole number", err.show(size)) end
  return { key = field "key" or refuse(path, number, "the key is missing"), size = bytes, target = field "target" }
end

function readers.csv(path, next_line)
  local columns
  return function(only_columns)
    for line, number in next_line do
      if bare(line) ~= "" then
        local fields = record(path, line, number, next_line)
        if columns then return csv_row(path, number, fields, columns) end
        columns = columns_of(path, number, fields)
        if only_columns then return nil end
      end
    end
    if not columns then refuse(path, 1, "the first line must name the columns, and one of them 'key'") end
  end
end

-- The file is looked at when it is named, so that a missing one is told with its line; what is wrong
-- inside is told, with file and line of the manifest, when it is reached.
manifest.new = core.located(function(where, path)
  if type(path) ~= "string" then err.raise(where, "haul.manifest", "takes a path, not %s", err.show(path)) end
  local reader = readers[path:lower():match("%.(%w+)$") or ""]
  if not reader then err.raise(where, "haul.manifest", "%s is no .csv, .jsonl or .txt", err.show(path)) end
  if not core.file_exists(path) then err.raise(where, "haul.manifest", "there is no file %s", err.show(path)) end
  local good, fault = pcall(function()
    local next_line = lines_of(path)
    if reader == readers.csv then reader(path, next_line)(true) end
  end)
  if not good then err.raise(where, "haul.manifest", "%s", tostring(fault)) end
  local self = setmetatable({}, meta)
  private[self] = { path = path, reader = reader }
  return self
end)

function manifest.is(value)
  return private[value] ~= nil
end

-- An iterator from the first record on: { key =, size =, target = }.
function manifest.rows(self)
  local fields, next_row = private[self], nil
  return function()
    next_row = next_row or fields.reader(fields.path, lines_of(fields.path))
    return next_row()
  end
end

return manifest
