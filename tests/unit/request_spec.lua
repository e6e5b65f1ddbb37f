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

  it("for a delete, under a condition where there is one", function()
    assert.same({ ["if-match"] = '"e"' }, build(s3, { call = "delete", key = "k", if_match = '"e"' }).headers)
    assert.same({}, build(s3, { call = "delete", key = "k" }).headers)
    assert.same({}, build(s3, { call = "delete", key = "k", if_match = 'W/"e"' }).headers)
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
    assert.same({ ["list-type"] = "2", ["max-keys"] = "1000", ["encoding-type"] = "url", delimiter = "/" },
      build(tos, { call = "list", delimiter = "/" }).query)
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
    local r = build(s3, { call = "delete-many", keys = { "a", "b<&>\n" } })
    assert.equal("<Delete><Object><Key>a</Key></Object><Object><Key>b&#60;&#38;&#62;&#10;</Key></Object>"
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
    for key, ok in pairs { a = true, ["é\t\n"] = true, ["\27"] = false, ["\xe9"] = false, ["\u{fffe}"] = false,
      [("k"):rep(1025)] = false } do
      assert.equal(ok, wire.batchable(key))
    end
    assert.is_false(wire.batchable "\r")
    assert.is_true(wire.batchable("\r", true))
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

describe("a copy by the service", function()
  local stores = { ["x-amz-"] = s3, ["x-oss-"] = oss, ["x-tos-"] = tos }
  local copy = { call = "copy", key = "new", source_bucket = "old-data", source_key = "a b/+%ü&=(~)", if_match = '"e"', len = 5 }

  it("names its source percent-encoded, and pins it", function()
    for prefix, store in pairs(stores) do
      local r = build(store, copy)
      assert.same({ "PUT", "/new", 0, {} }, { r.method, r.path, r.body_len, r.query })
      assert.same({
        [prefix .. "copy-source"] = "/old-data/a%20b/%2B%25%C3%BC%26%3D%28~%29", [prefix .. "copy-source-if-match"] = '"e"',
      }, r.headers)
    end
  end)

  it("has the source's attributes, or others", function()
    for prefix, store in pairs(stores) do
      local r = build(store, with(copy, { attributes = { ["content-type"] = "a/b", ["meta-x"] = "1" } }))
      assert.equal("REPLACE", r.headers[prefix .. "metadata-directive"])
      assert.same({ "a/b", "1" }, { r.headers["content-type"], r.headers[prefix .. "meta-x"] })
      assert.is_nil(r.headers[prefix .. "tagging-directive"])
      r = build(store, with(copy, { attributes = { tags = "a=1" } }))
      assert.same({ "a=1", "REPLACE" }, { r.headers[prefix .. "tagging"], r.headers[prefix .. "tagging-directive"]:upper() })
      assert.equal("REPLACE", build(store, with(copy, { attributes = {} })).headers[prefix .. "metadata-directive"])
    end
  end)

  it("of a range is a part", function()
    for prefix, store in pairs(stores) do
      local r = build(store, with(copy, {
        call = "part-copy", upload_id = "u", part_number = 2, off = 5242880, len = 5242880, attributes = { ["meta-x"] = "1" },
      }))
      assert.same({ "PUT", "/new", 0 }, { r.method, r.path, r.body_len })
      assert.same({ partNumber = "2", uploadId = "u" }, r.query)
      assert.same({
        [prefix .. "copy-source"] = "/old-data/a%20b/%2B%25%C3%BC%26%3D%28~%29", [prefix .. "copy-source-if-match"] = '"e"',
        [prefix .. "copy-source-range"] = "bytes=5242880-10485759",
      }, r.headers)
    end
  end)

  it("that makes no sense is refused", function()
    refused(s3, with(copy, { source_key = "" }))
    refused(s3, with(copy, { source_bucket = "" }))
    refused(s3, { call = "copy", key = "k" })
    local part = with(copy, { call = "part-copy", upload_id = "u", part_number = 1, off = 0, len = 5 })
    build(s3, part)
    for _, wrong in ipairs {
      { upload_id = "" }, { part_number = 0 }, { part_number = 10001 }, { len = 0 }, { len = -1 }, { off = -1 },
      { off = math.maxinteger },
    } do
      refused(s3, with(part, wrong))
    end
  end)

  it("is signed as OSS first did, with all that names the source", function()
    local r = build(with(oss, { sign_v1 = true }), with(copy, { attributes = { ["content-type"] = "a/b", ["meta-x"] = "é" } }), keys)
    local headers = {
      ["content-type"] = "a/b", ["x-oss-copy-source"] = "/old-data/a%20b/%2B%25%C3%BC%26%3D%28~%29",
      ["x-oss-copy-source-if-match"] = '"e"', ["x-oss-date"] = "Mon, 15 Jul 2024 08:09:10 GMT", ["x-oss-meta-x"] = "é",
      ["x-oss-metadata-directive"] = "REPLACE",
    }
    local signature = sign.sign1 {
      method = "PUT", path = "/new", bucket = "data", key = "new", access_key = "AK", secret_key = "SK", headers = headers,
    }
    assert.equal([[
PUT

a/b
Mon, 15 Jul 2024 08:09:10 GMT
x-oss-copy-source:/old-data/a%20b/%2B%25%C3%BC%26%3D%28~%29
x-oss-copy-source-if-match:"e"
x-oss-date:Mon, 15 Jul 2024 08:09:10 GMT
x-oss-meta-x:é
x-oss-metadata-directive:REPLACE
/data/new]], signature.string_to_sign)
    assert.equal("OSS AK:EgpxHp/d+8Ox26NLV7HMFFnctLY=", signature.authorization)
    headers.authorization = signature.authorization
    assert.same(headers, r.headers)
  end)

  -- The canonical requests of the SDKs, with the headers that haul sends.
  it("is signed as S3, OSS and TOS do now", function()
    local expected = {
      [s3] = { "AWS4", "us-west-2", "data.s3.us-west-2.amazonaws.com" }, [oss] = { "OSS4", "cn-beijing" },
      [tos] = { "TOS4", "cn-beijing", "data.tos-cn-beijing.volces.com" },
    }
    for store, v4 in pairs(expected) do
      local r = build(store, with(copy, { call = "part-copy", upload_id = "u1", part_number = 2, off = 0, len = 9 }), keys)
      local headers, prefix = {}, "x-" .. (store == s3 and "amz" or store.kind) .. "-"
      for name, value in pairs(r.headers) do
        if name ~= "authorization" then headers[name] = value end
      end
      local signature = sign.sign4 {
        algorithm = v4[1], method = "PUT", path = "/new", access_key = "AK", secret_key = "SK", region = v4[2], host = v4[3],
        bucket = store == oss and "data" or nil, date = "20240715T080910Z", headers = headers,
        query = { partNumber = "2", uploadId = "u1" }, payload_hash = headers[prefix .. "content-sha256"],
      }
      assert.truthy(signature.canonical:find(prefix .. "copy-source:/old-data/a%20b/%2B%25%C3%BC%26%3D%28~%29\n"
        .. prefix .. 'copy-source-if-match:"e"\n' .. prefix .. "copy-source-range:bytes=0-8\n", 1, true))
      assert.equal(signature.authorization, r.headers.authorization)
    end
  end)
end)

describe("attributes", function()
  local function put(store, attributes)
    return build(store, { call = "put", key = "k", len = 0, attributes = attributes }).headers
  end

  it("have the names of each provider", function()
    local given = {
      ["content-type"] = "a/b", ["cache-control"] = "c", ["content-disposition"] = "d", ["content-encoding"] = "e",
      ["content-language"] = "f", expires = "g", ["storage-class"] = "h", acl = "i", tags = "j=1", ["meta-mtime"] = "1.5",
      ["meta-Upper_Case"] = "2",
    }
    for prefix, store in pairs { ["x-amz-"] = s3, ["x-oss-"] = oss, ["x-tos-"] = tos } do
      for _, headers in ipairs { put(store, given), build(store, { call = "create", key = "k", attributes = given }).headers } do
        assert.same({
          ["content-type"] = "a/b", ["cache-control"] = "c", ["content-disposition"] = "d", ["content-encoding"] = "e",
          ["content-language"] = "f", expires = "g", [prefix .. "storage-class"] = "h",
          [prefix .. (store == oss and "object-acl" or "acl")] = "i", [prefix .. "tagging"] = "j=1",
          [prefix .. "meta-mtime"] = "1.5", [prefix .. "meta-upper_case"] = "2",
        }, headers)
      end
    end
    assert.same({ ["x-amz-checksum-mode"] = "ENABLED" }, build(s3, { call = "head", key = "k", attributes = given }).headers)
  end)

  it("that are no ASCII go the provider's way", function()
    local function meta(store, value)
      local headers = put(store, { ["meta-x"] = value })
      return headers["x-amz-meta-x"] or headers["x-oss-meta-x"] or headers["x-tos-meta-x"]
    end
    for value, ways in pairs {
      ["plain, text"] = { "plain, text", "plain, text", "plain%2C%20text" },
      ["größe"] = { "=?UTF-8?B?Z3LDtsOfZQ==?=", "größe", "gr%C3%B6%C3%9Fe" },
      ["=?x"] = { "=?UTF-8?B?PT94?=", "=?x", "%3D%3Fx" },
      [" x"] = { "=?UTF-8?B?IHg=?=", " x", "%20x" },
      ["a%20b"] = { "a%20b", "a%20b", "a%2520b" },
      [""] = { "", "", "" },
    } do
      assert.same(ways, { meta(s3, value), meta(oss, value), meta(tos, value) })
    end
    assert.equal("%1B", meta(tos, "\27"))
    assert.truthy(refused(oss, { call = "put", key = "k", len = 0, attributes = { ["meta-x"] = "\27" } }):find('"meta-x"', 1, true))
  end)

  it("that cannot be are named", function()
    local function names(attributes, name, store)
      local message = refused(store or s3, { call = "put", key = "k", len = 0, attributes = attributes })
      assert.truthy(message:find('"' .. name, 1, true), message)
    end
    names({ ["x-amz-meta-a"] = "1" }, "x-amz-meta-a")
    names({ ["meta-"] = "1" }, "meta-")
    names({ ["meta-a b"] = "1" }, "meta-a b")
    names({ ["meta-a:"] = "1" }, "meta-a:")
    names({ ["meta-é"] = "1" }, "meta-")
    names({ ["content-type"] = "a\1b" }, "content-type", tos)
    names({ ["meta-big"] = ("x"):rep(8192) }, "meta-big")
    names({ ["meta-big"] = (" "):rep(3000) }, "meta-big", tos)
    put(s3, { ["meta-big"] = ("x"):rep(8192 - #"x-amz-meta-big") })
    local many = {}
    for i = 1, 90 do many["meta-" .. i] = "x" end
    names(many, "meta-")
  end)
end)

describe("a request to a web server", function()
  local web = { kind = "web", endpoint = "https://h.example.com/a%20b/ü" }

  it("is not signed, and below the base", function()
    local r = build(web, { call = "head", key = "c d/é%" }, keys)
    assert.same({ "HEAD", "/a%20b/%C3%BC/c%20d/%C3%A9%25", {} }, { r.method, r.target, r.headers })
    r = build(web, { call = "get", key = "k", off = 5, len = 5, if_match = '"e"', unmodified_ns = 1721030950000000000 }, keys)
    assert.same({ range = "bytes=5-9", ["if-match"] = '"e"' }, r.headers)
    r = build(with(web, { store_headers = { authorization = "Bearer x" } }), { call = "get", key = "k", off = 0, len = -1 })
    assert.same({ authorization = "Bearer x" }, r.headers)
  end)

  it("pins with the time where the ETag is weak", function()
    for _, etag in ipairs { 'W/"e"', "" } do
      local get = { call = "get", key = "k", off = 0, len = -1, if_match = etag, unmodified_ns = 1721030950999000000 }
      assert.same({ ["if-unmodified-since"] = "Mon, 15 Jul 2024 08:09:10 GMT" }, build(web, get).headers)
      assert.same({}, build(web, with(get, { unmodified_ns = 0 })).headers)
    end
  end)

  it("only reads", function()
    for _, call in ipairs { "put", "list", "delete", "create", "copy" } do
      local message = refused(web, { call = call, key = "k", len = 0, source_bucket = "b", source_key = "k" })
      assert.truthy(message:find("h.example.com", 1, true))
    end
    refused(web, { call = "head", key = "" })
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

describe("tags", function()
  it("are asked for", function()
    for _, store in ipairs { s3, oss, tos } do
      local r = build(store, { call = "get-tags", key = "a b" }, keys)
      assert.same({ "GET", "/a%20b" }, { r.method, r.path })
      assert.same({ tagging = "" }, r.query)
      assert.equal(store == oss and "/a%20b?tagging" or "/a%20b?tagging=", r.target)
      assert.equal("", r.body)
    end
  end)

  it("are written as a document", function()
    local call = { call = "put-tags", key = "k", attributes = { tags = "a%20b=1%262&c=%3C" } }
    for _, store in ipairs { s3, oss } do
      local r = build(store, call)
      local body = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&#38;2</Value></Tag>"
        .. "<Tag><Key>c</Key><Value>&#60;</Value></Tag></TagSet></Tagging>"
      assert.same({ "PUT", body, #body }, { r.method, r.body, r.body_len })
      assert.equal("application/xml", r.headers["content-type"])
      assert.equal(24, #r.headers["content-md5"])
    end
    local r = build(tos, call)
    assert.equal('{"TagSet":{"Tags":[{"Key":"a b","Value":"1&2"},{"Key":"c","Value":"<"}]}}', r.body)
    assert.equal("<Tagging><TagSet></TagSet></Tagging>", build(s3, { call = "put-tags", key = "k" }).body)
  end)

  it("that are malformed are refused, and so are those of a web server", function()
    for _, tags in ipairs { "a=%1", "=1", "a=%00", "a%0a=b" } do
      assert.matches("tags", refused(s3, { call = "put-tags", key = "k", attributes = { tags = tags } }))
    end
    assert.matches("no tags", refused({ kind = "web", endpoint = "https://h.example.com/" }, { call = "get-tags", key = "k" }))
  end)
end)
