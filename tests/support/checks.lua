-- What must hold after every run, whatever it did.
local files = require "support.files"

local checks = {}

local function fail(run, format, ...)
  error(format:format(...) .. "\n" .. run:describe(), 3)
end

-- Sorted, so that a difference reads well.
local function differences(wanted, got)
  local list = {}
  for name, sum in pairs(wanted) do
    if got[name] ~= sum then list[#list + 1] = ("%q should be %s, is %s"):format(name, sum, tostring(got[name])) end
  end
  for name in pairs(got) do
    if not wanted[name] then list[#list + 1] = ("%q should not be there"):format(name) end
  end
  table.sort(list)
  return list
end

function checks.same(wanted, got)
  local list = differences(wanted, got)
  if #list > 0 then error(#list .. " differences\n" .. table.concat(list, "\n", 1, math.min(#list, 20)), 2) end
end

local function check_parts(run, of, key)
  local sum, seen = 0, {}
  for _, event in ipairs(of) do
    if event.event == "restarted" then sum, seen = 0, {} end
    if event.event == "part_succeeded" then
      local number = event.part.number
      if seen[number] then fail(run, "part %d of %q succeeded twice", number, key) end
      seen[number], sum = true, sum + event.part.size
    elseif event.event == "part_failed" and seen[event.part.number] then
      fail(run, "part %d of %q failed after it succeeded", event.part.number, key)
    end
  end
  return sum
end

local LAST = { object_succeeded = true, object_failed = true, object_skipped = true }

-- The order of events of one object.
local function check_object(run, of, key, ended)
  local ends = 0
  for i, event in ipairs(of) do
    if event.event == "object_started" and i > 1 and ends == 0 and of[i - 1].event ~= "object_started" then
      fail(run, "object_started of %q is not its first event", key)
    end
    -- After object_failed a hook may still decide otherwise.
    if LAST[event.event] and (event.event ~= "object_failed" or i == #of) then
      ends = ends + 1
      if i ~= #of then fail(run, "%q: %s comes after %s", key, of[i + 1].event, event.event) end
    end
  end
  if ends ~= 1 then fail(run, "%q ended %d times", key, ends) end
  ended[of[#of].event] = (ended[of[#of].event] or 0) + 1
  local last, moved = of[#of], check_parts(run, of, key)
  if last.event == "object_succeeded" then
    local verified
    for _, event in ipairs(of) do verified = verified or event.event == "verified" end
    if not verified then fail(run, "%q succeeded without being verified", key) end
    if moved > last.size then fail(run, "the parts of %q are larger than it", key) end
  end
end

-- Events of a run that went to its end (I11).
function checks.events(run)
  local events, by_key, order = run.events, {}, {}
  if #events == 0 then fail(run, "there are no events") end
  if events[1].event ~= "job_started" then fail(run, "the first event is %s", events[1].event) end
  if events[#events].event ~= "job_finished" then fail(run, "the last event is %s", events[#events].event) end
  local time = 0
  for _, event in ipairs(events) do
    if event.time < time - 0.001 then fail(run, "time goes back at %s", event.event) end
    time = event.time
    if event.key then
      local id = event.task .. " " .. event.key
      if not by_key[id] then
        by_key[id] = {}
        order[#order + 1] = id
      end
      table.insert(by_key[id], event)
    end
  end
  local ended = {}
  for _, id in ipairs(order) do check_object(run, by_key[id], id, ended) end
  local summary = events[#events].summary
  for name, count in pairs { object_succeeded = "objects_done", object_failed = "objects_failed" } do
    if (ended[name] or 0) ~= summary[count] then
      fail(run, "the summary counts %d %s, there were %d", summary[count], count, ended[name] or 0)
    end
  end
  return summary
end

-- A download that failed or was given up has put nothing under a final name.
function checks.nothing_in(dir)
  local list = {}
  for name in pairs(files.sums(dir)) do list[#list + 1] = name end
  if #list > 0 then error("left behind: " .. table.concat(list, ", "), 2) end
end

return checks
