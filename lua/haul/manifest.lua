-- haul.manifest "list.csv" | "list.jsonl" | "list.txt": keys from a file, one record at a time.
--   txt    a key a line
--   jsonl  a JSON object a line: { "key": ..., "size": ..., "target": ... }, or a JSON string
--   csv    RFC 4180, the first record names the columns: key, and if there are size and target
local core = require "haul.core"
local err = require "haul.err"
local json = require "haul.json"

-- Lines of a file with their numbers; without their ends, and without a byte order mark.
local function lines_of(where, path)
  local file, reason = io.open(path, "r")
  if not file then err.raise(where, "haul.manifest", "%s", reason) end
  local number = 0
  return function()
    local line, fault = file:read "L"
    if not line then
      file:close()
      if fault then error(err.new("disk", fault), 0) end
      return nil
    end
    number = number + 1
    if number == 1 then line = line:gsub("^\xEF\xBB\xBF", "") end
    return line, number
  end
end

local function refuse(path, number, text, ...)
  error(err.new("invalid", ("%s:%d: %s"):format(path, number, text:format(...))), 0)
end

local function bare(line)
  return (line:gsub("\r?\n$", ""))
end

local readers = {}

function readers.txt(_, next_line)
  return function()
    for line in next_line do
      local key = bare(line)
      if key ~= "" then return key end
    end
  end
end

local function check_row(path, number, row)
  if type(row) == "string" then return row end
  if type(row) ~= "table" or type(row.key) ~= "string" then refuse(path, number, "a record needs a key") end
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

-- One record of CSV from `line` on; a quoted field may go over several lines.
local function record(path, line, number, next_line)
  local fields, at, text = {}, 1, bare(line)
  while true do
    if text:sub(at, at) == '"' then
      local field = {}
      at = at + 1
      while true do
        local quote = text:find('"', at, true)
        if not quote then
          local more = next_line()
          if not more then refuse(path, number, "a quoted field does not end") end
          field[#field + 1] = text:sub(at) .. "\n"
          text, at = bare(more), 1
        elseif text:sub(quote + 1, quote + 1) == '"' then
          field[#field + 1] = text:sub(at, quote)
          at = quote + 2
        else
          field[#field + 1] = text:sub(at, quote - 1)
          at = quote + 1
          break
        end
      end
      fields[#fields + 1] = table.concat(field)
      if at <= #text and text:sub(at, at) ~= "," then refuse(path, number, "text follows a quoted field") end
    else
      local comma = text:find(",", at, true) or #text + 1
      fields[#fields + 1] = text:sub(at, comma - 1)
      at = comma
    end
    if at > #text then return fields end
    at = at + 1
  end
end

local function columns_of(path, fields)
  local columns = {}
  for i, name in ipairs(fields) do
    name = name:lower():gsub("^%s+", ""):gsub("%s+$", "")
    if name == "key" or name == "size" or name == "target" then columns[name] = i end
  end
  if not columns.key then refuse(path, 1, "the first line must name the columns, and one of them 'key'") end
  return columns
end

function readers.csv(path, next_line)
  local columns
  return function()
    for line, number in next_line do
      if bare(line) ~= "" then
        local fields = record(path, line, number, next_line)
        if columns then
          local key, size = fields[columns.key], fields[columns.size or 0]
          if not key or key == "" then refuse(path, number, "the key is missing") end
          if size == "" then size = nil end
          if size and not size:find "^%d+$" then refuse(path, number, "the size %s is no whole number", err.show(size)) end
          local target = fields[columns.target or 0]
          return { key = key, size = size and math.tointeger(tonumber(size)), target = target ~= "" and target or nil }
        end
        columns = columns_of(path, fields)
      end
    end
  end
end

-- An iterator for `keys`.  The file is opened at once, so that a missing one is told with its line;
-- what is wrong inside is told, with file and line, when it is reached.
return core.located(function(where, path)
  if type(path) ~= "string" then err.raise(where, "haul.manifest", "takes a path, not %s", err.show(path)) end
  local reader = readers[path:lower():match("%.(%w+)$") or ""]
  if not reader then err.raise(where, "haul.manifest", "%s is no .csv, .jsonl or .txt", err.show(path)) end
  return reader(path, lines_of(where, path))
end)
