-- JSON as specs want it: whole numbers are integers, which lua-cjson makes floats of.
local cjson = require "cjson"

local json = { encode = cjson.encode }

local function whole(value)
  if type(value) == "number" then return math.tointeger(value) or value end
  if type(value) == "table" then
    for key, each in pairs(value) do value[key] = whole(each) end
  end
  return value
end

function json.decode(text) return whole(cjson.decode(text)) end

return json
