-- What a file of events says.
--   tail -f EVENTS | lua5.4 tests/demo/tell.lua       short lines as they come, small objects counted
--   lua5.4 tests/demo/tell.lua moved|resumed|summary EVENTS
local cjson = require "cjson"
local MIB = 1048576

local function each(path)
  local lines = path and io.lines(path) or io.lines()
  return function()
    for line in lines do
      local good, event = pcall(cjson.decode, line) -- the last line of a killed run may be half a line
      if good then return event end
    end
  end
end

-- Bytes of parts and of objects sent whole.  An object that was resumed is one in parts, even if none
-- was left to send.
local function moved(path)
  local in_parts, sum = {}, 0
  for event in each(path) do
    if event.event == "resumed" then
      in_parts[event.key] = true
    elseif event.event == "part_succeeded" then
      in_parts[event.key] = true
      sum = sum + event.part.size
    elseif event.event == "object_succeeded" and not in_parts[event.key] then
      sum = sum + event.size
    end
  end
  return sum
end

local function summary(path)
  local found
  for event in each(path) do found = event.summary or found end
  return assert(found, "the run did not finish")
end

local shown = {
  job_started = true, job_finished = true, resumed = true, restarted = true, upload_created = true,
  upload_completed = true, part_succeeded = true, part_failed = true, temp_file_created = true,
  temp_file_renamed = true, object_failed = true, verified = true, verify_failed = true,
}

local function detail(event)
  local text = event.key or ""
  if event.part then text = ("%s  part %d"):format(text, event.part.number) end
  if event.error then text = text .. "  " .. event.error.kind end
  if event.reason then text = text .. "  " .. event.reason end
  return text
end

local function is_small(event) return event.size and event.size < MIB and not event.error end

local function follow()
  local began, small = nil, 0
  local function line(event, text) print(("      %6.2f s  %-18s %s"):format(event.time - began, event.event, text)) end
  local function count(event)
    if small > 0 then line(event, ("%d small objects"):format(small)) end
    small = 0
  end
  for event in each() do
    began = began or event.time
    if is_small(event) then
      if event.event == "object_succeeded" then small = small + 1 end
      if small == 50 then count(event) end
    elseif shown[event.event] then
      if event.event == "job_finished" and small > 0 then
        line({ time = event.time, event = "object_succeeded" }, ("%d small objects"):format(small))
      end
      line(event, detail(event))
    end
    io.flush()
  end
end

local asked, path = arg[1], arg[2]
if not asked then return follow() end
if asked == "moved" then
  print(("%.0f"):format(moved(path)))
else
  local said = summary(path)
  if asked == "resumed" then print(("%.0f"):format(said.bytes_resumed)) end
  if asked == "summary" then
    print(("      %d objects, %.1f MiB in place, %.1f MiB of them from the run before, %d requests, %.1f s")
      :format(said.objects_done, said.bytes_done / MIB, said.bytes_resumed / MIB, said.requests, said.seconds))
  end
end
