-- local haul = require "haul"
local core = require "haul.core"
local err = require "haul.err"
local job = require "haul.job"
local manifest = require "haul.manifest"
local notify = require "haul.notify"
local numbers = require "haul.numbers"
local outside = require "haul.outside"
local param = require "haul.param"
local policy = require "haul.policy"
local report = require "haul.report"
local retry = require "haul.retry"
local schedule = require "haul.schedule"
local spawn = require "haul.spawn"
local store = require "haul.store"
local task = require "haul.task"

local haul = {
  backoff = retry.backoff,
  copy = task.copy,
  defer = policy.defer,
  delete = task.delete,
  dir = store.dir,
  exec = outside.exec,
  fail = policy.fail,
  http = outside.http,
  job = job.new,
  json = require "haul.json",
  log = require "haul.log",
  manifest = manifest.new,
  median = numbers.median,
  notify = notify,
  oss = store.oss,
  move = task.move,
  parallel = task.parallel,
  param = param.object,
  report = report.constructors,
  retry = policy.retry,
  s3 = store.s3,
  schedule = schedule.new,
  skip = policy.skip,
  sleep = spawn.sleep,
  spawn = spawn.new,
  stop = policy.stop,
  sync = task.sync,
  tos = store.tos,
  veto = policy.veto,
  web = store.web,
}

local names = {}
for name in pairs(haul) do names[#names + 1] = name end
table.sort(names)

return setmetatable(haul, {
  __index = function(_, name)
    err.raise(core.where(2), "haul", "it has no %s%s", err.show(name), err.hint(name, names))
  end,
})
