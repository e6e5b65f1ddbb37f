-- The modules of lua/ by themselves, with haul.core from the probe.
package.path = "tests/?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
local core = require "support.probe" "script".core()
local files = require "support.files"
package.preload["haul.core"] = function() return core end

local context = require "haul.context"
local credentials = require "haul.credentials"
local err = require "haul.err"
local json = require "haul.json"
local keys = require "haul.keys"
local place = require "haul.place"
local schema = require "haul.schema"
require "haul"

local function message_of(body, ...)
  local good, message = pcall(body, ...)
  assert.is_false(good)
  return tostring(message)
end

describe("the nearest word", function()
  local words = { "concurrency", "part_size", "rate", "retry", "on", "name" }
  for word, expected in pairs { concurency = "concurrency", partsize = "part_size", Rate = "rate", rte = "rate",
    oncurrencyc = "concurrency", nmae = "name" } do
    it("to " .. word, function() assert.equal(expected, err.nearest(word, words)) end)
  end
  for _, word in ipairs { "zebra", "", ("x"):rep(10000), "workers" } do
    it("to nothing: " .. word:sub(1, 20), function() assert.is_nil(err.nearest(word, words)) end)
  end
end)

describe("options", function()
  local definition = schema.define("test", {
    { "size", kind = "size", default = "1MiB", max = 1 << 30, doc = "a size" },
    { "count", kind = "integer", min = 1, max = 5, required = true, doc = "a count" },
    { "word", kind = "word", words = { "a", "b" }, doc = "a word" },
    { "flag", kind = "boolean", default = false, doc = "a flag" },
  })

  it("are checked and filled", function()
    assert.same({ size = 1048576, count = 3, flag = false }, schema.check(definition, { count = 3.0 }, "f:1"))
  end)

  it("are never read through a metatable", function()
    local trap = setmetatable({ count = 1 }, { __index = error, __pairs = error, __len = error })
    assert.equal(1, schema.check(definition, trap, "f:1").count)
  end)

  for text, options in pairs {
    ["test: option 'count' is missing (a count) at f:1"] = {},
    ["test: option 'count': 6 is not within 1 and 5 at f:1"] = { count = 6 },
    ["test: option 'count': a whole number is expected, not nan at f:1"] = { count = 0 / 0 },
    ["test: option 'size': 5 has no unit: write a size such as \"16MiB\" at f:1"] = { count = 1, size = 5 },
    ["test: option 'size': \"2GiB\" is too large: the most is 1.0 GiB at f:1"] = { count = 1, size = "2GiB" },
    ["test: option 'flag': true or false is expected, not \"yes\" at f:1"] = { count = 1, flag = "yes" },
    ["test: takes no entry without a name ([1]) at f:1"] = { count = 1, 5 },
    ["test: unknown option 'cuont' (did you mean 'count'?) at f:1"] = { cuont = 1 },
  } do
    it(text, function() assert.equal(text, (message_of(schema.check, definition, options, "f:1"):gsub("%-nan", "nan"))) end)
  end

  it("of every constructor have a line of help", function()
    for _, name in ipairs(schema.names()) do
      for line in schema.help(name):gmatch "[^\n]+" do assert.truthy(line:find "^  %S+ +%S") end
    end
  end)
end)

describe("keys", function()
  for _, key in ipairs { "a", "a/b", ".a", "..a", "a..", "a/...", "é", "\xff\xfe", " ", "a b", "-", "\n" } do
    it("may be " .. ("%q"):format(key), function() assert.is_nil(place.unsafe(key)) end)
  end
  for _, key in ipairs { "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/./b", "a/..", "../a", "a/../../b", "a\0" } do
    it("may not be " .. ("%q"):format(key), function() assert.is_string(place.unsafe(key)) end)
  end
  it("may be a hundred thousand", function()
    local list = {}
    for i = 1, 100000 do list[i] = ("%d/%d"):format(i % 100, i) end
    assert.same(list, keys.check(list))
    list[100001] = "7/7"
    local _, reason = keys.check(list)
    assert.equal('keys[7] and keys[100001] are both "7/7"', reason)
  end)
end)

describe("a family of backoff", function()
  local backoff = require "haul".backoff

  local function waits(wait)
    local list = {}
    for attempt = 1, 5 do list[attempt] = wait(attempt) end
    return list
  end

  it("waits so many seconds", function()
    assert.same({ 0.5, 1.0, 2.0, 4.0, 5.0 }, waits(backoff.exponential { cap = "5s", jitter = "none" }))
    assert.same({ 1.0, 2.0, 3.0, 4.0, 5.0 }, waits(backoff.linear { base = "1s", jitter = "none" }))
    assert.same({ 2.0, 2.0, 2.0, 2.0, 2.0 }, waits(backoff.fixed { base = "2s" }))
  end)

  it("leaves some of it to chance", function()
    for attempt = 1, 200 do
      assert.is_true(backoff.exponential { base = "1s", cap = "8s" }(attempt) <= 8)
      local half = backoff.fixed { base = "2s", jitter = "equal" }(attempt)
      assert.is_true(half >= 1 and half <= 2)
      local free = backoff.decorrelated { base = "1s", cap = "9s" }(attempt)
      assert.is_true(free >= 1 and free <= 9)
    end
    math.randomseed(5)
    local first = waits(backoff.decorrelated())
    math.randomseed(5)
    assert.same(first, waits(backoff.decorrelated()))
  end)

  it("says what is wrong", function()
    assert.matches("haul.backoff.fixed: unknown option 'cap'.* at .*lua_modules_spec.lua:%d+", message_of(function()
      local wait = backoff.fixed { cap = "5s" }
      return wait
    end))
    assert.matches("base is longer than cap at", message_of(function() return (backoff.linear { base = "1m" }) end))
    assert.matches("an attempt from 1 on is expected, not a table at", message_of(function() return (backoff.linear()({})) end))
  end)
end)

describe("the median", function()
  local median = require "haul".median
  it("is in the middle", function()
    assert.equal(3, median { 5, 1, 3 })
    assert.equal(2.5, median { 4, 1, 3, 2 })
    assert.equal(7, median { 7 })
    assert.is_nil(median {})
    local list = { 3, 1, 2 }
    median(list)
    assert.same({ 3, 1, 2 }, list)
  end)
  it("is of numbers", function()
    assert.matches("haul.median: %[2%]: a number is expected, not \"x\" at", message_of(function() return (median { 1, "x" }) end))
    assert.matches("a list of numbers is expected, not nil at", message_of(function() return (median()) end))
  end)
end)

describe("JSON", function()
  for text, value in pairs {
    ["9007199254740993"] = 9007199254740993, ["-9223372036854775808"] = math.mininteger, ["0.1"] = 0.1,
    ["[1,2]"] = { 1, 2 }, ["{}"] = {}, ['{"a":[true,"x/\\"y"]}'] = { a = { true, 'x/"y' } }, ["100000000000000"] = 10 ^ 14 | 0,
  } do
    it("writes " .. text, function() assert.equal(text, json.encode(value)) end)
  end
  it("reads whole numbers as integers", function()
    local value = json.decode '{"a": 5, "b": [1.5, 4503599627370497], "c": null}'
    assert.equal("integer", math.type(value.a))
    assert.same({ 1.5, 4503599627370497 }, value.b)
    assert.equal(json.null, value.c)
  end)
  it("writes empty lists that are marked", function()
    assert.equal('{"a":[],"b":{}}', json.encode { a = json.array {}, b = {} })
    assert.equal("[1]", json.encode(json.array { 1 }))
  end)
  it("brings lists and objects back as they were", function()
    for _, text in ipairs { "[]", "{}", '{"a":[],"b":[[],{}],"c":null}', "[null,1]", "true", '"x"', "[[[]]]" } do
      assert.equal(text, json.encode(json.decode(text)))
    end
    local list = json.decode "[1]"
    list[1] = nil
    assert.equal("[]", json.encode(list))
    assert.is_nil(getmetatable(list))
  end)
  for _, number in ipairs { "9007199254740993", "9223372036854775807", "-9223372036854775808", "100000000000001", "0", "-7" } do
    it("brings " .. number .. " back", function()
      assert.equal(math.tointeger(number), json.decode(number))
      assert.equal(number, json.encode(json.decode(number)))
      assert.equal('{"n":[' .. number .. "]}", json.encode(json.decode('{ "n" : [ ' .. number .. " ] }")))
    end)
  end
  it("brings floats back, all of their digits", function()
    for _, number in ipairs { 0.1, 1 / 3, math.pi, 2.0 ^ 60, 5e-324, 1.7976931348623157e308, -2.5e-10 } do
      assert.equal(number, json.decode(json.encode(number)))
    end
    assert.equal("integer", math.type(json.decode "1e3"))
  end)
  it("has the digits of what 64 bits do not hold as text", function()
    assert.equal("18446744073709551615", json.decode('{"crc64":18446744073709551615}').crc64)
    assert.equal("9223372036854775808", json.decode "9223372036854775808")
  end)
  it("reads strings as they are meant", function()
    assert.same({ "a\"b\\", "é€😀", "/", "\0", "\xff" },
      json.decode([==[ ["a\"b\\", "\u00e9\u20ac\ud83d\ude00", "\/", "\u0000", "]==] .. '\xff"]'))
  end)
  for _, text in ipairs { "[NaN]", "[Infinity]", "[0x10]", "{", "[1,]", ("["):rep(200), "", " ", "[1 2]", "01", "-", "1.", ".5",
    "1e", "1e400", "+1", "-a", "nan", "nul", "truex", "1 2", '{"a":1,"a":2}', '{"a":1,}', "{a:1}", '{"a"}', '"a', '"\\x"',
    '"\\ud800"', '"\n"', "[1}", '{"a":null,"a":1}', "1.5.5", "1-2" } do
    it("refuses to read " .. text:sub(1, 20), function()
      local good, message = pcall(json.decode, text)
      assert.is_false(good)
      assert.matches("^haul.json.decode: .* at byte %d+$", message)
    end)
  end
  it("refuses what is too large", function()
    assert.matches("larger than 16 MiB", select(2, pcall(json.decode, (" "):rep(16 << 20) .. "1")))
    assert.matches("larger than 16 MiB", select(2, pcall(json.encode, ("x"):rep(16 << 20))))
  end)
  it("refuses to write what has no form", function()
    local circle = {}
    circle.circle = circle
    for _, value in ipairs { 0 / 0, 1 / 0, print, circle, { [{}] = 1 }, { [true] = 1 }, { 1, nil, 3, x = 1 }, { [5] = 1 },
      json.array { 1, x = 2 }, json.array { x = 1 } } do
      assert.is_false((pcall(json.encode, value)))
    end
  end)
end)

describe("credentials", function()
  local env, home
  before_each(function()
    home = files.dir()
    files.mkdir(home .. "/.aws")
    env = { HOME = home }
    context.getenv = function(name) return env[name] end
  end)
  after_each(function() context.getenv = os.getenv end)

  local function write(name, text, mode)
    files.write(home .. "/.aws/" .. name, text)
    os.execute(("chmod %s %s/.aws/%s"):format(mode or "600", home, name))
  end

  it("are read from INI", function()
    assert.same({
      default = { aws_access_key_id = "AK", aws_secret_access_key = "a=b#c", region = "r" },
      ["profile x"] = { region = "eu", s3 = "" },
    }, credentials.ini [[
# comment
; comment
stray = 1
[default]
aws_access_key_id = AK
AWS_SECRET_ACCESS_KEY=a=b#c
region = r   # the region
[ profile x ]
s3 =
  addressing_style = path
region=eu
]])
  end)

  it("come from a profile, with region and endpoint of the config", function()
    write("credentials", "[work]\naws_access_key_id=AK\naws_secret_access_key=SK\naws_session_token=T\n")
    write("config", "[profile work]\nregion = eu-west-1\nendpoint_url = http://h:1\n[default]\nregion = d\n")
    local set = credentials.shared("f:1", "haul.s3", "work")
    assert.same({ true, "AK", "SK", "T", "eu-west-1", "http://h:1" },
      { set.found, set.access_key, set.secret_key, set.token, set.region, set.endpoint })
    assert.equal("eu-west-1", credentials.setting("f:1", "haul.s3", "s3", "region", "work"))
    assert.equal("d", credentials.setting("f:1", "haul.s3", "s3", "region"))
    env.AWS_REGION, env.AWS_ENDPOINT_URL, env.AWS_ENDPOINT_URL_S3 = "us-west-2", "http://any", "http://s3"
    assert.equal("us-west-2", credentials.setting("f:1", "haul.s3", "s3", "region"))
    assert.equal("http://s3", credentials.setting("f:1", "haul.s3", "s3", "endpoint"))
  end)

  it("may be in files of other names", function()
    write("other", "[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n")
    env.AWS_SHARED_CREDENTIALS_FILE = home .. "/.aws/other"
    assert.equal("AK", credentials.shared("f:1", "haul.s3", "default").access_key)
  end)

  it("are looked up in order", function()
    local function find(...) return credentials.find("f:1", "haul.s3", "s3", ...) end
    assert.truthy(message_of(find):find("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", 1, true))
    write("credentials", "[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n[half]\naws_access_key_id=AK\n")
    assert.equal("credentials", tostring(find()))
    env.AWS_ACCESS_KEY_ID = "EK"
    assert.truthy(message_of(find):find("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", 1, true))
    env.AWS_SECRET_ACCESS_KEY = "ES"
    assert.equal("credentials", tostring(find()))
    assert.truthy(message_of(find, { profile = "half" }):find("'secret_key' is missing", 1, true))
    assert.truthy(message_of(find, nil, "nobody"):find('no profile "nobody"', 1, true))
    assert.equal("credentials", tostring(find "anonymous"))
    env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_PROFILE = nil, nil, "nobody"
    assert.truthy(message_of(find):find('no profile "nobody"', 1, true))
  end)

  it("of each provider have names of their own", function()
    env.OSS_ACCESS_KEY_ID, env.OSS_ACCESS_KEY_SECRET = "A", "S"
    assert.equal("credentials", tostring(credentials.find("f:1", "haul.oss", "oss")))
    env.TOS_ACCESS_KEY, env.TOS_SECRET_KEY = "A", "S"
    assert.equal("credentials", tostring(credentials.find("f:1", "haul.tos", "tos")))
  end)

  it("are not taken from what is no file of ours", function()
    files.mkdir(home .. "/.aws/credentials")
    assert.truthy(message_of(credentials.shared, "f:1", "haul.s3", "default"):find("not a regular file", 1, true))
  end)

  it("that others can read are warned of", function()
    local warned
    local warn = context.warn
    context.warn = function(text, ...) warned = text:format(...) end
    write("credentials", "[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n", "644")
    credentials.shared("f:1", "haul.s3", "default")
    context.warn = warn
    assert.truthy(warned:find("can be read by others: chmod 600 it", 1, true))
  end)
end)
