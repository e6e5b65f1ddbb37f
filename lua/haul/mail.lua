-- A message as sendmail takes it.  Whatever is in it, a key or a reason, can neither add a header nor end the
-- message: headers and body are encoded wherever they hold more than plain words.
local err = require "haul.err"

local mail = {}

local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local bits = a << 16 | (b or 0) << 8 | (c or 0)
    local four = ""
    for shift = 18, 0, -6 do
      local at = (bits >> shift & 63) + 1
      four = four .. LETTERS:sub(at, at)
    end
    out[#out + 1] = not b and four:sub(1, 2) .. "==" or not c and four:sub(1, 3) .. "=" or four
  end
  return table.concat(out)
end

-- Bytes that are no UTF-8, and control characters but the end of a line, as "?".
local function clean(text)
  local good, at = utf8.len(text)
  while not good do
    text = text:sub(1, at - 1) .. "?" .. text:sub(at + 1)
    good, at = utf8.len(text, at)
  end
  return (text:gsub("[\0-\9\11-\31\127]", "?"))
end

local LINE = 40 -- bytes of an encoded word, so that the line of it stays below 76

-- Pieces of at most that many bytes, none of which ends within a letter.
local function pieces(text)
  local list, from = {}, 1
  while from <= #text do
    local to = math.min(from + LINE - 1, #text)
    while to < #text and (text:byte(to + 1) & 0xC0) == 0x80 do to = to - 1 end
    list[#list + 1] = text:sub(from, to)
    from = to + 1
  end
  return list
end

-- The value of a header, by RFC 2047 where it is more than a line of ASCII.
local function header(text)
  text = clean(text):gsub("\n", " ")
  if #text <= 900 and not text:find "[\128-\255]" and not text:find("=?", 1, true) then return text end
  local words = pieces(text)
  for i, word in ipairs(words) do words[i] = "=?UTF-8?B?" .. base64(word) .. "?=" end
  return table.concat(words, "\n ")
end

-- Why it is no address, or nil.  None begins with "-", which a command would take for an option.
function mail.address_fault(text)
  if type(text) ~= "string" then return "an address is expected, not " .. err.show(text) end
  if #text > 254 or not text:find "^[%w_+][%w.!#$&'*+/=?^`{|}~_-]*@?[%w.-]*$" then
    return ("%s is no address such as \"ops@example.org\""):format(err.show(text))
  end
end

-- fields: to (a list), from or nil, subject, body.
function mail.message(fields)
  local lines = {}
  if fields.from then lines[#lines + 1] = "From: " .. fields.from end
  lines[#lines + 1] = "To: " .. table.concat(fields.to, ", ")
  lines[#lines + 1] = "Subject: " .. header(fields.subject)
  lines[#lines + 1] = "Auto-Submitted: auto-generated"
  lines[#lines + 1] = "MIME-Version: 1.0"
  lines[#lines + 1] = "Content-Type: text/plain; charset=utf-8"
  lines[#lines + 1] = "Content-Transfer-Encoding: base64"
  lines[#lines + 1] = ""
  local body = base64(clean(fields.body))
  for at = 1, #body, 76 do lines[#lines + 1] = body:sub(at, at + 75) end
  return table.concat(lines, "\n") .. "\n"
end

return mail
