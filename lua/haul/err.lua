-- Errors as tables: a kind of haul's vocabulary and one sentence that names file and line.
local err = {}

local meta = {
  __name = "haul.err",
  __tostring = function(self) return self.message end,
}

function err.new(kind, message)
  return setmetatable({ kind = kind, message = message }, meta)
end

-- The error of a request, as the event of a failure has it, to be raised.
function err.from(fields)
  return setmetatable(fields, meta)
end

-- "haul.job: unknown option 'x' at jobs/x.lua:12"
function err.raise(where, who, text, ...)
  error(err.new("invalid", ("%s: %s at %s"):format(who, text:format(...), where)), 0)
end

-- The same for what is configured outside of the job file: credentials and the like.
function err.raise_auth(where, who, text, ...)
  error(err.new("auth", ("%s: %s at %s"):format(who, text:format(...), where)), 0)
end

-- How far apart two words are: letters put in, left out, replaced, or two swapped.
local function distance(a, b)
  local rows = { [0] = {} }
  for j = 0, #b do rows[0][j] = j end
  for i = 1, #a do
    rows[i] = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best = math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, rows[i - 2][j - 2] + 1)
      end
      rows[i][j] = best
    end
  end
  return rows[#a][#b]
end

-- The word of a list that is meant, or nil when none is near.
function err.nearest(word, words)
  if type(word) ~= "string" or #word > 40 then return nil end
  local found, least = nil, math.max(1, #word // 3) + 1
  for _, candidate in ipairs(words) do
    local far = distance(word:lower(), candidate:lower())
    if far < least then found, least = candidate, far end
  end
  return found
end

-- " (did you mean 'x'?)" or ""
function err.hint(word, words)
  local near = err.nearest(word, words)
  return near and (" (did you mean '%s'?)"):format(near) or ""
end

-- A value as a message may show it: short, one line.
function err.show(value)
  local kind = type(value)
  if kind == "string" then
    local text = #value > 60 and value:sub(1, 57) .. "..." or value
    return '"' .. text:gsub("%c", "?") .. '"'
  elseif kind == "number" or kind == "boolean" or kind == "nil" then
    return tostring(value)
  end
  return "a " .. kind
end

return err
