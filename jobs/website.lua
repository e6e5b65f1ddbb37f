#!/usr/bin/env -S haul run
-- Publishes a web site: files with a hash in their name may be kept for a year, pages are asked for each time.
--   haul run jobs/website.lua source=public/ bucket=www
-- Pages go last, so that none of them names a file that is not there yet; and files that only old pages name stay.
local haul = require "haul"

haul.param {
  source = { "Directory of the site", required = true },
  bucket = { "Bucket to publish to", required = true },
  prefix = { "What the keys start with; ends in '/'", default = "" },
  region = { "Region of the bucket" },
  endpoint = { "Address of an S3 server that is not Amazon's" },
}
local param = haul.param

local source = haul.dir(param.source)
local bucket = haul.s3 { bucket = param.bucket, region = param.region, endpoint = param.endpoint }
local pages = { "*.html", "*.xml", "*.txt" }

-- What the ending of a name does not say, or says wrongly; for all others it does.
local types = { webmanifest = "application/manifest+json", map = "application/json" }

local function headers(object)
  local hashed = object.name:find "[.-]%x%x%x%x%x%x%x%x+%.%w+$"
  return {
    ["cache-control"] = hashed and "public, max-age=31536000, immutable" or "public, max-age=300",
    ["content-type"] = types[object.name:match "%.(%w+)$"],
  }
end

return haul.job {
  name = "website-" .. param.bucket,

  haul.sync { from = source, to = bucket / param.prefix, exclude = pages, headers = headers },

  haul.sync {
    from = source, to = bucket / param.prefix, include = pages,
    headers = { ["cache-control"] = "no-cache" },
    delete = true,             -- a page that is gone is gone; what pages name is not looked at here
    max_delete = "50%",
  },
}
