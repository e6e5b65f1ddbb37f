-- Expected values were computed with Python's zlib, hashlib and hmac, and bit by bit for the CRCs.
package.path = "tests/?.lua;" .. package.path
local digest = require "support.probe" "digest"

local function bytes(n, factor, offset)
  local list = {}
  for i = 0, n - 1 do list[#list + 1] = string.char((factor * i + offset) & 255) end
  return table.concat(list)
end

local A, B = bytes(1000003, 31, 7), bytes(777, 17, 3)
local all = bytes(256, 1, 0)
local kinds = { "crc64", "crc64nvme", "crc32c", "crc32" }

local known = {
  crc64 = {
    ["123456789"] = "995dc9bbdf1939fa", [""] = "0000000000000000", ["part-seven"] = "3875aa7d6664562e",
    ["12345"] = "5da746ffa5045ce9", ["6789"] = "8ea5eb02ad6e7911", ["hello haul"] = "6deef34ec0ae9aae",
    [("\0"):rep(32)] = "c95af8617cd5330c", [all] = "72414b2f65db3ab0", [A] = "df6a43732b71f155",
    [B] = "698b430d58eb8cba", [A .. B] = "8ae261538715d38f", [B .. A] = "0544add423e9bf3d",
  },
  crc64nvme = {
    ["123456789"] = "ae8b14860a799888", [""] = "0000000000000000", ["part-seven"] = "fa7424d89623db12",
    ["12345"] = "166ae2b7ff62caf8", ["6789"] = "e0d6368f42d00737", ["hello haul"] = "47f991196c5ac11f",
    [("\0"):rep(32)] = "cf3473434d4ecf3b", [all] = "ff71e21279d9966e", [A] = "dfd6487eac9f093e",
    [B] = "581108099b799b97", [A .. B] = "b803174323b640a5", [B .. A] = "51aadd8f1ffd2009",
  },
  crc32c = {
    ["123456789"] = "00000000e3069283", [""] = "0000000000000000", ["hello haul"] = "00000000fee8460b",
    ["12345"] = "0000000018d12335", ["6789"] = "00000000c27e5db2", [("\0"):rep(32)] = "000000008a9136aa",
    [all] = "000000009c44184b", [A] = "00000000c2884ee5", [B] = "00000000d51c9b0f", [A .. B] = "0000000092df28f4",
    [B .. A] = "00000000e147802d",
  },
  crc32 = {
    ["123456789"] = "00000000cbf43926", [""] = "0000000000000000", ["hello haul"] = "0000000065b437cc",
    ["12345"] = "00000000cbf53a1c", ["6789"] = "000000009dbabf87", [("\0"):rep(32)] = "00000000190a55ad",
    [all] = "0000000029058c73", [A] = "00000000aae54d7b", [B] = "00000000be626bd0", [A .. B] = "00000000ebf9d283",
    [B .. A] = "0000000011edef4e",
  },
}

describe("checksum", function()
  for _, kind in ipairs(kinds) do
    it(kind .. " has its known values", function()
      for text, sum in pairs(known[kind]) do assert.equal(sum, digest.sum(kind, text)) end
    end)

    it(kind .. " does not depend on how the bytes come", function()
      math.randomseed(11)
      for _ = 1, 200 do
        local text, pieces = A:sub(1, math.random(0, 3000)), {}
        local at = 1
        while at <= #text do
          local n = math.random(1, 200)
          pieces[#pieces + 1] = text:sub(at, at + n - 1)
          at = at + n
        end
        assert.equal(digest.sum(kind, text), digest.sum(kind, table.unpack(pieces)))
      end
    end)

    it(kind .. " of a whole comes from its parts", function()
      assert.equal(known[kind][A .. B], digest.combine(kind, known[kind][A], known[kind][B], #B))
      assert.equal(known[kind][B .. A], digest.combine(kind, known[kind][B], known[kind][A], #A))
      assert.equal(known[kind]["123456789"], digest.combine(kind, known[kind]["12345"], known[kind]["6789"], 4))
      math.randomseed(12)
      for _ = 1, 300 do
        local cut, len = math.random(0, 5000), math.random(0, 5000)
        local first, second = A:sub(1, cut), A:sub(cut + 1, cut + len)
        assert.equal(digest.sum(kind, first .. second),
          digest.combine(kind, digest.sum(kind, first), digest.sum(kind, second), #second))
      end
    end)

    it(kind .. " combines the same in any grouping, at sizes beyond memory", function()
      math.randomseed(13)
      for _ = 1, 50 do
        local a, b, c = digest.sum(kind, tostring(math.random())), digest.sum(kind, tostring(math.random())),
          digest.sum(kind, tostring(math.random()))
        local len_b, len_c = math.random(0, 1 << 45), math.random(0, 1 << 45)
        local left = digest.combine(kind, digest.combine(kind, a, b, len_b), c, len_c)
        local right = digest.combine(kind, a, digest.combine(kind, b, c, len_c), len_b + len_c)
        assert.equal(left, right)
      end
    end)

    it(kind .. " survives being written down", function()
      for _, sum in pairs(known[kind]) do
        assert.equal(sum, digest.sum_of_text(kind, digest.sum_text(kind, sum)))
      end
    end)
  end

  it("is written as S3 writes it", function()
    assert.equal("rosUhgp5mIg=", digest.sum_text("crc64nvme", "ae8b14860a799888"))
    assert.equal("+nQk2JYj2xI=", digest.sum_text("crc64nvme", digest.sum("crc64nvme", "part-seven")))
    assert.equal("Q81WRQ==", digest.sum_text("crc32", digest.sum("crc32", "part-seven")))
    assert.equal("41HrCw==", digest.sum_text("crc32c", digest.sum("crc32c", "part-seven")))
  end)

  it("is not read from anything else", function()
    for _, text in ipairs { "", "41HrCw==-3", "41HrCw", "rosUhgp5mIg=", "41HrC*==", "41HrCw=", "====", "AAAA" } do
      assert.is_nil(digest.sum_of_text("crc32c", text))
    end
  end)
end)

describe("hash", function()
  local cases = {
    { "", "d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "900150983cd24fb0d6963f7d28e17f72", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { A, "a64b1b3256fcffbcf7e81559b180d6dd", "98a99a78c43949f17251c669c6e3ff37064482fdc65e85ef1f21b70c2e48a81b" },
  }
  it("md5 and sha256 have their known values, whole and in pieces", function()
    for _, case in ipairs(cases) do
      local half = #case[1] // 2
      local first, second = case[1]:sub(1, half), case[1]:sub(half + 1)
      assert.equal(case[2], digest.hash("md5", case[1]))
      assert.equal(case[3], digest.hash("sha256", case[1]))
      assert.equal(case[2], digest.hash("md5", first, second, ""))
      assert.equal(case[3], digest.hash("sha256", first, second, ""))
    end
  end)

  it("hmac has its known values around the size of a block", function()
    local text = "The quick brown fox"
    local sha256 = {
      [0] = "831d2f46d18799176d0da02650e0e477509404e5a1cca13bf3c028f4f4884cd7",
      [64] = "50cce8ae0f27cbd226e128fad1618c24afad518707bc50a3020f3692c15e5f0f",
      [65] = "8536d1799a1847c7032900ae1c4f289320844983fb0212df644d97048c45052e",
      [131] = "9d270a7052e8664a6a21493c84bc82ba2714539bf57e25ca76bec39a1ff2dbaf",
    }
    local sha1 = {
      [0] = "9e093dd5cc7e80ca6b1a1d83aea4551bf6968dc7", [64] = "9f9d7f983975c7214bbfacb88815e0e0645dc6fc",
      [65] = "057c37eafcd04c3211fb9a05e397e22f3462b0b7", [131] = "00694d79b0eab20b82fba1479c3f244c86ce719d",
    }
    for n, hex in pairs(sha256) do assert.equal(hex, digest.hmac("sha256", ("k"):rep(n), text)) end
    for n, hex in pairs(sha1) do assert.equal(hex, digest.hmac("sha1", ("k"):rep(n), text)) end
    assert.equal("203d1e5cedd2d18f8c5a3beff0bd9c1ebcb97097dfcb288c46b00c9227fde2c0", digest.hmac("sha256", "key", text))
  end)
end)

describe("base64", function()
  it("goes both ways", function()
    local cases = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", ["\0\255"] = "AP8=" }
    for plain, text in pairs(cases) do
      assert.equal(text, digest.base64(plain))
      assert.equal(plain, digest.unbase64(text))
    end
    for n = 0, 64 do assert.equal(all:sub(1, n), digest.unbase64(digest.base64(all:sub(1, n)))) end
  end)

  it("refuses what is none, and what has no room", function()
    for _, text in ipairs { "Z", "Zg=", "Zg", "Z===", "=", "==", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm-_" } do
      assert.is_nil(digest.unbase64(text))
    end
    assert.is_nil(digest.unbase64(digest.base64(all:sub(1, 65))))
  end)
end)
