-- Where keys come from: the job file, the environment, the shared files of AWS.  A value of a secret
-- never becomes part of a message.
local core = require "haul.core"
local context = require "haul.context"
local err = require "haul.err"

local credentials = {}

-- Names of the environment, the first that is set wins.
local environment = {
  s3 = {
    access_key = { "AWS_ACCESS_KEY_ID" },
    secret_key = { "AWS_SECRET_ACCESS_KEY" },
    token = { "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN" },
    region = { "AWS_REGION", "AWS_DEFAULT_REGION" },
    endpoint = { "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL" },
  },
  oss = {
    access_key = { "OSS_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_ID" },
    secret_key = { "OSS_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET" },
    token = { "OSS_SESSION_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN" },
    region = { "OSS_REGION", "ALIBABA_CLOUD_REGION_ID" },
    endpoint = { "OSS_ENDPOINT" },
  },
  tos = {
    access_key = { "TOS_ACCESS_KEY", "VOLCENGINE_ACCESS_KEY" },
    secret_key = { "TOS_SECRET_KEY", "VOLCENGINE_SECRET_KEY" },
    token = { "TOS_SECURITY_TOKEN", "VOLCENGINE_SESSION_TOKEN" },
    region = { "TOS_REGION" },
    endpoint = { "TOS_ENDPOINT" },
  },
}

credentials.variables = environment

local function from_environment(provider, what)
  for _, name in ipairs(environment[provider][what]) do
    local value = context.getenv(name)
    if value and value ~= "" then return value, name end
  end
  return nil
end

-- INI -----------------------------------------------------------------------------------------------

-- { section = { key = value } }.  Indented lines belong to the key above them ("s3 =" and what is
-- nested in it) and are passed over.
function credentials.ini(text)
  local sections, current = {}, nil
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    local section = line:match("^%[%s*(.-)%s*%]")
    local key, value = line:match("^([^%s#;=%[][^=]-)%s*=%s*(.-)%s*$")
    if section then
      current = sections[section] or {}
      sections[section] = current
    elseif key and current then
      current[key:lower()] = value:gsub("%s+[#;].*$", "")
    end
  end
  return sections
end

local function home_file(variable, default)
  local path = context.getenv(variable)
  if path and path ~= "" then return path end
  local home = context.getenv("HOME")
  return home and home .. default or nil
end

-- The sections of a file; {} when there is none.  A file that cannot be trusted is an error.
local function read_sections(where, who, path)
  if not path then return {}, false end
  local text, second, absent = core.read_private(path)
  if text then return credentials.ini(text), second end
  if absent then return {}, false end
  err.raise_auth(where, who, "%s", second)
end

-- What the shared files say of a profile: access_key, secret_key, token, region, endpoint.
function credentials.shared(where, who, profile)
  local path = home_file("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials")
  local keys, open = read_sections(where, who, path)
  local config = read_sections(where, who, home_file("AWS_CONFIG_FILE", "/.aws/config"))
  local named = config["profile " .. profile] or profile == "default" and config.default or nil
  local own = keys[profile] or {}
  if own.aws_secret_access_key and open then
    context.warn("%s can be read by others: chmod 600 it", path)
  end
  local pair = own.aws_access_key_id and own or named or {}
  return {
    found = keys[profile] ~= nil or named ~= nil,
    access_key = pair.aws_access_key_id,
    secret_key = pair.aws_secret_access_key,
    token = pair.aws_session_token,
    region = named and named.region or own.region,
    endpoint = named and named.endpoint_url or own.endpoint_url,
  }
end

-- Checks ----------------------------------------------------------------------------------------------

local fields = { "access_key", "secret_key", "token", "expires" }
local explicit_fields = { "access_key", "secret_key", "token", "profile" }

local function check_names(set, allowed)
  for key in next, set do
    local known = false
    for _, name in ipairs(allowed) do known = known or key == name end
    if not known then
      return ("unknown field %s%s"):format(type(key) == "string" and "'" .. key:sub(1, 40):gsub("%c", "?") .. "'"
        or "[" .. tostring(key) .. "]", err.hint(key, allowed))
    end
  end
end

local function check_text(set, name, required)
  local value = rawget(set, name)
  if value == nil then return required and ("'%s' is missing"):format(name) or nil end
  if type(value) ~= "string" then return ("'%s' must be text, not a %s"):format(name, type(value)) end
  if value == "" then return ("'%s' is empty"):format(name) end
  if value:find("[%c\128-\255]") then return ("'%s' holds a character that no key has"):format(name) end
end

-- Why a table of keys cannot be used, or nil.
local function fault_of(set)
  return check_text(set, "access_key", true) or check_text(set, "secret_key", true) or check_text(set, "token")
end

-- The option `credentials`: a table, a function or "anonymous"; nil and why not.
function credentials.check(value)
  if type(value) == "function" or value == "anonymous" then return value end
  if type(value) ~= "table" then
    return nil, "a table, a function or \"anonymous\" is expected, not a " .. type(value)
  end
  local fault = check_names(value, explicit_fields) or check_text(value, "profile")
  if not fault and not rawget(value, "profile") then fault = fault_of(value) end
  if not fault and rawget(value, "profile") and rawget(value, "access_key") then
    fault = "'profile' and 'access_key' exclude each other"
  end
  if fault then return nil, fault end
  return value
end

local function expiry_ms(value)
  if value == nil then return 0 end
  if type(value) == "number" and value == value and value > 0 and value < 1e11 then return math.floor(value * 1000) end
  if type(value) == "string" then return core.date(value) end
  return nil
end

-- A userdata from what a function of the job file returned.
local function from_function(set)
  if type(set) ~= "table" then
    error(err.new("auth", "the credentials function returned no table but a " .. type(set)), 0)
  end
  local fault = check_names(set, fields) or fault_of(set)
  local expires = expiry_ms(rawget(set, "expires"))
  if not fault and not expires then fault = "'expires' must be seconds since 1970 or an ISO 8601 date" end
  if fault then error(err.new("auth", "the credentials function: " .. fault), 0) end
  return core.credentials(set.access_key, set.secret_key, set.token, expires)
end

-- A function without arguments that asks the job file and gives a userdata.
function credentials.provider(ask)
  return function() return from_function(ask()) end
end

-- Finding ---------------------------------------------------------------------------------------------

local function from_pair(where, who, provider)
  local access, access_name = from_environment(provider, "access_key")
  local secret, secret_name = from_environment(provider, "secret_key")
  if access and not secret then
    err.raise_auth(where, who, "%s is set, but %s is not", access_name, environment[provider].secret_key[1])
  elseif secret and not access then
    err.raise_auth(where, who, "%s is set, but %s is not", secret_name, environment[provider].access_key[1])
  end
  if not access then return nil end
  return { access_key = access, secret_key = secret, token = (from_environment(provider, "token")) }
end

local function from_profile(where, who, profile)
  local set = credentials.shared(where, who, profile)
  if not set.found then
    err.raise_auth(where, who, "there is no profile %s in the shared files of AWS", err.show(profile))
  end
  if not set.access_key then err.raise_auth(where, who, "profile %s has no keys", err.show(profile)) end
  return set
end

local function default_profile()
  for _, name in ipairs { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" } do
    local value = context.getenv(name)
    if value and value ~= "" then return value end
  end
  return "default"
end

local function none_found(where, who, provider)
  local names = environment[provider]
  err.raise_auth(where, who, "no credentials: set %s and %s, or the option credentials%s", names.access_key[1],
    names.secret_key[1], provider == "s3" and ", or a profile in ~/.aws/credentials" or "")
end

local function look_up(where, who, provider, profile)
  if profile then return from_profile(where, who, profile) end
  local set = from_pair(where, who, provider)
  if set or provider ~= "s3" then return set end
  local name = default_profile()
  if name ~= "default" then return from_profile(where, who, name) end
  set = credentials.shared(where, who, name)
  return set.access_key and set or nil
end

-- What goes wrong in the job file's function is no mistake of the job file: perhaps a vault is closed.
local function ask_first(where, who, ask)
  local good, result = pcall(credentials.provider(ask))
  if good then return result end
  if type(result) == "table" then error(result, 0) end
  err.raise_auth(where, who, "the credentials function: %s", tostring(result))
end

-- The userdata for a store: explicit option, environment, shared files, in this order.
function credentials.find(where, who, provider, explicit, profile)
  if explicit == "anonymous" then return core.anonymous() end
  if type(explicit) == "function" then return ask_first(where, who, explicit) end
  if context.simulated then explicit, profile = nil, nil end
  local set = explicit
  if not set or set.profile then
    set = look_up(where, who, provider, set and set.profile or profile) or none_found(where, who, provider)
  end
  local fault = fault_of(set)
  if fault then err.raise_auth(where, who, "credentials: %s", fault) end
  return core.credentials(set.access_key, set.secret_key, set.token)
end

-- "region" or "endpoint" of a store that does not say it.
function credentials.setting(where, who, provider, what, profile)
  local value = from_environment(provider, what)
  if provider ~= "s3" or value and not profile then return value end
  return credentials.shared(where, who, profile or default_profile())[what] or value
end

return credentials
