-- Runs a job file.  Called from C (runner/script/script.c) and nowhere else.
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"
local job = require "haul.job"
local param = require "haul.param"
local strict = require "haul.strict"

local load = {}

local function refuse(text, ...)
  error(err.new("invalid", text:format(...)), 0)
end

local function begin(options)
  context.file, context.overrides = options.file, options.overrides
  if options.env then context.simulate(options.env) end
  if core.others_may_write(options.file) then
    context.warn("%s can be changed by anybody on this machine: chmod o-w it", options.file)
  end
  param.give(options.params)
end

local function compile(file)
  local dir = file:match("^(.*)/[^/]*$") or "."
  local chunk, message = core.load_file(file, strict.environment(dir == "" and "/" or dir))
  if not chunk then error(err.new("invalid", message), 0) end
  return chunk
end

-- options: { file =, params = { "name=value" }, overrides = { concurrency =, part_size =, rate = } }
function load.run(options)
  begin(options)
  local result = compile(options.file)(options.file)
  param.check_given()
  if not job.is(result) then
    refuse("%s: it returned %s, not a job: end it with return haul.job { ... }", options.file, err.show(result))
  end
  return job.normalize(result)
end

-- The parameters as text.  What the file does after declaring them does not matter.
function load.help(options)
  context.help = true
  begin(options)
  local good, message = pcall(compile(options.file), options.file)
  local text = param.help()
  if text == "" and not good then error(message, 0) end
  return text ~= "" and "Parameters (name=value):\n" .. text or "It takes no parameters.\n"
end

return load
