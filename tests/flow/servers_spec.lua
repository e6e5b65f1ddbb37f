-- The servers of the tests themselves: what they verify must be right before anything is built on it.
local server = require "support.server"
local shell = require "support.shell"

describe("the fault server", function()
  it("agrees with every known signature, and refuses each with something changed", function()
    local said = shell.read { "python3", "tests/servers/fault.py", "--check-vectors", "tests/vectors/signing.json" }
    assert.matches(" 0 disagreements", said)
  end)

  -- curl signs by itself, so nothing of haul is in this.
  local function curl(it, secret, words, path)
    return shell.read(("curl -sS --aws-sigv4 aws:amz:us-east-1:s3 -u %s -H %s %s %s"):format(
      shell.quote(it.keys.AWS_ACCESS_KEY_ID .. ":" .. secret), shell.quote "x-amz-content-sha256: UNSIGNED-PAYLOAD",
      words, it.endpoint .. path))
  end

  it("keeps an object for a foreign client", function()
    local it = server.fault { dialect = "s3" }
    curl(it, it.keys.AWS_SECRET_ACCESS_KEY, "-X PUT -d hello", "/test/a")
    assert.equal(5, it:objects().a.size)
    assert.equal("hello", curl(it, it.keys.AWS_SECRET_ACCESS_KEY, "", "/test/a"))
  end)

  it("turns a wrong secret away", function()
    local it = server.fault { dialect = "s3" }
    assert.matches("SignatureDoesNotMatch", curl(it, "wrong", "", "/test/a"))
  end)
end)
