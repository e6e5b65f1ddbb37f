package.path = "tests/?.lua;" .. package.path
local probe = require "support.probe" "io"

local MIB, MS, S = 1 << 20, 1000000, 1000000000

local function with(rate, burst, body)
  local bucket = probe.bucket(rate, burst)
  body(bucket)
  probe.bucket_free(bucket)
end

describe("a token bucket", function()
  it("gives nothing away: 1 to 64 takers get its rate to the byte over a long time", function()
    math.randomseed(7)
    for _, takers in ipairs { 1, 2, 5, 16, 64 } do
      for _ = 1, 6 do
        local rate = math.random(1, 5) == 1 and math.random(1, 1000) or math.random(100000, 1 << 32)
        with(rate, 32768, function(bucket)
          local start = math.random(0, 1 << 50)
          local now, taken, asked = start, 0, {}
          probe.wait(bucket, now)
          for i = 1, takers do asked[i] = math.random(1, 65536) end
          for _ = 1, 3000 do
            local i = math.random(takers)
            local wait = probe.wait(bucket, now)
            if wait == 0 then
              probe.take(bucket, asked[i], now)
              taken = taken + asked[i]
              asked[i] = math.random(1, 65536)
            else
              now = now + math.random(1, wait) -- many refills, few of them of use
            end
          end
          now = now + probe.wait(bucket, now)
          -- What was taken is paid for: the rate, and no more than it began with.
          local earned = rate * ((now - start) / S)
          local first = rate // 200 + 1
          assert.is_true(taken <= earned + first + 1 + earned * 1e-9, "more than the rate")
          assert.is_true(taken >= earned + first - 2 - rate / S - earned * 1e-9, "less than the rate")
        end)
      end
    end
  end)

  it("waits to the nanosecond", function()
    with(1000, 1, function(bucket)
      probe.wait(bucket, 0)
      probe.take(bucket, 6, 0) -- it begins with 5 ms of its rate and one
      assert.equal(1 * MS, probe.wait(bucket, 0))
      assert.equal(1, probe.wait(bucket, MS - 1))
      assert.equal(0, probe.wait(bucket, MS))
      probe.take(bucket, 1000, MS)
      assert.equal(S, probe.wait(bucket, MS))
    end)
    with(3, 1, function(bucket) -- a third of a second has no end in nanoseconds
      probe.wait(bucket, 0)
      probe.take(bucket, 1, 0)
      local now = 0
      for _ = 1, 3000 do
        now = now + probe.wait(bucket, now)
        probe.take(bucket, 1, now)
      end
      assert.is_true(math.abs(now - 1000 * S) <= 3, now)
    end)
  end)

  it("keeps 10 ms of its rate while nobody takes, and no more", function()
    with(100 * MIB, 32768, function(bucket)
      probe.wait(bucket, 0)
      assert.equal(MIB + 1, probe.available(bucket, 1 << 40, 3600 * S))
      probe.take(bucket, MIB + 1, 3600 * S)
      assert.equal(0, probe.available(bucket, 1, 3600 * S))
    end)
    with(1000, 32768, function(bucket)
      probe.wait(bucket, 0)
      assert.equal(32768, probe.available(bucket, 1 << 40, 3600 * S))
    end)
  end)

  it("takes back what was not used", function()
    with(1000, 100, function(bucket)
      probe.wait(bucket, 0)
      local before = probe.available(bucket, 1000, 0)
      probe.take(bucket, 777, 0)
      probe.take(bucket, -777, 0)
      assert.equal(before, probe.available(bucket, 1000, 0))
    end)
  end)

  it("owes units, not seconds, when its rate changes", function()
    with(1000, 1, function(bucket)
      probe.wait(bucket, 0)
      probe.take(bucket, 1006, 0)
      probe.set_rate(bucket, 2000)
      assert.equal(500 * MS + MS // 2, probe.wait(bucket, 0))
      probe.set_rate(bucket, -1)
      assert.equal(0, probe.wait(bucket, 0))
      assert.equal(1 << 40, probe.available(bucket, 1 << 40, 0))
      probe.set_rate(bucket, 0)
      assert.is_true(probe.wait(bucket, 0) > 0)
      assert.equal(0, probe.available(bucket, 1, 0))
    end)
  end)

  it("survives numbers that are too large to multiply", function()
    with(1, 1, function(bucket)
      probe.wait(bucket, 0)
      probe.take(bucket, 1 << 30, 0)
      assert.equal((1 << 30) * S, probe.wait(bucket, 0))
      probe.take(bucket, 1 << 60, 0)
      assert.is_true(probe.wait(bucket, 0) > 70 * 365 * 86400 * S)
      assert.equal(0, probe.available(bucket, 1, 1 << 60))
    end)
    with(1 << 40, 1, function(bucket)
      probe.wait(bucket, 0)
      probe.take(bucket, 1 << 50, 0)
      assert.equal(1024 * S - 5 * MS + 1, probe.wait(bucket, 0))
    end)
  end)

  it("in a path, the tightest decides", function()
    local wide, narrow, open = probe.bucket(1000, 1), probe.bucket(10, 1), probe.bucket(-1, 1)
    local path = { wide, narrow, open }
    probe.wait(path, 0)
    assert.equal(1, probe.available(path, 100, 0))
    probe.take(path, 1, 0)
    assert.equal(100 * MS, probe.wait(path, 0))
    for _, bucket in ipairs(path) do probe.bucket_free(bucket) end
  end)
end)

describe("a toll", function()
  it("is paid for every byte once, whatever the kernel holds ahead", function()
    math.randomseed(3)
    for _ = 1, 200 do
      with(10 * MIB, 32768, function(bucket)
        local len = math.random(0, 4 * MIB)
        local ended, paid = probe.toll(bucket, len, math.random(0, 300000), math.random(1, 65536), 0)
        assert.equal(len, paid)
        -- All but what it began with, and what may be owed at the end, took its time.
        assert.is_true(ended >= (len - 10 * MIB // 200 - 1 - 300000 - 65536) * S // (10 * MIB))
        assert.is_true(ended <= len * S // (10 * MIB) + 20 * MS)
      end)
    end
  end)
end)
