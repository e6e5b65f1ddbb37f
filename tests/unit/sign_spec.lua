-- Every known-answer vector of tests/vectors/signing.json, each step compared.
package.path = "tests/?.lua;" .. package.path
local sign = require "support.probe" "sign"
local wire = require "support.probe" "wire"
local cjson = require "cjson"

local function vectors()
  local file = assert(io.open("tests/vectors/signing.json"))
  local list = cjson.decode(file:read "a")
  file:close()
  return list
end

local function value(v)
  if v == cjson.null then return nil end
  return v
end

-- The engine signs what it is given; a vector that signs fewer headers is given those.
local function chosen_headers(v)
  local names = value(v.signed_headers)
  if not names or v.algorithm:sub(1, 3) == "OSS" then return v.headers end
  local headers = {}
  for _, name in ipairs(names) do headers[name] = v.headers[name] end
  return headers
end

local function query(v)
  local list = {}
  for i, pair in ipairs(v.query) do list[i] = { pair[1], value(pair[2]) } end
  return list
end

local function request(v)
  local wanted = {
    algorithm = v.algorithm, method = v.method, path = v.path, query = query(v), headers = chosen_headers(v),
    access_key = v.access_key, secret_key = v.secret_key, region = value(v.region), service = value(v.service),
    host = v.host, bucket = value(v.bucket), key = value(v.key), date = v.date, payload_hash = value(v.payload_hash),
    expires = value(v.expires) and tostring(v.expires), additional_headers = value(v.additional_headers),
  }
  if wanted.bucket == "" then wanted.bucket = nil end
  return wanted
end

-- Servers take "," and ", " alike, and vectors have both.
local function plain(authorization) return (authorization:gsub(", +", ",")) end

local function check(v)
  local v1 = v.algorithm:find "V1"
  local out = (v1 and sign.sign1 or sign.sign4)(request(v))
  assert.is_true(out.ok)
  if not v1 then assert.equal(v.expected_canonical_request, out.canonical) end
  assert.equal(v.expected_string_to_sign, out.string_to_sign)
  assert.equal(v.expected_signature, out.signature)
  if value(v.expected_authorization) and v.auth_location == "header" then
    assert.equal(plain(v.expected_authorization), plain(out.authorization))
  end
  return out
end

describe("signing vector", function()
  local list = vectors()
  for _, v in ipairs(list) do
    it(v.id, function() check(v) end)
  end

  it("count is the whole set", function() assert.equal(102, #list) end)
end)

describe("signing", function()
  it("gives the same result from the key cache, whatever was signed between", function()
    local list = vectors()
    for _ = 1, 3 do
      for _, v in ipairs(list) do check(v) end
    end
  end)

  it("sends the very query that was signed", function()
    for _, v in ipairs(vectors()) do
      if not v.algorithm:find "V1" then
        local out = sign.sign4(request(v))
        local line = out.canonical:match "^[^\n]*\n[^\n]*\n([^\n]*)"
        assert.equal(v.path .. (line == "" and "" or "?" .. line), out.target)
      end
    end
  end)

  it("refuses what is too long instead of signing half of it", function()
    local v = request(vectors()[1])
    v.headers = { ["x-amz-meta-a"] = ("x"):rep(63 * 1024) }
    assert.is_true(sign.sign4(v).ok)
    v.region = ("r"):rep(2000)
    assert.is_false(sign.sign4(v).ok)
  end)

  it("joins repeated headers in order and squeezes spaces", function()
    local v = request(vectors()[1])
    v.headers = { { "x-amz-b", "  two   spaces " }, { "x-amz-a", "2" }, { "x-amz-a", "1" } }
    local out = sign.sign4(v)
    assert.truthy(out.canonical:find("\nx-amz-a:2,1\nx-amz-b:two spaces\n", 1, true))
  end)

  it("writes dates", function()
    local long, short = wire.show_date(1721030950000)
    assert.equal("Mon, 15 Jul 2024 08:09:10 GMT", long)
    assert.equal("20240715T080910Z", short)
  end)
end)
