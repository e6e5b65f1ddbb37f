-- What replies mean: answers, object data, and failures of every provider.
package.path = "tests/?.lua;" .. package.path
local digest = require "support.probe" "digest"
local wire = require "support.probe" "wire"

local s3 = { kind = "s3", bucket = "data", region = "us-west-2" }
local oss = { kind = "oss", bucket = "data", region = "cn-beijing" }
local tos = { kind = "tos", bucket = "data", region = "cn-beijing" }
local web = { kind = "web", endpoint = "https://h.example.com/files/" }

local function read(store, call, reply)
  if type(call) == "string" then call = { call = call, key = "k", upload_id = "u", len = 10 } end
  return wire.read(store, call, reply)
end

local function good(store, call, reply)
  local answer, err = read(store, call, reply)
  assert(answer, err and err.kind .. ": " .. err.message)
  return answer
end

local function bad(store, call, reply, kind, final)
  local answer, err = read(store, call, reply)
  assert.is_nil(answer)
  assert.equal(kind, err.kind, err.message)
  if final ~= nil then assert.equal(final, err.final, err.message) end
  assert.equal(reply.status or 200, err.status)
  return err
end

local md5 = '"0123456789abcdef0123456789abcdef"'

describe("the answer to a HEAD", function()
  local headers = {
    ["content-length"] = "1234", etag = md5, ["last-modified"] = "Mon, 15 Jul 2024 08:09:10 GMT",
    ["content-type"] = "text/plain", date = "Mon, 15 Jul 2024 08:09:11 GMT",
  }
  local function head(store, more)
    local all = {}
    for name, value in pairs(headers) do all[name] = value end
    for name, value in pairs(more or {}) do all[name] = value or nil end
    return good(store, "head", { headers = all })
  end

  it("is what the object is", function()
    local answer = head(s3, { ["x-amz-request-id"] = "R1" })
    assert.equal(1234, answer.size)
    assert.equal(1721030950000000000, answer.mtime_ns)
    assert.equal(md5, answer.etag)
    assert.is_true(answer.etag_is_md5)
    assert.equal("text/plain", answer.content_type)
    assert.equal(1721030951000, answer.date_ms)
    assert.equal("R1", answer.request_id)
    assert.equal("none", answer.sum_kind)
  end)

  it("has the checksum of the whole", function()
    local answer = head(s3, { ["x-amz-checksum-crc64nvme"] = "rosUhgp5mIg=", ["x-amz-checksum-crc32"] = "y/Q5Jg==" })
    assert.same({ "crc64nvme", "ae8b14860a799888" }, { answer.sum_kind, answer.sum })
    answer = head(s3, { ["x-amz-checksum-crc32c"] = "4waSgw==", ["x-amz-checksum-type"] = "FULL_OBJECT" })
    assert.same({ "crc32c", "00000000e3069283" }, { answer.sum_kind, answer.sum })
    assert.equal("none", head(s3, { ["x-amz-checksum-crc32c"] = "4waSgw==", ["x-amz-checksum-type"] = "COMPOSITE" }).sum_kind)
    assert.equal("none", head(s3, { ["x-amz-checksum-crc32c"] = "4waSgw==-3" }).sum_kind)
    answer = head(oss, { ["x-oss-hash-crc64ecma"] = "11051210869376104954" })
    assert.same({ "crc64", "995dc9bbdf1939fa" }, { answer.sum_kind, answer.sum })
    assert.equal("crc64", head(tos, { ["x-tos-hash-crc64ecma"] = "18446744073709551615" }).sum_kind)
    for _, text in ipairs { "18446744073709551616", "", "-1", "1.5e3", "abc" } do
      assert.equal("none", head(tos, { ["x-tos-hash-crc64ecma"] = text }).sum_kind)
    end
  end)

  it("knows when an ETag is no MD5", function()
    assert.is_true(head(s3, { ["x-amz-server-side-encryption"] = "AES256" }).etag_is_md5)
    assert.is_true(head(oss, { etag = '"0123456789ABCDEF0123456789ABCDEF"' }).etag_is_md5)
    assert.is_false(head(s3, { ["x-amz-server-side-encryption"] = "aws:kms" }).etag_is_md5)
    assert.is_false(head(s3, { ["x-amz-server-side-encryption-customer-algorithm"] = "AES256" }).etag_is_md5)
    assert.is_false(head(oss, { ["x-oss-server-side-encryption"] = "KMS" }).etag_is_md5)
    assert.is_false(head(oss, { ["x-oss-object-type"] = "Multipart" }).etag_is_md5)
    assert.is_false(head(s3, { etag = '"0123456789abcdef0123456789abcdef-2"' }).etag_is_md5)
    assert.is_false(head(s3, { etag = 'W/"0123456789abcdef0123456789abcdef"' }).etag_is_md5)
    assert.is_false(head(s3, { etag = "opaque" }).etag_is_md5)
  end)

  it("must say how long the object is", function()
    for _, length in ipairs { false, "", "-1", "abc", "9223372036854775808", "99999999999999999" } do
      bad(s3, "head", { headers = { etag = md5, ["content-length"] = length or nil } }, "server", false)
    end
    bad(s3, "head", { headers = { ["content-length"] = "1", etag = ("x"):rep(200) } }, "server")
  end)
end)

describe("the attributes of an answer", function()
  local function attributes(store, headers, call)
    local all = { ["content-length"] = "5", etag = md5 }
    for name, value in pairs(headers) do all[name] = value end
    return good(store, call or "head", { headers = all }).attributes
  end

  it("are there only where there is something to tell", function()
    assert.is_nil(attributes(s3, { ["content-type"] = "text/plain", ["accept-ranges"] = "bytes", server = "x" }))
    assert.is_nil(attributes(oss, { ["content-type"] = "text/plain", ["x-oss-storage-class"] = "Standard" }))
    assert.is_nil(attributes(tos, { ["x-tos-storage-class"] = "STANDARD", ["x-tos-hash-crc64ecma"] = "1" }))
    assert.is_nil(attributes(s3, { ["content-encoding"] = "aws-chunked", ["cache-control"] = "" }))
    local long = ("x"):rep(128)
    assert.same({ ["content-type"] = long }, attributes(s3, { ["content-type"] = long }))
  end)

  it("have the same names everywhere", function()
    for prefix, store in pairs { ["x-amz-"] = s3, ["x-oss-"] = oss, ["x-tos-"] = tos } do
      local headers = {
        ["content-type"] = "a/b", ["cache-control"] = "c", ["content-disposition"] = "d", ["content-encoding"] = "aws-chunked,gzip",
        ["content-language"] = "f", expires = "g", [prefix .. "storage-class"] = "IA", [prefix .. "meta-mtime"] = "1.5",
        [prefix .. "meta-b c"] = "x", [prefix .. "request-id"] = "R", ["x-other-meta-z"] = "z",
      }
      local expected = {
        ["content-type"] = "a/b", ["cache-control"] = "c", ["content-disposition"] = "d", ["content-encoding"] = "gzip",
        ["content-language"] = "f", expires = "g", ["storage-class"] = "IA", ["meta-mtime"] = "1.5", ["meta-b c"] = "x",
      }
      assert.same(expected, attributes(store, headers))
      headers["content-range"], headers["content-length"] = nil, "5"
      assert.same(expected, attributes(store, headers, { call = "get", key = "k", off = 0, len = -1, total = 5 }))
    end
  end)

  it("are decoded as the provider's SDKs encode", function()
    for value, read_as in pairs {
      ["=?UTF-8?B?Z3LDtsOfZQ==?="] = "größe", ["=?utf-8?Q?gr=C3=B6=C3=9Fe_x?="] = "größe x",
      ["=?UTF-8?B?Z3LD?= =?UTF-8?B?tsOfZQ==?="] = "größe", ["=?UTF-8?B?Z3L?="] = "=?UTF-8?B?Z3L?=",
      ["=?UTF-8?Q?a=?="] = "=?UTF-8?Q?a=?=", ["x =?UTF-8?Q?a?="] = "x =?UTF-8?Q?a?=", ["=?latin-1?Q?a?="] = "=?latin-1?Q?a?=",
      ["=?UTF-8?B?AA==?="] = "=?UTF-8?B?AA==?=", ["=?UTF-8?Q?a=0Ab?="] = "=?UTF-8?Q?a=0Ab?=", ["=?UTF-8?"] = "=?UTF-8?",
      ["größe"] = "größe", ["a%20b"] = "a%20b",
    } do
      assert.equal(read_as, attributes(s3, { ["x-amz-meta-x"] = value })["meta-x"])
    end
    for value, read_as in pairs {
      ["gr%C3%B6%C3%9Fe%20%2B+"] = "größe ++", ["100%"] = "100%", ["%00"] = "%00", ["%0A"] = "%0A", ["größe"] = "größe",
    } do
      assert.equal(read_as, attributes(tos, { ["x-tos-meta-x"] = value })["meta-x"])
    end
    assert.equal("a%20=?UTF-8?B?eA==?=", attributes(oss, { ["x-oss-meta-x"] = "a%20=?UTF-8?B?eA==?=" })["meta-x"])
  end)

  it("of a web server are those of the file, not of the page", function()
    assert.same({ ["content-disposition"] = "d", ["content-type"] = "a/b" }, attributes(web, {
      ["content-type"] = "a/b", ["content-disposition"] = "d", ["cache-control"] = "max-age=1", expires = "0",
      ["x-amz-meta-x"] = "1", ["x-amz-storage-class"] = "IA",
    }))
  end)
end)

describe("the answer of a web server", function()
  local get = { call = "get", key = "k", off = 0, len = 5, total = 10 }

  it("says whether there are ranges", function()
    local function ranges(headers, call, status)
      headers["content-length"] = headers["content-length"] or "10"
      return good(web, call or "head", { headers = headers, status = status or 200 }).ranges
    end
    assert.is_true(ranges { ["accept-ranges"] = "bytes" })
    assert.is_true(ranges { ["accept-ranges"] = "Bytes" })
    assert.is_false(ranges { ["accept-ranges"] = "none" })
    assert.is_false(ranges {})
    assert.is_true(ranges({ ["content-range"] = "bytes 0-4/10", ["content-length"] = "5" }, get, 206))
    assert.is_true(good(s3, "head", { headers = { ["content-length"] = "1" } }).ranges)
  end)

  it("may have no length", function()
    assert.equal(-1, good(web, "head", {}).size)
    bad(web, "head", { headers = { ["content-length"] = "x" } }, "server", false)
    assert.equal(-1, good(web, { call = "get", key = "k", off = 0, len = -1 }, {}).size)
    assert.equal(7, good(web, { call = "get", key = "k", off = 0, len = -1 }, { headers = { ["content-length"] = "7" } }).size)
  end)

  it("names the host in its failures", function()
    for status, kind in pairs { [404] = "missing", [403] = "denied", [405] = "invalid", [501] = "server", [302] = "invalid" } do
      local err = bad(web, "head", { status = status, body = "<html>no</html>", headers = { ["x-request-id"] = "R" } }, kind)
      assert.equal("h.example.com: ", err.message:sub(1, 15))
      assert.equal("R", err.request_id)
    end
    bad(web, get, { headers = { ["content-length"] = "10" } }, "server")
  end)

  it("is of the file that was asked for", function()
    local function pinned(more, headers)
      local call = { call = "get", key = "k", off = 0, len = -1, total = 5, unmodified_ns = 1721030950000000000 }
      for name, value in pairs(more) do call[name] = value end
      headers["content-length"] = "5"
      return wire.takes_body(call, { headers = headers })
    end
    local before, after = "Mon, 15 Jul 2024 08:09:10 GMT", "Mon, 15 Jul 2024 08:09:11 GMT"
    assert.is_true(pinned({}, { ["last-modified"] = before }))
    assert.is_true(pinned({}, {}))
    assert.equal("changed", select(2, pinned({}, { ["last-modified"] = after })).kind)
    assert.is_true(pinned({ if_match = '"e"' }, { ["last-modified"] = after, etag = '"e"' }))
    assert.is_true(pinned({ unmodified_ns = 0 }, { ["last-modified"] = after }))
  end)
end)

describe("the body of a GET", function()
  local function takes(call, status, headers)
    call.call, call.key = "get", "k"
    return wire.takes_body(call, { status = status, headers = headers })
  end
  local function refuses(kind, call, status, headers)
    local ok, err = takes(call, status, headers)
    assert.is_nil(ok)
    assert.equal(kind, err.kind, err.message)
    assert.equal(status, err.status)
  end
  local function range(more)
    local call = { off = 10, len = 5, total = 100, if_match = md5 }
    for name, value in pairs(more or {}) do call[name] = value end
    return call
  end
  local right = { ["content-range"] = "bytes 10-14/100", ["content-length"] = "5", etag = md5 }

  it("is taken where everything fits", function()
    assert.is_true(takes(range(), 206, right))
    assert.is_true(takes(range { total = -1 }, 206, { ["content-range"] = "bytes 10-14/*" }))
    assert.is_true(takes({ off = 0, len = -1 }, 200, {}))
    assert.is_true(takes({ off = 0, len = -1, total = 7 }, 200, { ["content-length"] = "7" }))
    assert.is_true(takes({ off = 90, len = -1, total = 100 }, 206, { ["content-range"] = "bytes 90-99/100" }))
    assert.is_true(takes({ off = 0, len = 7, total = 7 }, 200, { ["content-length"] = "7" }))
  end)

  it("is refused where the range is another", function()
    for _, text in ipairs {
      "bytes 11-14/100", "bytes 10-15/100", "bytes 10-13/100", "bytes 10-14/101", "bytes 10-14/*", "bytes 0-99/100", "x", "",
    } do
      refuses("server", range(), 206, { ["content-range"] = text, etag = md5 })
    end
    refuses("server", range(), 206, { etag = md5 })
    refuses("server", range(), 206, { ["content-type"] = "multipart/byteranges; boundary=x" })
    refuses("server", range(), 206, { ["content-range"] = "bytes 10-14/100", ["content-length"] = "6", etag = md5 })
    refuses("server", { off = 90, len = -1 }, 206, { ["content-range"] = "bytes 90-98/100" })
    refuses("server", { off = 0, len = -1 }, 206, right)
  end)

  it("is refused where the range was ignored", function()
    refuses("server", range(), 200, { ["content-length"] = "100", etag = md5 })
    refuses("server", { off = 0, len = 7, total = 7 }, 200, {})
    refuses("server", { off = 0, len = 7, total = 7 }, 200, { ["content-length"] = "8" })
    refuses("server", { off = 0, len = 7, total = 9 }, 200, { ["content-length"] = "7" })
  end)

  it("is refused where the object is another", function()
    refuses("changed", range(), 206, { ["content-range"] = "bytes 10-14/100", etag = '"other"' })
    refuses("changed", range(), 206, { ["content-range"] = "bytes 10-14/100", etag = "W/" .. md5 })
    refuses("changed", range(), 412, {})
    refuses("changed", range(), 416, {})
  end)

  it("may be stored compressed, but not compressed on the way", function()
    local call = { off = 0, len = -1, total = 7 }
    assert.is_true(takes(call, 200, { ["content-length"] = "7", ["content-encoding"] = "gzip" }))
    assert.is_true(takes(call, 200, { ["content-encoding"] = "identity" }))
    refuses("server", call, 200, { ["content-encoding"] = "gzip" })
    refuses("server", call, 200, { ["content-length"] = "5", ["content-encoding"] = "gzip" })
    refuses("server", { off = 0, len = -1 }, 200, { ["content-length"] = "5", ["content-encoding"] = "gzip" })
  end)

  it("is refused with every other status", function()
    local kinds = { [404] = "missing", [403] = "denied", [500] = "server", [503] = "throttled", [301] = "invalid", [204] = "server" }
    for status, kind in pairs(kinds) do refuses(kind, range(), status, right) end
  end)
end)

describe("the answer to", function()
  it("a PUT or a part has an ETag and maybe a checksum", function()
    local answer = good(s3, "part", { headers = { etag = md5, ["x-amz-checksum-crc32c"] = "4waSgw==" } })
    assert.same({ md5, true, "crc32c" }, { answer.etag, answer.sums_offered, answer.sum_kind })
    assert.is_false(good(s3, "put", { headers = { etag = md5 } }).sums_offered)
    answer = good(oss, "part", { headers = { etag = md5, ["x-oss-hash-crc64ecma"] = "11051210869376104954" } })
    assert.same({ "crc64", "995dc9bbdf1939fa", false }, { answer.sum_kind, answer.sum, answer.sums_offered })
    bad(s3, "put", { headers = {} }, "server", false)
    bad(s3, "part", { status = 204, headers = { etag = md5 } }, "server", false)
    local err = bad(oss, "put", { status = 203, body = "<Error><Code>CallbackFailed</Code></Error>" }, "server", true)
    assert.equal("stored, but the callback failed", err.message)
  end)

  it("a create has an upload id", function()
    local xml = "<?xml version='1.0'?><InitiateMultipartUploadResult xmlns='x'><UploadId>%s</UploadId>"
      .. "</InitiateMultipartUploadResult>"
    local answer = good(s3, "create", { body = xml:format "u.1", headers = { ["x-amz-checksum-algorithm"] = "CRC32C" } })
    assert.equal("u.1", answer.upload_id)
    assert.is_true(answer.sums_offered)
    assert.equal("u", good(tos, "create", { body = '{"Bucket":"b","UploadId":"u"}' }).upload_id)
    assert.is_false(good(oss, "create", { body = xml:format "u" }).sums_offered)
    for _, body in ipairs { "", " ", xml:format "", xml:format(("u"):rep(1025)), xml:format("u"):sub(1, -5), "<a/>", "{}", "x" } do
      bad(s3, "create", { body = body }, "server", false)
    end
    bad(s3, "create", { body = "<Other><UploadId>u</UploadId></Other>" }, "server", false)
    bad(tos, "create", { body = '{"UploadId":""}' }, "server", false)
    bad(tos, "create", { body = '{"UploadId":7' }, "server", false)
  end)

  local complete = "<CompleteMultipartUploadResult><Location>x</Location><ETag>%s</ETag>%s</CompleteMultipartUploadResult>"
  it("a complete is a proof, or a failure", function()
    local answer = good(s3, "complete", { body = complete:format("&quot;e-2&quot;", "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>"
      .. "<ChecksumType>FULL_OBJECT</ChecksumType>") })
    assert.same({ '"e-2"', "crc32c" }, { answer.etag, answer.sum_kind })
    assert.equal("none", good(s3, "complete", { body = complete:format("e", "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>"
      .. "<ChecksumType>COMPOSITE</ChecksumType>") }).sum_kind)
    assert.equal("", good(s3, "complete", { body = complete:format("", "") }).etag)
    answer = good(s3, "complete", { body = (" \n"):rep(1000) .. "<?xml version='1.0'?>" .. complete:format("e", "") })
    assert.equal("e", answer.etag)
    answer = good(oss, "complete", { body = complete:format("e", ""), headers = { ["x-oss-hash-crc64ecma"] = "1" } })
    assert.same({ "crc64", "0000000000000001" }, { answer.sum_kind, answer.sum })
    assert.equal('"e"', good(tos, "complete", { body = [[{"ETag":"\"e\""}]] }).etag)
    for _, body in ipairs {
      "", (" "):rep(60), complete:format("e", ""):sub(1, -2), complete:sub(1, 40), "<Other/>", "nonsense", "<html></html>",
      complete:format(("e"):rep(200), ""),
    } do
      bad(s3, "complete", { body = body }, "server", false)
    end
    for _, body in ipairs { "", "{}", '{"ETag":""}', '{"ETag":null}', '{"ETag":"e"', '["ETag"]' } do
      bad(tos, "complete", { body = body }, "server", false)
    end
  end)

  it("a complete with an error inside a 200 is that error", function()
    local function err(code, store, kind, final)
      return bad(store or s3, "complete", { body = ("\n\n<?xml version='1.0'?><Error><Code>%s</Code><Message>m</Message>"
        .. "<RequestId>R</RequestId><HostId>H</HostId></Error>"):format(code) }, kind, final)
    end
    local e = err("InternalError", s3, "server", false)
    assert.same({ "InternalError", "R", "H", "InternalError: m" }, { e.code, e.request_id, e.host_id, e.message })
    err("SomethingNew", s3, "server", false)
    err("SlowDown", s3, "throttled", false)
    err("NoSuchUpload", s3, "missing", true)
    err("InvalidPart", oss, "invalid", true)
    err("BadDigest", s3, "corrupt", false)
    bad(tos, "complete", { body = '{"Code":"InternalError","Message":"m"}' }, "server", false)
    local callback = bad(tos, "complete", { status = 203, body = '{"Code":"CallbackFailed"}' }, "server", true)
    assert.equal("stored, but the callback failed", callback.message)
  end)

  local copied = "<CopyObjectResult><LastModified>2024-07-15T08:09:10.000Z</LastModified><ETag>&quot;%s&quot;</ETag>%s"
    .. "</CopyObjectResult>"
  it("a copy says what was made", function()
    local answer = good(s3, "copy", { body = copied:format(("0"):rep(32),
      "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C><ChecksumType>FULL_OBJECT</ChecksumType>") })
    assert.same({ '"' .. ("0"):rep(32) .. '"', true, 1721030950000000000, "crc32c", "00000000e3069283", -1 },
      { answer.etag, answer.etag_is_md5, answer.mtime_ns, answer.sum_kind, answer.sum, answer.size })
    assert.equal("none", good(s3, "copy", { body = copied:format("e-2",
      "<ChecksumCRC32C>4waSgw==-2</ChecksumCRC32C><ChecksumType>COMPOSITE</ChecksumType>") }).sum_kind)
    answer = good(oss, "copy", { body = copied:format("E", ""), headers = { ["x-oss-hash-crc64ecma"] = "7" } })
    assert.same({ "crc64", '"E"' }, { answer.sum_kind, answer.etag })
    answer = good(tos, "copy", { body = [[{"ETag":"\"e\"","LastModified":"2024-07-15T08:09:10.000Z"}]] })
    assert.same({ '"e"', 1721030950000000000, "none" }, { answer.etag, answer.mtime_ns, answer.sum_kind })
    local part = { call = "part-copy", key = "k", upload_id = "u", part_number = 1, source_bucket = "b", source_key = "s", len = 10 }
    answer = good(s3, part, { body = copied:gsub("CopyObject", "CopyPart"):format("e", "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>") })
    assert.same({ '"e"', 10, "crc32c" }, { answer.etag, answer.size, answer.sum_kind })
    assert.equal('"e"', good(tos, part, { body = [[{"ETag":"\"e\""}]] }).etag)
  end)

  it("a copy without proof is none", function()
    for _, call in ipairs { "copy", "part-copy" } do
      local good_body = (call == "copy" and copied or copied:gsub("CopyObject", "CopyPart"))
      for _, body in ipairs {
        "", "nonsense", "<Other/>", good_body:format("e", ""):sub(1, -2), good_body:format(("e"):rep(200), ""),
        (good_body:gsub("<ETag>.*</ETag>", "")), (good_body:gsub("<ETag>.*</ETag>", "<ETag/>")),
        (call == "copy" and copied:gsub("CopyObject", "CopyPart") or copied),
      } do
        for _, store in ipairs { s3, oss } do bad(store, call, { body = body }, "server", false) end
      end
      for _, body in ipairs { "", "{}", '{"ETag":""}', '{"ETag":null}', '["ETag"]', '{"ETag":"e"' } do
        bad(tos, call, { body = body }, "server", false)
      end
      local function inside(code) return ("\n<?xml version='1.0'?><Error><Code>%s</Code></Error>"):format(code) end
      bad(s3, call, { body = inside "InternalError" }, "server", false)
      bad(s3, call, { body = inside "SlowDown" }, "throttled", false)
      bad(oss, call, { body = inside "NoSuchKey" }, "missing", true)
      bad(tos, call, { body = '{"Code":"ExceedQPSLimit","Message":"m","ETag":""}' }, "throttled", false)
      bad(s3, call, { status = 412, body = "<Error><Code>PreconditionFailed</Code></Error>" }, "changed", false)
      bad(s3, call, { status = 204 }, "server", false)
    end
  end)

  it("an abort or a delete is a 204", function()
    good(s3, "abort", { status = 204 })
    good(oss, "delete", { status = 204 })
    good(s3, "delete", { status = 200 })
    bad(s3, "abort", { status = 404, body = "<Error><Code>NoSuchUpload</Code></Error>" }, "missing", true)
    bad(s3, "delete", { status = 202 }, "server", false)
  end)

  it("a GET says what was got", function()
    local call = { call = "get", key = "k", off = 0, len = 5, total = 100 }
    local headers = { ["content-range"] = "bytes 0-4/100", ["content-length"] = "5", etag = md5,
      ["x-oss-hash-crc64ecma"] = "7" }
    local answer = good(oss, call, { status = 206, headers = headers })
    assert.same({ 100, md5, "crc64" }, { answer.size, answer.etag, answer.sum_kind })
    bad(oss, call, { status = 200, headers = headers }, "server")
  end)
end)

describe("a failure", function()
  local cases = { -- status, code, kind, final
    { 503, "SlowDown", "throttled", false }, { 429, "", "throttled", false }, { 503, "", "throttled", false },
    { 429, "ExceedQPSLimit", "throttled", false }, { 503, "QpsLimitExceeded", "throttled", false },
    { 429, "ExceedRateLimit", "throttled", false }, { 400, "RequestRateTooLarge", "throttled", false },
    { 400, "Throttling.User", "throttled", false }, { 400, "ThrottlingException", "throttled", false },
    { 500, "InternalError", "server", false }, { 502, "", "server", false }, { 504, "", "server", false },
    { 599, "", "server", false }, { 501, "NotImplemented", "server", false }, { 408, "", "timeout", false },
    { 400, "RequestTimeout", "timeout", false }, { 401, "", "auth", true }, { 403, "SignatureDoesNotMatch", "auth", true },
    { 403, "InvalidAccessKeyId", "auth", true }, { 400, "AuthorizationHeaderMalformed", "auth", true },
    { 400, "ExpiredToken", "auth", false }, { 403, "ExpiredToken", "auth", false },
    { 403, "SecurityTokenExpired", "auth", false }, { 403, "InvalidSecurityToken", "auth", false },
    { 400, "TokenRefreshRequired", "auth", false }, { 403, "RequestTimeTooSkewed", "auth", false },
    { 403, "AccessDenied", "denied", true }, { 403, "", "denied", true }, { 403, "InvalidObjectState", "denied", true },
    { 404, "NoSuchKey", "missing", true }, { 404, "NoSuchUpload", "missing", true }, { 404, "", "missing", true },
    { 412, "PreconditionFailed", "changed", false }, { 412, "", "changed", false }, { 416, "InvalidRange", "changed", false },
    { 409, "OperationAborted", "server", false }, { 409, "", "server", false }, { 409, "FileAlreadyExists", "changed", false },
    { 400, "BadDigest", "corrupt", false }, { 400, "InvalidDigest", "corrupt", false },
    { 400, "XAmzContentSHA256Mismatch", "corrupt", false }, { 400, "EntityTooSmall", "invalid", true },
    { 400, "InvalidArgument", "invalid", true }, { 405, "MethodNotAllowed", "invalid", true },
    { 301, "PermanentRedirect", "invalid", true }, { 307, "", "invalid", true }, { 418, "", "invalid", true },
    { 100, "", "server", false }, { 0, "", "server", false }, { 1000, "", "server", false },
  }
  for _, case in ipairs(cases) do
    local status, code, kind, final = table.unpack(case)
    it(("%d %s is %s"):format(status, code, kind), function()
      assert.same({ kind, final }, { wire.classify(status, code) })
    end)
  end

  it("of S3 keeps what support asks for and nothing that was signed", function()
    local err = bad(s3, "list", {
      status = 403, headers = { ["x-amz-request-id"] = "HR", ["x-amz-id-2"] = "HH" },
      body = [[<?xml version="1.0" encoding="UTF-8"?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature
does not match.</Message><AWSAccessKeyId>AKSECRET</AWSAccessKeyId><StringToSign>STS</StringToSign><CanonicalRequest>CR
</CanonicalRequest><SignatureProvided>SIG</SignatureProvided><RequestId>R</RequestId></Error>]],
    }, "auth", true)
    assert.same({ "SignatureDoesNotMatch", "HR", "HH" }, { err.code, err.request_id, err.host_id })
    assert.equal("SignatureDoesNotMatch: The request signature\\x0adoes not match.", err.message)
  end)

  it("of OSS has its EC, and is in a header where there is no body", function()
    local xml = "<Error><Code>NoSuchKey</Code><Message>gone</Message><RequestId>R</RequestId><HostId>h</HostId>"
      .. "<EC>0026-00000001</EC></Error>"
    local err = bad(oss, "list", { status = 404, body = xml }, "missing", true)
    assert.same({ "NoSuchKey", "R", "0026-00000001", "NoSuchKey: gone" }, { err.code, err.request_id, err.host_id, err.message })
    err = bad(oss, "head", { status = 404, headers = { ["x-oss-err"] = digest.base64(xml:sub(1, 40) .. "</Message></Error>") } },
      "missing", true)
    assert.equal("NoSuchKey", err.code)
    err = bad(oss, "head", { status = 404, headers = { ["x-oss-err"] = "%%%", ["x-oss-ec"] = "0026-1" } }, "missing", true)
    assert.same({ "", "0026-1", "HTTP 404: there is no such object, upload or bucket" }, { err.code, err.host_id, err.message })
    err = bad(oss, "list", { status = 403, body = '{"Error":{"Code":"AccessDenied","Message":"no"}}' }, "denied", true)
    assert.equal("AccessDenied: no", err.message)
  end)

  it("of TOS is JSON", function()
    local err = bad(tos, "list", {
      status = 429, headers = { ["x-tos-id-2"] = "H2" },
      body = '{"Code":"ExceedQPSLimit","Message":"slow","RequestId":"R","HostId":"H","EC":"0005-1"}',
    }, "throttled", false)
    assert.same({ "ExceedQPSLimit", "R", "H2" }, { err.code, err.request_id, err.host_id })
    bad(tos, "part", { status = 400, body = '{"Code":"InvalidArgument","EC":"0005-00000044"}' }, "corrupt", false)
    bad(tos, "part", { status = 400, headers = { ["x-tos-ec"] = "0005-00000044" } }, "corrupt", false)
    err = bad(tos, "head", { status = 404, headers = { ["x-tos-ec"] = "0017-00000003" } }, "missing", true)
    assert.equal("0017-00000003", err.code)
  end)

  it("names the place where the bucket is", function()
    local err = bad(s3, "head", { status = 301, headers = { ["x-amz-bucket-region"] = "eu-west-1" } }, "invalid", true)
    assert.equal('the bucket is in region eu-west-1: set region = "eu-west-1"', err.message)
    err = bad(s3, "list", { status = 400, body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message>"
      .. "<Region>eu-west-3</Region></Error>" }, "auth", true)
    assert.equal('the bucket is in region eu-west-3: set region = "eu-west-3"', err.message)
    err = bad(oss, "list", { status = 301, body = "<Error><Code>PermanentRedirect</Code>"
      .. "<Endpoint>oss-cn-x.aliyuncs.com</Endpoint></Error>" }, "invalid", true)
    assert.truthy(err.message:find('set endpoint = "oss-cn-x.aliyuncs.com"', 1, true))
    err = bad(s3, "list", { status = 307, headers = { location = "http://other/b?Signature=s3cret\27" } }, "invalid", true)
    assert.matches("sends haul elsewhere, to http://other/b, which it does not follow", err.message)
  end)

  it("of a HEAD with expired keys on S3 can be mended", function()
    bad(s3, "head", { status = 400 }, "auth", false)
    local err = bad(s3, "head", { status = 404, headers = { ["x-minio-error-code"] = "NoSuchBucket" } }, "missing", true)
    assert.equal("NoSuchBucket", err.code)
  end)

  it("that is no document of the provider is told by its status", function()
    for _, body in ipairs {
      "", "oops", "<html><Code>SlowDown</Code></html>", "<Error><Code>SlowDown</Code>", "{", "[1]", "{}", "<", "\0\0",
      '<!DOCTYPE x [<!ENTITY a "b">]><Error><Code>SlowDown</Code></Error>', ("<a>"):rep(40), ("["):rep(5000),
    } do
      local err = bad(s3, "list", { status = 404, body = body }, "missing", true)
      assert.equal("", err.code)
      assert.equal("HTTP 404: there is no such object, upload or bucket", err.message)
    end
  end)

  it("is printable whatever was sent", function()
    local err = bad(tos, "list", { status = 500, body = '{"Code":"A\\u001b[31m B\\u00e9","Message":"x\\r\\n\\u202ey"}' }, "server")
    assert.equal("A[31mB", err.code)
    assert.equal("A[31mB: x\\x0d\\x0a\\xe2\\x80\\xaey", err.message)
    err = bad(s3, "list", { status = 500, body = "<Error><Code>" .. ("C"):rep(5000) .. "</Code><Message>" .. ("é"):rep(5000)
      .. "</Message></Error>" }, "server")
    assert.equal(47, #err.code)
    assert.is_true(#err.message < 320)
  end)

  it("says how long to wait, within reason", function()
    local function wait(store, headers)
      headers = headers or {}
      return select(2, read(store, "list", { status = 503, headers = headers })).retry_after_ms
    end
    local date = "Mon, 15 Jul 2024 08:09:10 GMT"
    assert.equal(0, wait(s3))
    assert.equal(1000, wait(s3, { ["retry-after"] = "1" }))
    assert.equal(300000, wait(s3, { ["retry-after"] = "1000000000" }))
    assert.equal(300000, wait(s3, { ["retry-after"] = "9223372036854775807" }))
    assert.equal(0, wait(s3, { ["retry-after"] = "-5" }))
    assert.equal(0, wait(s3, { ["retry-after"] = "soon" }))
    assert.equal(20000, wait(s3, { ["retry-after"] = "Mon, 15 Jul 2024 08:09:30 GMT", date = date }))
    assert.equal(0, wait(s3, { ["retry-after"] = "Mon, 15 Jul 2024 08:09:00 GMT", date = date }))
    assert.equal(0, wait(s3, { ["retry-after"] = "Mon, 15 Jul 2024 08:09:30 GMT" }))
    assert.equal(300, wait(s3, { ["x-amz-retry-after"] = "300" }))
    assert.equal(250, wait(oss, { ["x-oss-qos-delay-time"] = "250", ["retry-after"] = "9" }))
    assert.equal(300000, wait(tos, { ["x-tos-qos-delay-time"] = "99999999" }))
  end)
end)

describe("the ETag of parts", function()
  it("is that of S3", function()
    local parts = { { etag = '"9bb58f26192e4ba00f01e2e7b136bbd8"' }, { etag = '"d41d8cd98f00b204e9800998ecf8427e"' } }
    assert.equal('"d05ce1f650561cad8433016f48b8418a-2"', wire.multipart_etag { parts = parts })
    parts[3] = { etag = '"opaque"' }
    assert.is_nil(wire.multipart_etag { parts = parts })
  end)
end)

describe("the answer with an object's tags", function()
  local function tags(store, body) return good(store, "get-tags", { body = body }).attributes.tags end

  it("has all of them", function()
    local body = "<Tagging xmlns='x'><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag>"
      .. "<Tag><Value/><Key>c</Key></Tag></TagSet></Tagging>"
    assert.equal("a%20b=1%262&c=", tags(s3, body))
    assert.equal("a%20b=1%262&c=", tags(oss, body))
    assert.equal("a=1&b=", tags(tos, '{"TagSet":{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":""}]}}'))
  end)

  it("may have none", function()
    assert.equal("", tags(s3, "<Tagging><TagSet/></Tagging>"))
    assert.equal("", tags(oss, "<Tagging><TagSet></TagSet></Tagging>"))
    assert.equal("", tags(tos, '{"TagSet":{"Tags":null}}'))
    assert.equal("", tags(tos, "{}"))
  end)

  it("is not taken from something else", function()
    bad(s3, "get-tags", { body = "<Other><TagSet/></Other>" }, "server")
    bad(s3, "get-tags", { body = "<Tagging><TagSet>" }, "server")
    bad(tos, "get-tags", { body = "[]" }, "server")
    local many = ("<Tag><Key>%s</Key><Value/></Tag>"):format(("k"):rep(30000)):rep(3)
    bad(s3, "get-tags", { body = "<Tagging><TagSet>" .. many .. "</TagSet></Tagging>" }, "server")
  end)
end)
