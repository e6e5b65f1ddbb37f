-- `before` and `after` of a task: what they are told, and what they may decide.
local files = require "support.files"
local haul = require "support.haul"
local jobfile = require "support.jobfile"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
local src, dst = haul.dir($src), haul.dir($dst)
local n = 0
return haul.job { name = "phases", $more
  haul.copy { from = src / "a/", to = dst / "a/", $first },
  haul.sync { from = src / "b/", to = dst / "b/", delete = true, max_delete = "100%", $second },
}
]]

describe("a task", function()
  local world

  before_each(function()
    world = haul.world()
    for _, name in ipairs { "src/a", "src/b", "dst/b" } do files.mkdir(world:path(name)) end
    for _, name in ipairs { "src/a/1", "src/a/2", "src/b/1", "dst/b/old" } do files.write(world:path(name), "bytes of " .. name) end
  end)

  after_each(function() world:remove() end)

  local function run(first, second, more)
    world:job(JOB, { src = world:path "src", dst = world:path "dst", first = { first or "" }, second = { second or "" },
      more = { more or "" } })
    return world:run()
  end

  local function has(name) return files.exists(world:path("dst/" .. name)) end

  it("is told of when it begins and when it ended, with its own counts", function()
    local it_ = run():expect(0)
    local started = it_:find("task_started", { task = 1 })
    assert.same({ "copy", "a/", "a/" }, { started.kind, started.from_path, started.to_path })
    assert.equal(world:path "src", started.from)
    assert.equal(world:path "dst", started.to)
    local one, two = it_:find("task_finished", { task = 1 }), it_:find("task_finished", { task = 2 })
    assert.same({ 2, 2, 0, 0, false }, { one.objects_known, one.objects_done, one.objects_failed, one.objects_deleted,
      one.listing_failed })
    assert.equal(#"bytes of src/a/1" * 2, one.bytes_done)
    assert.is_number(one.seconds)
    assert.same({ 1, 1, 1 }, { two.objects_known, two.objects_done, two.objects_deleted })
    assert.equal("sync", two.kind)
  end)

  describe("may be", function()
    it("passed over by `before`, and the next one runs", function()
      local it_ = run('before = function(event) return haul.skip("not " .. event.kind .. " today") end'):expect(0)
      assert.equal("not copy today", it_:find("task_skipped", { task = 1 }).reason)
      assert.equal(0, it_:count("task_finished", { task = 1 }))
      assert.is_false(has "a/1")
      assert.is_true(has "b/1")
    end)

    it("vetoed by `before`, which ends the job before it opened anything", function()
      local it_ = run(nil, 'before = function() return haul.veto "not on a Friday" end'):expect(6)
      assert.truthy(it_.stderr:find("not on a Friday", 1, true), it_.stderr)
      assert.is_true(has "a/1")
      assert.is_false(has "b/1")
      assert.is_true(has "b/old")
    end)

    it("stopped by `before`", function()
      run('before = function() return haul.stop "enough" end'):expect(7)
      assert.is_false(has "a/1")
    end)

    it("looked into by a `before` that waits, while nothing begins", function()
      local it_ = run([[before = function(event, job)
        haul.sleep("200ms")
        return haul.skip "seen"
      end]]):expect(0)
      assert.equal("seen", it_:find("task_skipped", { task = 1 }).reason)
      assert.is_true(it_:find("task_skipped").time - it_:find("task_started", { task = 1 }).time >= 0.19)
    end)

    it("let go on by a `before` that says nothing", function()
      run('before = function(event, job) assert(job.name == "phases" and event.task == 1) end'):expect(0)
      assert.is_true(has "a/1")
    end)
  end)

  it("that deletes does not begin where `before` failed", function()
    local it_ = run(nil, 'before = function() error "no idea" end'):expect(6)
    assert.is_true(has "b/old")
    assert.is_false(has "b/1")
    assert.equal(1, it_:find("job_finished").summary.hook_errors)
  end)

  it("that only copies goes on where `before` failed, and the run is not called good", function()
    local it_ = run('before = function() error "no idea" end'):expect(1)
    assert.is_true(has "a/1")
    assert.equal(1, it_:find("job_finished").summary.hook_errors)
  end)

  describe("gives `after` its counts, which", function()
    it("may keep the rest of the job from beginning", function()
      local it_ = run('after = function(event) if event.objects_done < 3 then return haul.veto "too few" end end'):expect(6)
      assert.truthy(it_.stderr:find("too few", 1, true), it_.stderr)
      assert.is_true(has "a/1")
      assert.is_false(has "b/1")
      assert.equal(0, it_:count "task_skipped")
    end)

    it("may stop the job", function()
      run('after = function(event) return haul.stop("done " .. event.objects_done) end'):expect(7)
      assert.is_false(has "b/1")
    end)

    it("sees what failed, was skipped and was deleted", function()
      files.write(world:path "src/a/new", "new")
      shell.read { "ln", "-s", "1", world:path "src/a/link" }
      local it_ = run(nil, [[after = function(event, job)
        if event.objects_deleted == 1 and event.objects_done == 1 and event.bytes_done > 0 and event.seconds >= 0
          and not event.listing_failed then return haul.stop "seen" end end]]):expect(7)
      assert.equal(1, it_:find("task_finished", { task = 1 }).objects_skipped)
    end)
  end)

  it("of a verification is neither asked about nor told of", function()
    run():expect(0)
    world:run({ verb = "verify" }):expect(0)
    run('before = function() return haul.veto "no" end'):expect(6)
    world:run({ verb = "verify" }):expect(0)
  end)

  it("may be asked about for all tasks by the job's own handlers", function()
    local it_ = run(nil, nil, "on = { task_started = function(event) if event.task == 2 then return haul.skip() end end },")
      :expect(0)
    assert.equal(1, it_:count("task_skipped", { task = 2 }))
    assert.equal(1, it_:count("task_finished", { task = 1 }))
  end)

  it("stops the job where before_delete says so, and nothing is deleted", function()
    run(nil, 'on = { before_delete = function() return haul.stop "leave it" end }'):expect(7)
    assert.is_true(has "b/old")
  end)

  it("asks once: `before` beside on.task_started is refused", function()
    local script, _, message = jobfile.job(
      [[haul.copy { from = here, to = there, before = print, on = { task_started = print } }]])
    assert.is_nil(script)
    assert.truthy(message:find("option 'before' is on.task_started by another name", 1, true), message)
  end)

  it("takes no other decision", function()
    local it_ = run('after = function() return haul.skip() end'):expect(1)
    assert.truthy(it_.stderr:find("cannot be decided there", 1, true), it_.stderr)
  end)
end)
