-- retry = { ... } of a job or task: which failures are tried again, how often, and after what time.
local core = require "haul.core"
local err = require "haul.err"
local schema = require "haul.schema"

local retry = {}

-- Trying again can never help against these, or would hide a mistake.
local hopeless = { bug = true, cancelled = true, script = true }

local retryable = {}
for _, kind in ipairs(core.kinds) do
  if not hopeless[kind] then retryable[#retryable + 1] = kind end
end

local function known_kind(word)
  for _, kind in ipairs(retryable) do
    if word == kind then return true end
  end
  return false
end

schema.kind("error_kinds", function(value)
  if type(value) ~= "table" then return nil, "a list of kinds is expected, not " .. err.show(value) end
  local result = {}
  for key, word in next, value do
    if math.type(key) ~= "integer" then return nil, "a plain list of kinds is expected" end
    if not known_kind(word) then
      return nil, ("%s is no kind of error that can be tried again%s"):format(err.show(word), err.hint(word, retryable))
    end
    result[#result + 1] = word
  end
  table.sort(result)
  return result
end)

local backoffs = { "exponential", "linear", "fixed" }
local jitters = { "full", "none", "equal", "decorrelated" }

-- Of all failures, and of one kind.
local rule_docs = {
  { "attempts", kind = "integer", min = 1, max = 1000, default = 8,
    doc = "tries of one request, the first one included" },
  { "base", kind = "duration", default = "500ms", doc = "the first wait" },
  { "cap", kind = "duration", default = "30s", doc = "the longest wait" },
  { "backoff", kind = "word", words = backoffs, default = "exponential",
    doc = "how the wait grows: twice as long each time, longer by the base each time, or not" },
  { "jitter", kind = "word", words = jitters, default = "full",
    doc = "full: a random time up to the wait; equal: from half of it; none: the wait itself; "
      .. "decorrelated: from the base to three times the last wait" },
}

local function with_default(option, default)
  local own = {}
  for key, value in pairs(option) do own[key] = value end
  own.default = default
  return own
end

local function without_defaults(options)
  local own = {}
  for i, option in ipairs(options) do own[i] = with_default(option, nil) end
  return own
end

local of_a_kind = schema.define("retry.kind", without_defaults(rule_docs))

-- The same under the name that the message is to have.
local function named(kind)
  return setmetatable({ who = "retry." .. kind }, { __index = of_a_kind })
end

schema.kind("retry_rule", function(value, option, where)
  return schema.check(named(option[1]), value, where)
end)

local options = table.move(rule_docs, 1, #rule_docs, 1, {})
options[#options + 1] = { "on", kind = "error_kinds", doc = "kinds of error that are tried again, beside those that have a table",
  default = { "network", "timeout", "throttled", "server", "corrupt", "changed" } }
for _, kind in ipairs(retryable) do
  options[#options + 1] = { kind, kind = "retry_rule",
    doc = ("another rule after an error of the kind '%s': { attempts, base, cap, backoff, jitter }"):format(kind) }
end
local definition = schema.define("retry", options)

-- Why a rule makes no sense, or nil.
local function fault_of(rule)
  if rule.base > rule.cap then return "base is longer than cap" end
  if rule.jitter == "decorrelated" and rule.backoff ~= "exponential" then
    return ("jitter \"decorrelated\" grows by itself: backoff \"%s\" has no meaning then"):format(rule.backoff)
  end
end

local function rule_of(result, kind)
  local rule = {}
  for _, option in ipairs(rule_docs) do
    local name = option[1]
    local own = result[kind] and result[kind][name]
    rule[name] = own == nil and result[name] or own
  end
  return rule
end

-- The tables of kinds become one rule for each kind, and `on` has those kinds too.
local function resolve(result)
  local plain, on = { rules = {}, on = {} }, {}
  for _, kind in ipairs(result.on) do on[kind] = true end
  for _, kind in ipairs(core.kinds) do
    plain.rules[kind] = rule_of(result, kind)
    if on[kind] or result[kind] then plain.on[#plain.on + 1] = kind end
    local fault = fault_of(plain.rules[kind])
    if fault then return nil, result[kind] and kind .. ": " .. fault or fault end
  end
  return plain
end

-- Checked at once, so that the message carries the line of the job or task it is part of.
schema.kind("retry", function(value, _, where)
  return resolve(schema.check(definition, value, where))
end)

function retry.default(where)
  return resolve(schema.check(definition, {}, where))
end

-- Backoff families, for hooks -------------------------------------------------------------------------

retry.backoff = {}

-- A function (attempt) -> seconds, for haul.retry { after = ... }.  `fixed`: what is no option of it.
local function family(name, fixed, jitter)
  local own = {}
  for _, option in ipairs(rule_docs) do
    if option[1] ~= "attempts" and option[1] ~= "backoff" and not fixed[option[1]] then
      own[#own + 1] = option[1] == "jitter" and with_default(option, jitter) or option
    end
  end
  local who = "haul.backoff." .. name
  local own_definition = setmetatable({ who = who }, { __index = schema.define("backoff." .. name, own) })
  retry.backoff[name] = core.located(function(where, given)
    local rule = schema.check(own_definition, given == nil and {} or given, where)
    rule.attempts = 1
    for key, value in pairs(fixed) do rule[key] = value == "base" and rule.base or value end
    local fault = fault_of(rule)
    if fault then err.raise(where, who, "%s", fault) end
    return core.located(function(called, attempt)
      local number = type(attempt) == "number" and math.tointeger(attempt)
      if not number or number < 1 or number > 1 << 30 then
        err.raise(called, who, "an attempt from 1 on is expected, not %s", err.show(attempt))
      end
      return core.retry_wait(rule, number, math.random(0)) / 1000
    end)
  end)
end

family("exponential", { backoff = "exponential" }, "full")
family("linear", { backoff = "linear" }, "full")
family("fixed", { backoff = "fixed", cap = "base" }, "none")
family("decorrelated", { backoff = "exponential", jitter = "decorrelated" })

return retry
