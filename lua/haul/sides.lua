-- Both sides of a task together: what fits, and what can never end well.
local err = require "haul.err"
local keys = require "haul.keys"
local place = require "haul.place"
local store = require "haul.store"

local sides = {}

local function is_remote(side)
  return side.store.kind ~= "dir"
end

-- "/srv/data/2026": the place of a directory store as one path, a prefix with its "/".
local function full_path(side)
  return (side.store.root == "/" and "" or side.store.root) .. "/" .. side.path
end

local function name(side)
  return is_remote(side) and side.store.name .. "/" .. side.path or full_path(side)
end

-- Where a side is in the world: two of them in one bucket or one tree can be compared.
local function whereabouts(side)
  if not is_remote(side) then return full_path(side) end
  return ("%s %s/%s"):format(store.service(side.store), side.store.name, side.path)
end

local function target_of(fields)
  local to = whereabouts(fields.to)
  if place.is_prefix(fields.from.path) or not place.is_prefix(fields.to.path) then return to end
  return to .. fields.from.path:match("[^/]*$")
end

-- Neither the same place, nor the target inside of what is copied.
local function check_apart(fields, refuse)
  local from, to = whereabouts(fields.from), target_of(fields)
  if from == to then refuse("from and to are the same place (%s)", name(fields.from)) end
  local tree = place.is_prefix(fields.from.path) and not fields.keys
  if tree and to:sub(1, #from) == from then
    refuse("to (%s) lies inside of from (%s)", name(fields.to), name(fields.from))
  end
  local inside = (fields.kind == "sync" or fields.kind == "move" and tree) and from:sub(1, #to) == to
  if inside then refuse("from (%s) lies inside of to (%s)", name(fields.from), name(fields.to)) end
end

local function check_shape(fields, refuse)
  local from_prefix, to_prefix = place.is_prefix(fields.from.path), place.is_prefix(fields.to.path)
  if fields.keys and not from_prefix then
    refuse("keys are below a prefix: from must end in '/' (%s)", name(fields.from))
  end
  if from_prefix and not to_prefix then
    refuse("many objects cannot become one: to must end in '/' (%s)", name(fields.to))
  end
  if fields.rename and not to_prefix then
    refuse("rename gives names below a prefix: to must end in '/' (%s)", name(fields.to))
  end
  if fields.kind == "sync" and not from_prefix then
    refuse("a sync is of everything below a prefix: from must end in '/' (%s)", name(fields.from))
  end
end

local function check_web(fields, refuse)
  if fields.to.store.kind == "web" then refuse("nothing can be written to %s", name(fields.to)) end
  if fields.from.store.kind == "web" and place.is_prefix(fields.from.path) and not fields.keys then
    refuse("%s cannot be listed: name an object, or give keys", name(fields.from))
  end
end

-- A source goes once its copy is proved, of which there is one.
local function check_move(fields, refuse)
  if fields.from.store.kind == "web" then refuse("nothing can be deleted from %s: use haul.copy", name(fields.from)) end
  if #fields.to_list > 1 then refuse("it has one target: copy to the others before, with haul.copy") end
end

local function check_target_name(fields, refuse)
  local base = fields.from.path:match("[^/]*$")
  if base ~= "" and place.is_prefix(fields.to.path) and not is_remote(fields.to) then
    local fault = place.unsafe(base)
    if fault then refuse("the key %s cannot be a file: %s", err.show(fields.from.path), fault) end
  end
end

-- An iterator's keys are looked at one by one, when they come.
local function check_keys(fields, refuse)
  local listed = type(fields.keys) == "table" and getmetatable(fields.keys) == nil
  if not listed or is_remote(fields.from) and is_remote(fields.to) then return end
  local fault = keys.path_fault(fields.keys)
  if fault then refuse("option 'keys': %s", fault) end
end

function sides.check(fields)
  local function refuse(text, ...) err.raise(fields.where_at, fields.who, text, ...) end
  check_shape(fields, refuse)
  check_web(fields, refuse)
  check_keys(fields, refuse)
  if fields.kind == "delete" then return end
  if fields.kind == "move" then check_move(fields, refuse) end
  if is_remote(fields.from) == is_remote(fields.to) then check_apart(fields, refuse) end
  check_target_name(fields, refuse)
end

-- Tasks at the same time -------------------------------------------------------------------------------

-- Does one of two places hold the other, or are they the same?
local function overlap(one, other)
  local a, b = whereabouts(one), whereabouts(other)
  local function holds(place_, path, inner) return inner == path or place.is_prefix(place_.path) and inner:sub(1, #path) == path end
  return holds(one, a, b) or holds(other, b, a)
end

local function selects(fields)
  return fields.include or fields.exclude or fields.where or fields.keys
end

-- Two moves, or a move and another task, may share a source where both select what they take.
local function clash(one, other)
  for _, to in ipairs(one.to_list) do
    for _, also in ipairs(other.to_list) do
      if overlap(to, also) then return "would both change %s", to end
    end
    if overlap(to, other.from) then return "would change %s and read from it", to end
  end
  if one.kind == "move" and overlap(one.from, other.from) and not (selects(one) and selects(other)) then
    return "would move away and read the same objects of %s", one.from
  end
end

-- The tasks of a haul.parallel must not meet: which of them would come first, nobody could say.
function sides.check_group(list, fields_of, where)
  for i = 1, #list do
    for k = 1, #list do
      local text, side = clash(fields_of[list[i]], fields_of[list[k]])
      if i ~= k and text then
        err.raise(where, "haul.parallel", "entries %d and %d " .. text .. ": run one after the other", math.min(i, k),
          math.max(i, k), name(side))
      end
    end
  end
end

return sides
