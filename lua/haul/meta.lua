---@meta haul
-- The language of job files, for editors and for the manual.  Never loaded.

---@alias haul.size string    "16MiB", "100kB"; a part size also "auto"
---@alias haul.rate string    "20MiB/s", "160Mbit/s", "unlimited"
---@alias haul.duration string "500ms", "30s", "1h"
---@alias haul.moment string  an age, "90m", "7d", "2w", or a date, "2026-11-20", "2026-11-20T10:00:00Z" (UTC)
---@alias haul.quota string|integer  a share, "25%", or a number of objects
---@alias haul.globs string|string[]  over names below `from`: "*" within a segment, "**" over segments, "?", "[a-z]", "{a,b}"

---@class haul.place  `store / "path"`: an object, or with a trailing "/" everything below
---@operator div(string): haul.place

---@class haul.store  tostring() gives its name, never a secret
---@operator div(string): haul.place

---@class haul.rates
---@field read? haul.rate
---@field write? haul.rate

---@class haul.keys
---@field access_key? string
---@field secret_key? string
---@field token? string
---@field profile? string     of the shared files of AWS, instead of keys (s3)
---@field expires? number|string seconds since 1970 or ISO 8601; from a function only

---@class haul.remote_options
---@field bucket string
---@field region? string
---@field endpoint? string    "https://host:port"
---@field credentials? haul.keys|(fun(): haul.keys)|"anonymous"
---@field rate? haul.rate|haul.rates
---@field requests? number    most requests a second
---@field ca? string          file of certificates
---@field proxy? string
---@field headers? table<string, string>
---@field user_agent? string
---@field connect_timeout? haul.duration  default "10s"
---@field stall_timeout? haul.duration    default "30s"

---@class haul.s3_options: haul.remote_options
---@field addressing? "auto"|"virtual"|"path"
---@field profile? string
---@field checksum? "auto"|"crc32c"|"md5"|"none"
---@field sign_payload? boolean

---@class haul.oss_options: haul.remote_options
---@field addressing? "auto"|"virtual"|"cname"|"path"
---@field signature? "v4"|"v1"

---@class haul.tos_options: haul.remote_options
---@field addressing? "auto"|"virtual"|"cname"|"path"

---@class haul.dir_options
---@field path string
---@field links? "report"|"follow"
---@field rate? haul.rate|haul.rates

---@class haul.web_options  a source only: it cannot be listed
---@field url string          "https://host/path/"; keys are below it
---@field rate? haul.rate|haul.rates
---@field requests? number
---@field ca? string
---@field proxy? string
---@field headers? table<string, string>
---@field user_agent? string
---@field connect_timeout? haul.duration  default "10s"
---@field stall_timeout? haul.duration    default "30s"

---@class haul.retry_policy
---@field attempts? integer   default 8
---@field base? haul.duration default "500ms"
---@field cap? haul.duration  default "30s"
---@field jitter? "full"|"none"
---@field on? string[]        kinds of error

---@class haul.error
---@field kind "network"|"timeout"|"throttled"|"server"|"auth"|"denied"|"missing"|"changed"|"corrupt"|"disk"|"cancelled"|"script"|"invalid"|"bug"
---@field message string
---@field status? integer
---@field code? string
---@field request_id? string
---@field host_id? string
---@field retry_after? number seconds
---@field retryable boolean

---@class haul.part
---@field number integer      from 1
---@field offset integer
---@field size integer
---@field etag? string
---@field crc64? string       decimal digits
---@field seconds number

---@class haul.totals
---@field objects_known integer
---@field bytes_known integer
---@field listing_done boolean
---@field objects_done integer
---@field objects_skipped integer
---@field objects_failed integer
---@field objects_deleted integer
---@field objects_different integer  by haul verify
---@field bytes_done integer
---@field bytes_moved integer
---@field bytes_resumed integer
---@field requests integer
---@field retries integer
---@field part_failures integer
---@field hook_errors integer
---@field in_flight integer
---@field checked table<string, integer> objects by check
---@field seconds number
---@field rate integer
---@field limit? integer
---@field eta? number         seconds
---@field exit_status? integer in a summary

---@class haul.pace        of a store that asked to slow down
---@field concurrency integer requests in flight
---@field requests number     a second
---@field wait_ms integer     none is sent before

---@class haul.event
---@field event string
---@field time number         seconds since 1970
---@field job string
---@field task? integer
---@field key? string
---@field target? string
---@field bucket? string
---@field path? string
---@field size? integer
---@field attempt? integer
---@field part? haul.part
---@field error? haul.error
---@field reason? string
---@field check? string
---@field upload_id? string
---@field temp_file? string
---@field summary? haul.totals
---@field progress? haul.totals
---@field pace? haul.pace    on throttled
---@field objects? integer          before_delete: so many would go,
---@field bytes? integer            with so many bytes,
---@field target_objects? integer   of so many that are at the target,
---@field source_objects? integer   and so many at the source

---@class haul.decision

---@class haul.running
---@field name string
---@field state table         of the job file's own, kept from run to run: what JSON can hold, up to 1 MiB
---@field cancel fun(self, options?: { abort: boolean })
---@field pause fun(self)
---@field resume fun(self)
---@field set fun(self, options: { rate?: haul.rate, concurrency?: integer })
---@field stats fun(self): haul.totals

---@alias haul.handler fun(event: haul.event, job: haul.running): haul.decision?

---@class haul.object  a table of its own for each call
---@field key string          full key, or path below the root of a directory
---@field name string         the same below `from`
---@field target? string      full name on the other side, without `rename`
---@field size? integer
---@field mtime? number       seconds since 1970
---@field etag? string

---@class haul.task_options
---@field from haul.place|haul.store
---@field include? haul.globs   only what one of them matches
---@field exclude? haul.globs   nothing that one of them matches
---@field min_size? haul.size
---@field max_size? haul.size
---@field newer_than? haul.moment
---@field older_than? haul.moment
---@field where? fun(object: haul.object): boolean
---@field listing? integer|string[]  ranges of a bucket that are listed side by side, or the keys at which it is divided
---@field concurrency? integer
---@field retry? haul.retry_policy
---@field on? table<string, haul.handler>

---@class haul.sending_options: haul.task_options
---@field to haul.place|haul.store|(haul.place|haul.store)[]  several: one listing, an outcome for each
---@field part_size? haul.size|(fun(object: haul.object): haul.size?)
---@field rate? haul.rate
---@field route? "auto"|"server"|"relay"  default "auto": by the service where both sides are its own
---@field headers? table<string, string>|(fun(object: haul.object): table?)
---@field metadata? table<string, string>|(fun(object: haul.object): table?)
---@field storage_class? string|(fun(object: haul.object): string?)
---@field acl? string|(fun(object: haul.object): string?)
---@field tags? table<string, string>|(fun(object: haul.object): table?)
---@field preserve? boolean     default true: content type, metadata and time of modification are carried over

---@alias haul.row { key: string, size?: integer, target?: string }

---@class haul.copy_options: haul.sending_options
---@field keys? string[]|(fun(): string|haul.row|nil)|haul.manifest  names below `from`
---@field rename? fun(name: string, object: haul.object): string?  another name below `to`
---@field overwrite? "always"|"never"|"newer"     default "always"
---@field conflict? "error"|"skip"|"rename"|(fun(name: string, other: string, target: string): string?)  default "error"

---@class haul.sync_options: haul.sending_options
---@field compare? "fingerprint"|"size"|"time"|"etag"|"checksum"|(fun(source: haul.object, target: haul.object): boolean, string?)
---@field delete? boolean       default false: what only the target has goes, at the end
---@field max_delete? haul.quota  default "25%"

---@class haul.delete_options: haul.task_options
---@field keys? string[]|(fun(): string|haul.row|nil)|haul.manifest
---@field max_delete? haul.quota  default "100%"

---@class haul.manifest

---@class haul.task

---@class haul.breaker
---@field failed haul.quota
---@field of? integer           default 1000: a share counts once so many objects have ended

---@class haul.job_options
---@field name? string
---@field concurrency? integer default 16
---@field part_size? haul.size default "auto"
---@field rate? haul.rate     default "unlimited"
---@field retry? haul.retry_policy
---@field on? table<string, haul.handler>
---@field lanes? integer|"auto"
---@field workers? integer    default 4
---@field durability? "object"|"group"|"none"
---@field overlap? "fail"|"wait"|"skip"  default "fail": what a second run does while one is running
---@field window? { [1]: string, [2]: string }  { "22:00", "06:00" }, local time; outside of it the job is parked
---@field stop_when? haul.breaker
---@field hook_timeout? haul.duration default "5s"
---@field [integer] haul.task

---@class haul
---@field param table|fun(list: table<string, { [1]: string, required?: boolean, default?: any }>)
---@field s3 fun(options: haul.s3_options): haul.store
---@field oss fun(options: haul.oss_options): haul.store
---@field tos fun(options: haul.tos_options): haul.store
---@field dir fun(path: string|haul.dir_options): haul.store
---@field web fun(url: string|haul.web_options): haul.store
---@field copy fun(options: haul.copy_options): haul.task
---@field sync fun(options: haul.sync_options): haul.task
---@field delete fun(options: haul.delete_options): haul.task
---@field manifest fun(path: string): haul.manifest  .csv with a header (key, size, target), .jsonl or .txt
---@field job fun(options: haul.job_options): table
---@field retry fun(options?: { after?: number|string, part_size?: haul.size, refresh_credentials?: boolean }): haul.decision
---@field skip fun(reason?: string): haul.decision
---@field fail fun(reason?: string): haul.decision
---@field defer fun(): haul.decision
---@field stop fun(reason?: string): haul.decision
---@field veto fun(reason?: string): haul.decision  of before_delete: nothing is deleted, exit status 6
---@field json { encode: fun(value: any): string; decode: fun(text: string): any; null: any }
---@field log { error: function, warn: function, info: function, debug: function }
