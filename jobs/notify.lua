#!/usr/bin/env -S haul run
-- A mirror that tells somebody: a chat as soon as something is wrong, a mail when a night was not as it should be, and a
-- web hook with all the counts, for a dashboard, at the end of each.
--   haul run jobs/notify.lua source=/srv/data bucket=backup chat=https://chat.example.org/hooks/1 mail=ops@example.org
local haul = require "haul"

haul.param {
  source = { "Directory to mirror", required = true },
  bucket = { "Bucket to mirror to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
  chat = { "Address of a chat's web hook, which takes { \"text\": ... }", required = true },
  dashboard = { "Address that takes the counts as JSON" },
  mail = { "Who gets a mail" },
}
local param = haul.param

local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }

-- Each is a hook by itself, and may also be called in one.  They wait without stopping a transfer; what cannot be told
-- is a warning in the log, and no failure of the job.
local chat = haul.notify.webhook { url = param.chat, form = "text" }
local dashboard = param.dashboard and haul.notify.webhook { url = param.dashboard }
local mail = param.mail and haul.notify.mail { to = param.mail }

local told = 0

return haul.job {
  name = "notify-" .. param.bucket,

  haul.sync { from = haul.dir(param.source), to = bucket / param.prefix, delete = true, max_delete = "10%" },

  on = {
    -- The first three: nobody reads the three hundredth.
    object_failed = function(event, job)
      told = told + 1
      if told <= 3 then chat(event, job) end
    end,

    job_finished = function(event, job)
      if dashboard then dashboard(event, job) end
      if event.summary.exit_status == 0 then return end
      chat(event, job)
      if mail then mail(event, job) end
    end,
  },
}
