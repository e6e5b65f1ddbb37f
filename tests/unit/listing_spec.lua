-- Pages of lists, good and hostile, of every provider.
package.path = "tests/?.lua;" .. package.path
local wire = require "support.probe" "wire"
local cjson = require "cjson"

local s3 = { kind = "s3", bucket = "data", region = "us-west-2" }
local oss = { kind = "oss", bucket = "data", region = "cn-beijing" }
local tos = { kind = "tos", bucket = "data", region = "cn-beijing" }

local function entry(key, size)
  return ("<Contents><Key>%s</Key><LastModified>2024-07-15T08:09:10.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
    .. "<Size>%s</Size><Owner><ID>x</ID></Owner></Contents>"):format(key, size or "1")
end

local function page(content, truncated, more)
  return "<?xml version='1.0' encoding='UTF-8'?>\n<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Name>data"
    .. "</Name><IsTruncated>" .. (truncated or "false") .. "</IsTruncated>" .. (more or "") .. content .. "</ListBucketResult>"
end

local url = "<EncodingType>url</EncodingType>"

local function list(body, call, store)
  call = call or {}
  call.call = call.call or "list"
  return wire.read(store or s3, call, { body = body })
end

local function good(...)
  local answer, err = list(...)
  assert(answer, err and err.message)
  return answer.listing
end

local function bad(words, ...)
  local answer, err = list(...)
  assert.is_nil(answer)
  assert.equal("server", err.kind)
  assert.is_false(err.final)
  assert.truthy(err.message:find(words, 1, true), err.message)
end

local function keys(listing)
  local all = {}
  for i, e in ipairs(listing) do all[i] = e.key end
  return all
end

describe("a page of objects", function()
  it("is read", function()
    local listing = good(page(entry("a", "0") .. entry("b/", "50000000000000")))
    assert.same({ key = "a", size = 0, mtime_ns = 1721030950000000000, etag = '"e"' }, listing[1])
    assert.equal(50000000000000, listing[2].size)
    assert.is_nil(listing.next_token)
    assert.equal(2, #listing)
  end)

  it("may be empty", function()
    assert.equal(0, #good(page ""))
    assert.equal(0, #good('{"Name":"data","IsTruncated":false,"KeyCount":0}', {}, tos))
    assert.equal(0, #good('{"Name":"data","MaxKeys":1000,"Contents":null}', {}, tos))
  end)

  it("goes on with a token that is kept as it came", function()
    local more = url .. "<NextContinuationToken>a%2Bb+c/=</NextContinuationToken>"
    assert.equal("a%2Bb+c/=", good(page(entry "a", "true", more)).next_token)
    assert.is_nil(good(page(entry "a", "false", more)).next_token)
  end)

  it("has its keys decoded where they are encoded, wherever that is said", function()
    assert.same({ "a b", "a+b", "é", "\xff" }, keys(good(page(url .. entry "a+b" .. entry "a%2Bb" .. entry "%C3%A9"
      .. entry "%ff"))))
    assert.same({ "a b" }, keys(good(page(entry "a%20b" .. url))))
    assert.same({ "a%20b", "a+b" }, keys(good(page(entry "a%20b" .. entry "a+b"))))
    assert.same({ "\r\n\1" }, keys(good(page(entry "%0D%0A%01", "false", url))))
    assert.same({ "a&<b" }, keys(good(page(entry "a&amp;&#60;b"))))
  end)

  it("shows a key with a NUL without losing it", function()
    local listing = good(page(entry "a" .. entry "a%00b%1B" .. entry "b", "false", url))
    assert.same({ "a", "a\\x00b\\x1b", "b" }, keys(listing))
    assert.same({ nil, "n", nil }, { listing[1].special, listing[2].special, listing[3].special })
  end)

  it("of OSS is the same", function()
    local body = page(entry "a%2Fb" .. entry "a%2Fc", "true", url .. "<NextContinuationToken>CgJiYw--</NextContinuationToken>")
    local listing = good(body, { prefix = "a/" }, oss)
    assert.same({ "a/b", "a/c" }, keys(listing))
    assert.equal("CgJiYw--", listing.next_token)
  end)

  it("of TOS is JSON", function()
    local listing = good(cjson.encode {
      Name = "data", EncodingType = "url", IsTruncated = true, NextContinuationToken = "t", Contents = {
        { Key = "a+b", Size = 5, ETag = '"e"', LastModified = "2024-07-15T08:09:10.000Z", HashCrc64Ecma = "11051210869376104954",
          Owner = { ID = "x" } },
        { Key = "b%2Fc", Size = 0, ETag = '"f"', LastModified = "2024-07-15T08:09:10Z" },
      },
    }, {}, tos)
    assert.same({ "a b", "b/c" }, keys(listing))
    assert.equal(1721030950000000000, listing[1].mtime_ns)
    assert.equal("t", listing.next_token)
  end)

  it("keeps integers exact", function()
    local text = '{"KeyCount":1,"Contents":[{"Key":"a","Size":%s}]}'
    assert.equal(9007199254740993 % 50000000000000, good(text:format(9007199254740993 % 50000000000000), {}, tos)[1].size)
    for _, size in ipairs { "9223372036854775808", "-1", "1.5", "1e3", '"x"', '""', "9007199254740993" } do
      assert.is_nil((list(text:format(size), {}, tos)))
    end
  end)
end)

describe("a hostile page", function()
  it("is not taken when it is no document", function()
    local whole = page(entry "a" .. entry "b")
    for n = 0, #whole - 1, 7 do assert.is_nil((list(whole:sub(1, n)))) end
    bad("not a complete XML", whole .. "x")
    bad("not a complete XML", "garbage")
    bad("not a complete XML", page(entry "a\1"))
    bad("not a complete XML", page(entry "a\xff"))
    bad("is empty", "")
    bad("is empty", "  \n")
    bad("is a \"html\"", "<html><body/></html>")
    bad("is a \"Error\"", "<Error><Code>InternalError</Code></Error>")
    bad("not a list", "<ListBucketResult></ListBucketResult>")
  end)

  it("with a document type is refused", function()
    local bomb = [[<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>]]
    bad("document type", bomb .. "<ListBucketResult><Name>&b;</Name></ListBucketResult>")
    bad("document type", [[<!DOCTYPE l SYSTEM "file:///etc/passwd"><ListBucketResult/>]])
    bad("document type", "<!DOCTYPE html><html/>")
    bad("not a complete XML", "<ListBucketResult><Name>&undefined;</Name></ListBucketResult>")
  end)

  it("is not deeper or longer than anything real", function()
    bad("too deep", ("<a>"):rep(17) .. ("</a>"):rep(17))
    good(page("<x>" .. ("<y>"):rep(13) .. ("</y>"):rep(13) .. "</x>"))
    bad("too long", page(entry(("k"):rep(17000))))
    bad("too long", page("<x><y><z>" .. ("k"):rep(17000) .. "</z></y></x>"))
    bad("too long", page(entry(("k"):rep(1025))))
    good(page(entry(("k"):rep(1024))))
    good(page(entry(("%01"):rep(1024), "1"), "false", url))
    bad("too long", page(entry(("%01"):rep(1025), "1"), "false", url))
    bad("too long", page(entry "a", "true", "<NextContinuationToken>" .. ("t"):rep(4097) .. "</NextContinuationToken>"))
    bad("too long", page("<Contents><Key>a</Key><Size>1</Size><ETag>" .. ("e"):rep(160) .. "</ETag></Contents>"))
  end)

  it("in JSON is refused as well", function()
    for _, body in ipairs {
      "", "{", "[]", "null", "7", '"x"', '{"a":1,"a":2}', '{"KeyCount":1e999}', '{"KeyCount":NaN}', "{}", '{"Contents":[]}',
      '{"KeyCount":0,"Contents":[1]}', '{"KeyCount":0,"Contents":["x"]}', '{"KeyCount":0} x', '{"a":"\\u0000"}', "{'a':1}",
      '{"a":' .. ("["):rep(40) .. ("]"):rep(40) .. "}", ('{"a":'):rep(100000), '{"a":"\xff"}',
      '{"KeyCount":1,"Contents":[{"Key":"' .. ("k"):rep(17000) .. '","Size":1}]}',
    } do
      local answer, err = list(body, {}, tos)
      assert.is_nil(answer)
      assert.equal("server", err.kind)
    end
    assert.equal(0, #good('{"KeyCount":0,"x":' .. ("["):rep(31) .. ("]"):rep(31) .. "}", {}, tos))
  end)

  it("without order or with a key twice is refused", function()
    bad("not in order", page(entry "b" .. entry "a"))
    bad("not in order", page(entry "a" .. entry "a"))
    bad("not in order", page(entry "a%2B" .. entry "a+", "false", url))
    bad("not in order", page(entry "a%00b" .. entry "a%00a", "false", url))
    good(page(entry "a-" .. entry "a/" .. entry "a/b" .. entry "é"))
    good(page(entry "a" .. entry "a%00" .. entry "a%00%00", "false", url))
  end)

  it("with keys outside the prefix is refused", function()
    bad("outside the prefix", page(entry "a/b" .. entry "b"), { prefix = "a/" })
    bad("outside the prefix", page(entry "a"), { prefix = "a/" })
    bad("outside the prefix", page(entry "A/b"), { prefix = "a/" })
    good(page(entry "a/" .. entry "a/b"), { prefix = "a/" })
  end)

  it("with impossible sizes is refused", function()
    for _, size in ipairs { "-1", "9223372036854775808", "9223372036854775807", "50000000000000000", "x", "1.0", " 1", "+1", "" } do
      bad("impossible size", page(entry("a", size)))
    end
  end)

  it("with half an entry is refused", function()
    bad("without a key", page "<Contents><Size>1</Size></Contents>")
    bad("without a key", page "<Contents></Contents>")
    bad("without a key", page(entry ""))
    bad("no size", page "<Contents><Key>a</Key></Contents>")
    bad("a second key", page "<Contents><Key>a</Key><Key>b</Key><Size>1</Size></Contents>")
    bad("wrongly encoded", page(entry "%zz", "false", url))
    bad("wrongly encoded", page(entry "a%", "false", url))
  end)

  it("that cannot go on, or goes in a circle, is refused", function()
    bad("no token", page(entry "a", "true"))
    bad("no token", page(entry "a", "true", "<NextContinuationToken/>"))
    bad("same token", page(entry "a", "true", "<NextContinuationToken>t</NextContinuationToken>"), { token = "t" })
    bad("IsTruncated", page(entry "a", "maybe"))
    bad("a second token", page("", "true", "<NextContinuationToken>t</NextContinuationToken>"
      .. "<NextContinuationToken>u</NextContinuationToken>"))
  end)
end)

describe("a page with a delimiter", function()
  local function prefixes(list_of, more)
    local text = more or ""
    for _, each in ipairs(list_of) do text = text .. "<CommonPrefixes><Prefix>" .. each .. "</Prefix></CommonPrefixes>" end
    return text
  end

  it("has what stands for the keys below", function()
    local names = {}
    for i = 1, 9 do names[i] = "a/" .. i .. "+%2F/" end
    local listing = good(page(entry "a/" .. prefixes(names), "false", url .. "<Prefix>a/</Prefix>"),
      { prefix = "a/", delimiter = "/" })
    assert.same({ "a/" }, keys(listing))
    assert.equal(9, #listing.prefixes)
    assert.same({ "a/1 //", "a/9 //" }, { listing.prefixes[1], listing.prefixes[9] })
    assert.same({ "a/", "b/" }, good('{"IsTruncated":false,"CommonPrefixes":[{"Prefix":"a/"},{"Prefix":"b/"}]}', {}, tos).prefixes)
    assert.same({ "a/" }, good("<ListBucketResult>" .. prefixes { "a/" } .. "</ListBucketResult>").prefixes)
    assert.same({}, good(page "").prefixes)
  end)

  it("is refused for the same reasons", function()
    bad("not in order", page(prefixes { "b/", "a/" }))
    bad("not in order", page(prefixes { "a/", "a/" }))
    bad("outside the prefix", page(prefixes { "b/" }), { prefix = "a/" })
    bad("NUL", page(prefixes { "a%00/" }, "false", url))
    bad("wrongly encoded", page(prefixes { "a%/" }, "false", url))
  end)
end)

describe("a page of uploads", function()
  local function uploads(content, truncated, more)
    return "<ListMultipartUploadsResult><IsTruncated>" .. (truncated or "false") .. "</IsTruncated>" .. (more or "") .. content
      .. "</ListMultipartUploadsResult>"
  end
  local function upload(key, id)
    return ("<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>2024-07-15T08:09:10.000Z</Initiated></Upload>"):format(key, id)
  end
  local call = { call = "list-uploads", prefix = "a" }

  it("is read, several of one key too", function()
    local listing = good(uploads(upload("a+b", "u2") .. upload("a+b", "u1"), "true", url
      .. "<NextKeyMarker>a+b</NextKeyMarker><NextUploadIdMarker>u+1</NextUploadIdMarker>"), call)
    assert.same({ "a b", "a b" }, keys(listing))
    assert.equal("u2", listing[1].upload_id)
    assert.equal(1721030950000000000, listing[1].mtime_ns)
    assert.same({ "a b", "u+1" }, { listing.next_token, listing.next_upload_id })
    listing = good('{"IsTruncated":false,"Uploads":[{"Key":"a","UploadId":"u","Initiated":"2024-07-15T08:09:10Z"}]}', call, tos)
    assert.equal("u", listing[1].upload_id)
  end)

  it("is refused for the same reasons", function()
    bad("no upload id", uploads "<Upload><Key>a</Key></Upload>", call)
    bad("outside the prefix", uploads(upload("b", "u")), call)
    bad("no token", uploads(upload("a", "u"), "true"), call)
    local again = { call = "list-uploads", prefix = "a", token = "a", upload_marker = "u" }
    local same = "<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>"
    bad("same token", uploads(upload("a", "u"), "true", same), again)
    good(uploads(upload("a", "u"), "true", (same:gsub("u<", "v<"))), again)
    bad("no key", uploads(upload("a", "u"), "true", url .. "<NextKeyMarker>a%00</NextKeyMarker>"), call)
  end)
end)

describe("a page of parts", function()
  local function parts(content, truncated, more)
    return "<ListPartsResult><UploadId>u</UploadId><IsTruncated>" .. (truncated or "false") .. "</IsTruncated>" .. (more or "")
      .. content .. "</ListPartsResult>"
  end
  local function part(number, size, more)
    return ("<Part><PartNumber>%s</PartNumber><ETag>&quot;e%s&quot;</ETag><Size>%s</Size>%s</Part>")
      :format(number, number, size or 1, more or "")
  end
  local function read(body, token, store)
    return list(body, { call = "list-parts", key = "k", upload_id = "u", token = token }, store)
  end

  it("is read", function()
    local answer = read(parts(part(1, 5, "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>") .. part(10000, 0), "true",
      "<NextPartNumberMarker>10000</NextPartNumberMarker>"), "3")
    assert.same({ number = 1, size = 5, etag = '"e1"', sum_kind = "crc32c", sum = "00000000e3069283" }, answer.parts[1])
    assert.equal(10000, answer.parts[2].number)
    assert.equal("10000", answer.next_token)
    answer = read(parts(part(1, 5, "<HashCrc64ecma>11051210869376104954</HashCrc64ecma>")), nil, oss)
    assert.same({ "crc64", "995dc9bbdf1939fa" }, { answer.parts[1].sum_kind, answer.parts[1].sum })
    answer = read('{"IsTruncated":true,"NextPartNumberMarker":2,"Parts":[{"PartNumber":2,"ETag":"\\"e\\"","Size":7}]}', nil, tos)
    assert.same({ 2, 7, '"e"', "2" }, { answer.parts[1].number, answer.parts[1].size, answer.parts[1].etag, answer.next_token })
    assert.equal(0, #read(parts "").parts)
    assert.is_nil(read(parts("", "false", "<NextPartNumberMarker>0</NextPartNumberMarker>")).next_token)
  end)

  it("is refused where it makes no sense", function()
    for _, body in ipairs {
      "", parts(part(2) .. part(1)), parts(part(1) .. part(1)), parts(part(0)), parts(part(10001)), parts(part "x"),
      parts(part(1, -1)), parts "<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>",
      parts "<Part><PartNumber>1</PartNumber><Size>1</Size></Part>", parts "<Part><Size>1</Size><ETag>e</ETag></Part>",
      parts(part(1), "true"), parts(part(1), "true", "<NextPartNumberMarker>0</NextPartNumberMarker>"),
      parts(part(1), "true", "<NextPartNumberMarker>x</NextPartNumberMarker>"), "<Error/>", "<ListPartsResult/>",
      "<ListPartsResult>" .. part(1) .. "</ListPartsResul>",
    } do
      local answer, err = read(body)
      assert.is_nil(answer)
      assert.equal("server", err.kind)
    end
    assert.is_nil((read(parts(part(1), "true", "<NextPartNumberMarker>5</NextPartNumberMarker>"), "5")))
    assert.is_nil((read("{}", nil, tos)))
  end)
end)

describe("the answer to deleting many", function()
  local function failed(body, asked, store)
    local answer, err = list(body, { call = "delete-many", keys = asked }, store)
    assert(answer, err and err.message)
    local all = {}
    for _, e in ipairs(answer.listing) do all[#all + 1] = e.key .. "=" .. e.etag end
    return all
  end

  it("says which keys failed, and why", function()
    assert.same({ "b=AccessDenied", "c=NotDeleted" }, failed("<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key>"
      .. "<Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>", { "a", "b", "c" }))
    assert.same({}, failed("<DeleteResult><Deleted><Key>b</Key></Deleted><Deleted><Key>a</Key></Deleted></DeleteResult>",
      { "a", "b" }))
    assert.same({ "b=NotDeleted" }, failed("<DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a+%2B</Key></Deleted>"
      .. "</DeleteResult>", { "a +", "b" }, oss))
    assert.same({ "b=X" }, failed('{"Deleted":[{"Key":"a"}],"Error":[{"Key":"b","Code":"X","Message":"m"}]}', { "a", "b" }, tos))
    assert.same({ "a=NotDeleted" }, failed("{}", { "a" }, tos))
    assert.same({}, failed("<DeleteResult><Error><Key>a</Key><Code>NoSuchKey</Code></Error></DeleteResult>", { "a" }))
    assert.same({ "a=X" }, failed("<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>a</Key><Code>X</Code></Error>"
      .. "</DeleteResult>", { "a" }))
  end)

  it("is refused where it is none", function()
    for _, body in ipairs { "", "<Error><Code>InternalError</Code></Error>", "<DeleteResult>", "<a/>" } do
      assert.is_nil((list(body, { call = "delete-many", keys = { "a" } })))
    end
  end)
end)
