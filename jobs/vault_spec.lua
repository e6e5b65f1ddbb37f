local test = require "haul.test"

describe("vault", function()
  it("asks again when the store says that the keys have expired", function()
    local world = test.world()
    local keys = world:file("keys.json", [[{ "Credentials": { "AccessKeyId": "id", "SecretAccessKey": "s",
      "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z" } }]])
    world:dir("/srv/data", { big = test.bytes "20MiB" })
    world:fault("archive", "upload_part", { part = 2, with = "auth" })
    local run = world:run("vault.lua", { keys = keys, source = "/srv/data", bucket = "archive" }):expect(0)
    assert.equal(3, run:count "part_succeeded")
    assert.equal("auth", run:find("part_failed").error.kind)
  end)
end)
