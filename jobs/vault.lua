#!/usr/bin/env -S haul run
-- Keys that last an hour, for a job that lasts a day.  An agent keeps a file with the current ones, as JSON of the form
-- that the security token service of AWS answers with; haul reads it when the job starts, again before the keys
-- expire, and when the store says that they have.  No part is sent twice for it.
--   haul run jobs/vault.lua keys=/run/agent/keys.json source=/srv/data bucket=archive
local haul = require "haul"

haul.param {
  keys = { "File with the current keys", required = true },
  source = { "Directory to upload", required = true },
  bucket = { "Bucket to upload to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
}
local param = haul.param

-- What it returns is never printed or journalled; an error in it is told, and tried again with the request.
local function current()
  local file <close> = assert(io.open(param.keys))
  local given = haul.json.decode(file:read "a").Credentials
  return { access_key = given.AccessKeyId, secret_key = given.SecretAccessKey, token = given.SessionToken,
    expires = given.Expiration }
end

local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint, credentials = current }

return haul.job {
  name = "vault-" .. param.bucket,
  haul.copy { from = haul.dir(param.source), to = bucket / param.prefix },

  on = {
    -- The agent may be slower than the clock: wait for it, and ask again.
    part_failed = function(event)
      if event.error.kind == "auth" and event.attempt < 5 then
        return haul.retry { after = "2s", refresh_credentials = true }
      end
    end,
  },
}
