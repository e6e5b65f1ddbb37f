local core = require "support.probe" "core_units"

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
    local policy = { attempts = 99, base_ms = 100, cap_ms = 5000, no_jitter = true }
    local want = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 }
    for attempt, ms in ipairs(want) do
      assert.equal(ms, select(2, core.again(policy, {}, attempt, 1)))
    end
    assert.equal(5000, select(2, core.again(policy, {}, 90, 1)))
  end)

  it("draws the whole range with full jitter, never above the ceiling", function()
    local policy = { attempts = 99, base_ms = 100, cap_ms = 5000 }
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
end)
