-- Patterns over keys, and which objects a task takes.
local select = require "support.probe" "select"

describe("a pattern", function()
  -- pattern -> keys that match, keys that do not
  local cases = {
    ["*.jpg"] = { { "a.jpg", "x/y/a.jpg", ".jpg", "\xff.jpg" }, { "a.jpg/b", "a.jpeg", "ajpg", "a.JPG" } },
    ["a?c"] = { { "abc", "x/a\xffc" }, { "ac", "a/c", "abbc" } },
    ["/a"] = { { "a" }, { "x/a", "a/b", "aa" } },
    ["/*.txt"] = { { "a.txt" }, { "x/a.txt" } },
    ["a/b"] = { { "a/b" }, { "x/a/b", "a/b/c", "b" } },
    ["a/*"] = { { "a/b", "a/" }, { "a/b/c", "a" } },
    ["a/**"] = { { "a/b", "a/b/c", "a/" }, { "a", "b/a/c" } },
    ["**/b"] = { { "b", "a/b", "x/a/b" }, { "ab", "b/c", "a/xb" } },
    ["a/**/b"] = { { "a/b", "a/x/b", "a/x/y/b" }, { "ab", "a/xb", "a/b/c" } },
    ["a/**b"] = { { "a/b", "a/xb", "a/x/yb" }, { "a/bc" } },
    ["**"] = { { "a", "a/b", "a/b/" }, {} },
    ["tmp/"] = { { "tmp/a", "x/tmp/a/b", "tmp/", "/tmp/a" }, { "tmp", "xtmp/a", "tmpx/a", "x/tmp" } },
    ["/tmp/"] = { { "tmp/a", "tmp/x/y" }, { "x/tmp/a", "tmp" } },
    ["x/tmp/"] = { { "x/tmp/a" }, { "y/x/tmp/a", "x/tmp" } },
    ["*.d/"] = { { "a.d/b", "x/y.d/z/b" }, { "a.d", "x/a.de/b" } },
    ["a/**/"] = { { "a/x/y" }, { "a/y", "b/a/x/y" } },
    ["/"] = { { "a", "a/b", "" }, {} },
    ["[a-c]x"] = { { "ax", "cx", "d/bx" }, { "dx", "x", "-x" } },
    ["[!a-c]x"] = { { "dx", "\xffx" }, { "ax", "x" } },
    ["[^a]"] = { { "b" }, { "a" } },
    ["[]a]"] = { { "]", "a" }, { "b" } },
    ["[!]]"] = { { "a" }, { "]" } },
    ["[a-]"] = { { "a", "-" }, { "b" } },
    ["[\\]x]"] = { { "]", "x" }, { "\\" } },
    ["[*?]"] = { { "*", "?" }, { "a" } },
    ["a[!b]c/d"] = { { "axc/d" }, { "a/c/d", "abc/d" } },
    ["{a,b}c"] = { { "ac", "x/bc" }, { "c", "abc", "{a,b}c" } },
    ["*.{jpg,jp{e,}g,}"] = { { "a.jpg", "a.jpeg", "a." }, { "a", "a.png" } },
    ["{a/b,c}/d"] = { { "a/b/d", "c/d" }, { "b/d", "x/c/d" } },
    ["{**/x,y}/z"] = { { "x/z", "a/x/z", "y/z" }, { "a/y/z" } },
    ["{[,],\\,,[}]}x"] = { { ",x", "}x" }, { "x", "[x" } },
    ["{}a"] = { { "a" }, { "{}a" } },
    ["a,b"] = { { "a,b" }, { "a", "b" } },
    ["\\*\\{\\[\\?\\\\"] = { { "*{[?\\" }, { "a{[?\\" } },
    ["a\\/"] = { { "a/" }, { "a/b" } },
    ["\\\\/"] = { { "\\/a" }, { "a", "/" } },
    ["café"] = { { "café" }, { "cafe" } },
    ["**{**/a,b}c"] = { { "ac", "x/ac", "xac", "xbc" }, { "c", "xc" } },
    ["**/x/**/y"] = { { "x/y", "a/x/y", "x/b/y", "a/x/x/y" }, { "ax/y", "x/ay", "a/x/by" } },
    ["***"] = { { "a", "a/b" }, {} },
  }
  for pattern, keys in pairs(cases) do
    it(pattern .. " matches what it should", function()
      for _, key in ipairs(keys[1]) do assert(select.glob(pattern, key) == true, "not matched: " .. key) end
      for _, key in ipairs(keys[2]) do assert(select.glob(pattern, key) == false, "matched: " .. key) end
    end)
  end

  local wrong = {
    [""] = "1 to 1023", [("a"):rep(1024)] = "1 to 1023", ["ab[c"] = "'%[' at byte 3", ["[!]"] = "byte 1",
    ["a\\"] = "'\\' at byte 2", ["a{b,{c}"] = "'{' at byte 2 is not closed", ["a}"] = "'}' at byte 2",
    ["x[z-a]"] = "range at byte 3", ["[a-c\\]-\\[]"] = "range at byte 5", [("{"):rep(9) .. ("}"):rep(9)] = "byte 9",
  }
  for pattern, message in pairs(wrong) do
    it("is refused: " .. pattern:sub(1, 20), function()
      local none, err = select.glob(pattern, "a")
      assert.is_nil(none)
      assert.equal("invalid", err.kind)
      assert.is_truthy(err.message:find(message), err.message)
    end)
  end

  it("never takes long", function()
    local hostile = {
      { ("*a"):rep(500) .. "b", ("a"):rep(1024) },
      { ("**a"):rep(300) .. "b", ("a/"):rep(512) },
      { ("**/"):rep(340), ("a/"):rep(512) },
      { "**" .. ("{*,**,}"):rep(140), ("a/"):rep(512) },
      { "**{" .. (","):rep(1000) .. "}b", ("a"):rep(1024) },
      { "{{{{{{{{" .. ("**,"):rep(300) .. "}}}}}}}}x", ("a/"):rep(512) },
      { ("**a"):rep(300) .. "/", ("a/"):rep(512) },
      { "[" .. ("a-z"):rep(330) .. "]", "!" },
      { ("[!a]"):rep(250) .. "**", ("b"):rep(1024) },
    }
    local started = os.clock()
    for _, case in ipairs(hostile) do assert.is_boolean((select.glob(case[1], case[2]))) end
    assert.is_true(os.clock() - started < 2)
  end)

  it("ends for keys that begin or end with slashes", function()
    for _, key in ipairs { "/", "//", "/a", "//a//", "" } do
      assert.is_false(select.glob("tmp/", key))
      assert.is_boolean(select.glob("**/", key))
    end
  end)
end)

describe("a selection", function()
  local function passes(rules, key, info) return (select.passes(rules, key, info or { size = 10, mtime_ms = 5000 })) end

  it("takes everything without rules, and asks nothing", function()
    assert.same({ true, nil, false }, { select.passes({}, "a/b", {}) })
  end)

  it("takes what is included and not excluded: exclude wins", function()
    local rules = { include = { "*.jpg", "/keep/" }, exclude = { "tmp/", "x*" } }
    assert.is_true(passes(rules, "a/b.jpg"))
    assert.is_true(passes(rules, "keep/b.txt"))
    assert.is_false(passes(rules, "b.txt"))
    assert.is_false(passes(rules, "keep/tmp/b.txt"))
    assert.is_false(passes(rules, "xb.jpg"))
    assert.is_true(passes({ exclude = { "*.o" } }, "a.c"))
  end)

  it("says which rule it was", function()
    local why = {}
    for name, rules in pairs { exclude = { exclude = { "*" } }, include = { include = { "b" } }, min_size = { min_size = 11 },
      max_size = { max_size = 9 }, newer_than = { since_ms = 5001 }, older_than = { until_ms = 4999 } } do
      local ok, text = select.passes(rules, "a", { size = 10, mtime_ms = 5000 })
      assert.is_false(ok)
      assert.is_truthy(text:find(name, 1, true), text)
      why[text] = true
    end
    local n = 0
    for _ in pairs(why) do n = n + 1 end
    assert.equal(6, n)
  end)

  it("has limits that belong to it", function()
    local info = { size = 10, mtime_ms = 5000 }
    assert.is_true(passes({ min_size = 10, max_size = 10, since_ms = 5000, until_ms = 5000 }, "a", info))
    assert.is_true(passes({ max_size = 0 }, "a", { size = 0 }))
    assert.is_false(passes({ max_size = 0 }, "a", { size = 1 }))
  end)

  it("has to know size and age where it has rules for them", function()
    for _, rules in ipairs { { min_size = 0 }, { max_size = 0 }, { since_ms = 1 }, { until_ms = 1 } } do
      local _, _, asks = select.passes(rules, "a", {})
      assert.is_true(asks)
    end
  end)

  it("takes what does not tell its age, but never deletes it", function()
    assert.is_true(passes({ until_ms = 1 }, "a", { size = 1 }))
    assert.is_true(passes({ min_size = 1 }, "a", {}))
    for _, rules in ipairs { { until_ms = 1 }, { since_ms = 1 }, { min_size = 5 }, { max_size = 5 } } do
      rules.delete = true
      local ok, why = select.passes(rules, "a", {})
      assert.is_false(ok)
      assert.is_truthy(why:find "not known")
    end
  end)
end)

describe("shards", function()
  it("are the same for ever", function()
    -- The first 8 bytes of the SHA-256, as a big-endian number, modulo the count.
    assert.equal(0xe3b0c44298fc1c14 % 2, select.shard("", 2))
    local known = { { "a", 16 }, { "photos/2026/img_0001.jpg", 7 }, { "\xff\n", 1000 } }
    local shell = require "support.shell"
    for _, case in ipairs(known) do
      local hex = shell.read({ "sh", "-c", "printf %s \"$1\" | sha256sum", "sh", case[1] }):sub(1, 16)
      local value = 0
      for digit in hex:gmatch "." do value = (value * 16 + tonumber(digit, 16)) % case[2] end
      assert.equal(value, select.shard(case[1], case[2]))
    end
  end)

  it("share all keys evenly, each to one", function()
    local count = { [0] = 0, 0, 0, 0 }
    for n = 1, 4000 do
      local key, mine = ("k/%d"):format(n), 0
      for shard = 0, 3 do
        if select.passes({ shard = shard, shards = 4 }, key, {}) then
          mine = mine + 1
          count[shard] = count[shard] + 1
        end
      end
      assert.equal(1, mine)
    end
    for shard = 0, 3 do assert.is_true(math.abs(count[shard] - 1000) < 150) end
  end)
end)

describe("the scope of a task", function()
  it("is made of its places, which never run together", function()
    local seen = {}
    for _, place in ipairs { { "h", "b", nil, "p/" }, { "h", "b", nil, "" }, { "h", "bp", nil, "/" }, { "hb", "", nil, "p/" },
      { nil, nil, "/a b", "c" }, { nil, nil, "/a", "b c" }, { nil, nil, "/a", "bc" } } do
      local scope = select.scope(place[1], place[2], place[3], place[4])
      assert.is_nil(seen[scope])
      seen[scope] = true
      assert.equal(scope, select.scope(place[1], place[2], place[3], place[4]))
    end
  end)
end)
