#pragma once
/*
 * What happened, as plain data: the same struct becomes a JSON line, the table a hook receives and
 * what a person reads.  Made during a turn, delivered after the turn's commit (an event
 * never tells of something the journal does not know).  Everything pointed at is borrowed and lives
 * until the delivery ends.
 */
#include "core/job.h"

#define EVENT_KINDS(X)                                                           \
    X(JOB_STARTED, "job_started")                                                \
    X(JOB_FINISHED, "job_finished")                                              \
    X(OBJECT_STARTED, "object_started")                                          \
    X(OBJECT_SUCCEEDED, "object_succeeded")                                      \
    X(OBJECT_SKIPPED, "object_skipped")                                          \
    X(OBJECT_DELETED, "object_deleted")                                          \
    X(OBJECT_FAILED, "object_failed")                                            \
    X(TEMP_FILE_CREATED, "temp_file_created")                                    \
    X(TEMP_FILE_FAILED, "temp_file_failed")                                      \
    X(TEMP_FILE_RENAMED, "temp_file_renamed")                                    \
    X(RENAME_FAILED, "rename_failed")                                            \
    X(UPLOAD_CREATED, "upload_created")                                          \
    X(UPLOAD_CREATE_FAILED, "upload_create_failed")                              \
    X(UPLOAD_COMPLETED, "upload_completed")                                      \
    X(UPLOAD_COMPLETE_FAILED, "upload_complete_failed")                          \
    X(UPLOAD_ABORTED, "upload_aborted")                                          \
    X(PART_SUCCEEDED, "part_succeeded")                                          \
    X(PART_FAILED, "part_failed")                                                \
    X(PART_ABORTED, "part_aborted")                                              \
    X(VERIFIED, "verified")                                                      \
    X(VERIFY_FAILED, "verify_failed")                                            \
    X(THROTTLED, "throttled")                                                    \
    X(PROGRESS, "progress")                                                      \
    X(RESUMED, "resumed")     /* work of an earlier run was found and is used */ \
    X(RESTARTED, "restarted") /* or could not be used: `reason` says why */      \
    X(BEFORE_DELETE, "before_delete")                                            \
    X(TASK_STARTED, "task_started")                                              \
    X(TASK_FINISHED, "task_finished")                                            \
    X(TASK_SKIPPED, "task_skipped") /* before it began; `reason` says why */

enum event_kind {
#define X(name, word) EVENT_##name,
    EVENT_KINDS(X)
#undef X
        EVENT_KIND_COUNT
};

const char *event_name(enum event_kind kind);
bool event_parse(const char *name, enum event_kind *kind);
/* Is it about a task as a whole? */
bool event_is_of_task(enum event_kind kind);

struct event;
/* Would the task's own policy try this failure again, were there attempts left? */
bool event_retryable(const struct event *event);

/* What one function of a job file took, over all its calls. */
struct hook_time {
    const char *name; /* "part_failed", "where", ... */
    char place[96];   /* "job.lua:12", where it begins; "" where it is not the job file's own */
    int64_t calls, errors;
    int64_t computed_ns, waited_ns; /* its own computing, and what it waited for besides */
    int64_t longest_ns;             /* computing of one call */
};

/* Counts of a run, as the summary and as live statistics. */
struct totals {
    int64_t objects_known, bytes_known; /* found so far */
    bool listing_done;                  /* the two above are final */
    int64_t objects_done, objects_skipped, objects_failed, objects_deleted;
    int64_t objects_different; /* verify: not the same on both sides */
    int64_t bytes_done;        /* of parts and objects that are in place, resumed ones too */
    int64_t bytes_moved;       /* over the wire or the disk in this run, repeats too */
    int64_t bytes_resumed;     /* found in place from an earlier run */
    int64_t requests, retries, part_failures;
    int64_t hook_errors;
    int64_t in_flight;
    int64_t concurrency; /* requests that may be in flight now */
    bool paused;
    int64_t checked[7];        /* objects by check made: index enum check */
    int64_t objects_read_back; /* whose target was read once more, to be compared */
    double seconds;
    int64_t rate;                  /* bytes a second, the last few seconds */
    int64_t limit;                 /* the job's rate in force; -1: none */
    int64_t eta_ms;                /* -1: not known */
    const struct hook_time *hooks; /* borrowed of the script, which has n_hooks of them */
    int n_hooks;
};

/* What became of one task. */
struct task_counts {
    int64_t objects_known, objects_done, objects_skipped, objects_failed, objects_deleted;
    int64_t objects_different;
    int64_t bytes_done, bytes_moved;
    bool listing_failed; /* not everything could be listed */
    double seconds;      /* it took */
};

/* How an object was verified end to end.  The order is from weakest to strongest. */
enum check {
    CHECK_NONE,
    CHECK_SIZE,
    CHECK_MD5,
    CHECK_CRC32,
    CHECK_CRC32C,
    CHECK_CRC64NVME,
    CHECK_CRC64,
    CHECKS
};
const char *check_name(enum check check); /* "none", "size", "md5", "crc32", ... */

struct event {
    enum event_kind kind;
    int64_t time_ms;         /* wall clock */
    const struct task *task; /* NULL on job events */
    uint64_t transfer;       /* 0 on job events */
    const char *key;         /* of the source object; the source's path below a dir */
    const char *target;      /* key or path on the other side */
    const char *bucket;      /* of the remote side, of the target where both are; NULL between
                                directories */
    const char *path;        /* local file, absolute; NULL where there is none */
    int64_t size;            /* of the object; -1: not known */
    int attempt;             /* from 1 */
    struct {
        int number; /* from 1; 0: not a part event */
        int64_t offset, size;
        const char *etag; /* "" where there is none */
        bool has_crc64;
        uint64_t crc64;
        double seconds;
    } part;
    const struct err *err;       /* failures, and throttled */
    const char *reason;          /* skipped, restarted, resumed; NULL: none */
    const char *upload_id;       /* upload events */
    const char *temp;            /* temporary file's name */
    enum check check;            /* verified, verify_failed, object_succeeded */
    bool read_back;              /* verified, object_succeeded: the target was, for that */
    const struct totals *totals; /* progress, job_finished */
    int exit_status;             /* job_finished */
    struct {
        int64_t objects, bytes; /* before_delete: what would go, */
        int64_t target_objects; /* of so many that are there, */
        int64_t source_objects; /* and so many at the source */
    } removal;
    struct task_counts counts; /* task_finished */
    struct {
        int concurrency; /* throttled: requests in flight from now on, */
        double requests; /* so many a second, */
        int64_t wait_ms; /* and none before that */
    } pace;
};
