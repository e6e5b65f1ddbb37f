-- The specs beside the example jobs, as a user runs them: each in a world of its own.
local shell = require "support.shell"

local build = os.getenv "BUILD" or "release"
local binary = os.getenv "HAUL" or ("build/%s/haul"):format(build)

describe("haul test", function()
  for path in shell.read("ls jobs/*_spec.lua"):gmatch "[^\n]+" do
    it("passes " .. path, function()
      local said = shell.read { binary, "test", path }
      local passed = tonumber(said:match "(%d+) success")
      assert.is_true(passed and passed > 0, said)
      assert.matches("/ 0 failures / 0 errors / 0 pending", said, 1, true)
    end)
  end
end)
