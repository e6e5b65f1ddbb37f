-- Loaded by the test runner before any spec: what was started is stopped, however the specs end.
local busted = require "busted"

busted.subscribe({ "suite", "end" }, function()
  local server = package.loaded["support.server"]
  if server then server.stop_all() end
  local files = package.loaded["support.files"]
  if files then files.remove_all() end
  return nil, true
end)
