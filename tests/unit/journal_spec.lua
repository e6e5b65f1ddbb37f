local probe = require "support.probe" "journal"
local files = require "support.files"
local shell = require "support.shell"

local ACTIVE, DONE, FAILED = 1, 2, 4
local function open(dir, ...) return probe.open(dir, ...) end

-- What a killed process leaves: the files as they are, with the log.
local function killed(dir)
  local copy = files.dir()
  shell.read(("cp %s/journal.db* %s/"):format(dir, copy))
  return copy
end

local function filled(dir, objects)
  local journal = assert(open(dir, 42))
  assert(journal:begin())
  for n = 1, objects or 200 do
    assert(journal:put(1, ("key/%06d"):format(n),
      { state = n % 2 == 0 and DONE or ACTIVE, size = n, part_size = 100, store = "s3://b",
        target = "to/" .. n, upload_id = n % 2 == 1 and "upload-" .. n or "" }))
  end
  assert(journal:commit())
  assert(journal:put_parts(1, "key/000001", 0, 50))
  return journal
end

local function damaged(dir)
  local names = shell.read("cd " .. dir .. " && ls -A")
  return names:match("journal%.damaged%-[%d%-]+")
end

describe("journal", function()
  it("carries an unfinished run on, and starts a new one when told or when the tasks changed", function()
    local dir = files.dir() .. "/a/b"
    filled(dir):close()
    local journal, how = open(dir, 42)
    assert.equal("carry_on", how)
    assert.equal(100, journal:summary().done)
    assert.equal(50, journal:parts(1, "key/000001"))
    assert.equal("upload-1", journal:get(1, "key/000001").upload_id)
    assert.is_nil(journal:get(2, "key/000001"))
    journal:close()
    journal, how = open(dir, 43)
    assert.equal("new", how)
    assert.is_nil(journal:get(1, "key/000001"))
    assert.equal(0, journal:parts(1, "key/000001"))
    local orphans = journal:orphans()
    assert.equal(100, #orphans)
    assert.same({ "s3://b", "to/1", "upload-1" }, { orphans[1].store, orphans[1].key, orphans[1].upload_id })
    journal:close()
    journal, how = open(dir, 43, true)
    assert.equal("new", how)
    assert.equal(100, #journal:orphans())
    journal:close()
  end)

  it("starts anew after a finished run and forgets the older rows", function()
    local dir = files.dir()
    local journal = assert(open(dir, 42))
    journal:put(1, "k", { state = DONE, size = 1 })
    assert(journal:finish())
    journal:close()
    local how
    journal, how = open(dir, 42)
    assert.equal("new", how)
    assert.is_nil(journal:get(1, "k"))
    assert.equal(2, journal:summary().run)
    journal:close()
  end)

  it("keeps orphans until they are gone", function()
    local journal = assert(open(files.dir()))
    journal:orphan("s3://b", "k", "u1", "")
    journal:orphan("s3://b", "k", "u1", "")
    journal:orphan("/dir", "p", "", ".haul-1.part")
    local list = journal:orphans()
    assert.equal(2, #list)
    journal:orphan_gone(list[1].id)
    assert.equal(1, #journal:orphans())
    assert(journal:forget())
    assert.equal(1, #journal:orphans())
    journal:close()
  end)

  it("is private and can be read beside a writer", function()
    local dir = files.dir() .. "/state"
    local journal = filled(dir)
    assert.equal("700 600\n", shell.read(("stat -c %%a %s %s/journal.db | paste -sd' '"):format(dir, dir)))
    local reader = assert(open(dir, 42, false, true))
    assert.equal(100, reader:summary().active)
    reader:close()
    journal:close()
    local none, err = probe.open(files.dir() .. "/none", 1, false, true)
    assert.is_nil(none)
    assert.equal("none", err.kind)
  end)

  it("holds after a kill what was committed, and nothing of an open turn", function()
    local dir = files.dir()
    local journal = filled(dir)
    journal:begin()
    journal:put(1, "late", { state = FAILED })
    local copy = killed(dir)
    journal:commit()
    journal:close()
    local again, how = open(copy, 42)
    assert.equal("carry_on", how)
    assert.equal(100, again:summary().done)
    assert.is_nil(again:get(1, "late"))
    again:close()
  end)

  -- Opened for other tasks, it takes a note of a thousand uploads, for which there is no room.
  it("is left as it is by a disk that is full", function()
    local dir = files.dir()
    filled(dir, 2000):close()
    local path = ("./build/%s/probe/journal.so"):format(os.getenv "BUILD" or "release")
    local code = ("print(package.loadlib(%q, 'luaopen_journal')().open(%q, 43))"):format(path, dir)
    local limits = "trap '' XFSZ; ulimit -f %d; exec lua5.4 -e %s 2>&1"
    for blocks = 128, 256, 64 do
      local pipe = io.popen(limits:format(blocks, shell.quote(code)) .. " | cat")
      assert.matches("^nil", pipe:read "a")
      pipe:close()
      assert.is_nil(damaged(dir))
      local journal, how = open(dir, 42)
      assert.equal("carry_on", how)
      assert.equal(1000, journal:summary().done)
      journal:close()
    end
  end)

  it("refuses a symbolic link", function()
    local dir, other = files.dir(), files.dir()
    files.write(other .. "/victim", "")
    shell.read(("ln -s %s/victim %s/journal.db"):format(other, dir))
    local journal, err = open(dir)
    assert.is_nil(journal)
    assert.equal("disk", err.kind)
    assert.equal(0, files.size(other .. "/victim"))
  end)
end)

describe("a damaged journal", function()
  local whole -- bytes of a sound one
  setup(function()
    local dir = files.dir()
    filled(dir):close()
    whole = files.read(dir .. "/journal.db")
  end)
  local function fresh_copy()
    local dir = files.dir()
    files.write(dir .. "/journal.db", whole)
    return dir
  end

  -- Opened, it is either as it was or set aside: never something in between.
  local function check(dir)
    local journal, how = open(dir, 42)
    assert.is_truthy(journal)
    if how == "damaged" then
      assert.is_truthy(damaged(dir))
      assert.equal(0, journal:summary().done)
    else
      local summary = journal:summary()
      assert.same({ 100, 100 }, { summary.done, summary.active })
      assert.equal(50, journal:parts(1, "key/000001"))
    end
    local saved = #journal:orphans()
    journal:close()
    return how, saved
  end

  it("is set aside wherever it is cut off", function()
    for at = 1, #whole, 4096 do
      local dir = fresh_copy()
      files.write(dir .. "/journal.db", whole:sub(1, at))
      assert.equal("damaged", (check(dir)))
    end
  end)

  it("is found out wherever a bit is flipped, and gives up what it held", function()
    math.randomseed(3)
    local found, saved = 0, 0
    for page = 0, #whole - 1, 4096 do
      for _ = 1, 4 do
        local at = page + math.random(1, 4096)
        local dir = fresh_copy()
        local byte = string.char(whole:byte(at) ~ (1 << math.random(0, 7)))
        files.write(dir .. "/journal.db", whole:sub(1, at - 1) .. byte .. whole:sub(at + 1))
        local how, orphans = check(dir)
        if how == "damaged" then found, saved = found + 1, saved + orphans end
      end
    end
    assert.is_true(found > 0)
    assert.is_true(saved > 0)
  end)

  it("is found out when a name or a type in its schema is another one", function()
    for _, change in ipairs { { "history", "ended_ms", "ended_mr" }, { "orphan", "id INTEGER", "ie INTEGER" },
      { "object", "size INTEGER", "size INTEGEZ" }, { "part", "WITHOUT", "WITHOUU" } } do
      local from, to, n = change[2], change[3], 0
      local dir = fresh_copy()
      local at = whole:find("CREATE TABLE " .. change[1] .. "(", 1, true)
      local bytes = whole:sub(at):gsub(from, function() n = n + 1; return n == 1 and to or nil end)
      files.write(dir .. "/journal.db", whole:sub(1, at - 1) .. bytes)
      local reader, err = open(dir, 42, false, true)
      assert.is_nil(reader)
      assert.is_truthy(err)
      assert.equal("damaged", (check(dir)))
    end
  end)

  for name, bytes in pairs { zeros = ("\0"):rep(20000), text = "not a journal", page = ("x"):rep(4096) } do
    it("is set aside when it is " .. name, function()
      local dir = fresh_copy()
      files.write(dir .. "/journal.db", bytes)
      assert.equal("damaged", (check(dir)))
    end)
  end

  it("is set aside when it is another program's or of a newer version", function()
    for _, sql in ipairs { "CREATE TABLE t(x)", "PRAGMA application_id=1751217516; PRAGMA user_version=99" } do
      local dir = files.dir()
      shell.read(("sqlite3 %s/journal.db '%s'"):format(dir, sql))
      assert.equal("damaged", select(2, open(dir)))
    end
  end)

  it("is set aside when only its log is left, under a name that is free", function()
    local dir = files.dir()
    local journal = filled(dir)
    local copy = killed(dir)
    journal:close()
    os.remove(copy .. "/journal.db")
    assert.equal("damaged", (check(copy)))
  end)

  it("gives its uploads to the new one", function()
    local dir = fresh_copy()
    shell.read(("sqlite3 %s/journal.db \"UPDATE object SET size=size+1 WHERE key=CAST('key/000002' AS BLOB)\"")
      :format(dir))
    local how, saved = check(dir)
    assert.equal("damaged", how)
    assert.equal(100, saved)
  end)
end)
