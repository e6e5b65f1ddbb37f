-- The language of specs (lua/haul/test.lua) as registered data, in the forms of reference.lua and
-- vocabulary.lua.
local test_reference = {}

test_reference.classes = {
  { "haul.test.world_options", doc = "what test.world takes", fields = {
    { "clock?", "string", "when it begins, local time, or UTC with Z; else \"2026-01-01T00:00:00\"" },
    { "seed?", "integer", "latencies and jitter are drawn from it: the same seed, the same run; else 1" },
    { "latency?", "haul.duration", "of a request: each takes from half of it to one and a half; else \"20ms\"" },
    { "bandwidth?", "haul.rate", "of one request; else \"50MiB/s\"" },
    { "limit?", "haul.duration", "a run that goes on for longer is an error; else \"30d\"" },
    { "env?", "table<string, string>", "what haul reads of the environment; keys of stores need not be there" },
  } },
  { "haul.test.object", doc = "what a store is filled with: its bytes first, as [1]", fields = {
    { "content_type?", "string", "and so cache_control, content_encoding, storage_class, acl and others" },
    { "metadata?", "table<string, string>", "user metadata" },
    { "tags?", "table<string, string>", "its tags" },
    { "mtime?", "string", "when it was written, such as \"2026-11-20T23:00:00\"; the only one that a file takes" },
  } },
  { "haul.test.fault", doc = "what goes wrong", fields = {
    { "key?", "string", "of which object: a pattern" },
    { "part?", "integer", "with which part" },
    { "times?", "integer", "how often; else 1; math.huge: always" },
    { "skip?", "integer", "after so many that pass" },
    { "with?", "haul.error_kind", "else network, of directories disk; corrupt changes a byte on its way" },
    { "status?", "integer", "the HTTP status of the answer" },
    { "code?", "string", "the provider's code, such as \"SlowDown\"; of directories \"ENOSPC\"" },
    { "retry_after?", "haul.duration", "how long the store asks to wait" },
    { "lost?", "boolean", "it takes effect, and the answer is lost" },
    { "crash?", "boolean", "haul dies while it is under way; the next run of the job carries on" },
  } },
  { "haul.test.run_options", doc = "how a job is run", fields = {
    { "verify?", "boolean", "as haul verify" },
    { "fresh?", "boolean", "as --fresh" },
    { "max_duration?", "haul.duration", "as --max-duration" },
  } },
  { "haul.test.request", doc = "what a store was asked for", fields = {
    { "store", "string", "its name" },
    { "op", "string", "the operation, as in world:fault" },
    { "key?", "string", "of the object" },
    { "part?", "integer", "its number" },
    { "size?", "integer", "bytes" },
    { "time", "number", "seconds since 1970, by the world's clock" },
    { "error?", "haul.error_kind", "why it failed" },
    { "status?", "integer", "the HTTP status of the answer" },
  } },
}

local spec = { "spec" }

test_reference.objects = {
  { "haul.test", doc = "require \"haul.test\", in specs that haul test runs", methods = {
    { "world", type = "fun(options?: haul.test.world_options): haul.test.world", at = spec,
      doc = "a world of its own: stores in memory, directories below a temporary one, a clock that jumps" },
    { "bytes", type = "fun(size: haul.size|integer, seed?: integer): string", at = spec,
      doc = "bytes that look like noise, the same for the same seed" },
  }, dot = true },
  { "haul.test.world", doc = "a world", methods = {
    { "clock", type = "string", at = spec, doc = "its local time, which may be set between runs" },
    { "http_requests", type = "table[]", at = spec, doc = "what jobs asked by haul.http: { method, url, headers, body }" },
    { "commands", type = "table[]", at = spec, doc = "what jobs ran by haul.exec: { words..., stdin = }" },
    { "store", type = "fun(self, name: string, objects?: table<string, string|haul.test.object>): haul.test.world", at = spec,
      doc = "fills a store, named as messages name it, \"s3://photos\", or by its bucket alone" },
    { "dir", type = "fun(self, path: string, files?: table<string, string|haul.test.object>): haul.test.world", at = spec,
      doc = "fills a directory" },
    { "file", type = "fun(self, name: string, text: string): string", at = spec,
      doc = "a real file, for what the job file itself reads (io.open, haul.manifest); its path" },
    { "list", type = "fun(self, name: string): string[]", at = spec, doc = "the keys of a store or directory, sorted" },
    { "read", type = "fun(self, name: string, key: string): string?", at = spec, doc = "the bytes of an object or file, or nil" },
    { "head", type = "fun(self, name: string, key: string): table?", at = spec,
      doc = "what an object carries: size, mtime, etag, content_type, metadata, tags and others" },
    { "remove", type = "fun(self, name: string, key: string): boolean", at = spec, doc = "removes an object or file" },
    { "uploads", type = "fun(self, name: string): table[]", at = spec, doc = "open uploads of a store: { key, id, parts }" },
    { "path", type = "fun(self, path: string): string", at = spec, doc = "where a directory really is" },
    { "fault", type = "fun(self, store?: string, operation?: string, options?: haul.test.fault): haul.test.world", at = spec,
      doc = "makes something go wrong, in one store or directory or in all, with one operation or with all; "
        .. "the first rule that fits counts" },
    { "http", type = "fun(self, url: string, reply: table|function): haul.test.world", at = spec,
      doc = "answers haul.http: { status =, body =, headers = } or { error = }; \"*\" stands for any text" },
    { "exec", type = "fun(self, command: string, reply: table|function): haul.test.world", at = spec,
      doc = "answers haul.exec: { status =, out =, err = }; \"*\" stands for any text" },
    { "advance", type = "fun(self, time: haul.duration): haul.test.world", at = spec, doc = "lets time pass between runs" },
    { "run", at = spec,
      type = "fun(self, file: string, parameters?: table<string, any>, options?: haul.test.run_options): haul.test.run",
      doc = "runs a job to its end; the file is looked for where haul was started, then beside the spec" },
    { "close", type = "fun(self)", at = spec, doc = "removes the world's files at once instead of at the end" },
  } },
  { "haul.test.run", doc = "a run that is over", methods = {
    { "state", type = "\"finished\"|\"crashed\"", at = spec, doc = "how it ended" },
    { "status", type = "integer?", at = spec, doc = "its exit status, nil after a crash" },
    { "reason", type = "string?", at = spec, doc = "why it ended early, or could not begin" },
    { "events", type = "table[]", at = spec, doc = "every event but progress" },
    { "summary", type = "haul.totals", at = spec, doc = "the counts of job_finished" },
    { "seconds", type = "number", at = spec, doc = "how long it took, by the world's clock" },
    { "requests", type = "haul.test.request[]", at = spec, doc = "what stores were asked, in order" },
    { "expect", type = "fun(self, status: integer): haul.test.run", at = spec,
      doc = "the run, or an error that tells what failed" },
    { "all", type = "fun(self, event?: string, where?: table): table[]", at = spec,
      doc = "events of a name; where compares fields, such as { key = \"a\", [\"part.number\"] = 2 }" },
    { "find", type = "fun(self, event?: string, where?: table): table?", at = spec, doc = "the first of them" },
    { "count", type = "fun(self, event?: string, where?: table): integer", at = spec, doc = "how many there are" },
    { "events_of", type = "fun(self, key: string): table[]", at = spec, doc = "all events of one object" },
    { "requested", type = "fun(self, operation?: string, where?: table): haul.test.request[]", at = spec,
      doc = "requests of one kind" },
  } },
}

return test_reference
