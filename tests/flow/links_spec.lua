-- Symbolic links below a directory that is read: told and passed over, or followed where the store says so.
local haul = require "support.haul"
local files = require "support.files"
local server = require "support.server"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
return haul.job { name = "links", haul.$kind { from = haul.dir { $src, links = $links } / "", to = $to, $more } }
]]

describe("symbolic links", function()
  local world, store, src, outside

  before_each(function()
    store = server.fault { dialect = "s3" }
    world = haul.world { keys = store.keys }
    src, outside = files.mkdir(world:path "src"), files.mkdir(world:path "outside")
    files.tree(src, { a = 10, ["d/b"] = 3000 })
    files.tree(outside, { ["in/c"] = 70000, x = 5, big = 12 << 20 })
    shell.try(("cd %s && ln -s ../outside/x x && ln -s ../outside/in in && ln -s nowhere gone && ln -s .. d/up"
      .. " && ln -s ../outside/big big && ln -s a loop && ln -sf loop loop && mkfifo pipe && ln -s pipe p"):format(shell.quote(src)))
  end)
  after_each(function() world:remove() end)

  local function run(links, kind, to, more)
    world:job(JOB, { src = src, links = links, kind = { kind or "copy" }, to = { to or (store.store .. " / 'k/'") },
      more = { more or "" } })
    return world:run { args = { "--fresh" } }
  end

  local function reasons(it)
    local found = {}
    for _, event in ipairs(it:all "object_skipped") do found[event.key] = event.reason end
    return found
  end

  local function there()
    local list = {}
    for key in pairs(store:objects()) do list[#list + 1] = key end
    table.sort(list)
    return list
  end

  it("are told and passed over", function()
    local it = run("report"):expect(0)
    assert.same({ "k/a", "k/d/b" }, there())
    local told = reasons(it)
    for _, key in ipairs { "x", "in", "gone", "d/up", "big", "loop", "p" } do assert.matches("symbolic link", told[key]) end
    assert.equal("not a regular file", told.pipe)
  end)

  it("are followed to files and directories, once", function()
    local it = run("follow"):expect(0)
    assert.same({ "k/a", "k/big", "k/d/b", "k/in/c", "k/x" }, there())
    assert.equal(files.sum(outside .. "/big"), store:objects()["k/big"].sha256)
    assert.equal(files.sum(outside .. "/in/c"), store:objects()["k/in/c"].sha256)
    local told = reasons(it)
    assert.matches("leads nowhere", told.gone)
    assert.matches("leads nowhere", told.loop)
    assert.matches("a directory that it is in", told["d/up/"])
    assert.same({ "not a regular file", "not a regular file" }, { told.pipe, told.p })
  end)

  it("that are followed are compared by what they lead to", function()
    run("follow", "sync"):expect(0)
    assert.equal(0, run("follow", "sync"):expect(0):count "object_succeeded")
    files.write(outside .. "/x", "other")
    assert.equal(1, run("follow", "sync"):expect(0):count "object_succeeded")
  end)

  it("are never written through, whoever follows them", function()
    shell.try(("rm -r %s/d && ln -s %s %s/d"):format(src, outside, src))
    store:put("k/d/evil", "x")
    world:job([[local haul = require "haul"
      return haul.job { name = "back", haul.copy { from = $store / "k/", to = haul.dir { $src, links = "follow" } / "" } }]],
      { src = src, store = { store.store } })
    local it = world:run():expect(1)
    assert.matches("a symbolic link is in the way", it:find("object_failed", { key = "k/d/evil" }).error.message)
    assert.is_false(files.exists(outside .. "/evil"))
  end)
end)
