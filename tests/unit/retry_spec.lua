local core = require "support.probe" "core_units"

local FULL, NONE, EQUAL, DECORRELATED = 0, 1, 2, 3 -- enum jitter
local LINEAR, FIXED = 1, 2 -- enum backoff

describe("retry", function()
  it("ends with the attempts, with what is final and with kinds that are not on the list", function()
    local policy = { attempts = 3 }
    assert.is_true(core.again(policy, {}, 1, 1))
    assert.is_true(core.again(policy, {}, 2, 1))
    assert.is_false(core.again(policy, {}, 3, 1))
    assert.is_false(core.again(policy, { final = true }, 1, 1))
    assert.is_false(core.again(policy, { kind = "denied" }, 1, 1))
  end)

  it("waits from base to cap, doubling", function()
    local policy = { attempts = 99, base_ms = 100, cap_ms = 5000, jitter = NONE }
    local want = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 }
    for attempt, ms in ipairs(want) do
      assert.equal(ms, select(2, core.again(policy, {}, attempt, 1)))
    end
    assert.equal(5000, select(2, core.again(policy, {}, 90, 1)))
  end)

  it("draws the whole range with full jitter, never above the ceiling", function()
    local policy = { attempts = 99, base_ms = 100, cap_ms = 5000, jitter = FULL }
    local low, high, sum = math.huge, 0, 0
    for seed = 1, 4000 do
      local _, ms = core.again(policy, {}, 4, seed)
      low, high, sum = math.min(low, ms), math.max(high, ms), sum + ms
    end
    assert.is_true(low >= 0 and low < 20)
    assert.is_true(high <= 800 and high > 780)
    assert.is_true(math.abs(sum / 4000 - 400) < 20)
  end)

  it("never comes before the store asked for it, and does not wait for ever", function()
    local policy = { attempts = 9, base_ms = 10, cap_ms = 20 }
    for seed = 1, 50 do
      assert.equal(7000, select(2, core.again(policy, { retry_after_ms = 7000 }, 1, seed)))
    end
    assert.equal(300000, select(2, core.again(policy, { retry_after_ms = 10 ^ 9 // 1 | 0 }, 1, 1)))
  end)

  it("waits longer by the base each time, or the same", function()
    for attempt, ms in ipairs { 100, 200, 300, 400, 450, 450 } do
      local policy = { attempts = 99, base_ms = 100, cap_ms = 450, jitter = NONE, backoff = LINEAR }
      assert.equal(ms, select(2, core.again(policy, {}, attempt, 1)))
      policy.backoff = FIXED
      assert.equal(100, select(2, core.again(policy, {}, attempt, 1)))
    end
    local policy = { attempts = 2 ^ 31 - 1 | 0, base_ms = 1 << 40, cap_ms = 1 << 41, jitter = NONE, backoff = LINEAR }
    assert.equal(1 << 41, select(2, core.again(policy, {}, 2 ^ 30 | 0, 1)))
  end)

  -- Least, most and mean of many waits.
  local function drawn(policy, attempt)
    local low, high, sum = math.huge, 0, 0
    for seed = 1, 4000 do
      local _, ms = core.again(policy, {}, attempt, seed)
      low, high, sum = math.min(low, ms), math.max(high, ms), sum + ms
    end
    return low, high, sum / 4000
  end

  it("draws the upper half with equal jitter", function()
    local low, high, mean = drawn({ attempts = 99, base_ms = 100, cap_ms = 5000, jitter = EQUAL }, 4)
    assert.is_true(low >= 400 and low < 410 and high <= 800 and high > 790 and math.abs(mean - 600) < 10)
  end)

  it("draws from the base to three times the last with decorrelated jitter", function()
    local policy = { attempts = 99, base_ms = 100, cap_ms = 1000, jitter = DECORRELATED }
    assert.same({ 100, 100, 100.0 }, { drawn(policy, 1) })
    local low, high, mean = drawn(policy, 2)
    assert.is_true(low >= 100 and low < 105 and high <= 300 and high > 295 and math.abs(mean - 200) < 5)
    low, high = drawn(policy, 3)
    assert.is_true(low >= 100 and low < 110 and high <= 900 and high > 800)
    low, high = drawn(policy, 90)
    assert.is_true(low >= 100 and high == 1000)
  end)
end)
