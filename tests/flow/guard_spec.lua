-- A mirror never deletes because of what it could not see: every way in which a listing can lie or
-- break off, on either side, and every way in which a source can look emptier than it is.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
return haul.job { name = "guard", retry = { attempts = 2, base = "5ms", cap = "10ms" },
  haul.sync { from = $from / $from_path, to = $to / $to_path, delete = true, $more } }
]]

local DELETE = [[
local haul = require "haul"
return haul.job { name = "guard", retry = { attempts = 2, base = "5ms", cap = "10ms" },
  haul.delete { from = $from / $from_path, $more } }
]]

-- Both sides have these; the target has `extra` besides, which is what would go.
local NAMES = { "a", "b", "c/1", "c/2", "d", "e", "f" }
local PAGE = 2

-- A fault, and the word that the message has for it.  All of them last.
local LIES = {
  { "is denied", { with = "denied" }, "AccessDenied" },
  { "fails again and again", { with = "500" }, "InternalError" },
  { "is cut off", { with = "reset" }, "" },
  { "is garbled", { with = "garbled" }, "" },
  { "is cut in two", { with = "truncated_document" }, "" },
  { "is empty", { with = "empty" }, "" },
  { "is an error under the status 200", { with = "ok_error" }, "" },
  { "says that the bucket is gone", { with = "NoSuchBucket" }, "NoSuchBucket" },
  { "is out of order", { with = "unordered" }, "order" },
  { "has a key twice", { with = "duplicated" }, "order" },
  { "has a key from outside the prefix", { with = "outside_prefix" }, "outside the prefix" },
  { "goes on without a token", { with = "no_token" }, "no token" },
  { "goes on under one token", { with = "same_token" }, "" },
  { "goes round in a circle", { with = "token_cycle" }, "order" },
  { "has an impossible size", { with = "bad_size" }, "size" },
}

describe("nothing is deleted", function()
  local from, to, world
  local below, below_and_extra = {}, { "p/extra" }
  for _, name in ipairs(NAMES) do
    below[#below + 1] = "p/" .. name
    below_and_extra[#below_and_extra + 1] = "p/" .. name
  end

  setup(function()
    from = server.fault { dialect = "oss", page = PAGE }
    to = server.fault { dialect = "tos", page = PAGE }
  end)

  before_each(function()
    from:reset()
    to:reset()
    local keys = {}
    for _, side in ipairs { from, to } do
      for name, value in pairs(side.keys) do keys[name] = value end
    end
    world = haul.world { keys = keys }
    from:put_keys(below, "")
    to:put_keys(below_and_extra, "")
  end)

  after_each(function() world:remove() end)

  local function sync(more, source, source_path)
    world:job(JOB, { from = { source or from.store }, from_path = source_path or "p/", to = { to.store },
      to_path = "p/", more = { more or "" } })
    return world:run()
  end

  local function untouched(run, status, words)
    run:expect(status)
    assert.equal(0, run:count "object_deleted")
    for _, entry in ipairs(to:log()) do assert.is_nil(entry.op:find("delete", 1, true)) end
    local there = to:objects()
    for _, key in ipairs(below_and_extra) do assert.is_truthy(there[key], key) end
    for _, word in ipairs(words) do
      assert.is_truthy(run.stderr:find(word, 1, true), ("no %q in: %s"):format(word, run.stderr))
    end
  end

  it("but what is gone, when all is well", function()
    local run = sync():expect(0)
    assert.equal(1, run:count "object_deleted")
    assert.is_nil(to:objects()["p/extra"])
    assert.is_truthy(to:objects()["p/f"])
  end)

  -- The first list of a run looks whether the store is there at all.
  for which, pages in pairs { first = 1, middle = 2, last = 4 } do
    for _, lie in ipairs(LIES) do
      local what, rule, word = table.unpack(lie)
      for _, side in ipairs { "source", "target" } do
        local sensible = not (pages == 4 and (rule.with == "unordered" or rule.with == "token_cycle"))
        if sensible then
          it(("when the %s page of the %s %s"):format(which, side, what), function()
            local fault = { op = "list", skip = pages, times = -1 }
            for name, value in pairs(rule) do fault[name] = value end
            local lying = side == "source" and from or to
            lying:rules(fault)
            untouched(sync(), 1, { lying.dialect .. "://test", word, "nothing is deleted", "run it again" })
          end)
        end
      end
    end
  end

  it("when a page never comes to an end", function()
    to:rules { op = "list", with = "endless_body", skip = 2, times = -1 }
    untouched(sync(), 1, { "tos://test", "nothing is deleted" })
  end)

  it("when a listing never comes to an end", function()
    from:rules { op = "list", with = "barren", skip = 2, times = -1 }
    untouched(sync(), 1, { "oss://test", "does not end", "nothing is deleted" })
  end)

  it("when the bucket of either side is missing", function()
    untouched(sync(nil, (from.store:gsub("'test'", "'nowhere'"))), 3, { "nowhere" })
    world:job(JOB, { from = { from.store }, from_path = "p/", to = { (to.store:gsub("'test'", "'nowhere'")) },
      to_path = "p/", more = { "" } })
    untouched(world:run(), 3, { "nowhere" })
  end)

  it("when the source is an empty bucket, whatever max_delete says", function()
    from:control("DELETE", "/objects")
    untouched(sync "max_delete = '100%'", 6, { "source is empty", "8 objects", "haul.delete" })
  end)

  it("when the source is another prefix than was meant", function()
    untouched(sync(nil, nil, "q/"), 6, { "source is empty" })
  end)

  it("when nothing of the source is selected", function()
    untouched(sync "exclude = { '**' }, max_delete = '100%'", 0, {})
    untouched(sync "where = function() return false end, max_delete = '100%'", 6, { "nothing of it is selected" })
  end)

  it("when more than the quota would go", function()
    for _, name in ipairs { "a", "b" } do from:delete("p/" .. name) end
    untouched(sync(), 6, { "3 of 8 objects", "max_delete is 25%", "give a larger one" })
    untouched(sync "max_delete = 2", 6, { "3 objects", "max_delete is 2", "give a larger one" })
    assert.equal(3, sync("max_delete = 3"):expect(0):count "object_deleted")
  end)

  it("when the job file's own function fails", function()
    untouched(sync "where = function(object) error('oh no: ' .. object.key) end", 6, { "oh no", "nothing is deleted" })
  end)

  describe("from a directory", function()
    local src

    before_each(function()
      src = files.mkdir(world:path "src/mount")
      for _, name in ipairs(NAMES) do
        files.mkdir((src .. "/" .. name):match "^(.*)/")
        files.write(src .. "/" .. name, "p/" .. name)
      end
    end)

    local function up(more, root, path)
      return sync(more, ("haul.dir(%q)"):format(root or src), path or "")
    end

    it("but what is gone, when all is well", function()
      assert.equal(1, up():expect(0):count "object_deleted")
    end)

    it("that is an empty mount point", function()
      files.remove(src)
      files.mkdir(src)
      untouched(up "max_delete = '100%'", 6, { "source is empty", "haul.delete" })
    end)

    it("that is not there", function()
      files.remove(src)
      untouched(up(), 3, { src })
      untouched(up(nil, world:path "src", "mount/"), 3, { "mount" })
    end)

    it("that is a file", function()
      files.remove(src)
      files.write(src, "a file")
      untouched(up(), 3, { src })
    end)

    it("of which an empty mount point is a part", function()
      files.remove(src .. "/c")
      files.mkdir(src .. "/c")
      untouched(up(), 6, { "3 of 8 objects" })
    end)

    -- More than is listed ahead, so that the walk is under way while the target's listing is held.
    local function while_listed(change)
      shell.read(("cd %s && seq -f 'n%%05g' 6000 | xargs touch"):format(shell.quote(src)))
      to:rules { op = "list", with = "hold", skip = 1, times = 1 }
      world:job(JOB, { from = { ("haul.dir(%q)"):format(src) }, from_path = "", to = { to.store }, to_path = "p/",
        more = { "max_delete = '100%'" } })
      local run = world:start()
      shell.wait(20, "the target's listing to be held", function() return #to:requests "list" >= 2 end)
      change()
      to:release()
      return run:wait()
    end

    it("that is moved away while it is listed", function()
      local run = while_listed(function()
        shell.read { "mv", src, world:path "src/away" }
        files.mkdir(src)
      end)
      untouched(run, 1, { src, "unmounted", "nothing is deleted" })
    end)

    it("that is removed while it is listed", function()
      local run = while_listed(function() files.remove(src) end)
      untouched(run, 1, { src, "nothing is deleted" })
    end)
  end)

  describe("on a directory", function()
    local dst

    before_each(function()
      dst = files.mkdir(world:path "dst")
      for _, name in ipairs(NAMES) do
        files.mkdir((dst .. "/" .. name):match "^(.*)/")
        files.write(dst .. "/" .. name, "p/" .. name)
      end
      files.write(dst .. "/extra", "extra")
    end)

    local function down(more)
      world:job(JOB, { from = { from.store }, from_path = "p/", to = { ("haul.dir(%q)"):format(dst) }, to_path = "",
        more = { more or "" } })
      return world:run()
    end

    local function all_there(run, status, words)
      run:expect(status)
      assert.equal(0, run:count "object_deleted")
      for _, name in ipairs(NAMES) do assert.is_true(files.exists(dst .. "/" .. name)) end
      assert.is_true(files.exists(dst .. "/extra"))
      for _, word in ipairs(words) do assert.is_truthy(run.stderr:find(word, 1, true), run.stderr) end
    end

    it("but what is gone, when all is well", function()
      assert.equal(1, down():expect(0):count "object_deleted")
      assert.is_false(files.exists(dst .. "/extra"))
    end)

    it("when a page fails, or the source is empty", function()
      from:rules { op = "list", with = "denied", skip = 2, times = -1 }
      all_there(down(), 1, { "AccessDenied", "nothing is deleted" })
      from:control("DELETE", "/rules")
      from:control("DELETE", "/objects")
      all_there(down "max_delete = '100%'", 6, { "source is empty" })
    end)
  end)

  describe("by a task that deletes", function()
    local function delete(more)
      world:job(DELETE, { from = { to.store }, from_path = "p/", more = { more or "" } })
      return world:run()
    end

    it("but what was selected, when all is well", function()
      assert.equal(1, delete("include = { 'extra' }"):expect(0):count "object_deleted")
      assert.is_nil(to:objects()["p/extra"])
      assert.is_nil(delete("keys = { 'a', 'b' }"):expect(0).stderr:find("found nothing", 1, true))
      assert.is_nil(to:objects()["p/a"])
      assert.equal(5, delete():expect(0):count "object_deleted")
      assert.same({}, to:objects())
      assert.is_truthy(delete():expect(0).stderr:find("found nothing", 1, true))
    end)

    for _, lie in ipairs(LIES) do
      it("when a page " .. lie[1], function()
        local fault = { op = "list", skip = 2, times = -1 }
        for name, value in pairs(lie[2]) do fault[name] = value end
        to:rules(fault)
        untouched(delete(), 1, { "tos://test", lie[3], "nothing is deleted" })
      end)
    end

    it("when it is more than max_delete", function()
      untouched(delete "max_delete = 3", 6, { "8 objects", "max_delete is 3" })
      untouched(delete "max_delete = '20%', include = { 'c/*' }", 6, { "2 of 8 objects", "max_delete is 20%" })
    end)
  end)
end)
