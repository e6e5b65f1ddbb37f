-- The engine in a world made of seeds: 2,000 lives of a job, and five faults built in on purpose, each
-- of which has to be found.
local shell = require "support.shell"
local build = os.getenv "BUILD" or "release"
local sim = "build/" .. build .. "/sim"

local function run(arguments)
  local pipe = assert(io.popen(sim .. " " .. arguments .. " 2>&1"))
  local text = pipe:read("a")
  return pipe:close() == true, text
end

describe("the simulator", function()
  setup(function() shell.read("make -s BUILD=" .. build .. " sim") end)

  it("finds every promise kept in 2,000 seeds", function()
    local ok, text = run "--seeds 1-2000"
    print("\n" .. text)
    assert.is_true(ok, text)
  end)

  for _, seed in ipairs { 2592, 2768, 5284, 8955 } do
    it("finds every promise kept in seed " .. seed .. ", which once broke one", function()
      local ok, text = run("--seed " .. seed)
      assert.is_true(ok, text)
    end)
  end

  local mutants = {
    ["early-row"] = { what = "a row that is written before its data", invariants = "I3 I4" },
    ["no-if-match"] = { what = "a GET without If-Match", invariants = "I1 I2 I17" },
    ["delete-early"] = { what = "a source that is removed before its copy is proved", invariants = "I19" },
    ["deaf"] = { what = "a time named by a store that is not waited for", invariants = "I18" },
    ["journal-parts"] = { what = "an upload completed from the journal alone", invariants = "I3" },
  }
  for name, mutant in pairs(mutants) do
    it("finds " .. mutant.what, function()
      local ok, text = run("--seeds 1-2000 --mutant " .. name)
      assert.is_false(ok)
      local found = text:match "invariant (%w+):"
      assert.truthy(found and (mutant.invariants .. " "):find(found .. " ", 1, true), text)
    end)
  end

  it("gives the same life for the same seed", function()
    local _, first = run "--seed 77 --trace"
    local _, second = run "--seed 77 --trace"
    assert.equal(first:gsub("in %d.-\n", "\n"), second:gsub("in %d.-\n", "\n"))
  end)
end)
