local test = require "haul.test"
local JOB = debug.getinfo(1, "S").source:match "^@(.*)_spec%.lua$" .. ".lua" -- beside this file

-- The file of the agent is read by the job file itself: it is a real one.
describe("vault", function()
  local path = os.tmpname()

  local function agent(id)
    local file <close> = assert(io.open(path, "w"))
    file:write(('{"Credentials": {"AccessKeyId": "%s", "SecretAccessKey": "s", "SessionToken": "t", '
      .. '"Expiration": "2099-01-01T00:00:00Z"}}'):format(id))
  end

  after_each(function() os.remove(path) end)

  it("asks again when the store says that the keys have expired", function()
    local world = test.world()
    agent "one"
    world:dir("/srv/data", { big = test.bytes "20MiB" })
    world:fault("archive", "upload_part", { part = 2, with = "auth" })
    local run = world:run(JOB, { keys = path, source = "/srv/data", bucket = "archive" }):expect(0)
    assert.equal(3, run:count "part_succeeded")
    assert.equal("auth", run:find("part_failed").error.kind)
  end)
end)
