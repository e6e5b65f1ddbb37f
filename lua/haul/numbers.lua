-- Small sums over numbers that a job keeps from run to run.
local core = require "haul.core"
local err = require "haul.err"

local numbers = {}

-- The middle of a list of numbers, or of the two in the middle; nil of none.  The list stays as it is.
numbers.median = core.located(function(where, list)
  if type(list) ~= "table" then err.raise(where, "haul.median", "a list of numbers is expected, not %s", err.show(list)) end
  local sorted = {}
  for i = 1, rawlen(list) do
    local number = rawget(list, i)
    if type(number) ~= "number" or number ~= number then
      err.raise(where, "haul.median", "[%d]: a number is expected, not %s", i, err.show(number))
    end
    sorted[i] = number
  end
  table.sort(sorted)
  local n = #sorted
  if n == 0 then return nil end
  if n % 2 == 1 then return sorted[n // 2 + 1] end
  return (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end)

return numbers
