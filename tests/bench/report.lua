-- lua5.4 tests/bench/report.lua SAMPLES: tables, and which goals are met.
local GIB, NOISE = 1 << 30, 0.10

-- section -> row -> { name =, units =, samples = {} }, and the rows in order
local sections = {}
local all, noisy = 0, 0

local function row_of(section, name, units)
  local rows = sections[section] or {}
  sections[section] = rows
  if not rows[name] then
    rows[name] = { name = name, units = units, samples = {}, failed = 0 }
    rows[#rows + 1] = rows[name]
  end
  return rows[name]
end

local function add(line)
  local word = {}
  for each in line:gmatch("%S+") do word[#word + 1] = tonumber(each) or each end
  local section, round, name, units = table.unpack(word)
  local row = row_of(section, name, units)
  local sample = { round = round, table.unpack(word, 5) }
  sample.wall, sample.user, sample.sys, sample.first, sample.rss, sample.foreign = table.unpack(word, 5)
  sample.cpu = sample.user + sample.sys
  if word[11] ~= 0 then row.failed = row.failed + 1 return end
  if section ~= "rate" then
    all = all + 1
    sample.noisy = sample.foreign > NOISE * sample.wall + 0.02
    if sample.noisy then noisy = noisy + 1 end
  end
  row.samples[#row.samples + 1] = sample
end

local function median(list)
  if #list == 0 then return nil end
  table.sort(list)
  local half = #list // 2
  return #list % 2 == 1 and list[half + 1] or (list[half] + list[half + 1]) / 2
end

-- Quiet rounds alone where there are three of them, else all, and the row is marked.
local function chosen(row)
  local quiet = {}
  for _, sample in ipairs(row.samples) do
    if not sample.noisy then quiet[#quiet + 1] = sample end
  end
  local enough = math.min(3, #row.samples)
  if #quiet >= enough then return quiet, false end
  return row.samples, true
end

local function of(section, name, field)
  local row = sections[section] and sections[section][name]
  if not row then return nil end
  local list = {}
  for _, sample in ipairs((chosen(row))) do list[#list + 1] = sample[field] end
  return median(list)
end

-- The median over rounds of a to b in the same round: what drifts does so for both.
local function ratio(section, a, b, field)
  local rows, by_round, list = sections[section] or {}, {}, {}
  if not rows[a] or not rows[b] then return nil end
  for _, sample in ipairs((chosen(rows[b]))) do by_round[sample.round] = sample[field] end
  for _, sample in ipairs((chosen(rows[a]))) do
    if by_round[sample.round] and by_round[sample.round] > 0 then
      list[#list + 1] = sample[field] / by_round[sample.round]
    end
  end
  if #list > 0 then return median(list) end
  local x, y = of(section, a, field), of(section, b, field)
  return x and y and x / y
end

-- --- tables ------------------------------------------------------------------------------------------

local function print_rows(section, unit, scale, base)
  print(("  %-14s %9s %9s %9s %9s %8s %9s"):format("", "user", "system", "CPU" .. unit, "x " .. base, "wall s",
    "RSS MiB"))
  for _, row in ipairs(sections[section]) do
    if #row.samples == 0 then
      print(("  %-14s failed"):format(row.name))
    else
      local per = scale / row.units
      local function each(field) return of(section, row.name, field) * per end
      local used, marked = chosen(row)
      local share = ratio(section, row.name, base, "cpu")
      print(("  %-14s %9.3f %9.3f %9.3f %9s %8.2f %9.1f   %d of %d rounds%s"):format(row.name, each "user", each "sys",
        each "cpu", share and ("%.2f"):format(share) or "-", of(section, row.name, "wall"),
        of(section, row.name, "rss") / 1024, #used, #row.samples, marked and ", noisy" or ""))
    end
  end
end

local titles = {
  { "large", "1 GiB down, plain, 8 in flight, a new file: CPU seconds per GiB", "/GiB", GIB, "raw" },
  { "tls", "1 GiB down, TLS 1.3, 8 in flight, a new file: CPU seconds per GiB", "/GiB", GIB, "raw" },
  { "upload", "1 GiB up, plain, 8 in flight, parts of 8 MiB: CPU seconds per GiB", "/GiB", GIB, "raw" },
  { "upload-tls", "1 GiB up, TLS 1.3, 8 in flight, parts of 8 MiB: CPU seconds per GiB", "/GiB", GIB, "raw" },
  { "hooks-objects", "10,000 objects of 4 KiB down, with a hook for each: CPU microseconds per object", "/obj", 1e6, "none" },
  { "hooks-parts", "1 GiB down in parts of 8 MiB, with a hook for each: CPU seconds per GiB", "/GiB", GIB, "none" },
  { "small", "10,000 objects of 4 KiB down, 64 in flight: CPU microseconds per object", "/obj", 1e6, "bare-memory" },
}

local function print_tables()
  for _, title in ipairs(titles) do
    if sections[title[1]] then
      print("\n" .. title[2])
      print_rows(title[1], title[3], title[4], title[5])
    end
  end
end

local function print_memory()
  if not sections.memory then return end
  print("\nmemory and connections")
  for _, row in ipairs(sections.memory) do
    local sample = row.samples[1]
    if not sample then
      print(("  %-14s failed"):format(row.name))
    elseif row.name:find "^served" then
      print(("  %-14s %d requests over %d connections"):format(row.name, row.units, sample.wall))
    else
      print(("  %-14s %.1f MiB, %.2f CPU s, %.2f s"):format(row.name, sample.rss / 1024, sample.cpu, sample.wall))
    end
  end
end

local function print_syncs()
  if not sections.sync then return end
  print("\nsync: entries of each side, requests as the server counts them")
  for _, row in ipairs(sections.sync) do
    local sample = row.samples[1]
    if not sample then
      print(("  %-14s failed"):format(row.name))
    elseif row.name:find "^served" then
      print(("  %-14s %d requests, %d of them for listings"):format("", row.units, sample.wall))
    else
      print(("  %-14s %.1f MiB, %.0f entries a second (%.0f a CPU second), %.2f s"):format(row.name, sample.rss / 1024,
        row.units / sample.wall, row.units / sample.cpu, sample.wall))
    end
  end
end

local function print_rates()
  if not sections.rate then return end
  print("\n20 MiB/s as the server sees it over 10 s, after a first second: parts of the limit")
  print(("  %-14s %9s %12s %9s %14s"):format("", "average", "worst 100 ms", "worst 1 s", "first second"))
  for _, row in ipairs(sections.rate) do
    local sample = row.samples[1]
    print(("  %-14s %9.4f %12.3f %9.4f %14.3f"):format(row.name, sample.wall, sample.user, sample.sys, sample.first))
  end
end

-- --- goals -------------------------------------------------------------------------------------------

-- At most `limit` (at least, where limit is negative); value nil: not measured.
local function goal(number, what, value, limit, note)
  local text = ("%-66s"):format(what)
  if not value then
    if note then print(("  %-3s %s not measured: %s"):format(number, text, note)) end
    return
  end
  local met = limit < 0 and value >= -limit or limit >= 0 and value <= limit
  print(("  %-3s %s %-6s %s (%s %s)%s"):format(number, text, met and "met" or "missed", ("%.4g"):format(value),
    limit < 0 and "at least" or "at most", ("%.4g"):format(math.abs(limit)), note and "; " .. note or ""))
end

local function peer_goals()
  for _, peer in ipairs { { "curl", 0.6 }, { "rclone", 0.45 }, { "aria2", 0.45 } } do
    local here = not sections.large or sections.large[peer[1]]
    goal(5, "download, CPU against " .. peer[1], ratio("large", "haul", peer[1], "cpu"), peer[2],
      not here and "it is not installed" or nil)
  end
  goal(5, "download over TLS, CPU against rclone", ratio("tls", "haul", "rclone", "cpu"), 0.85)
end

local function small_goals()
  local rate = ratio("small", "bare-disk", "haul-disk", "wall")
  local with, without = of("small", "haul-hook", "cpu"), of("small", "haul-memory", "cpu")
  local bare = of("small", "bare-memory", "cpu")
  goal(6, "4 KiB download, signed, journalled, one hook: microseconds of CPU",
    with and (with - bare) * 100, 25, with and "files in memory, less what bare files cost there")
  goal(7, "4 KiB downloads to disk, their rate against bare files", rate, -0.8)
  goal(10, "one hook per object: its part of the CPU", with and (with - without) / without, 0.15)
end

local function hook_goals()
  goal(15, "a hook for each small object, the rate against that without", ratio("hooks-objects", "none", "object", "wall"), -0.85)
  goal(15, "a hook for each part of 8 MiB, CPU against that without", ratio("hooks-parts", "part", "none", "cpu"), 1.03)
end

local function memory_goals()
  local rows = sections.memory or {}
  local rss = of("memory", "parts-64", "rss")
  local few, many = of("memory", "objects-10000", "rss"), of("memory", "objects-100000", "rss")
  goal(8, "memory with 64 parts over TLS, throttled: MiB", rss and rss / 1024, 64)
  goal(8, "memory with 100,000 objects against 10,000", few and many and many / few, 1.1)
  local list = of("listing", "plan", "cpu")
  goal(9, "listing: keys a CPU second", list and sections.listing.plan.units / list, -200000,
    list and "printing each of them, too")
  local served = rows["served-100000"]
  local connects = served and served.samples[1] and served.samples[1].wall
  goal(12, "requests on a reused connection", connects and 1 - connects / served.units, -0.99)
end

local function sync_goals()
  for _, name in ipairs { "million-first", "million-again", "files-first", "files-again" } do
    local rss = of("sync", name, "rss")
    goal(14, "memory of a sync, " .. name .. ": MiB", rss and rss / 1024, 64)
    local served = name:find "again" and (sections.sync or {})["served-" .. name]
    goal(14, "requests but for listings, " .. name, served and served.units - served.samples[1].wall, 0)
  end
end

local function rate_goals()
  local average, second, tenth = nil, nil, nil
  for _, row in ipairs(sections.rate or {}) do
    local sample = row.samples[1]
    average = math.max(average or 0, math.abs(sample.wall - 1))
    tenth, second = math.max(tenth or 0, sample.user), math.max(second or 0, sample.sys)
  end
  goal(11, "rate: average over 10 s, largest error of 1, 5, 16, 64 parts", average, 0.005)
  goal(11, "rate: worst second", second, 1.01)
  goal(11, "rate: worst 100 ms", tenth, 1.10)
end

local function control_goal()
  local first, wall = of("large", "haul", "first"), of("large", "haul", "wall")
  goal(13, "control thread, part of a core at full rate", first and first / wall, 0.30)
  goal(13, "a second lane, rate against one", nil, 1.7,
    sections.large and "here the server and the client share the cores")
end

local function print_goals()
  print("\ngoals: haul to what it is held against, CPU unless said otherwise")
  goal(1, "download against the recv + pwrite loop, no sync (CRC64 included)",
    ratio("large", "haul-nosync", "raw", "cpu"), 1.10)
  goal(2, "download as it comes: CRC64, synced", ratio("large", "haul", "raw", "cpu"), 1.20)
  goal(3, "download over TLS against the OpenSSL loop", ratio("tls", "haul-nosync", "raw", "cpu"), 1.05)
  goal(4, "upload against the send loop", ratio("upload", "haul", "raw", "cpu"), 1.25)
  goal(4, "upload over TLS against the SSL_write loop", ratio("upload-tls", "haul", "raw", "cpu"), 1.08)
  peer_goals()
  small_goals()
  hook_goals()
  memory_goals()
  sync_goals()
  rate_goals()
  control_goal()
end

for line in io.lines(arg[1]) do add(line) end
print_tables()
print_memory()
print_syncs()
print_rates()
print_goals()
if all > 0 then
  print(("\nnoise: in %d of %d measurements other processes took more than %d%% of a core; those rounds are left out\n" ..
    "where three quiet ones remain, else the row is marked."):format(noisy, all, math.floor(NOISE * 100)))
end
