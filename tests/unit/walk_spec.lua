package.path = "tests/?.lua;" .. package.path
local probe = require "support.probe" "io"
local files = require "support.files"
local shell = require "support.shell"

local function plant(root, key, text)
  local dir = key:match "^(.*)/"
  if dir then assert(shell.try("mkdir -p " .. shell.quote(root .. "/" .. dir))) end
  files.write(root .. "/" .. key, text or "x")
end

local function keys(root, prefix, page)
  local entries, pages = probe.walk(root, prefix or "", page or 1000)
  assert(entries, type(pages) == "table" and pages.message)
  local list = {}
  for i, entry in ipairs(entries) do list[i] = entry.key .. (entry.special and ":" .. entry.special or "") end
  return list, pages
end

local function starting(list, prefix)
  local some = {}
  for _, key in ipairs(list) do
    if key:sub(1, #prefix) == prefix then some[#some + 1] = key end
  end
  return some
end

describe("a walk", function()
  it("is in the order in which a bucket is listed", function()
    local root = files.dir()
    for _, key in ipairs { "a/b", "a-b", "a0", "a.b", "a/a/z", "b", "a!", "a/é", "A" } do plant(root, key) end
    assert.same({ "A", "a!", "a-b", "a.b", "a/a/z", "a/b", "a/é", "a0", "b" }, (keys(root)))
  end)

  it("of any tree equals the sorted keys, in pages of any size, below any prefix", function()
    math.randomseed(11)
    local names = { "a", "a-b", "a0", "a.b", "b", "a b", "\1", "~", "\xff", "ab", "-", "0" }
    for _ = 1, 15 do
      local root, all, dirs = files.dir(), {}, {}
      for _ = 1, math.random(0, 60) do
        local parts = {}
        for i = 1, math.random(1, 4) do parts[i] = names[math.random(#names)] end
        local key, clash = table.concat(parts, "/"), false
        for i = 1, #parts - 1 do clash = clash or all[table.concat(parts, "/", 1, i)] end
        if not clash and not all[key] and not dirs[key] then
          plant(root, key)
          all[key] = true
          for i = 1, #parts - 1 do dirs[table.concat(parts, "/", 1, i)] = true end
        end
      end
      local sorted = {}
      for key in pairs(all) do sorted[#sorted + 1] = key end
      table.sort(sorted) -- LC_ALL=C below, as everywhere in haul
      for _, prefix in ipairs { "", "a", "a/", "a-", "a/a", "a/b/", "b", "nothing/", "a/a-b/a" } do
        local page = math.random(1, 20)
        local got, pages = keys(root, prefix, page)
        assert.same(starting(sorted, prefix), got, prefix)
        for i = 1, #pages do assert.is_true(pages[i] <= page) end
      end
    end
  end)

  it("reports links and special files and never follows", function()
    local root, outside = files.dir(), files.dir()
    plant(outside, "secret")
    plant(root, "dir/file")
    shell.try(("cd %s && ln -s %s link && ln -s dir/file dir/l2 && mkfifo pipe && ln -s / z")
      :format(shell.quote(root), shell.quote(outside)))
    assert.same({ "dir/file", "dir/l2:l", "link:l", "pipe:s", "z:l" }, (keys(root)))
    assert.is_nil(probe.walk(root, "link/", 10))
  end)

  it("passes over temporary files of haul, and over nothing that only looks like one", function()
    local root = files.dir()
    plant(root, ".haul-" .. ("0123456789abcdef"):rep(2) .. ".part")
    plant(root, ".haul-" .. ("0123456789abcdeF"):rep(2) .. ".part")
    plant(root, ".haul-123.part")
    assert.same({ ".haul-0123456789abcdeF0123456789abcdeF.part", ".haul-123.part" }, (keys(root)))
  end)

  it("of a missing prefix is empty, of a missing root an error", function()
    local root = files.dir()
    plant(root, "file")
    assert.same({}, (keys(root, "no/such/")))
    assert.same({}, (keys(root, "file/")))
    assert.same({}, (keys(root, "../")))
    local entries, err = probe.walk(root .. "/missing", "", 10)
    assert.is_nil(entries)
    assert.equal("missing", err.kind)
  end)
end)
