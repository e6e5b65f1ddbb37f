-- Runs busted for `haul test`.  Called from C (runner/script/tester.c) and nowhere else.

local MISSING = "haul test runs busted, which is not installed: apt-get install lua-busted (%s)"

-- words: the arguments of busted -> exit status, message or nil
return function(words)
  local good, runner = pcall(require, "busted.runner")
  if not good then return 2, MISSING:format(tostring(runner):match("[^\n]*")) end
  local ended, status = {}, nil
  _G.arg = table.move(words, 1, #words, 1, { [0] = "haul test" })
  os.exit = function(code) -- luacheck: ignore 122
    status = (code == true or code == 0 or code == nil) and 0 or 1
    error(ended, 0)
  end
  local done, why = xpcall(runner, function(message)
    return message == ended and message or debug.traceback(tostring(message), 2)
  end, { standalone = false })
  if not done and why ~= ended then return 1, why end
  return status or 0
end
