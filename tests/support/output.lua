-- Output of the specs: a line for each file, the details of each failure, and at the very end
-- "N passed, N failed, N skipped" over everything that ran.
local busted = require "busted"
local base = require "busted.outputHandlers.base"

local function one_line(value)
  if type(value) == "string" then return value end
  if type(value) == "table" and value.message then return tostring(value.message) end
  return tostring(value)
end

-- The file of a spec as it was named, without what busted puts around it.
local function file_of(element)
  while element and element.descriptor ~= "file" do element = busted.parent(element) end
  return element and element.name or "?"
end

return function(options)
  local handler = base()
  local count = { passed = 0, failed = 0, skipped = 0 }
  local here, started

  local function say(format, ...)
    io.write(string.format(format, ...), "\n")
    io.flush()
  end

  handler.fileStart = function()
    here, started = { passed = 0, failed = 0, skipped = 0 }, os.time()
    return nil, true
  end

  handler.fileEnd = function(element)
    local words = {}
    for _, kind in ipairs { "passed", "failed", "skipped" } do
      if here[kind] > 0 then words[#words + 1] = here[kind] .. " " .. kind end
    end
    local seconds = os.time() - started
    say("%-40s %s%s", element.name, #words > 0 and table.concat(words, ", ") or "nothing to run",
      seconds > 1 and ("  (%d s)"):format(seconds) or "")
    return nil, true
  end

  local function add(kind)
    count[kind] = count[kind] + 1
    if here then here[kind] = here[kind] + 1 end
  end

  handler.testEnd = function(_, _, status)
    if status == "success" then add "passed" elseif status == "pending" then add "skipped" end
    return nil, true
  end

  -- One failing test may report more than once: the first counts.
  local seen = setmetatable({}, { __mode = "k" })
  handler.failed = function(element, _, message, debug)
    if not seen[element] then add "failed" end
    seen[element] = true
    say("FAILED %s: %s", file_of(element), handler.getFullName(element))
    say("  %s", (one_line(message):gsub("\n", "\n  ")))
    if debug and debug.traceback and options.verbose then
      say("  %s", (debug.traceback:gsub("\n", "\n  ")))
    end
    return nil, true
  end

  handler.pending = function(element, _, message)
    say("skipped %s: %s", handler.getFullName(element), message and one_line(message) or "")
    return nil, true
  end

  handler.exit = function()
    say("%d passed, %d failed, %d skipped", count.passed, count.failed, count.skipped)
    return nil, true
  end

  busted.subscribe({ "file", "start" }, handler.fileStart)
  busted.subscribe({ "file", "end" }, handler.fileEnd)
  busted.subscribe({ "test", "end" }, handler.testEnd)
  busted.subscribe({ "failure" }, handler.failed)
  busted.subscribe({ "error" }, handler.failed)
  busted.subscribe({ "pending" }, handler.pending)
  -- After every other listener of the end of a suite, so that this line is the last.
  busted.subscribe({ "suite", "end" }, handler.exit, { priority = 1000 })
  handler:subscribe(options)
  return handler
end
