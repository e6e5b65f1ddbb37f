-- The language of job files as registered data, beside the options themselves, which register their
-- own: what each constructor, function and method is for, where it may be called, how a value is
-- written.  Read by `haul help WORD`, the manual, the man pages and the annotations for editors.
local reference = {}

-- How a value of a kind is written, and its type for editors.
reference.kinds = {
  attribute = { type = "table<string, string>|string|(fun(object: haul.object): table<string, string>|string|nil)" },
  boolean = { type = "boolean", form = "true or false" },
  breaker = { type = "haul.stop_when_options", form = "a table" },
  changing_concurrency = { type = "integer|haul.schedule", form = "a whole number, or haul.schedule" },
  changing_rate = { type = "haul.rate|haul.schedule|(fun(now: haul.now, stats: haul.totals): haul.rate)",
    form = "a rate such as \"20MiB/s\", haul.schedule, or function(now, stats)" },
  changing_requests = { type = "number|\"unlimited\"|haul.schedule|(fun(now: haul.now, stats: haul.totals): number)",
    form = "a number, haul.schedule, or function(now, stats)" },
  compare = { type = "%s|(fun(source: haul.object, target: haul.object): boolean, string?)" },
  bytes = { type = "string", form = "text" },
  conflict = { type = "%s|(fun(name: string, other: string, target: string): string?)" },
  credentials = { type = "haul.keys|(fun(): haul.keys)|\"anonymous\"" },
  duration = { type = "haul.duration", form = "a duration such as \"30s\"" },
  error_kinds = { type = "haul.error_kind[]", form = "a list of kinds of error" },
  environment = { type = "table<string, string>", form = "{ NAME = text }" },
  ["function"] = { type = "function", form = "a function" },
  globs = { type = "haul.globs", form = "a pattern or a list of them" },
  headers = { type = "table<string, string>", form = "{ name = text }" },
  integer = { type = "integer", form = "a whole number" },
  job_handlers = { type = "haul.handlers", form = "{ event = function }" },
  job_name = { type = "string", form = "letters, digits, '.', '_' and '-'" },
  keys = { type = "string[]|(fun(): string|haul.row|nil)|haul.manifest" },
  lanes = { type = "integer|\"auto\"" },
  moment = { type = "haul.moment", form = "an age such as \"7d\", or a date such as \"2026-11-20\" (UTC)" },
  number = { type = "number", form = "a number" },
  part_size = { type = "haul.size|(fun(object: haul.object): haul.size?)", form = "a size such as \"16MiB\"" },
  place = { type = "haul.place|haul.store", form = "store / \"path\"" },
  places = { type = "haul.place|haul.store|(haul.place|haul.store)[]", form = "store / \"path\"" },
  priority = { type = "number|(fun(object: haul.object): number?)", form = "a number" },
  proxy = { type = "string", form = "\"http://host:3128\"" },
  quota = { type = "haul.quota", form = "a share such as \"25%\", or a number of objects" },
  rate = { type = "haul.rate", form = "a rate such as \"20MiB/s\" or \"160Mbit/s\", or \"unlimited\"" },
  rates = { type = "haul.rate|{ read?: haul.rate, write?: haul.rate }", form = "a rate such as \"20MiB/s\"" },
  readable_file = { type = "string", form = "a path" },
  request_headers = { type = "table<string, string>", form = "{ name = text }" },
  retry = { type = "haul.retry_options", form = "a table" },
  address = { type = "string", form = "an address such as \"ops@example.org\"" },
  addresses = { type = "string|string[]", form = "an address, or a list of them" },
  message = { type = "string|(fun(event: table, job: haul.running): string?)", form = "text, or a function" },
  webhook_headers = { type = "table<string, string>", form = "{ name = text }" },
  retry_rule = { type = "haul.retry_kind_options", form = "a table" },
  size = { type = "haul.size", form = "a size such as \"16MiB\"" },
  splits = { type = "string[]", form = "a list of keys, ascending" },
  task_handlers = { type = "haul.handlers", form = "{ event = function }" },
  text = { type = "string", form = "text" },
  url = { type = "string", form = "an address such as \"https://host/path\"" },
  verify = { type = "%s|(fun(object: haul.object): string?)" },
  own_attribute = { type = "table<string, string>|string" },
  prefix = { type = "string", form = "text" },
  wait = { type = "number|haul.duration", form = "seconds, or text such as \"5s\"" },
  limited = { type = "haul.store|haul.task", form = "a store or a task" },
  wished_concurrency = { type = "integer|\"auto\"", form = "a whole number" },
  wished_rate = { type = "haul.rate|\"auto\"", form = "a rate such as \"20MiB/s\"" },
  wished_rates = { type = "haul.rate|\"auto\"|{ read?: haul.rate|\"auto\", write?: haul.rate|\"auto\" }",
    form = "a rate such as \"20MiB/s\"" },
  wished_requests = { type = "number|\"unlimited\"|\"auto\"", form = "a number" },
  window = { type = "{ [1]: string, [2]: string }", form = "two times of day, local" },
  word = { type = "%s" },
}

-- Types of single options, where that of their kind says too little.
reference.types = {
  before = "fun(event: haul.event.task_started, job: haul.running): haul.decision?",
  after = "fun(event: haul.event.task_finished, job: haul.running): haul.decision?",
  where = "fun(object: haul.object): boolean?",
  rename = "fun(name: string, object: haul.object): string?",
  acl = "string|(fun(object: haul.object): string?)",
  storage_class = "string|(fun(object: haul.object): string?)",
  headers = "table<string, string>|(fun(object: haul.object): table<string, string>?)",
  metadata = "table<string, string>|(fun(object: haul.object): table<string, string>?)",
  tags = "table<string, string>|(fun(object: haul.object): table<string, string>?)",
}

reference.aliases = {
  { "haul.size", "string",
    "\"16MiB\", \"100kB\"; KiB, MiB, GiB, TiB are powers of 1024, kB, MB, GB, TB of 1000; a part size also \"auto\"" },
  { "haul.rate", "string", "\"20MiB/s\", \"160Mbit/s\", \"unlimited\"" },
  { "haul.duration", "string", "\"500ms\", \"30s\", \"1.5h\", \"2d\"" },
  { "haul.moment", "string", "an age, \"90m\", \"7d\", \"2w\", or a date, \"2026-11-20\", \"2026-11-20T10:00:00Z\" (UTC)" },
  { "haul.quota", "string|integer", "a share, \"25%\", or a number of objects" },
  { "haul.globs", "string|string[]",
    "over names below `from`: \"*\" within a segment, \"**\" over segments, \"?\", \"[a-z]\", \"{a,b}\"" },
}

-- Where something may be called.  declare: while the job file runs.  hook: in a hook, and in what it
-- calls.  function: in the functions of a task (where, rename, headers, ...), which cannot wait.
reference.phases = {
  declare = "while the job file is read",
  hook = "in hooks",
  ["function"] = "in the functions of a task",
  spec = "in specs of haul test",
}

-- Tables of options by the name under which they are registered.
reference.tables = {
  ["haul.s3"] = "options of a bucket of S3",
  ["haul.oss"] = "options of a bucket of OSS",
  ["haul.tos"] = "options of a bucket of TOS",
  ["haul.dir"] = "options of a directory",
  ["haul.web"] = "options of a web server",
  ["haul.copy"] = "options of a copy",
  ["haul.sync"] = "options of a sync",
  ["haul.delete"] = "options of a delete",
  ["haul.move"] = "options of a move",
  ["haul.parallel"] = "tasks that run at the same time: its entries without a name",
  ["haul.job"] = "options of a job; the entries without a name are its tasks",
  ["haul.retry"] = "how something is tried again",
  retry = "when a failed request is made again: the option `retry` of a job or a task",
  ["notify.webhook"] = "a request that tells of an event",
  ["notify.command"] = "a command that is told of an event; the entries without a name are the program and its arguments",
  ["notify.mail"] = "a mail that tells of an event",
  ["retry.kind"] = "when a request is made again that failed with an error of one kind: the options named so of `retry`;"
    .. " what is not said here is as `retry` says",
  ["backoff.exponential"] = "waits that double from try to try",
  ["backoff.linear"] = "waits that grow by the first one from try to try",
  ["backoff.fixed"] = "the same wait after each try",
  ["backoff.decorrelated"] = "waits drawn from the base to three times the one before",
  ["haul.http"] = "options of a request",
  ["haul.exec"] = "options of a command; the entries without a name are the program and its arguments",
  stop_when = "when too many failures end a job: its option `stop_when`",
  rate = "rates of a store, each way: its option `rate`",
  ["store:get"] = "how a small object is read",
  ["store:list"] = "which objects are listed",
  ["store:put"] = "what an object that a hook writes carries",
  ["job:cancel"] = "how a job is cancelled",
  ["job:set"] = "what can be changed while a job runs",
  ["job:set rate"] = "rates of a store, each way: the option `rate` of job:set",
}

-- What `haul` has.  options: the table of options it takes.  example: a piece of a job file.
reference.functions = {
  { "s3", options = "haul.s3", returns = "haul.store", at = { "declare" },
    doc = "a bucket of Amazon S3, or of what speaks its language",
    example = [[local archive = haul.s3 { bucket = "archive", region = "eu-central-1" }]] },
  { "oss", options = "haul.oss", returns = "haul.store", at = { "declare" }, doc = "a bucket of Alibaba Cloud OSS",
    example = [[local photos = haul.oss { bucket = "photos", region = "cn-hangzhou", rate = { read = "50MiB/s" } }]] },
  { "tos", options = "haul.tos", returns = "haul.store", at = { "declare" }, doc = "a bucket of Volcengine TOS",
    example = [[local backup = haul.tos { bucket = "backup", region = "cn-beijing" }]] },
  { "dir", options = "haul.dir", type = "fun(path: string|haul.dir_options): haul.store", at = { "declare" },
    doc = "a local directory as a store",
    example = [[local data, shared = haul.dir "/srv/data", haul.dir { "/mnt/shared", links = "follow" }]] },
  { "web", options = "haul.web", type = "fun(url: string|haul.web_options): haul.store", at = { "declare" },
    doc = "a plain web server as a source; it cannot be listed",
    example = [[haul.copy { from = haul.web "https://example.org/pub/", keys = { "a.iso", "b.iso" }, to = haul.dir "/srv/pub" }]] },
  { "copy", options = "haul.copy", returns = "haul.task", at = { "declare" },
    doc = "a task: copies an object, all below a prefix, or a list of keys",
    example = [[haul.copy { from = here, to = archive / "2026/", include = "*.jpg", min_size = "1KiB" }]] },
  { "sync", options = "haul.sync", returns = "haul.task", at = { "declare" },
    doc = "a task: writes what differs, and with delete removes what only the target has",
    example = [[haul.sync { from = here, to = archive / "data/", delete = true, max_delete = "10%" }]] },
  { "move", options = "haul.move", returns = "haul.task", at = { "declare" },
    doc = "a task: copies, verifies, asks both stores once more, and only then deletes the source",
    example = [[haul.move { from = here / "done/", to = archive / "2026/", older_than = "1d" }]] },
  { "delete", options = "haul.delete", returns = "haul.task", at = { "declare" }, doc = "a task: removes what it selects",
    example = [[haul.delete { from = archive / "tmp/", older_than = "30d", max_delete = 10000 }]] },
  { "parallel", options = "haul.parallel", returns = "haul.parallel", at = { "declare" },
    doc = "tasks that run at the same time, each with its own limits; what follows begins when all are over",
    example = [[haul.parallel { haul.copy { from = here, to = archive }, haul.sync { from = there, to = photos } }]] },
  { "manifest", type = "fun(path: string): haul.manifest", at = { "declare" },
    doc = "keys from a .csv (its first line names the columns: key, size, target), a .jsonl or a .txt, read as they are needed",
    example = [[haul.copy { from = archive / "", to = here, keys = haul.manifest "wanted.csv" }]] },
  { "job", options = "haul.job", returns = "haul.job", at = { "declare" },
    doc = "the job: a job file ends with it; its tasks run in order",
    example = [[return haul.job { concurrency = 32, haul.copy { from = here, to = archive / "" } }]] },
  { "schedule", type = "fun(times: table<string, haul.rate|integer>): haul.schedule", at = { "declare" },
    doc = "a limit by weekday and local time of day, for rate, requests and concurrency: \"08:00-20:00\", \"sat,sun\", "
      .. "\"mon-fri 22:00-06:00\"; a span over midnight belongs to the day it begins on; times must not "
      .. "overlap, and otherwise says what holds at all others",
    example = [[rate = haul.schedule { ["mon-fri 08:00-20:00"] = "20MiB/s", otherwise = "unlimited" }]] },
  { "param", type = "table|fun(list: table<string, { [1]: string, required?: boolean, default?: any }>)", at = { "declare" },
    doc = "declares what the command line sets as name=value; haul.param.name is its value, everywhere",
    example = [[haul.param { day = { "Day to move, such as 2026-11-20", default = "2026-11-20" } }]] },
  { "retry", options = "haul.retry", optional = true, returns = "haul.decision", at = { "hook" },
    doc = "a decision: once more",
    example = [[on = { part_failed = function(event)
  if event.error.kind == "auth" then return haul.retry { after = "5s", refresh_credentials = true } end
end }]] },
  { "backoff", type = "{ exponential: fun(options?: haul.backoff_exponential_options): (fun(attempt: integer): number),"
      .. " linear: fun(options?: haul.backoff_linear_options): (fun(attempt: integer): number),"
      .. " fixed: fun(options?: haul.backoff_fixed_options): (fun(attempt: integer): number),"
      .. " decorrelated: fun(options?: haul.backoff_decorrelated_options): (fun(attempt: integer): number) }",
    at = { "declare", "hook", "function" },
    doc = "families of waits: each makes a function of the attempt, from 1, that gives seconds for haul.retry { after = ... }",
    example = [[on = { part_failed = function(event)
  return haul.retry { after = haul.backoff.exponential { base = "1s", cap = "5m" }(event.attempt) }
end }]] },
  { "skip", type = "fun(reason?: string): haul.decision", at = { "hook" },
    doc = "a decision: pass the object over; it does not count as failed",
    example = [[on = { object_failed = function(event) if event.error.kind == "missing" then return haul.skip "gone" end end }]] },
  { "fail", type = "fun(reason?: string): haul.decision", at = { "hook" }, doc = "a decision: give the object up now",
    example = [[on = { part_failed = function(event) if event.attempt == 3 then return haul.fail "three tries" end end }]] },
  { "defer", type = "fun(): haul.decision", at = { "hook" },
    doc = "a decision: once more, after everything else",
    example = [[on = { part_failed = function(event) if event.attempt == 3 then return haul.defer() end end }]] },
  { "sleep", type = "fun(time: number|haul.duration)", at = { "hook" },
    doc = "waits, and stops nothing else: no transfer, no other object's hook",
    example = [[on = { throttled = function(event, job)
  job:pause()
  haul.sleep "30s"
  job:resume()
end }]] },
  { "spawn", type = "fun(body: fun(job: haul.running): any): haul.handle", at = { "hook" },
    doc = "runs a function beside everything else; it may wait as a hook may, and the job does not end before it; an error of it"
      .. " is counted as a hook's is",
    example = [[on = { job_started = function(event, job)
  local warm = haul.spawn(function() haul.sleep "10s" return "warm" end)
  haul.log.info("%s", warm:join())
end }]] },
  { "stop", type = "fun(reason?: string): haul.decision", at = { "hook" },
    doc = "a decision, of any hook: end the job; exit status 7",
    example = [[on = { object_failed = function(event) if event.error.kind == "auth" then return haul.stop "keys?" end end }]] },
  { "veto", type = "fun(reason?: string): haul.decision", at = { "hook" },
    doc = "a decision of before_delete, task_started and task_finished: nothing is deleted or begun; exit status 6",
    example = [[on = { before_delete = function(event) if event.objects > 100 then return haul.veto "too many" end end }]] },
  { "http", type = "fun(options: haul.http_options): haul.answer", options = "haul.http", at = { "hook" },
    doc = "a request to any address, sent once; every status is an answer, a redirect too, and where there is none it is an "
      .. "error with kind and message",
    example = [[on = { job_finished = function(event)
  local answer = haul.http { url = "https://hooks.example.org/haul", headers = { ["content-type"] = "application/json" },
    body = haul.json.encode(event.summary) }
  if answer.status >= 300 then haul.log.warn("the webhook says %d", answer.status) end
end }]] },
  { "exec", type = "fun(options: haul.exec_options): haul.exec_result", options = "haul.exec", at = { "hook" },
    doc = "a command, without a shell: the program and its arguments, and options; every end of it is a result, and where it "
      .. "cannot be run, or is killed at its timeout, it is an error with kind and message",
    example = [[on = { object_succeeded = function(event)
  local scan = haul.exec { "clamscan", "--no-summary", event.path, timeout = "5m" }
  if scan.status ~= 0 then haul.log.error("%s: %s", event.key, scan.out) end
end }]] },
  { "json",
    type = "{ encode: fun(value: any): string; decode: fun(text: string): any; array: (fun(list: table): table); null: any }",
    at = { "declare", "hook", "function" },
    doc = "values to JSON and back; names of an object come out sorted, whole numbers of 64 bits exact, larger ones as text; "
      .. "json.array marks a table that is a list even when it is empty",
    example = [[local text = haul.json.encode { name = "a", sizes = { 1, 2 }, none = haul.json.null, list = haul.json.array {} }]] },
  { "notify", type = "{ webhook: (fun(options: haul.notify_webhook_options): haul.handler), "
      .. "command: (fun(options: haul.notify_command_options): haul.handler), "
      .. "mail: (fun(options: haul.notify_mail_options): haul.handler) }", at = { "declare", "hook" },
    doc = "hooks that tell somebody of an event: by a request, by a command, or by a mail; each may also be called with an event, "
      .. "in a hook, and waits like haul.http",
    example = [[on = { job_finished = haul.notify.mail { to = "ops@example.org" },
  object_failed = haul.notify.webhook { url = "https://chat.example.org/hook", form = "text" } }]] },
  { "report", type = "{ csv: (fun(path: string): fun(event: table)), jsonl: (fun(path: string): fun(event: table)) }",
    at = { "declare" },
    doc = "a hook that writes a row for each event of an object that it gets; the file appears whole when the run has ended, "
      .. "for its owner alone, even when it has no row; haul.manifest reads it again",
    example = [[on = { object_failed = haul.report.jsonl "failures.jsonl" }]] },
  { "median", type = "fun(list: number[]): number?", at = { "declare", "hook", "function" },
    doc = "the middle of a list of numbers; nil of an empty one",
    example = [[on = { job_finished = function(event, job)
  local sizes = job.state.sizes or {}
  if event.summary.bytes_done < (haul.median(sizes) or 0) / 2 then haul.log.warn "less than half of what is usual" end
  sizes[#sizes + 1] = event.summary.bytes_done
  job.state.sizes = { table.unpack(sizes, math.max(1, #sizes - 29)) }
end }]] },
  { "log", type = "{ error: haul.log_line, warn: haul.log_line, info: haul.log_line, debug: haul.log_line }",
    at = { "declare", "hook", "function" }, doc = "lines of the log, with the arguments of string.format; print goes there too",
    example = [[haul.log.info("%d of %d", 3, 4)]] },
}

-- The second argument of every hook.
reference.running = {
  { "name", type = "string", doc = "the job's name" },
  { "state", type = "table", doc = "a table of the job file's own, kept from run to run: what JSON can hold, up to 1 MiB",
    example = [[on = { job_finished = function(event, job) job.state.runs = (job.state.runs or 0) + 1 end }]] },
  { "cancel", type = "fun(self, options?: haul.job_cancel_options)", options = "job:cancel",
    doc = "ends the job; without abort, uploads and checkpoints are kept and the next run carries on",
    example = [[on = { object_failed = function(event, job) job:cancel { abort = true } end }]] },
  { "every", type = "fun(self, interval: haul.duration, body: fun(job: haul.running)): haul.handle",
    doc = "calls a function again and again, while the job has work; a call that is not over when the next is due takes its place",
    example = [[on = { job_started = function(event, job)
  job:every("30s", function() haul.log.info("%d done", job:stats().objects_done) end)
end }]] },
  { "pause", type = "fun(self)", doc = "starts no further request until job:resume()",
    example = [[on = { throttled = function(event, job) job:pause() end }]] },
  { "resume", type = "fun(self)", doc = "goes on after job:pause()",
    example = [[on = { progress = function(event, job) job:resume() end }]] },
  { "set", type = "fun(self, options: haul.job_set_options)", options = "job:set",
    doc = "changes limits of the job, a store or a task; they stay so until \"auto\" gives them back to the job file",
    example = [[on = { throttled = function(event, job) job:set { concurrency = 4, rate = "10MiB/s" } end }]] },
  { "stats", type = "fun(self): haul.totals", doc = "the counts so far",
    example = [[on = { object_failed = function(event, job) haul.log.info("%d done", job:stats().objects_done) end }]] },
}

-- Classes that are no plain tables.
reference.objects = {
  { "haul.store", doc = "a store; tostring() gives its name, never a secret", divides = true, methods = {
    { "head", type = "fun(self, key: string): haul.found?, haul.error?",
      doc = "what an object is; nil and the error when there is none",
      example = [[on = { job_finished = function() if not archive:head "marker" then archive:put("marker", "done") end end }]] },
    { "get", type = "fun(self, key: string, options?: haul.store_get_options): string?, haul.found|haul.error|nil",
      options = "store:get", doc = "the bytes of a small object, and what it is; nil and the error when there is none",
      example = [[on = { job_started = function(event, job)
  local text = archive:get("settings.json", { max = "64KiB" })
  if text then job:set { concurrency = haul.json.decode(text).concurrency } end
end }]] },
    { "list", type = "fun(self, options?: haul.store_list_options): fun(): haul.listed?", options = "store:list",
      doc = "an iterator over objects in the order of their keys; pages are asked for as it goes on",
      example = [[on = { job_finished = function()
  for object in archive:list { prefix = "old/" } do haul.log.info("%s %d", object.key, object.size) end
end }]] },
    { "put", type = "fun(self, key: string, bytes: string, options?: haul.store_put_options): string", options = "store:put",
      doc = "writes a small object, whole and checked, and gives its ETag; more than 16 MiB is work for a task",
      example = [[on = { job_finished = function(event)
  archive:put("reports/last.json", haul.json.encode(event.summary), { metadata = { by = "haul" } })
end }]] },
    { "delete", type = "fun(self, key: string)", doc = "removes an object; that there is none is no error",
      example = [[on = { job_started = function() archive:delete "marker" end }]] },
    { "tag", type = "fun(self, key: string, tags: table<string, string>)",
      doc = "gives an object these tags, in place of those it had",
      example = [[on = { object_succeeded = function(event) archive:tag(event.target, { checked = "yes" }) end }]] },
    { "tags", type = "fun(self, key: string): table<string, string>?", doc = "its tags; nil when there is no such object",
      example = [[on = { object_succeeded = function(event)
  if archive:tags(event.target).keep then haul.log.info("%s stays", event.target) end
end }]] },
  } },
  { "haul.place", doc = "store / \"path\": an object, or with a trailing \"/\" everything below", divides = true },
  { "haul.manifest", doc = "keys from a file" },
  { "haul.task", doc = "what haul.copy and the like give" },
  { "haul.parallel", doc = "what haul.parallel gives" },
  { "haul.job", doc = "what a job file returns" },
  { "haul.schedule", doc = "a limit by weekday and time of day" },
  { "haul.decision", doc = "what a hook may return" },
  { "haul.handle", doc = "what haul.spawn and job:every give", methods = {
    { "join", type = "fun(self): any", doc = "waits for its end and gives what it returned, once; raises what it raised",
      example = [[on = { job_started = function() local n = haul.spawn(function() return 1 end):join() end }]] },
    { "cancel", type = "fun(self)", doc = "ends it where it waits: its <close> variables run; an error when it is over",
      example = [[on = { job_started = function(event, job) job:every("1m", function() end):cancel() end }]] },
    { "status", type = "fun(self): \"waiting\"|\"ready\"|\"done\"|\"failed\"|\"cancelled\"", doc = "how far it is",
      example = [[on = { job_started = function() haul.log.info(haul.spawn(function() end):status()) end }]] },
  } },
  { "haul.transfer", doc = "an object on its way: of its events, and of use as long as it is", methods = {
    { "cancel", type = "fun(self, reason?: string)",
      doc = "gives the object up: it fails with the kind \"cancelled\"; what can be resumed is kept",
      example = [[on = { part_succeeded = function(event)
  if event.part.seconds > 60 then event.transfer:cancel "too slow" end
end }]] },
    { "stats", type = "fun(self): haul.transfer_stats", doc = "how far it is",
      example = [[on = { part_succeeded = function(event) haul.log.info("%d parts", event.transfer:stats().parts_done) end }]] },
  } },
}

return reference
