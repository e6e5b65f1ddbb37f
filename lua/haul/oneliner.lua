-- haul cp, sync and ls: a job made of two addresses, with the checks and defaults of a job file.
local context = require "haul.context"
local core = require "haul.core"
local err = require "haul.err"
local job = require "haul.job"
local place = require "haul.place"
local store = require "haul.store"
local task = require "haul.task"

local oneliner = {}

local function refuse(text, ...)
  error(err.new("invalid", text:format(...)), 0)
end

-- What is wrong is told by the word of the command line.
local function checked(word, make)
  local good, result = pcall(make)
  if good then return result end
  if type(result) ~= "table" then error(result, 0) end
  error(err.new(result.kind, ("%s: %s"):format(word, (result.message:gsub(" at [^ ]*:%d+$", ""):gsub(" at %?$", "")))), 0)
end

local remote = { s3 = store.s3, oss = store.oss, tos = store.tos }

local function remote_place(word, scheme, options, side)
  local bucket, path = word:match("^%a%w*://([^/]+)/?(.*)$")
  if not bucket then refuse("%s: %s://BUCKET/PATH is expected", word, scheme) end
  local function setting(name) return options[side .. "_" .. name] or options[name] end
  local given = { bucket = bucket, endpoint = setting "endpoint", region = setting "region",
    ca = options.ca }
  if scheme == "s3" then given.profile = setting "profile" end
  return remote[scheme](given) / path
end

local function local_place(word, wants_prefix)
  local path = word:gsub("^file:/*", function(prefix) return #prefix > 5 and "/" or "" end)
  if path == "" then refuse("the path is empty") end
  local is_directory = path:sub(-1) == "/" or core.is_directory(path)
  path = path:match "^(.-)/+$" or path
  if path == "" then path = "/" end
  if is_directory or wants_prefix then return store.dir(path) / "" end
  local dir, name = path:match("^(.*/)([^/]+)$")
  return store.dir(dir or ".") / (name or path)
end

-- "https://host/a/b.gz": the object b.gz of https://host/a/
local function web_place(word)
  local base, name = word:match("^(https?://.*/)([^/?#]+)$")
  if not base then refuse("%s: the address of one file is expected", word) end
  return store.web(base) / name
end

local function parse(word, options, side, wants_prefix)
  return checked(word, function()
    local scheme = word:match("^(%a%w*)://")
    if remote[scheme] then return remote_place(word, scheme, options, side) end
    if scheme == "http" or scheme == "https" then return web_place(word) end
    if scheme and scheme ~= "file" then refuse("%s:// is no address of haul (s3, oss, tos, http, https or a path)", scheme) end
    return local_place(word, wants_prefix)
  end)
end

-- Many objects need a prefix to go to: "dir" means "dir/" there.
local function as_prefix(word)
  return word:find("/$") and word or word .. "/"
end

-- A name that is the same for the same two addresses, so that the same command carries on.
local function name_of(verb, ...)
  local hash = 0xcbf29ce484222325
  for byte in table.concat({ ... }, "\0"):gmatch(".") do hash = (hash ~ byte:byte()) * 0x100000001b3 end
  return ("%s-%016x"):format(verb, hash)
end

local function absolute(word)
  if word:find("^%a%w*://") or word:sub(1, 1) == "/" or word:find "^file:" then return word end
  return assert(core.cwd()) .. "/" .. word
end

local function places(words, options, always_prefix)
  local from = parse(words[1], options, "from", always_prefix)
  if words[2]:find "^https?://" then refuse("%s: nothing can be written to a web server", words[2]) end
  local prefix = place.is_prefix(store.place(from).path)
  local to = parse(prefix and as_prefix(words[2]) or words[2], options, "to", prefix)
  return from, to
end

local makers = {}

function makers.cp(words, options)
  local from, to = places(words, options, false)
  return task.copy { from = from, to = to, include = options.include, exclude = options.exclude }
end

function makers.sync(words, options)
  if words[1]:find "^%a%w*://" then words[1] = as_prefix(words[1]) end
  local from, to = places(words, options, true)
  return task.sync { from = from, to = to, include = options.include, exclude = options.exclude,
    delete = options.delete or false, max_delete = tonumber(options.max_delete) or options.max_delete }
end

-- Nothing is deleted: a task with one side is all that a listing needs.
function makers.ls(words, options)
  return task.delete { from = parse(words[1], options, "from", false) }
end

-- options: { verb =, words = {}, include = {}, exclude = {}, delete =, endpoint =, ... , overrides = {} }
function oneliner.run(options)
  context.file, context.overrides = "haul " .. options.verb, options.overrides
  for _, list in ipairs { "include", "exclude" } do
    if options[list] and #options[list] == 0 then options[list] = nil end
  end
  local shown = table.concat(options.words, " ")
  return checked(options.verb, function()
    local name = name_of(options.verb, absolute(options.words[1]), absolute(options.words[2] or ""),
      options.endpoint or "", options.from_endpoint or "", options.to_endpoint or "")
    local made = makers[options.verb](options.words, options)
    return job.normalize(checked(shown, function() return job.new { name = name, made } end))
  end)
end

return oneliner
