-- Hooks that wait, turn by turn: against a run that does nothing but note what it is asked.
package.path = "tests/?.lua;" .. package.path
local jobfile = require "support.jobfile"

local function with_hook(body, more)
  local script, _, message = jobfile.job(([[haul.copy { from = s3 / "a/", to = there }, hook_timeout = "100ms",
    on = { part_failed = function(event, job) %s end }]]):format(body), more)
  return assert(script, message)
end

local function decided(ticket, kind, reason)
  return ("decide %d %s after=-1 part_size=0 refresh=0 reason=%s\n"):format(ticket, kind, reason or "")
end

describe("a hook that sleeps", function()
  it("is gone on with at its time, and decides then", function()
    local script = with_hook "haul.sleep '2s' return haul.skip 'late'"
    script:tell(1, "part_failed", 7)
    local calls, wake, waits = script:resume(1000)
    assert.same({ "", 3000, true }, { calls, wake, waits })
    assert.equal("", (script:resume(2999)))
    local asked, later, still = script:resume(3000)
    assert.equal(decided(7, "skip", "late"), asked)
    assert.is_nil(later)
    assert.is_false(still)
    script:free()
  end)

  it("holds up the next one of its object", function()
    local script = with_hook("n = n + 1 local mine = n haul.sleep(mine == 1 and 2 or 1) return haul.skip(tostring(mine))", "n = 0")
    script:tell(1, "part_failed", 1)
    script:tell(1, "part_failed", 2)
    local calls, wake = script:resume(0)
    assert.same({ "", 2000 }, { calls, wake })
    calls, wake = script:resume(2000)
    assert.equal(decided(1, "skip", "1"), calls)
    assert.equal(3000, wake)
    assert.equal(decided(2, "skip", "2"), (script:resume(3000)))
    script:free()
  end)

  it("has one time for its own computing, over all of it", function()
    local script = with_hook [[local function work() local t = os.clock() while os.clock() - t < 0.07 do end end
      work() haul.sleep(1) work() return haul.skip()]]
    script:tell(1, "part_failed", 7)
    assert.equal("", (script:resume(0)))
    assert.equal("hook_failed\n" .. decided(7, "policy"), (script:resume(1000)))
    script:free()
  end)

  it("is ended with the run, and what it holds open is closed", function()
    local script = with_hook([[local x <close> = setmetatable({}, { __close = function() job:cancel() end })
      pcall(haul.sleep, "1h") haul.sleep "1h" return haul.skip()]])
    script:tell(1, "part_failed", 7)
    local calls, _, waits = script:resume(0, true)
    assert.equal("cancel 0\n" .. decided(7, "policy"), calls)
    assert.is_false(waits)
    script:free()
  end)

  it("is ended even when closing never ends", function()
    local script = with_hook([[local x <close> = setmetatable({}, { __close = function() while true do end end })
      haul.sleep "1h"]])
    script:tell(1, "part_failed", 7)
    assert.equal(decided(7, "policy"), (script:resume(0, true)))
    script:free()
  end)

  it("may be left where it is when all ends", function()
    local script = with_hook "haul.sleep '1h'"
    script:tell(1, "part_failed", 7)
    script:resume(0)
    script:free()
  end)
end)

describe("a hook that asks a store", function()
  it("goes on with the answer", function()
    local script = with_hook [[local good, e = pcall(s3.head, s3, "k") return haul.skip(e.kind .. " " .. e.message)]]
    script:tell(1, "part_failed", 7)
    local calls, wake, waits = script:resume(0)
    assert.same({ "ask 1 head k\n", nil, true }, { calls, wake, waits })
    script:answer(1, "denied")
    local skipped = script:resume(0)
    assert.matches("^decide 7 skip .* reason=denied store:head: s3://pail/k: in these words at .*x.lua:%d+\n$", skipped)
    script:free()
  end)

  it("is told of nothing there with nil", function()
    local script = with_hook [[local o, e = s3:head "k" return haul.skip(tostring(o) .. " " .. e.kind)]]
    script:tell(1, "part_failed", 7)
    script:resume(0)
    script:answer(1, "missing")
    assert.equal(decided(7, "skip", "nil missing"), (script:resume(0)))
    script:free()
  end)

  it("is ended when its answer is there, not before: the request is called back", function()
    local script = with_hook [[s3:put("k", ("x"):rep(10000)) return haul.skip()]]
    script:tell(1, "part_failed", 7)
    script:resume(0)
    local calls, _, waits = script:resume(0, true)
    assert.same({ "withdraw 1\n", true }, { calls, waits })
    script:answer(1, "cancelled")
    calls, _, waits = script:resume(0, true)
    assert.same({ decided(7, "policy"), false }, { calls, waits })
    script:free()
  end)

  it("inside of coroutines of its own waits all the same", function()
    local script = with_hook [[
      local inner = coroutine.wrap(function(...)
        local co = coroutine.create(function(a) coroutine.yield(a) local o, e = s3:head "k" return e.kind end)
        local _, first = coroutine.resume(co, "first")
        coroutine.yield(first)
        local _, second = coroutine.resume(co)
        return second
      end)
      return haul.skip(inner() .. " " .. inner())]]
    script:tell(1, "part_failed", 7)
    assert.equal("ask 1 head k\n", (script:resume(0)))
    script:answer(1, "missing")
    assert.equal(decided(7, "skip", "first missing"), (script:resume(0)))
    script:free()
  end)

  it("where nothing can wait asks nothing", function()
    local script = with_hook [[
      local co = coroutine.wrap(function() s3:head "k" end)
      local good, e = pcall(table.sort, { 3, 2, 1 }, function() co() end)
      return haul.skip(tostring(e):match "which is not possible")]]
    script:tell(1, "part_failed", 7)
    assert.equal(decided(7, "skip", "which is not possible"), (script:resume(0)))
    script:free()
  end)

  it("with a wrong option or key asks nothing", function()
    for call, expected in pairs {
      ["s3:head(5)"] = "a key is text, not 5", ["s3:head('')"] = "it is empty", ["s3:get('k', { max = 5 })"] = "5 has no unit",
      ["s3:get('k', { max = '1GiB' })"] = "is too large", ["s3:put('k', 5)"] = "bytes are text, not 5",
      ["s3:put('k', 'x', { header = {} })"] = "did you mean 'headers'", ["s3:tag('k', { a = true })"] = "names and values are text",
      ["s3:list { prefix = 5 }"] = "text is expected", ["s3.head('k')"] = "call a method of a store with ':'",
      ["here:head '../x'"] = "it has the segment '..'", ["here:put('k', 'x', { tags = { a = 1 } })"] = "a directory keeps no headers",
      ["here:tag('k', {})"] = "has no tags", ["s3:heat 'k'"] = "did you mean 'head'", ["haul.sleep(-1)"] = "not a number of seconds",
      ["haul.sleep()"] = "are expected", ["haul.spawn(5)"] = "a function is expected", ["job:every('0s', print)"] = "above zero",
      ["job:every('1s')"] = "a function is expected", ["haul.spawn(print).join()"] = "call a method with ':'",
    } do
      local script = with_hook(("local _, e = pcall(function() %s end) return haul.fail(tostring(e):sub(1, 200))"):format(call))
      script:tell(1, "part_failed", 7)
      local calls = script:resume(0)
      assert.truthy(calls:find(expected, 1, true), call .. ": " .. calls)
      assert.is_nil(calls:find "ask ", calls)
      script:free()
    end
  end)
end)

describe("coroutines beside a hook", function()
  it("join, once, and never themselves", function()
    local script = with_hook [[
      local other, why
      local one = haul.spawn(function() haul.sleep(1) why = tostring(select(2, pcall(other.join, other))) end)
      other = haul.spawn(function() return one:join() end)
      haul.sleep(2)
      return haul.skip(why:match "it would wait for itself")]]
    script:tell(1, "part_failed", 7)
    for _, now in ipairs { 0, 0, 0, 1000, 1000, 1000 } do assert.equal("", (script:resume(now))) end
    local calls, _, waits = script:resume(2000)
    assert.same({ decided(7, "skip", "it would wait for itself"), false }, { calls, waits })
    script:free()
  end)

  it("that are not over hold the run; a timer does not", function()
    local script = with_hook "haul.spawn(function() haul.sleep(1) end) job:every('1s', function() end)"
    script:tell(1, "part_failed", 7)
    local _, wake, waits = script:resume(0)
    assert.same({ 0, true }, { wake, waits })
    _, wake, waits = script:resume(0)
    assert.same({ 1000, true }, { wake, waits })
    script:resume(1000)
    script:resume(1000)
    _, wake, waits = script:resume(1000)
    assert.same({ 2000, false }, { wake, waits })
    script:free()
  end)

  it("are too many at some time", function()
    local script = with_hook "for i = 1, 998 do haul.spawn(function() haul.sleep(1) end) end haul.sleep(1)"
    script:tell(1, "part_failed", 7)
    local _, _, _, busy = script:resume(0)
    assert.is_false(busy)
    script:tell(1, "part_failed", 8)
    _, _, _, busy = script:resume(0)
    assert.is_true(busy)
    script:free()
  end)
end)

describe("event.transfer", function()
  it("is no part of what the event holds", function()
    local script = with_hook [[for k in pairs(event) do if k == "transfer" then return end end
      haul.json.encode(event)
      return haul.skip(tostring(event.transfer) .. " " .. event.transfer:stats().key)]]
    script:tell(1, "part_failed", 7)
    assert.equal(decided(7, "skip", "transfer 1 a/b"), (script:resume(0)))
    script:free()
  end)

  it("gives its object up", function()
    local script = with_hook "event.transfer:cancel 'enough'"
    script:tell(1, "part_failed", 7)
    assert.equal("fail 1 enough\n" .. decided(7, "policy"), (script:resume(0)))
    script:free()
  end)
end)
