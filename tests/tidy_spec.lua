-- The shape of the source: layers, owners of libraries, sizes, and words that must not be there.
local files = require "support.files"
local shell = require "support.shell"

local LAYERS = { "base", "wire", "io", "core", "journal", "transfer", "source", "engine", "world", "script", "report", "commands" }
local LEVEL = {}
for i, name in ipairs(LAYERS) do LEVEL[name] = i end

-- Header of a library -> patterns of the files that may include it.
local OWNERS = {
  ["curl/"] = { "^runner/io/lane%.c$", "^runner/io/exchange%.c$", "^runner/io/transport%.c$" },
  ["sqlite3.h"] = { "^runner/journal/%w+%.c$", "^runner/commands/version%.c$" },
  ["openssl/"] = { "^runner/wire/digest%.c$", "^runner/commands/version%.c$" },
  ["expat.h"] = { "^runner/wire/" },
  ["jansson.h"] = { "^runner/wire/" },
  ["isa-l"] = { "^runner/wire/digest%.c$" },
  ["lua.h"] = { "^runner/script/" },
  ["lauxlib.h"] = { "^runner/script/" },
  ["lualib.h"] = { "^runner/script/" },
}

local BANNED = { "strcpy", "strcat", "sprintf", "vsprintf", "gets", "alloca", "system", "popen", "tmpnam", "mktemp" }
local WORDS = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" }
local MACHINE = { "/wo" .. "rk/", "/ho" .. "me/[a-z]", "registry%.", "pypi%.", "proxy%.golang", "crates%.io" }

local function listed(pattern)
  local list = {}
  for path in shell.read("git ls-files --cached --others --exclude-standard"):gmatch("[^\n]+") do
    if path:match(pattern) and files.exists(path) then list[#list + 1] = path end
  end
  return list
end

local function lines_of(path)
  local list = {}
  for line in ((files.read(path) or "") .. "\n"):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  if list[#list] == "" then list[#list] = nil end
  return list
end

-- Comments and strings out, line breaks kept, so that what is left is code.
local function code_of(text)
  local function blank(s) return (s:gsub("[^\n]", " ")) end
  text = text:gsub("\\\\", "  "):gsub('\\"', "  ")
  text = text:gsub("'\"'", "   ")
  local out, at = {}, 1
  while at <= #text do
    local comment, line, quote = text:find("/*", at, true), text:find("//", at, true), text:find('"', at, true)
    local first = math.min(comment or math.huge, line or math.huge, quote or math.huge)
    if first == math.huge then break end
    out[#out + 1] = text:sub(at, first - 1)
    local stop
    if first == comment then stop = select(2, text:find("*/", first + 2, true))
    elseif first == line then stop = (text:find("\n", first, true) or #text + 1) - 1
    else stop = text:find('"', first + 1, true) end
    stop = stop or #text
    out[#out + 1] = blank(text:sub(first, stop))
    at = stop + 1
  end
  return table.concat(out) .. text:sub(at)
end

local c_files = listed("^runner/.*%.[ch]$")
local all_c = listed("%.[ch]$")
local text_files = listed("%.[chl][ua]*$")
for _, path in ipairs(listed("%.py$")) do text_files[#text_files + 1] = path end
for _, path in ipairs(listed("%.sh$")) do text_files[#text_files + 1] = path end

-- Fails with everything that is wrong at once.
local function none(problems)
  if #problems == 0 then return end
  error(#problems .. " problems\n" .. table.concat(problems, "\n", 1, math.min(#problems, 40)), 2)
end

local function each_line(paths, see)
  local problems = {}
  for _, path in ipairs(paths) do
    for number, line in ipairs(lines_of(path)) do
      local wrong = see(line, path)
      if wrong then problems[#problems + 1] = ("%s:%d: %s"):format(path, number, wrong) end
    end
  end
  none(problems)
end

describe("the source", function()
  it("includes only downwards", function()
    each_line(c_files, function(line, path)
      local mine, to = path:match("^runner/(%w+)/"), line:match('^%s*#%s*include%s+"(%w+)/')
      if mine and to and LEVEL[to] and LEVEL[to] > LEVEL[mine] then return mine .. " includes " .. to end
      if mine and to == "script" and mine ~= "script" and mine ~= "commands" then
        return mine .. " includes script"
      end
    end)
  end)

  it("lets each library's header in at one place", function()
    each_line(c_files, function(line, path)
      local header = line:match("^%s*#%s*include%s+[<\"]([^>\"]+)")
      for prefix, owners in pairs(header and OWNERS or {}) do
        if header:sub(1, #prefix) == prefix then
          for _, owner in ipairs(owners) do
            if path:match(owner) then return nil end
          end
          return header .. " is not this file's"
        end
      end
    end)
  end)

  it("keeps files below 600 lines, and lines of C within 100 columns", function()
    local problems = {}
    for _, path in ipairs(all_c) do
      local lines = lines_of(path)
      if #lines > 600 then problems[#problems + 1] = path .. " has " .. #lines .. " lines" end
      for number, line in ipairs(lines) do
        if (utf8.len(line) or #line) > 100 then problems[#problems + 1] = ("%s:%d is too long"):format(path, number) end
      end
    end
    none(problems)
  end)

  it("keeps functions within 60 lines", function()
    local problems = {}
    for _, path in ipairs(listed("^runner/.*%.c$")) do
      local start
      for number, line in ipairs(lines_of(path)) do
        if line == "{" then start = number end
        if line == "}" and start then
          if number - start - 1 > 60 then
            problems[#problems + 1] = ("%s:%d: a function of %d lines"):format(path, start, number - start - 1)
          end
          start = nil
        end
      end
    end
    none(problems)
  end)

  it("has no spaces at the end of lines and no tabs in C and Lua", function()
    each_line(text_files, function(line, path)
      if line:match("%s$") then return "space at the end" end
      if path:match("%.[chl]") and line:find("\t", 1, true) then return "a tab" end
    end)
  end)

  it("calls no function that cannot be called safely", function()
    local problems = {}
    for _, path in ipairs(c_files) do
      local number = 0
      for line in (code_of(files.read(path)) .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        for _, name in ipairs(BANNED) do
          if (" " .. line):match("[^%w_.>]" .. name .. "%s*%(") then
            problems[#problems + 1] = ("%s:%d: %s"):format(path, number, name)
          end
        end
      end
    end
    none(problems)
  end)

  it("begins every header with #pragma once and a comment", function()
    local problems = {}
    for _, path in ipairs(listed("^runner/.*%.h$")) do
      local lines = lines_of(path)
      if lines[1] ~= "#pragma once" then problems[#problems + 1] = path .. ": no #pragma once" end
      local text = table.concat(lines, "\n", 2, math.min(#lines, 4))
      if not text:match("^%s*/[*/]") then problems[#problems + 1] = path .. ": no comment" end
    end
    none(problems)
  end)

  it("has no notes to self", function()
    each_line(text_files, function(line, path)
      if path == "tests/tidy_spec.lua" then return nil end
      for _, word in ipairs(WORDS) do
        if line:match("%f[%w]" .. word .. "%f[%W]") then return word end
      end
    end)
  end)

  it("names no machine", function()
    each_line(listed("."), function(line, path)
      if path == "tests/tidy_spec.lua" then return nil end
      for _, pattern in ipairs(MACHINE) do
        if line:match(pattern) then return "names " .. line:match(pattern .. "%S*") end
      end
    end)
  end)

  it("runs every example job in some spec, and in one beside it", function()
    local problems, specs = {}, ""
    for _, path in ipairs(listed("^tests/.*_spec%.lua$")) do specs = specs .. files.read(path) end
    for _, path in ipairs(listed("^jobs/.*%.lua$")) do
      local beside = path:gsub("%.lua$", "_spec.lua")
      if not path:find "_spec%.lua$" then
        if not specs:find(path, 1, true) then problems[#problems + 1] = path .. " is named in no spec" end
        if not files.exists(beside) then problems[#problems + 1] = "there is no " .. beside end
      end
    end
    none(problems)
  end)

  it("passes luacheck", function()
    local list = table.concat(listed("%.lua$"), " ")
    local good, said = pcall(shell.read, "luacheck --no-color -q " .. list)
    if not good then error(said, 0) end
  end)
end)
