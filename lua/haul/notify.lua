-- haul.notify.webhook, .command and .mail: functions to be used as hooks, or to be called with an event, that
-- tell somebody.  They wait like haul.http and haul.exec.
local context = require "haul.context"
local core = require "haul.core"
local err = require "haul.err"
local json = require "haul.json"
local mail = require "haul.mail"
local outside = require "haul.outside"
local schema = require "haul.schema"
local spawn = require "haul.spawn"

local notify = {}

-- What is told -------------------------------------------------------------------------------------------

-- The plain part of an event: what JSON has a form for.
local function plain(value)
  local out = {}
  for name, each in next, value do
    local kind = type(each)
    local finite = kind == "number" and each == each and each ~= math.huge and each ~= -math.huge
    if kind == "table" then out[name] = plain(each)
    elseif finite or kind == "string" or kind == "boolean" then out[name] = each end
  end
  return out
end

local function counts_line(counts)
  local parts = {}
  for _, each in ipairs { { "objects_done", "done" }, { "objects_skipped", "skipped" }, { "objects_failed", "failed" },
    { "objects_deleted", "deleted" }, { "objects_different", "different" } } do
    local count = counts[each[1]]
    if count and (count > 0 or each[2] == "done" or each[2] == "failed") then parts[#parts + 1] = ("%d %s"):format(count, each[2]) end
  end
  return table.concat(parts, ", ")
end

-- One line for a subject or a chat.
local function headline(event)
  local counts = event.summary or event.progress
  local text = ("%s: %s"):format(event.job or "haul", (event.event or "event"):gsub("_", " "))
  if event.summary and event.summary.exit_status then
    text = text .. (event.summary.exit_status == 0 and ", all done" or (", exit status %d"):format(event.summary.exit_status))
  end
  if counts then text = text .. " (" .. counts_line(counts) .. ")" end
  if event.key then text = text .. ": " .. event.key end
  return text
end

local function add(lines, name, value)
  if value ~= nil then lines[#lines + 1] = ("%-12s %s"):format(name, value) end
end

-- All of it, for a mail.
local function letter(event)
  local lines = { headline(event), "" }
  local why, counts = event.error or {}, event.summary or event.progress
  add(lines, "time", os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(event.time or core.now())))
  add(lines, "task", event.task)
  add(lines, "object", event.key)
  add(lines, "attempt", event.attempt)
  add(lines, "error", why.kind and ("%s: %s"):format(why.kind, why.message))
  add(lines, "request id", why.request_id)
  add(lines, "reason", event.reason)
  if counts then
    add(lines, "objects", counts_line(counts))
    add(lines, "in place", counts.bytes_done and core.show_size(counts.bytes_done))
    add(lines, "moved", counts.bytes_moved and core.show_size(counts.bytes_moved))
    add(lines, "retries", counts.retries)
    add(lines, "hook errors", counts.hook_errors and counts.hook_errors > 0 and counts.hook_errors or nil)
    add(lines, "seconds", counts.seconds and ("%.1f"):format(counts.seconds))
    add(lines, "exit status", counts.exit_status)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Telling it ----------------------------------------------------------------------------------------------

schema.kind("message", function(value)
  if type(value) ~= "string" and type(value) ~= "function" then
    return nil, "text, or a function(event, job) that gives it, is expected, not " .. err.show(value)
  end
  return value
end)

local common = {
  { "attempts", kind = "integer", min = 1, max = 20, default = 3, doc = "how often it is tried, with a growing wait between" },
  { "required", kind = "boolean", default = false,
    doc = "what cannot be told is an error of the hook, which the exit status shows; else it is a warning in the log" },
}

local function with_common(options)
  return table.move(common, 1, #common, #options + 1, options)
end

-- Its messages name the function.
local function define(name, options, rest)
  return setmetatable({ who = "haul.notify." .. name }, { __index = schema.define("notify." .. name, options, rest) })
end

local function text_of(said, event, job, default)
  if type(said) == "function" then said = said(event, job) end
  if said == nil then return default(event) end
  if type(said) ~= "string" then error(("the message must be text, not %s"):format(err.show(said)), 0) end
  return said
end

local pause = { attempts = 1, base = 1000, cap = 30000, backoff = "exponential", jitter = "equal" }

-- A hook: send(fields, event, job) raises an error where it did not arrive.
local function hook(who, fields, send)
  return function(event, job)
    if type(event) ~= "table" then error(("%s: an event is expected, not %s"):format(who, err.show(event)), 2) end
    for attempt = 1, fields.attempts do
      local good, reason = pcall(send, fields, event, job)
      if good then return nil end
      if attempt == fields.attempts then
        if fields.required then error(reason, 0) end
        context.warn("%s: %s", who, tostring(reason))
      else
        spawn.sleep(core.retry_wait(pause, attempt, math.random(0)) / 1000)
      end
    end
  end
end

-- Checked now, and by haul.http again.
schema.kind("webhook_headers", function(value, option, where)
  local list, reason = schema.check_kind("request_headers", value, option, where)
  if not list then return nil, reason end
  local headers = {}
  for i = 1, #list, 2 do headers[list[i]] = list[i + 1] end
  return headers
end)

local webhook = define("webhook", with_common {
  { "url", kind = "url", required = true, doc = "where it is sent, by POST" },
  { "headers", kind = "webhook_headers", default = {}, doc = "{ name = text }: beside the content type" },
  { "form", kind = "word", words = { "event", "text" }, default = "event",
    doc = "event: the event as JSON; text: { \"text\": ... } with one line, as chats take it" },
  { "body", kind = "message", doc = "function(event, job) that gives the text to be sent instead, or that text" },
  { "content_type", kind = "text", default = "application/json", doc = "what the text is" },
  { "timeout", kind = "text", default = "10s", doc = "of one try" },
})

local function webhook_body(fields)
  return function(event)
    return json.encode(fields.form == "text" and { text = headline(event) } or plain(event))
  end
end

local function post(fields, event, job)
  local headers = { ["content-type"] = fields.content_type }
  for name, text in pairs(fields.headers) do headers[name] = text end
  local answer = outside.http { url = fields.url, method = "POST", headers = headers, timeout = fields.timeout,
    body = text_of(fields.body, event, job, webhook_body(fields)) }
  if answer.status // 100 ~= 2 then error(("the answer is HTTP %d"):format(answer.status), 0) end
end

notify.webhook = core.located(function(where, options)
  return hook("haul.notify.webhook", schema.check(webhook, options, where), post)
end)

local command = define("command", with_common {
  { "stdin", kind = "word", words = { "event", "text", "none" }, default = "text",
    doc = "what it reads: the event as JSON, a text, or nothing" },
  { "timeout", kind = "text", default = "1m", doc = "of one try; then it is killed" },
}, "words")

local stdin_of = {
  event = function(event) return json.encode(plain(event)) .. "\n" end,
  text = letter,
  none = function() return "" end,
}

local function run_command(words, input, timeout)
  local given = { stdin = input, timeout = timeout }
  table.move(words, 1, #words, 1, given)
  local ended = outside.exec(given)
  if ended.status == 0 and not ended.signal then return end
  error(("%s ended with %s: %s"):format(words[1], ended.signal and "signal " .. ended.signal or ended.status,
    ended.err:match "[^\n]*"), 0)
end

notify.command = core.located(function(where, options)
  local fields = schema.check(command, options, where)
  for i = 1, math.max(1, #fields.words) do
    if type(fields.words[i]) ~= "string" or fields.words[i] == "" then
      err.raise(where, "haul.notify.command", "word %d must be text, not %s", i, err.show(fields.words[i]))
    end
  end
  return hook("haul.notify.command", fields, function(_, event)
    run_command(fields.words, stdin_of[fields.stdin](event), fields.timeout)
  end)
end)

schema.kind("addresses", function(value)
  local list = type(value) == "string" and { value } or value
  if type(list) ~= "table" or #list == 0 or #list > 100 then return nil, "an address, or a list of 1 to 100, is expected" end
  for _, each in ipairs(list) do
    local fault = mail.address_fault(each)
    if fault then return nil, fault end
  end
  return list
end)

schema.kind("address", function(value)
  local fault = mail.address_fault(value)
  if fault then return nil, fault end
  return value
end)

local letters = define("mail", with_common {
  { "to", kind = "addresses", required = true, doc = "an address, or a list of them" },
  { "from", kind = "address", doc = "sender; default: what sendmail makes it" },
  { "subject", kind = "message", doc = "text, or function(event, job); default: one line about the event" },
  { "body", kind = "message", doc = "text, or function(event, job); default: the event, or the summary of the run" },
  { "sendmail", kind = "text", default = "/usr/sbin/sendmail", doc = "the program that takes the message" },
  { "timeout", kind = "text", default = "1m", doc = "of one try" },
})

local function send_mail(fields, event, job)
  local words = { fields.sendmail, "-i" }
  if fields.from then table.move({ "-f", fields.from }, 1, 2, 3, words) end
  table.move(fields.to, 1, #fields.to, #words + 1, words)
  run_command(words, mail.message {
    to = fields.to, from = fields.from, subject = text_of(fields.subject, event, job, headline),
    body = text_of(fields.body, event, job, letter),
  }, fields.timeout)
end

notify.mail = core.located(function(where, options)
  return hook("haul.notify.mail", schema.check(letters, options, where), send_mail)
end)

return notify
