-- Limits that change by themselves, as a job file writes them: haul.schedule and functions.
package.path = "tests/?.lua;" .. package.path
local jobfile = require "support.jobfile"

local MIB = 1 << 20

local function dials(inside, before, options)
  local script = assert(jobfile.job(inside, before, options))
  local job = script:job()
  script:free()
  return job.dials, job
end

describe("haul.schedule", function()
  it("is read as spans of a week", function()
    local list, job = dials [[copy, rate = haul.schedule { ["08:00-20:00"] = "20MiB/s", otherwise = "unlimited" }]]
    assert.same({ { kind = "rate", index = 0, call = 0, otherwise = -1, "127 480-1200 " .. 20 * MIB } }, list)
    assert.equal(16, job.concurrency)
  end)

  local function spans(text)
    local list = dials(('copy, rate = haul.schedule { %s, otherwise = "1B/s" }'):format(text))
    return table.concat(list[1], "; ")
  end

  it("takes days, times, and both", function()
    assert.equal("65 0-1440 -1", spans '["sat,sun"] = "unlimited"')
    assert.equal("62 1320-360 -1", spans '["mon-fri 22:00-06:00"] = "unlimited"')
    assert.equal("99 0-1440 -1", spans '["fri - mon"] = "unlimited"')
    assert.equal("10 420-1440 -1", spans '["Mon, Wed  7:00-24:00"] = "unlimited"')
    assert.equal("127 1080-0 -1", spans '["18:00-0:00"] = "unlimited"')
    assert.equal("30 720-1439 3; 65 0-1440 2", spans '["mon-thu 12:00-23:59"] = "3B/s", ["sat,sun"] = "2B/s"')
  end)

  it("needs no `otherwise` where nothing is left", function()
    local list = dials [[copy, rate = haul.schedule { ["mon-fri"] = "1B/s", ["sat 00:00-12:00"] = "2B/s",
      ["sat 12:00-24:00"] = "3B/s", sun = "4B/s" }]]
    assert.equal(4, #list[1])
  end)

  it("is of the job, of stores, of tasks, and of the concurrency, which is made for the most", function()
    local list, job = dials([[concurrency = haul.schedule { ["22:00-06:00"] = 64, otherwise = 8 },
      haul.copy { from = one, to = two, rate = plan }, haul.sync { from = one, to = two / "x/", rate = "5B/s" }]],
      [[plan = haul.schedule { sun = "1B/s", otherwise = "2B/s" }
      one = haul.dir { "/tmp/haul-from", rate = plan }
      two = haul.s3 { bucket = "pail", endpoint = "http://127.0.0.1:1", credentials = "anonymous", rate = { write = plan },
        requests = haul.schedule { sun = 10.5, otherwise = "unlimited" } }]])
    assert.equal(64, job.concurrency)
    assert.equal(5, job.tasks[2].rate)
    local seen = {}
    for i, dial in ipairs(list) do seen[i] = ("%s %d %s %d"):format(dial.kind, dial.index, dial[1], dial.otherwise) end
    assert.same({ "concurrency 0 127 1320-360 64 8", "read 0 1 0-1440 1 2", "write 0 1 0-1440 1 2", "write 1 1 0-1440 1 2",
      "requests 1 1 0-1440 10 -1", "task 0 1 0-1440 1 2" }, seen)
  end)

  it("gives way to the command line", function()
    local list, job = dials([[copy, rate = haul.schedule { sun = "1B/s", otherwise = "2B/s" },
      concurrency = haul.schedule { sun = 5, otherwise = 6 }]], nil, { rate = "3MiB/s", concurrency = 7 })
    assert.same({ {}, 3 * MIB, 7 }, { list, job.rate, job.concurrency })
  end)

  local wrong = {
    { '["8-20"] = 1', "\"8-20\" is no time such as \"08:00-20:00\"" },
    { '["25:00-26:00"] = 1', "is no time" },
    { '["08:00-08:00"] = 1', "\"08:00-08:00\" is empty: a whole day is \"00:00-24:00\"" },
    { '["24:00-08:00"] = 1', "is no time" },
    { '["mo-fri"] = 1', "\"mo\" is no day (did you mean 'mon'?): days are sun, mon" },
    { '["monday"] = 1', "\"monday\" is no day" },
    { '["mon,,fri"] = 1', "\"\" is no day" },
    { '["mon-fri-sun"] = 1', "is no day" },
    { '["mon fri 08:00-09:00"] = 1', "a time is written" },
    { '[""] = 1', "a time is written" },
    { '"20MiB/s"', "takes no entry without a time ([1])" },
    { '["08:00-20:00"] = "1B/s", ["sat,sun"] = "2B/s", otherwise = "3B/s"',
      "'sat,sun' and '08:00-20:00' overlap: both hold on sun 08:00" },
    { '["mon-fri 22:00-06:00"] = "1B/s", ["sat,sun"] = "2B/s", otherwise = "3B/s"',
      "'mon-fri 22:00-06:00' and 'sat,sun' overlap: both hold on sat 00:00" },
    { '["sat 22:00-06:00"] = "1B/s", ["sun 05:59-07:00"] = "2B/s", otherwise = "3B/s"', "both hold on sun 05:59" },
    { '["22:00-21:00"] = "1B/s", ["21:00-22:00"] = "2B/s", ["sun"] = "3B/s"', "overlap" },
    { '["08:00-20:00"] = "1B/s"', "nothing says what holds on sun 00:00: add otherwise = ..." },
    { '["mon-sat"] = "1B/s", ["sun 00:00-23:59"] = "2B/s"', "nothing says what holds on sun 23:59" },
  }
  for _, case in ipairs(wrong) do
    it("refuses " .. case[1], function()
      local script, kind, message = jobfile.job("copy", "local plan = haul.schedule { " .. case[1] .. " }")
      assert.is_nil(script)
      assert.equal("invalid", kind)
      assert.truthy(message:find("haul.schedule: ", 1, true) == 1 and message:find("x.lua:5", 1, true), message)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("says which value is no rate, where it is used", function()
    local script, _, message = jobfile.job [[copy, rate = haul.schedule { sun = "20MiB", otherwise = "2B/s" }]]
    assert.is_nil(script)
    assert.truthy(message:find("haul.job: option 'rate': 'sun': \"20MiB\" is not a rate", 1, true), message)
    script, _, message = jobfile.job [[copy, concurrency = haul.schedule { sun = 5, otherwise = 5000 }]]
    assert.is_nil(script)
    assert.truthy(message:find("option 'concurrency': 'otherwise': 5000 is not within 1 and 4096", 1, true), message)
  end)

  it("is nothing but a schedule", function()
    for _, text in ipairs { "haul.schedule(5)", "haul.schedule 'x'", "haul.schedule()" } do
      local script, _, message = jobfile.job("copy", "local plan = " .. text)
      assert.is_nil(script)
      assert.truthy(message:find("haul.schedule: takes a table", 1, true), message)
    end
  end)
end)

describe("a function for a limit", function()
  local NOON = 1767268800500 -- 2026-01-01 12:00:00.5 UTC

  local function loaded(body, before)
    return assert(jobfile.job(("copy, hook_timeout = '50ms', rate = function(now, stats) %s end"):format(body), before))
  end

  it("gets the time and the counts, and answers like the option", function()
    local script = loaded [[
      local same = os.date("*t", math.floor(now.time))
      for name, value in pairs(same) do assert(now[name] == value, name) end
      assert(now.time == 1767268800.5 and stats.bytes_done == 77 and stats.limit == 1000)
      return now.sec == 0 and "5MiB/s" or "unlimited"]]
    local job = script:job()
    assert.same({ { kind = "rate", index = 0, call = 1, otherwise = -1 } }, job.dials)
    assert.equal(-1, job.rate)
    assert.equal(5 * MIB, script:dial(1, NOON))
    script:free()
  end)

  it("is asked once for both ways of a store", function()
    local list = dials([[haul.copy { from = one, to = there, rate = other }]], [[
      local function pace() return "1B/s" end
      other = function() return "2B/s" end
      one = haul.dir { "/tmp/haul-from", rate = pace }]])
    local seen = {}
    for i, dial in ipairs(list) do seen[i] = ("%s %d %d"):format(dial.kind, dial.index, dial.call) end
    assert.same({ "read 0 1", "write 0 1", "task 0 2" }, seen)
  end)

  local wrong = {
    { "", "a rate such as \"20MiB/s\" is expected, not nil" },
    { "return 5", "5 has no unit" },
    { "return 'slow'", "\"slow\" is not a rate" },
    { "error 'my words'", "x.lua:6: my words" },
    { "error {}", "table" },
    { "coroutine.yield()", "outside a coroutine" },
    { "while true do end", "50 ms" },
    { "while true do pcall(function() while true do end end) end", "50 ms" },
  }
  for _, case in ipairs(wrong) do
    it(("that does this is in error: %s"):format(case[1]), function()
      local script = loaded(case[1])
      local value, _, message = script:dial(1, NOON)
      assert.is_nil(value)
      assert.is_string(message)
      if case[1]:find "while" == nil and case[1]:find "yield" == nil then
        assert.truthy(message:find(case[2], 1, true), message)
      end
      script:free()
    end)
  end
end)
