-- The pace of a store that asks to slow down, with the clock set by hand.
local new = require "support.probe" "pace"

local CEILING = 32

-- A store that has `n` requests in flight and has refused the first of them.
local function slowed(n, now, asked)
  local pace, numbers = new(), {}
  for i = 1, n do numbers[i] = pace:send(now) end
  assert.is_true(pace:refused(now + 10, numbers[1], asked))
  return pace, numbers
end

-- A client that always has something to send, in steps of a millisecond: each request takes `takes` ms and
-- `answer(now, number)` says "served" or "refused".  Returns how many of each and the most in flight at once.
local function play(pace, from, to, takes, answer, again)
  local flying, count = {}, { served = 0, refused = 0, most = 0, changed = 0 }
  for now = from, to do
    while flying[1] and flying[1].due <= now do
      local one = table.remove(flying, 1)
      local how = answer(now, one.number)
      count[how] = count[how] + 1
      if how == "served" then
        pace:served(now, CEILING, again)
      elseif pace:refused(now, one.number) then
        count.changed = count.changed + 1
      end
    end
    while #flying < CEILING and pace:allows(now, again) do
      flying[#flying + 1] = { number = pace:send(now, again), due = now + takes }
    end
    count.most = math.max(count.most, #flying)
  end
  for _ in ipairs(flying) do pace:lost() end
  return count
end

local function always(how) return function() return how end end

describe("the pace of a store", function()
  it("is free where nothing is refused", function()
    local pace = new()
    for _ = 1, 5000 do
      assert.is_true(pace:allows(7, false))
      assert.is_true(pace:allows(7, true))
      pace:send(7)
    end
    for _ = 1, 5000 do pace:served(8, CEILING) end
    assert.is_nil(pace:state(8))
    assert.is_nil(pace:wake(8))
  end)

  it("is halved by a refusal, from what was in flight and what was sent", function()
    local pace = slowed(16, 1000)
    local concurrency, rate, wait = pace:state(1010)
    assert.equal(8, concurrency)
    assert.equal(16 / 0.5 / 2, rate)
    assert.equal(0, wait)
  end)

  it("is halved once for all that was in flight, and again by what was sent after that", function()
    local pace, numbers = slowed(16, 1000)
    for i = 2, 16 do assert.is_false(pace:refused(1011, numbers[i])) end
    assert.equal(8, (pace:state(1011)))
    assert.is_true(pace:allows(1100, false))
    local after = pace:send(1100)
    assert.is_true(pace:refused(1110, after))
    assert.equal(4, (pace:state(1110)))
  end)

  it("never sends more at once than it says", function()
    local pace = slowed(16, 1000)
    assert.is_false(pace:allows(60000, false)) -- 15 are still in flight
    for _ = 1, 8 do pace:lost() end
    assert.is_true(pace:allows(60000, false))
    pace:send(60000)
    assert.is_false(pace:allows(70000, false))
  end)

  it("lets one at a time go out, twice a second, where everything is refused", function()
    local pace = slowed(32, 1000)
    for _ = 2, 32 do pace:lost() end
    play(pace, 1010, 20000, 20, always "refused") -- down to the bottom
    local count = play(pace, 20001, 40000, 20, always "refused")
    assert.equal(1, count.most)
    assert.is_true(count.refused >= 36 and count.refused <= 41, count.refused .. " in 20 s")
    assert.equal(count.refused, count.changed)
  end)

  it("is no storm on its way there", function()
    local pace = new()
    local count = play(pace, 1000, 11000, 20, always "refused")
    assert.is_true(count.refused <= 32 + 16 + 8 + 4 + 2 + 20, count.refused .. " refused")
  end)

  it("recovers by steps, a second apart, and is free again", function()
    local pace = new()
    play(pace, 1000, 3000, 20, always "served")
    local number = pace:send(3000)
    assert.is_true(pace:refused(3001, number))
    local low, rate = pace:state(3001)
    assert.equal(16, low)
    assert.is_true(rate > 700 and rate < 900, rate)
    local before, steps = low, 0
    for second = 1, 40 do
      play(pace, 3000 + 1000 * second - 999, 3000 + 1000 * second, 20, always "served")
      local concurrency = pace:state(0)
      if not concurrency then break end
      assert.is_true(concurrency - before <= 2, "from " .. before .. " to " .. concurrency)
      before, steps = concurrency, steps + 1
    end
    assert.is_nil(pace:state(0))
    assert.is_true(steps >= 8 and steps <= 16, steps .. " steps")
    assert.is_true(pace:allows(0, true))
  end)

  it("does not recover by time alone", function()
    local pace = slowed(16, 1000)
    for _ = 2, 16 do pace:lost() end
    assert.equal(8, (pace:state(1000000)))
    pace:send(1000000)
    pace:served(1000001, CEILING)
    assert.equal(8, (pace:state(1000001)))
  end)

  it("comes to rest near what the store can do", function()
    local pace, served, seconds = new(), 0, {}
    local function answer(now) -- 100 a second
      local second = now // 1000
      seconds[second] = (seconds[second] or 0) + 1
      served = served + (seconds[second] <= 100 and 1 or 0)
      return seconds[second] <= 100 and "served" or "refused"
    end
    play(pace, 1000, 11000, 10, answer)
    served = 0
    local count = play(pace, 11001, 71000, 10, answer)
    assert.is_true(count.served > 60 * 40, count.served .. " of 6000")
    assert.is_true(count.refused < count.served / 10, count.refused .. " refused, " .. count.served .. " served")
  end)

  describe("with Retry-After", function()
    it("sends nothing before", function()
      local pace, numbers = slowed(4, 1000, 7000)
      for i = 2, 4 do pace:refused(1012, numbers[i]) end
      assert.equal(7000, select(3, pace:state(1010)))
      assert.is_false(pace:allows(1011, false))
      assert.is_false(pace:allows(8009, false))
      assert.equal(8010, pace:wake(2000))
      assert.is_true(pace:allows(8010, false))
    end)

    it("is heard also from what was sent before, and the longest counts", function()
      local pace, numbers = slowed(4, 1000, 2000)
      assert.is_true(pace:refused(1011, numbers[2], 9000))
      assert.is_false(pace:refused(1012, numbers[3], 1000))
      assert.is_false(pace:refused(1013, numbers[4], 9000)) -- 2 ms more are no news
      assert.is_false(pace:allows(10012, false))
      assert.is_true(pace:allows(10013, false))
    end)

    it("waits no more than five minutes", function()
      local pace = slowed(1, 1000, 1000000000)
      assert.equal(300000, select(3, pace:state(1010)))
      assert.is_true(pace:allows(301010, false))
    end)

    it("is not cut short by what is still served", function()
      local pace = slowed(2, 1000, 60000)
      pace:served(3000, 1)
      assert.is_false(pace:allows(3001, false))
    end)
  end)

  describe("with its budget of retries", function()
    -- Sends one at a time, as a retry, until none may go.
    local function spend(pace, now, how)
      local n = 0
      while n < 1000 do
        local at = pace:wake(now)
        if not pace:allows(now, true) then
          if not at or at > now + 500 then return n, now end
          now = at
        else
          local number = pace:send(now, true)
          now = now + 1
          if how == "served" then pace:served(now, 1, true) else pace:refused(now, number) end
          n = n + 1
        end
      end
      return n, now
    end

    it("lets only so many go that are refused, and then one a second", function()
      local pace = slowed(1, 1000)
      local count = play(pace, 1011, 301000, 5, always "refused", true)
      -- 100 at twice a second take 100 s, for the budget grows by one a second; then it is one a second
      assert.is_true(count.refused >= 380 and count.refused <= 402, count.refused .. " in 300 s")
      local late = play(pace, 301001, 361000, 5, always "refused", true)
      assert.is_true(late.refused >= 58 and late.refused <= 62, late.refused .. " in 60 s")
    end)

    it("holds back retries, not what is sent for the first time", function()
      local pace = slowed(1, 1000)
      play(pace, 1011, 301000, 5, always "refused", true)
      pace:send(302000, true)
      pace:lost()
      assert.is_true(pace:allows(302501, false))
      assert.is_false(pace:allows(302501, true))
      local at = pace:wake(302501)
      assert.is_true(at > 302501 and at <= 303002, at)
      assert.is_true(pace:allows(at, true))
    end)

    it("gets back what a retry took that is served", function()
      local pace = slowed(1, 1000)
      play(pace, 1011, 301000, 5, always "refused", true)
      local n = spend(pace, 302000, "served")
      assert.equal(1000, n) -- no end to it
    end)

    it("grows by a tenth of what is served at once", function()
      for served, at in pairs { [0] = 12010, [10] = 11010, [20] = 10010 } do
        local pace = slowed(32, 1000)
        for _ = 2, 32 do pace:lost() end
        for _ = 1, 110 do
          pace:send(1010, true)
          pace:lost()
        end
        for i = 1, served do
          pace:send(5000 + 100 * i)
          pace:served(5000 + 100 * i, 1000)
        end
        assert.is_false(pace:allows(at - 2, true))
        assert.is_true(pace:allows(at, true))
      end
    end)
  end)

  it("says when it may be asked again, and is right", function()
    for _, n in ipairs { 1, 2, 5, 16, 32 } do
      local pace = slowed(n, 1000)
      for _ = 2, n do pace:lost() end
      local now, sent = 1010, 0
      for _ = 1, 200 do
        if pace:allows(now, false) then
          pace:send(now)
          pace:lost()
          sent = sent + 1
        else
          local at = pace:wake(now)
          assert.is_true(at > now and at <= now + 501)
          now = at
        end
      end
      assert.is_true(sent >= 99, sent)
    end
  end)
end)
