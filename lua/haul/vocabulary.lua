-- The words of a run as registered data: events and their fields, decisions, kinds of error.  Read by
-- `haul help WORD`, the manual, the man pages and the annotations for editors; never by a run.
local vocabulary = {}

-- Classes of plain tables: { name, type, what it is }.  "?" behind the name: may be absent.
vocabulary.classes = {
  { "haul.part", doc = "a part of an object", fields = {
    { "number", "integer", "from 1" },
    { "offset", "integer", "where it starts in the object" },
    { "size", "integer", "bytes" },
    { "etag?", "string", "what the store calls it" },
    { "crc64?", "string", "its CRC64 in decimal digits, where it was computed" },
    { "seconds", "number", "how long the request took" },
  } },
  { "haul.error", doc = "why something failed", fields = {
    { "kind", "haul.error_kind", "one word of haul's vocabulary" },
    { "message", "string", "one sentence" },
    { "status?", "integer", "HTTP status of the answer" },
    { "code?", "string", "the provider's own code, such as \"SlowDown\"" },
    { "request_id?", "string", "what the provider's support will ask for" },
    { "host_id?", "string", "the second id of S3 and TOS, or the EC of OSS" },
    { "retry_after?", "number", "seconds the store asked to wait" },
    { "retryable", "boolean", "the task's own policy would try it again, were there tries left" },
  } },
  { "haul.totals", doc = "counts of a run", fields = {
    { "objects_known", "integer", "found so far" },
    { "bytes_known", "integer", "bytes of those" },
    { "listing_done", "boolean", "the two above are final" },
    { "objects_done", "integer", "in place" },
    { "objects_skipped", "integer", "passed over: the same already, or by a decision" },
    { "objects_failed", "integer", "given up" },
    { "objects_deleted", "integer", "removed" },
    { "objects_different", "integer", "not the same on both sides (haul verify)" },
    { "bytes_done", "integer", "in place, resumed ones too" },
    { "bytes_moved", "integer", "over the wire or the disk in this run, repeats too" },
    { "bytes_resumed", "integer", "found in place from an earlier run" },
    { "requests", "integer", "sent to stores" },
    { "retries", "integer", "tried again" },
    { "part_failures", "integer", "tries of parts that failed" },
    { "hook_errors", "integer", "hooks that raised an error or took too long" },
    { "in_flight", "integer", "requests under way" },
    { "concurrency", "integer", "requests that may be under way now" },
    { "paused", "boolean", "nothing is started until it is resumed" },
    { "checked", "table<string, integer>", "objects by the check that was made: \"crc64\", \"md5\", ..." },
    { "seconds", "number", "since the run began" },
    { "rate", "integer", "bytes a second over the last few seconds" },
    { "limit?", "integer", "the job's rate in force, bytes a second" },
    { "eta?", "number", "seconds that are left, where that is known" },
    { "exit_status?", "integer", "in a summary" },
    { "hooks?", "haul.hook_time[]", "in a summary: what each function of the job file took" },
  } },
  { "haul.hook_time", doc = "what one function of the job file took, over all its calls", fields = {
    { "name", "string", "the event, or what the function is for" },
    { "place?", "string", "where it begins, such as \"job.lua:12\"" },
    { "calls", "integer", "how often it was called" },
    { "errors", "integer", "calls that raised an error or took too long" },
    { "computed", "number", "seconds of its own computing" },
    { "waited", "number", "seconds it waited for what it asked for" },
    { "longest", "number", "seconds of computing of the longest call" },
  } },
  { "haul.now", doc = "the time, local: what a function for a limit gets first", fields = {
    { "year", "integer", "such as 2026" }, { "month", "integer", "1 to 12" }, { "day", "integer", "1 to 31" },
    { "hour", "integer", "0 to 23" }, { "min", "integer", "0 to 59" }, { "sec", "integer", "0 to 60" },
    { "wday", "integer", "1 to 7, Sunday first" }, { "yday", "integer", "1 to 366" }, { "isdst", "boolean", "daylight saving" },
    { "time", "number", "seconds since 1970" },
  } },
  { "haul.transfer_stats", doc = "how far an object is", fields = {
    { "key", "string", "key of the source object; below a directory its path" },
    { "step", "string", "what is done with it now, such as \"move\"" },
    { "size?", "integer", "bytes" },
    { "parts", "integer", "in all, once that is known" },
    { "parts_done", "integer", "in place" },
    { "parts_moving", "integer", "under way" },
    { "tries", "integer", "of the whole object, from 1" },
    { "restarts", "integer", "how often it began again from scratch" },
  } },
  { "haul.answer", doc = "what came back for haul.http", fields = {
    { "status", "integer", "such as 200" },
    { "headers", "table<string, string>", "names in lower case; values of one name joined by \", \"" },
    { "body", "string", "all of it" },
  } },
  { "haul.exec_result", doc = "how a command of haul.exec ended", fields = {
    { "status", "integer", "its exit status; 128 and the number of the signal that ended it" },
    { "signal?", "integer", "the signal that ended it" },
    { "out", "string", "what it wrote to its standard output" },
    { "err", "string", "and to its standard error" },
  } },
  { "haul.pace", doc = "what a store that asked to slow down gets from now on", fields = {
    { "concurrency", "integer", "requests in flight" },
    { "requests", "number", "requests a second" },
    { "wait_ms", "integer", "none is sent before that" },
  } },
  { "haul.object", doc = "an object as functions of a task see it; a table of its own for each call", fields = {
    { "key", "string", "full key, or path below the root of a directory" },
    { "name", "string", "the same below `from`" },
    { "target?", "string", "full name on the other side, without `rename`" },
    { "size?", "integer", "bytes; of keys from a list it may not be known" },
    { "mtime?", "number", "time of modification, seconds since 1970" },
    { "etag?", "string", "of a store" },
    { "metadata", "table<string, string>", "user metadata; of a store it costs one HEAD, which serves all fields but tags" },
    { "content_type?", "string", "of a file by the ending of its name; of a store: a HEAD" },
    { "cache_control?", "string", "of a store: a HEAD" },
    { "content_disposition?", "string", "of a store: a HEAD" },
    { "content_encoding?", "string", "of a store: a HEAD" },
    { "content_language?", "string", "of a store: a HEAD" },
    { "expires?", "string", "of a store: a HEAD" },
    { "storage_class?", "string", "as the store calls it: a HEAD" },
    { "crc64?", "string", "of all of it, in decimal digits, where OSS or TOS have it: a HEAD" },
    { "tags", "table<string, string>", "of a store: one request" },
  } },
  { "haul.row", doc = "a key that an iterator gives, with what is known of it", fields = {
    { "key", "string", "below `from`" },
    { "size?", "integer", "saves a request" },
    { "target?", "string", "another name below `to`" },
  } },
  { "haul.keys", doc = "credentials", fields = {
    { "access_key?", "string", "the id of the key" },
    { "secret_key?", "string", "the secret; never shown" },
    { "token?", "string", "of temporary keys" },
    { "profile?", "string", "of the shared files of AWS, instead of keys (s3)" },
    { "expires?", "number|string", "seconds since 1970 or ISO 8601; from a function only: it is asked again before" },
  } },
}

-- Fields that events have in common: groups of { name, type, what it is }.
vocabulary.fields = {
  all = {
    { "event", "string", "the event's name" },
    { "time", "number", "seconds since 1970" },
    { "job", "string", "the job's name" },
  },
  object = {
    { "task", "integer", "number of the task, from 1" },
    { "key?", "string", "key of the source object; below a directory its path" },
    { "target?", "string", "key or path on the other side" },
    { "bucket?", "string", "bucket of the remote side, of the target where both are" },
    { "path?", "string", "the local file, absolute" },
    { "size?", "integer", "bytes of the object" },
    { "attempt?", "integer", "which try this is, from 1" },
    { "upload_id?", "string", "the store's id of the object's upload, while it has one" },
    { "transfer?", "haul.transfer", "the object while it is under way; later, using it is an error" },
    { "temp_file?", "string", "name of the object's temporary file, while it has one" },
  },
  part = { { "part", "haul.part", "the part" } },
  error = { { "error", "haul.error", "what went wrong" } },
  maybe_error = { { "error?", "haul.error", "what went wrong, where something did" } },
  reason = { { "reason?", "string", "why" } },
  check = { { "check", "string", "how it was checked: \"crc64\", \"crc32c\", \"md5\", ..., \"size\" or \"none\"" } },
  maybe_check = { { "check?", "string", "how it was checked, where it was" } },
  bucket = { { "bucket?", "string", "bucket of the target" } },
  summary = { { "summary", "haul.totals", "the counts of the whole run" } },
  progress = { { "progress", "haul.totals", "the counts so far" } },
  pace = { { "pace", "haul.pace", "what the store gets from now on" } },
  sides = {
    { "kind", "string", "\"copy\", \"sync\", \"move\" or \"delete\"" },
    { "from", "string", "the store it reads from" },
    { "from_path?", "string", "and the key or prefix there; absent: all of it" },
    { "to?", "string", "the store it writes to" },
    { "to_path?", "string", "and the key or prefix there" },
  },
  counts = {
    { "objects_known", "integer", "objects of this task that were found" },
    { "objects_done", "integer", "in place" },
    { "objects_skipped", "integer", "passed over" },
    { "objects_failed", "integer", "given up" },
    { "objects_deleted", "integer", "removed" },
    { "objects_different", "integer", "not the same on both sides" },
    { "bytes_done", "integer", "in place" },
    { "bytes_moved", "integer", "over the wire or the disk" },
    { "listing_failed", "boolean", "not everything could be listed" },
    { "seconds", "number", "it took" },
  },
  removal = {
    { "objects", "integer", "so many would go," },
    { "bytes", "integer", "with so many bytes," },
    { "target_objects", "integer", "of so many that are at the target," },
    { "source_objects", "integer", "and so many at the source" },
  },
}

-- Every event: what it tells, its groups of fields beside `all`, and the decisions its hook may return
-- beside haul.stop, which every hook may.  scope "job": of no task.
vocabulary.events = {
  { "job_started", scope = "job", doc = "the run begins; once" },
  { "job_finished", scope = "job", fields = { "summary" }, doc = "the run is over; once" },
  { "object_started", fields = { "object" }, doc = "the first request of an object is about to be made" },
  { "object_succeeded", fields = { "object", "check" }, doc = "the object is in place, checked and durable" },
  { "object_skipped", fields = { "object", "reason" },
    doc = "the object was passed over: it is there already, or a decision said so" },
  { "object_deleted", fields = { "object" }, doc = "the object is gone" },
  { "object_failed", fields = { "object", "error", "reason" }, decides = { "retry", "skip", "fail", "defer" },
    doc = "the object's last try failed; nothing returned: it is given up" },
  { "temp_file_created", fields = { "object" }, doc = "a download has its temporary file" },
  { "temp_file_failed", fields = { "object", "error" }, doc = "the temporary file could not be made or written" },
  { "temp_file_renamed", fields = { "object" }, doc = "the complete file got its final name" },
  { "rename_failed", fields = { "object", "error" }, doc = "it did not get it" },
  { "upload_created", fields = { "object" }, doc = "an upload in parts has begun" },
  { "upload_create_failed", fields = { "object", "error" }, doc = "it could not be begun" },
  { "upload_completed", fields = { "object" }, doc = "the store has put the parts together" },
  { "upload_complete_failed", fields = { "object", "error" }, doc = "it has not, or has not said so" },
  { "upload_aborted", fields = { "object" }, doc = "an upload was given up, and its parts are removed" },
  { "part_succeeded", fields = { "object", "part" }, doc = "a part is in place and journalled" },
  { "part_failed", fields = { "object", "part", "error" }, decides = { "retry", "skip", "fail", "defer" },
    doc = "a try of a part failed; nothing returned: the policy of `retry` decides" },
  { "part_aborted", fields = { "object", "part", "error" },
    doc = "a part was dropped because its object was given up" },
  { "verified", fields = { "object", "check" }, doc = "both ends agree" },
  { "verify_failed", fields = { "object", "maybe_check", "maybe_error", "reason" }, doc = "they do not" },
  { "throttled", fields = { "object", "error", "pace" }, doc = "a store asked to slow down, and is slowed down as a whole" },
  { "progress", scope = "job", fields = { "progress" }, doc = "how far the run is, at most 4 times a second" },
  { "resumed", fields = { "object", "reason" },
    doc = "work of an earlier run was found in place and is used" },
  { "restarted", fields = { "object", "reason" },
    doc = "work of an earlier run, or of this one, could not be used" },
  { "before_delete", fields = { "task", "bucket", "removal" }, decides = { "veto" },
    doc = "a task is about to delete; once for each; nothing returned: it deletes" },
  { "task_started", fields = { "task", "sides" }, decides = { "skip", "veto" },
    doc = "a task is about to begin; its option `before`; nothing returned: it begins" },
  { "task_finished", fields = { "task", "sides", "counts" }, decides = { "veto" },
    doc = "a task is over, with its counts; its option `after`; nothing returned: the job goes on" },
  { "task_skipped", fields = { "task", "sides", "reason" }, doc = "a task was passed over, because a hook said so" },
}
vocabulary.fields.task = { vocabulary.fields.object[1] }

-- Kinds of error: the same words in hooks, `retry`, the journal, reports and logs.
vocabulary.errors = {
  { "network", "a connection was refused, reset or cut short" },
  { "timeout", "no connection, or no bytes, for too long" },
  { "throttled", "the store asked to slow down" },
  { "server", "an answer of 5xx, or one that makes no sense" },
  { "auth", "signature, key, token or clock refused" },
  { "denied", "known, but not allowed" },
  { "missing", "no such object, bucket, upload or file" },
  { "changed", "the source is not what it was" },
  { "corrupt", "a checksum or a length does not agree" },
  { "disk", "a local file operation failed" },
  { "cancelled", "asked to stop" },
  { "script", "a hook failed" },
  { "invalid", "a request or an option that can never work" },
  { "bug", "haul's own mistake" },
}

-- Variables of the environment beside those of flags and credentials.
vocabulary.variables = {
  { "XDG_STATE_HOME", "where state is kept: $XDG_STATE_HOME/haul/JOBNAME/; without it ~/.local/state" },
  { "HOME", "what \"~\" means, and where the shared files of AWS are" },
  { "TZ", "the local time of windows and of times of day" },
  { "HAUL_LUA", "a directory from which the Lua modules are taken instead of the binary" },
  { "TMPDIR", "where `haul test` keeps the directories of its worlds; without it /tmp" },
  { "HAUL_MIME_TYPES", "the table of content types by ending, instead of /etc/mime.types" },
  { "AWS_PROFILE", "profile of the shared files of AWS" },
  { "AWS_DEFAULT_PROFILE", "the same, asked second" },
  { "AWS_SHARED_CREDENTIALS_FILE", "instead of ~/.aws/credentials" },
  { "AWS_CONFIG_FILE", "instead of ~/.aws/config" },
  { "SLURM_ARRAY_TASK_ID", "with --shard auto: which shard, under Slurm" },
  { "JOB_COMPLETION_INDEX", "the same, for indexed jobs of Kubernetes (with --shard auto/N)" },
  { "AWS_BATCH_JOB_ARRAY_INDEX", "the same, for array jobs of AWS Batch (with --shard auto/N)" },
}

-- The fields of an event, in order.
function vocabulary.fields_of(event)
  local list = {}
  for _, group in ipairs { "all", table.unpack(event.fields or {}) } do
    for _, field in ipairs(vocabulary.fields[group]) do list[#list + 1] = field end
  end
  return list
end

return vocabulary
