-- Where keys come from, and what becomes of keys that run out.
local files = require "support.files"
local haul = require "support.haul"
local server = require "support.server"
local shell = require "support.shell"

local JOB = [[
local haul = require "haul"
$before
return haul.job { name = "keys", concurrency = 1, part_size = "256KiB", retry = { base = "5ms", cap = "10ms" },
  haul.copy { from = haul.$kind { bucket = "test", endpoint = $endpoint, $options } / "p/", to = haul.dir($dst) / "" } }
]]

local REGION = { s3 = "us-east-1", oss = "cn-hangzhou", tos = "cn-beijing" }

describe("keys", function()
  local fault, world, kind

  local function begin(dialect)
    kind = dialect
    fault = server.fault { dialect = dialect }
    world = haul.world {}
    files.mkdir(world:path "dst")
    fault:put("p/a", { size = 600000 })
  end

  before_each(function() begin "s3" end)

  after_each(function()
    local names = { s3 = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY" },
      oss = { "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET" }, tos = { "TOS_ACCESS_KEY", "TOS_SECRET_KEY" } }
    fault:credentials { { access_key = fault.keys[names[kind][1]], secret_key = fault.keys[names[kind][2]] } }
    world:remove()
  end)

  local function job(options, before)
    world:job(JOB, { kind = { kind }, endpoint = fault.endpoint, dst = world:path "dst", before = { before or "" },
      options = { options or ('region = %q'):format(REGION[kind]) } })
  end

  local function accept(...) fault:credentials { ... } end

  local function right(env, status)
    local run = world:run { env = env }:expect(status or 0)
    if not status then assert.equal(fault:objects()["p/a"].sha256, files.sum(world:path "dst/a")) end
    return run
  end

  local K = { access_key = "KEYONE", secret_key = "secret/one" }
  local WITH_TOKEN = { access_key = "KEYTWO", secret_key = "secret+two", token = "token==" }

  local NAMES = {
    s3 = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION" },
    oss = { "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "OSS_REGION" },
    tos = { "TOS_ACCESS_KEY", "TOS_SECRET_KEY", "TOS_SECURITY_TOKEN", "TOS_REGION" },
  }
  for name, words in pairs(NAMES) do
    it("of " .. name .. " come from the environment, with token and region", function()
      world:remove()
      begin(name)
      accept(WITH_TOKEN)
      job ""
      right { [words[1]] = WITH_TOKEN.access_key, [words[2]] = WITH_TOKEN.secret_key, [words[3]] = WITH_TOKEN.token,
        [words[4]] = REGION[name] }
    end)
  end

  it("in the job file stand above the environment", function()
    accept(K)
    job('region = "us-east-1", credentials = { access_key = "KEYONE", secret_key = "secret/one" }')
    right { AWS_ACCESS_KEY_ID = "OTHER", AWS_SECRET_ACCESS_KEY = "other" }
  end)

  it("of which one half is missing are named", function()
    job()
    local run = right({ AWS_ACCESS_KEY_ID = "KEYONE" }, 3)
    assert.matches("AWS_SECRET_ACCESS_KEY", run.stderr)
  end)

  describe("in the shared files of AWS", function()
    local function shared(credentials, config)
      files.mkdir(world:path "home/.aws")
      files.write(world:path "home/.aws/credentials", credentials)
      shell.read { "chmod", "600", world:path "home/.aws/credentials" }
      if config then files.write(world:path "home/.aws/config", config) end
    end

    local BOTH = "[default]\naws_access_key_id = WRONG\naws_secret_access_key = wrong\n\n" ..
      "[work]\naws_access_key_id = KEYTWO\naws_secret_access_key = secret+two\naws_session_token = token==\n"

    it("are those of the default profile", function()
      accept(K)
      shared "[default]\naws_access_key_id=KEYONE\naws_secret_access_key=secret/one\n"
      job()
      right()
    end)

    it("are those of the store's profile, with its region", function()
      accept(WITH_TOKEN)
      shared(BOTH, "[profile work]\nregion = us-east-1\n")
      job 'profile = "work"'
      right()
    end)

    it("are those of AWS_PROFILE", function()
      accept(WITH_TOKEN)
      shared(BOTH)
      job()
      right { AWS_PROFILE = "work" }
    end)

    it("stand below the environment", function()
      accept(K)
      shared(BOTH)
      job()
      right { AWS_ACCESS_KEY_ID = K.access_key, AWS_SECRET_ACCESS_KEY = K.secret_key }
    end)

    it("of a profile that is not there are an error that names it", function()
      shared(BOTH)
      job 'region = "us-east-1", profile = "wrok"'
      assert.matches("wrok", right(nil, 3).stderr)
    end)

    it("are found where AWS_SHARED_CREDENTIALS_FILE says", function()
      accept(K)
      files.write(world:path "elsewhere", "[default]\naws_access_key_id=KEYONE\naws_secret_access_key=secret/one\n")
      job()
      local run = right { AWS_SHARED_CREDENTIALS_FILE = world:path "elsewhere" }
      assert.matches("chmod 600", run.stderr)
    end)
  end)

  it("from a function are asked for once when they last", function()
    accept(K)
    job('region = "us-east-1", credentials = ask', [[
      local n = 0
      local function ask()
        n = n + 1
        haul.log.info("ASKED " .. n)
        return { access_key = "KEYONE", secret_key = "secret/one", expires = "2099-01-01T00:00:00Z" }
      end]])
    local run = right()
    assert.is_truthy(run.stderr:find("ASKED 1", 1, true))
    assert.is_nil(run.stderr:find("ASKED 2", 1, true), run.stderr)
  end)

  it("from a function are asked for again before they expire", function()
    accept(K)
    fault:rules { op = "get", with = "503", retry_after = "2", skip = 1 }
    job('region = "us-east-1", credentials = ask', [[
      local n = 0
      local function ask()
        n = n + 1
        haul.log.info("ASKED " .. n)
        return { access_key = "KEYONE", secret_key = "secret/one", expires = n < 3 and 1600000000 or 4000000000 }
      end]])
    local run = right()
    assert.is_truthy(run.stderr:find("ASKED 2", 1, true), run.stderr)
    assert.is_nil(run.stderr:find("ASKED 4", 1, true), run.stderr)
  end)

  for _, broken in ipairs { "error 'no vault today'", "return nil", "return { access_key = 'A' }",
    "return { access_key = 'A', secret_key = 'hidden-value', extra = 1 }" } do
    it("from a function that says " .. broken .. " end with 3", function()
      job('region = "us-east-1", credentials = function() ' .. broken .. " end")
      local run = right(nil, 3)
      assert.is_true(#run.stderr > 0)
      assert.is_nil(run.stderr:find("hidden-value", 1, true))
      assert.same({}, fault:requests "get")
    end)
  end

  for _, dialect in ipairs { "s3", "oss", "tos" } do
    it("of " .. dialect .. " that ran out and are not renewed fail the object, not the bytes", function()
      world:remove()
      begin(dialect)
      fault:rules { op = "get", with = "ExpiredToken", skip = 1, times = -1 }
      job(('region = %q, credentials = function() return { access_key = "KEYONE", secret_key = "secret/one" } end')
        :format(REGION[dialect]))
      accept(K)
      local run = world:run():expect(1)
      assert.equal("auth", run:find("object_failed").error.kind)
      assert.is_false(files.exists(world:path "dst/a"))
      fault:control("DELETE", "/rules")
      right()
    end)

    it("of " .. dialect .. " that ran out are asked for again, and no part is lost", function()
      world:remove()
      begin(dialect)
      accept(K)
      fault:rules { op = "get", with = "hold", skip = 1 }
      job(('region = %q, credentials = ask'):format(REGION[dialect]), [[
        local n = 0
        local function ask()
          n = n + 1
          if n == 1 then return { access_key = "KEYONE", secret_key = "secret/one" } end
          return { access_key = "KEYTWO", secret_key = "secret+two", token = "token==" }
        end]])
      local run = world:start():await "part_succeeded"
      accept({ access_key = K.access_key, secret_key = K.secret_key, expired = true }, WITH_TOKEN)
      fault:release()
      run:wait():expect(0)
      assert.equal(fault:objects()["p/a"].sha256, files.sum(world:path "dst/a"))
      assert.equal(3, run:count "part_succeeded")
    end)
  end

  it("of nobody reach a store that is open to all", function()
    accept(K)
    job 'region = "us-east-1", credentials = "anonymous"'
    local run = world:run()
    assert.equal(3, run.status, run:describe()) -- this server is open to nobody
    for _, entry in ipairs(fault:log()) do assert.equal(403, entry.status) end
  end)
end)
