-- Requests of scripts: one attempt over a lane, the answer as it is, nothing followed, nothing shown.
package.path = "tests/?.lua;" .. package.path
local outside = require "support.probe" "outside"
local server = require "support.server"

local hook

-- Asks the server of the specs; `path` stands behind its address.
local function ask(path, given)
  given = given or {}
  given.url = hook.endpoint .. path
  return outside.http(given)
end

local function refused(given, kind, text)
  local answer, err = outside.http(given)
  assert.is_nil(answer)
  assert.equal(kind, err.kind)
  assert.truthy(err.message:find(text, 1, true), err.message)
  return err
end

describe("a request of a script", function()
  before_each(function() hook = server.webhook() end)

  for _, lanes in ipairs { 0, 1 } do
    it("is sent as it was asked for, with lanes = " .. lanes, function()
      local answer = assert(ask("/echo?a=1&b=%20x y", { method = "POST", lanes = lanes, body = "h\0llo",
        headers = { "content-type", "application/json", "authorization", "Bearer abc" } }))
      assert.equal(200, answer.status)
      assert.equal("h\0llo", answer.body)
      assert.equal("application/json", answer.headers["content-type"])
      local asked = hook:log()[1]
      assert.equal("POST", asked.method)
      assert.equal("/echo?a=1&b=%20x%20y", asked.path)
      assert.equal("Bearer abc", asked.headers.authorization)
      assert.equal("5", asked.headers["content-length"])
      assert.truthy(asked.headers["user-agent"]:find "^haul/")
    end)
  end

  for _, method in ipairs { "GET", "HEAD", "PUT", "POST", "DELETE", "PATCH" } do
    it("may be a " .. method, function()
      assert.equal(200, assert(ask("/echo", { method = method })).status)
      assert.equal(method, hook:log()[1].method)
    end)
  end

  for _, status in ipairs { 204, 404, 429, 500, 503 } do
    it("has an answer whose status is " .. status, function() assert.equal(status, ask("/status/" .. status).status) end)
  end

  it("is not sent on to where the answer points", function()
    local answer = ask "/redirect"
    assert.equal(302, answer.status)
    assert.equal("/echo", answer.headers.location)
    assert.equal(1, #hook:log())
  end)

  it("takes so much of an answer and no more", function()
    assert.equal(1000, #ask("/large/1000", { max = 1000 }).body)
    local answer, err = ask("/large/1001", { max = 1000 })
    assert.is_nil(answer)
    assert.equal("server", err.kind)
    assert.truthy(err.message:find("more than 1000 bytes", 1, true))
  end)

  it("fails when half of the answer is missing", function()
    local answer, err = ask "/cut"
    assert.is_nil(answer)
    assert.equal("network", err.kind)
  end)

  it("ends at its time", function()
    local answer, err = ask("/hold", { timeout_ms = 300 })
    assert.is_nil(answer)
    assert.equal("timeout", err.kind)
  end)

  it("ends when it is cancelled", function()
    local answer, err = ask("/hold", { timeout_ms = 60000, cancel_ms = 50 })
    assert.is_nil(answer)
    assert.equal("cancelled", err.kind)
  end)

  it("that reaches nobody says whom", function()
    refused({ url = "http://127.0.0.1:1/secret-path?token=hush" }, "network", "127.0.0.1:1")
  end)

  it("never shows what may be a secret", function()
    for _, given in ipairs {
      { url = "http://127.0.0.1:1/hush?token=hush", headers = { "authorization", "hush" } },
      { url = "http://user:hush@h/hush" }, { url = "ftp://h/hush" }, { url = "http://h:x/hush" }, { url = "http://h/x#hush" },
      { url = "http://h/hush", headers = { "x y", "hush" } }, { url = "http://h/hush", body = "hush" },
      { url = "http://h/hush", headers = { "host", "hush" } },
    } do
      local answer, err = outside.http(given)
      assert.is_nil(answer)
      assert.is_nil(err.message:find("hush", 1, true), err.message)
    end
  end)

  it("names what is wrong with it", function()
    refused({ url = "h/x" }, "invalid", "url: ")
    refused({ url = "file:///etc/passwd" }, "invalid", "url: ")
    refused({ url = "http://h/", method = "get" }, "invalid", "method: ")
    refused({ url = "http://h/", body = "x" }, "invalid", "body: a GET has none")
    refused({ url = "http://h/", headers = { "content-length", "1" } }, "invalid", "content-length")
    refused({ url = "http://h/", headers = { "a b", "1" } }, "invalid", "headers: ")
  end)
end)

describe("a request over TLS", function()
  it("is sent where the certificate is trusted", function()
    local it = server.webhook "good"
    assert.equal("x", outside.http { url = it.endpoint .. "/echo", ca = it.env.CA_FILE, method = "POST", body = "x" }.body)
  end)

  it("is not sent where nobody vouches for the certificate", function()
    local it = server.webhook "good"
    refused({ url = it.endpoint .. "/echo" }, "network", "the system's store")
    assert.same({}, it:log())
  end)

  for _, kind in ipairs { "expired", "wrong-host", "self-signed", "old" } do
    it("is not sent where the certificate is " .. kind, function()
      local it = server.webhook(kind)
      local answer, err = outside.http { url = it.endpoint .. "/echo", ca = it.env.CA_FILE, method = "POST", body = "hush" }
      assert.is_nil(answer)
      assert.equal("network", err.kind)
      assert.same({}, it:log())
    end)
  end
end)
