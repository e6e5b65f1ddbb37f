-- Running programs from a spec.
local system = require "system"

local shell = {}

-- A sanitizer's library is for the process that loads the probes, not for what it starts.
local CLEAN = "unset LD_PRELOAD ASAN_OPTIONS; "

function shell.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- shell.words { "a b", "c" } -> 'a b' 'c'
function shell.words(list)
  local out = {}
  for i, word in ipairs(list) do out[i] = shell.quote(word) end
  return table.concat(out, " ")
end

-- The output of a command that must succeed; a table is a list of words.
function shell.read(command)
  if type(command) == "table" then command = shell.words(command) end
  local pipe = assert(io.popen(CLEAN .. "exec 2>&1; " .. command, "r"))
  local output = pipe:read("a")
  if not pipe:close() then error("failed: " .. command .. "\n" .. output, 2) end
  return output
end

-- Does it succeed?
function shell.try(command)
  if type(command) == "table" then command = shell.words(command) end
  return (os.execute(CLEAN .. "(" .. command .. ") >/dev/null 2>&1"))
end

shell.now = system.monotime

-- Asks again and again until the answer is true, and returns it; an error after `seconds`.
function shell.wait(seconds, what, ask)
  local deadline = system.monotime() + seconds
  while true do
    local answer = ask()
    if answer then return answer end
    if system.monotime() > deadline then error("waited " .. seconds .. " s for " .. what, 2) end
    system.sleep(0.01)
  end
end

-- Of this process.
function shell.pid()
  local file <close> = assert(io.open("/proc/self/stat"))
  return tonumber(file:read("a"):match("^%d+"))
end

return shell
