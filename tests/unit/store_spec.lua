package.path = "tests/?.lua;" .. package.path
local wire = require "support.probe" "wire"

-- kind, options, host, region, in the path, https
local table_of_stores = {
  { "s3", { region = "us-west-2" }, "data.s3.us-west-2.amazonaws.com", "us-west-2" },
  { "s3", { region = "cn-north-1" }, "data.s3.cn-north-1.amazonaws.com.cn", "cn-north-1" },
  { "s3", { region = "us-west-2", bucket = "a.b.c" }, "s3.us-west-2.amazonaws.com", "us-west-2", true },
  { "s3", { region = "us-west-2", addressing = "path" }, "s3.us-west-2.amazonaws.com", "us-west-2", true },
  { "s3", { endpoint = "s3.eu-central-1.amazonaws.com" }, "data.s3.eu-central-1.amazonaws.com", "eu-central-1" },
  { "s3", { endpoint = "s3-eu-west-1.amazonaws.com" }, "data.s3-eu-west-1.amazonaws.com", "eu-west-1" },
  { "s3", { endpoint = "s3.dualstack.eu-west-1.amazonaws.com" }, "data.s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1" },
  { "s3", { endpoint = "s3.cn-north-1.amazonaws.com.cn" }, "data.s3.cn-north-1.amazonaws.com.cn", "cn-north-1" },
  { "s3", { endpoint = "s3.amazonaws.com" }, "data.s3.amazonaws.com", "us-east-1" },
  { "s3", { endpoint = "s3-accelerate.amazonaws.com", region = "eu-west-1" }, "data.s3-accelerate.amazonaws.com", "eu-west-1" },
  { "s3", { endpoint = "s3.eu-central-1.amazonaws.com", region = "eu-west-3" }, "data.s3.eu-central-1.amazonaws.com",
    "eu-west-3" },
  { "s3", { endpoint = "http://127.0.0.1:9000" }, "127.0.0.1:9000", "us-east-1", true, false },
  { "s3", { endpoint = "http://[::1]:9000" }, "[::1]:9000", "us-east-1", true, false },
  { "s3", { endpoint = "http://localhost:9000", region = "default" }, "localhost:9000", "default", true, false },
  { "s3", { endpoint = "https://minio.example.com:9000" }, "data.minio.example.com:9000", "us-east-1" },
  { "s3", { endpoint = "https://minio.example.com", addressing = "path" }, "minio.example.com", "us-east-1", true },
  { "s3", { endpoint = "http://minio.example.com", bucket = "a.b" }, "a.b.minio.example.com", "us-east-1", false, false },
  { "s3", { endpoint = "https://minio.example.com", bucket = "a.b" }, "minio.example.com", "us-east-1", true },
  { "s3", { endpoint = "https://minio.example.com", bucket = "My_Data" }, "minio.example.com", "us-east-1", true },
  { "s3", { endpoint = "https://files.example.com", addressing = "cname" }, "files.example.com", "us-east-1" },
  { "s3", { endpoint = "http://h:80" }, "data.h", "us-east-1", false, false },
  { "oss", { region = "cn-hangzhou" }, "data.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou" },
  { "oss", { region = "oss-cn-hangzhou" }, "data.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou" },
  { "oss", { endpoint = "oss-cn-beijing-internal.aliyuncs.com" }, "data.oss-cn-beijing-internal.aliyuncs.com", "cn-beijing" },
  { "oss", { endpoint = "https://oss-cn-beijing.aliyuncs.com" }, "data.oss-cn-beijing.aliyuncs.com", "cn-beijing" },
  { "oss", { endpoint = "cn-beijing.oss.aliyuncs.com" }, "data.cn-beijing.oss.aliyuncs.com", "cn-beijing" },
  { "oss", { endpoint = "oss-accelerate.aliyuncs.com", region = "cn-beijing" }, "data.oss-accelerate.aliyuncs.com",
    "cn-beijing" },
  { "oss", { endpoint = "http://10.0.0.1:8080", region = "r" }, "10.0.0.1:8080", "r", true, false },
  { "oss", { endpoint = "http://10.0.0.1", sign_v1 = true }, "10.0.0.1", "", true, false },
  { "oss", { endpoint = "static.example.com", addressing = "cname", region = "cn-beijing" }, "static.example.com",
    "cn-beijing" },
  { "tos", { region = "cn-beijing" }, "data.tos-cn-beijing.volces.com", "cn-beijing" },
  { "tos", { endpoint = "tos-cn-guangzhou.ivolces.com" }, "data.tos-cn-guangzhou.ivolces.com", "cn-guangzhou" },
  { "tos", { endpoint = "http://127.0.0.1:9000", region = "cn-beijing" }, "127.0.0.1:9000", "cn-beijing", true, false },
}

describe("a store", function()
  for _, case in ipairs(table_of_stores) do
    local kind, options, host, region, in_path, https = table.unpack(case, 1, 6)
    it(("%s %s %s"):format(kind, options.endpoint or options.region, options.bucket or ""), function()
      options.kind = kind
      options.bucket = options.bucket or "data"
      local store, err = wire.resolve(options)
      assert(store, err and err.message)
      assert.equal(host, store.host)
      assert.equal(region, store.region)
      assert.equal(in_path or false, store.in_path)
      assert.equal(https ~= false, store.https)
      assert.equal(("%s://%s"):format(kind, options.bucket), store.name)
    end)
  end

  -- kind, options, the option that is named, what else is said
  local refused = {
    { "s3", {}, "region" },
    { "oss", {}, "region" },
    { "tos", {}, "region" },
    { "oss", { endpoint = "https://oss.example.com" }, "region" },
    { "oss", { endpoint = "oss-accelerate.aliyuncs.com" }, "region" },
    { "tos", { endpoint = "http://127.0.0.1" }, "region" },
    { "s3", { endpoint = "s3-accelerate.amazonaws.com" }, "region" },
    { "s3", { region = "us west" }, "region" },
    { "s3", { region = "" }, "region" },
    { "s3", { region = "a/b" }, "region" },
    { "tos", { endpoint = "tos-s3-cn-beijing.volces.com" }, "endpoint", "S3 protocol" },
    { "s3", { endpoint = "https://u:p@h" }, "endpoint" },
    { "s3", { endpoint = "https://h/data" }, "endpoint" },
    { "oss", { endpoint = "data.oss-cn-beijing.aliyuncs.com" }, "endpoint", "leave the bucket out" },
    { "s3", { endpoint = "data.s3.us-west-2.amazonaws.com" }, "endpoint", "leave the bucket out" },
    { "s3", { endpoint = "http://127.0.0.1", addressing = "virtual" }, "addressing" },
    { "s3", { region = "us-west-2", sign_v1 = true }, "signature" },
    { "s3", { region = "us-west-2", bucket = "" }, "bucket" },
    { "s3", { region = "us-west-2", bucket = "ab" }, "bucket" },
    { "s3", { endpoint = "s3.us-west-2.amazonaws.com", bucket = "My_Data" }, "bucket" },
    { "s3", { region = "us-west-2", bucket = "Data" }, "bucket" },
    { "s3", { region = "us-west-2", bucket = ("a"):rep(64) }, "bucket" },
    { "s3", { region = "us-west-2", bucket = "a..b" }, "bucket" },
    { "s3", { region = "us-west-2", bucket = "-ab" }, "bucket" },
    { "s3", { region = "us-west-2", bucket = "abc/" }, "bucket" },
    { "s3", { region = "us-west-2", bucket = "a\nb" }, "bucket" },
    { "s3", { endpoint = "http://h", bucket = "a/../b" }, "bucket" },
    { "oss", { region = "cn-beijing", bucket = "a.b.c" }, "bucket" },
  }
  for _, case in ipairs(refused) do
    local kind, options, option, words = table.unpack(case, 1, 4)
    it(("%s without sense names %s: %s %s"):format(kind, option, options.endpoint or options.region, options.bucket), function()
      options.kind = kind
      options.bucket = options.bucket or "data"
      local store, err = wire.resolve(options)
      assert.is_nil(store)
      assert.equal("invalid", err.kind)
      assert.equal(option, err.message:match "^(%w+): ")
      if words then assert.truthy(err.message:find(words, 1, true)) end
    end)
  end
end)

describe("a web store", function()
  -- URL, host, base, name
  local cases = {
    { "https://h.example.com", "h.example.com", "/", "https://h.example.com/" },
    { "http://127.0.0.1:8080/a/b", "127.0.0.1:8080", "/a/b/", "http://127.0.0.1:8080/a/b/" },
    { "https://H.example.com:443/a%20b/c d/ü/", "h.example.com", "/a%20b/c%20d/%C3%BC/", "https://h.example.com/a%20b/c%20d/%C3%BC/" },
    { "http://h:80//x/../(y)@z;v=1/100%/", "h", "//x/../(y)@z;v=1/100%25/", "http://h//x/../(y)@z;v=1/100%25/" },
    { "http://[::1]:81/", "[::1]:81", "/", "http://[::1]:81/" },
  }
  for _, case in ipairs(cases) do
    it("is resolved from " .. case[1], function()
      local store, err = wire.resolve { kind = "web", endpoint = case[1] }
      assert(store, err and err.message)
      assert.same({ case[2], case[3], case[4], case[1]:find "^https" ~= nil, false },
        { store.host, store.base, store.name, store.https, store.in_path })
    end)
  end

  -- URL, the option that is named, what is never said
  local refused = {
    { "https://u:secret@h/", "url", "secret" }, { "https://secret@h/x/", "url", "secret" }, { "u:secret@h/x", "url", "secret" },
    { "https://h/?token=secret", "url", "secret" }, { "https://h/a#secret", "url", "secret" }, { "ftp://h/?secret", "url", "secret" },
    { "https://h h/?secret", "url", "secret" }, { "https:///a/", "url" }, { "file:///etc/", "url" }, { "", "url" },
    { "https://h:99999/", "url" }, { "https://h/" .. ("x"):rep(4000), "url" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1]:sub(1, 40), function()
      local store, err = wire.resolve { kind = "web", endpoint = case[1] }
      assert.is_nil(store)
      assert.equal("invalid", err.kind)
      assert.equal(case[2], err.message:match "^(%w+): ")
      if case[3] then assert.is_nil(err.message:find(case[3], 1, true), err.message) end
    end)
  end

  it("has neither bucket nor region nor addressing", function()
    for _, option in ipairs { "bucket", "region", "addressing" } do
      local _, err = wire.resolve { kind = "web", endpoint = "https://h/", [option] = "path" }
      assert.equal(option, err.message:match "^(%w+): ")
    end
    assert.equal("url", select(2, wire.resolve { kind = "web" }).message:match "^(%w+): ")
  end)
end)
