-- lua5.4 lua/embed.lua FILE...: prints the modules as one C table, so that the binary needs no files.

-- "lua/haul/schema.lua" -> "haul.schema", "lua/haul/init.lua" -> "haul"
local function module_name(path)
  local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  return name
end

local function escape(char)
  return ("\\%03o"):format(char:byte())
end

-- One C string literal a line of Lua, so that the C file can be read.
local function literal(text)
  local lines = {}
  for line in text:gmatch("[^\n]*\n?") do
    if line ~= "" then
      lines[#lines + 1] = '    "' .. line:gsub('[%c"\\?\128-\255]', escape) .. '"'
    end
  end
  return #lines > 0 and table.concat(lines, "\n") or '    ""'
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = assert(file:read("a"))
  file:close()
  assert(load(text, "@" .. path, "t"))
  return text
end

io.write('#include "script/embedded.h"\n\nconst struct embedded_module embedded_modules[] = {\n')
for _, path in ipairs(arg) do
  local text = read(path)
  io.write(('    {"%s",\n%s,\n     %d},\n'):format(module_name(path), literal(text), #text))
end
io.write("    {NULL, NULL, 0},\n};\n")
