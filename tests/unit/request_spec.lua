-- What is sent for each call, to each provider.
package.path = "tests/?.lua;" .. package.path
local digest = require "support.probe" "digest"
local sign = require "support.probe" "sign"
local wire = require "support.probe" "wire"

local s3 = { kind = "s3", bucket = "data", region = "us-west-2" }
local path_s3 = { kind = "s3", bucket = "data", endpoint = "http://127.0.0.1:9000" }
local oss = { kind = "oss", bucket = "data", region = "cn-beijing" }
local tos = { kind = "tos", bucket = "data", region = "cn-beijing" }
local keys = { access_key = "AK", secret_key = "SK", now_ms = 1721030950000 }

local function build(store, call, credentials)
  local request, err = wire.build(store, call, credentials)
  assert(request, err and err.message)
  return request
end

local function refused(store, call)
  local request, err = wire.build(store, call)
  assert.is_nil(request)
  assert.equal("invalid", err.kind)
  assert.is_true(err.final)
  return err.message
end

local function with(store, more)
  local copy = {}
  for name, value in pairs(store) do copy[name] = value end
  for name, value in pairs(more) do copy[name] = value end
  return copy
end

describe("a request", function()
  it("for a HEAD", function()
    local r = build(s3, { call = "head", key = "a b/ü" })
    assert.equal("HEAD", r.method)
    assert.equal("/a%20b/%C3%BC", r.path)
    assert.same({ ["x-amz-checksum-mode"] = "ENABLED" }, r.headers)
    assert.equal(-1, r.body_len)
    assert.same({}, build(oss, { call = "head", key = "k" }).headers)
    assert.equal("/data/k", build(path_s3, { call = "head", key = "k" }).path)
    assert.equal("/k", build(with(s3, { endpoint = "h.example.com", addressing = "cname" }), { call = "head", key = "k" }).path)
  end)

  it("for a range", function()
    local r = build(s3, { call = "get", key = "k", off = 10, len = 5, if_match = '"e"' })
    assert.same({ range = "bytes=10-14", ["if-match"] = '"e"' }, r.headers)
    -- the whole object is asked for with its checksum, which S3 gives only then
    assert.same({ ["x-amz-checksum-mode"] = "ENABLED" },
      build(s3, { call = "get", key = "k", off = 0, len = -1 }).headers)
    assert.same({ range = "bytes=7-" }, build(tos, { call = "get", key = "k", off = 7, len = -1 }).headers)
    assert.same({ range = "bytes=0-0", ["x-oss-range-behavior"] = "standard" },
      build(oss, { call = "get", key = "k", off = 0, len = 1 }).headers)
    refused(s3, { call = "get", key = "k", off = 0, len = 0 })
    refused(s3, { call = "get", key = "k", off = -1, len = 5 })
    refused(s3, { call = "get", key = "k", off = 0, len = -2 })
    refused(s3, { call = "get", key = "k", off = math.maxinteger, len = 2 })
  end)

  it("for a PUT, with its checks", function()
    local r = build(s3, {
      call = "put", key = "k", len = 10, crc32c = "e3069283", md5 = "900150983cd24fb0d6963f7d28e17f72",
      attributes = { ["content-type"] = "text/plain", ["meta-a"] = "1" },
    })
    assert.equal("PUT", r.method)
    assert.equal(10, r.body_len)
    assert.same({
      ["content-type"] = "text/plain", ["x-amz-meta-a"] = "1", ["x-amz-checksum-crc32c"] = "4waSgw==",
      ["content-md5"] = "kAFQmDzST7DWlj99KOF/cg==",
    }, r.headers)
    r = build(oss, { call = "put", key = "k", len = 0, crc32c = "e3069283" })
    assert.same({}, r.headers)
    assert.equal(0, r.body_len)
    refused(s3, { call = "put", key = "k", len = -1 })
  end)

  it("for an upload in parts", function()
    local r = build(s3, { call = "create", key = "k", crc32c = "0", attributes = { ["content-type"] = "x/y" } })
    assert.equal("POST", r.method)
    assert.same({ uploads = "" }, r.query)
    assert.equal(0, r.body_len)
    assert.same({
      ["content-type"] = "x/y", ["x-amz-checksum-algorithm"] = "CRC32C", ["x-amz-checksum-type"] = "FULL_OBJECT",
    }, r.headers)
    r = build(s3, { call = "part", key = "k", upload_id = "u/1=", part_number = 3, len = 5, crc32c = "e3069283" })
    assert.equal("PUT", r.method)
    assert.same({ partNumber = "3", uploadId = "u/1=" }, r.query)
    assert.same({ ["x-amz-checksum-crc32c"] = "4waSgw==" }, r.headers)
    for _, number in ipairs { 0, -1, 10001 } do
      refused(s3, { call = "part", key = "k", upload_id = "u", part_number = number, len = 5 })
    end
    refused(s3, { call = "part", key = "k", part_number = 1, len = 5 })
    r = build(tos, { call = "abort", key = "k", upload_id = "u" })
    assert.equal("DELETE", r.method)
    assert.same({ uploadId = "u" }, r.query)
    r = build(s3, { call = "list-parts", key = "k", upload_id = "u", token = "7" })
    assert.same({ uploadId = "u", ["max-parts"] = "1000", ["part-number-marker"] = "7" }, r.query)
  end)

  local parts = { { number = 1, etag = '"a&b"' }, { number = 3, etag = '"c"', crc32c = "e3069283" } }
  it("for a complete, in XML", function()
    local r = build(s3, { call = "complete", key = "k", upload_id = "u", parts = parts, crc32c = "e3069283" })
    assert.equal("POST", r.method)
    assert.equal("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&#34;a&#38;b&#34;</ETag></Part>"
      .. "<Part><PartNumber>3</PartNumber><ETag>&#34;c&#34;</ETag><ChecksumCRC32C>4waSgw==</ChecksumCRC32C></Part>"
      .. "</CompleteMultipartUpload>", r.body)
    assert.equal(#r.body, r.body_len)
    assert.same({
      ["content-type"] = "application/xml", ["x-amz-checksum-crc32c"] = "4waSgw==", ["x-amz-checksum-type"] = "FULL_OBJECT",
    }, r.headers)
    r = build(oss, { call = "complete", key = "k", upload_id = "u", parts = parts })
    assert.is_nil(r.body:find "Checksum")
  end)

  it("for a complete, in JSON", function()
    local r = build(tos, { call = "complete", key = "k", upload_id = "u", parts = parts })
    assert.equal([[{"Parts":[{"PartNumber":1,"ETag":"\"a&b\""},{"PartNumber":3,"ETag":"\"c\""}]}]], r.body)
  end)

  it("for a complete of ten thousand parts fits", function()
    local many = {}
    for i = 1, 10000 do many[i] = { number = i, etag = '"' .. ("0"):rep(32) .. '"', crc32c = "1" } end
    assert.is_true(build(s3, { call = "complete", key = "k", upload_id = "u", parts = many }).body_len < 4 << 20)
    refused(s3, { call = "complete", key = "k", upload_id = "u", parts = {} })
    local _, err = wire.build(s3, { call = "complete", key = "k", upload_id = "u", parts = { parts[2], parts[1] } })
    assert.equal("bug", err.kind)
  end)

  it("for lists", function()
    assert.same({
      ["list-type"] = "2", prefix = "a/", ["max-keys"] = "1000", ["encoding-type"] = "url", ["start-after"] = "a/b",
    }, build(s3, { call = "list", prefix = "a/", start_after = "a/b" }).query)
    assert.same({ ["list-type"] = "2", ["max-keys"] = "7", ["encoding-type"] = "url", ["continuation-token"] = "t+/=" },
      build(oss, { call = "list", token = "t+/=", start_after = "a", max_keys = 7 }).query)
    assert.same({
      uploads = "", prefix = "p", ["max-uploads"] = "1000", ["encoding-type"] = "url", ["key-marker"] = "k",
      ["upload-id-marker"] = "u",
    }, build(tos, { call = "list-uploads", prefix = "p", token = "k", upload_marker = "u" }).query)
    assert.equal("/", build(s3, { call = "list" }).path)
    assert.equal("/data/", build(path_s3, { call = "list" }).path)
  end)

  it("for deleting many", function()
    local r = build(s3, { call = "delete-many", keys = { "a", "b<&>\r" } })
    assert.equal("<Delete><Object><Key>a</Key></Object><Object><Key>b&#60;&#38;&#62;&#13;</Key></Object>"
      .. "<Quiet>false</Quiet></Delete>", r.body)
    assert.equal(24, #r.headers["content-md5"])
    assert.same({ delete = "" }, r.query)
    assert.same({ delete = "", ["encoding-type"] = "url" }, build(oss, { call = "delete-many", keys = { "a" } }).query)
    assert.equal([[{"Objects":[{"Key":"a"},{"Key":"\""}],"Quiet":false}]],
      build(tos, { call = "delete-many", keys = { "a", '"' } }).body)
    refused(s3, { call = "delete-many", keys = {} })
    refused(s3, { call = "delete-many", keys = { "a\1" } })
    refused(tos, { call = "delete-many", keys = { "\xff" } })
    refused(s3, { call = "delete-many", keys = { "" } })
    local many = {}
    for i = 1, 1001 do many[i] = "k" .. i end
    refused(s3, { call = "delete-many", keys = many })
    for key, ok in pairs { a = true, ["é\t\r\n"] = true, ["\27"] = false, ["\xe9"] = false, ["\u{fffe}"] = false } do
      assert.equal(ok, wire.batchable(key))
    end
  end)

  it("never has a key the provider cannot take", function()
    refused(s3, { call = "head" })
    refused(s3, { call = "head", key = "" })
    build(s3, { call = "head", key = ("k"):rep(1024) })
    refused(s3, { call = "head", key = ("k"):rep(1025) })
    refused(oss, { call = "head", key = ("k"):rep(1024) })
    refused(oss, { call = "head", key = "/k" })
    refused(tos, { call = "head", key = ("k"):rep(697) })
    build(s3, { call = "head", key = ("\xff"):rep(1024) })
    assert.equal("//a/../b", build(s3, { call = "head", key = "/a/../b" }).path)
  end)

  it("has the store's headers, but not twice", function()
    local store = with(s3, { store_headers = { ["x-amz-request-payer"] = "requester", ["content-type"] = "a/b" } })
    local r = build(store, { call = "put", key = "k", len = 0, attributes = { ["content-type"] = "c/d" } })
    assert.same({ ["x-amz-request-payer"] = "requester", ["content-type"] = "c/d" }, r.headers)
    assert.equal("requester", build(store, { call = "list" }).headers["x-amz-request-payer"])
  end)

  it("is not split by a header", function()
    assert.truthy(refused(s3, { call = "get", key = "k", off = 0, len = 5, if_match = '"e"\r\nx: y' }))
  end)
end)

describe("a signed request", function()
  it("to S3", function()
    local r = build(s3, { call = "get", key = "a b", off = 0, len = 10, if_match = '"e"' }, with(keys, { token = "T" }))
    assert.equal("/a%20b", r.target)
    assert.equal("20240715T080910Z", r.headers["x-amz-date"])
    assert.equal("T", r.headers["x-amz-security-token"])
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", r.headers["x-amz-content-sha256"])
    local signature = sign.sign4 {
      algorithm = "AWS4", method = "GET", path = "/a%20b", access_key = "AK", secret_key = "SK", region = "us-west-2",
      host = "data.s3.us-west-2.amazonaws.com", date = "20240715T080910Z",
      payload_hash = r.headers["x-amz-content-sha256"], headers = {
        range = "bytes=0-9", ["if-match"] = '"e"', ["x-amz-date"] = "20240715T080910Z", ["x-amz-security-token"] = "T",
        ["x-amz-content-sha256"] = r.headers["x-amz-content-sha256"],
      },
    }
    assert.equal(signature.authorization, r.headers.authorization)
    assert.truthy(r.headers.authorization:find("SignedHeaders=host;if-match;range;x-amz-content-sha256;x-amz-date;"
      .. "x-amz-security-token,", 1, true))
  end)

  it("to S3 says what its body is", function()
    local function hash(store, call) return build(store, call, keys).headers["x-amz-content-sha256"] end
    local empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    local put = { call = "put", key = "k", len = 3, sha256 = ("ab"):rep(32) }
    assert.equal("UNSIGNED-PAYLOAD", hash(s3, put))
    assert.equal(("ab"):rep(32), hash(with(s3, { sign_payload = true }), put))
    assert.equal(empty, hash(s3, { call = "put", key = "k", len = 0 }))
    assert.equal(empty, hash(s3, { call = "create", key = "k" }))
    assert.equal(empty, hash(s3, { call = "list" }))
    local delete = { call = "delete-many", keys = { "a" } }
    assert.equal(digest.hash("sha256", build(s3, delete).body), hash(s3, delete))
  end)

  it("to OSS and TOS is UNSIGNED-PAYLOAD", function()
    local r = build(oss, { call = "delete-many", keys = { "a" } }, keys)
    assert.equal("UNSIGNED-PAYLOAD", r.headers["x-oss-content-sha256"])
    assert.equal("/?delete&encoding-type=url", r.target)
    r = build(tos, { call = "create", key = "k" }, keys)
    assert.equal("UNSIGNED-PAYLOAD", r.headers["x-tos-content-sha256"])
    assert.equal("/k?uploads=", r.target)
  end)

  it("to OSS has the bucket in what is signed, wherever it is on the wire", function()
    local call = { call = "head", key = "k" }
    local virtual = build(oss, call, keys).headers.authorization
    local path = build(with(oss, { addressing = "path" }), call, keys)
    local cname = build(with(oss, { addressing = "cname", endpoint = "h.example.com" }), call, keys)
    assert.equal("/data/k", path.target)
    assert.equal("/k", cname.target)
    assert.equal(virtual, path.headers.authorization)
    assert.equal(virtual, cname.headers.authorization)
  end)

  it("to OSS in the old way", function()
    local r = build(with(oss, { sign_v1 = true }), { call = "part", key = "a b", upload_id = "u", part_number = 2, len = 1 },
      with(keys, { token = "T" }))
    assert.equal("Mon, 15 Jul 2024 08:09:10 GMT", r.headers["x-oss-date"])
    assert.equal("T", r.headers["x-oss-security-token"])
    assert.equal("/a%20b?partNumber=2&uploadId=u", r.target)
    local signature = sign.sign1 {
      method = "PUT", path = "/a%20b", bucket = "data", key = "a b", access_key = "AK", secret_key = "SK",
      query = { partNumber = "2", uploadId = "u" },
      headers = { ["x-oss-date"] = "Mon, 15 Jul 2024 08:09:10 GMT", ["x-oss-security-token"] = "T" },
    }
    assert.equal(signature.authorization, r.headers.authorization)
  end)

  it("without keys is sent as it is", function()
    local r = build(s3, { call = "list", prefix = "a b" }, {})
    assert.is_nil(r.headers.authorization)
    assert.is_nil(r.headers["x-amz-date"])
    assert.equal("/?encoding-type=url&list-type=2&max-keys=1000&prefix=a%20b", r.target)
  end)

  it("refuses keys that would split a header", function()
    local _, err = wire.build(s3, { call = "list" }, with(keys, { token = "a\r\nb" }))
    assert.equal("invalid", err.kind)
    assert.is_nil(err.message:find "a\\x0d")
  end)
end)
