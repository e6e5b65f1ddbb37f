#pragma once
/*
 * What a job file declared, checked and resolved: plain data, filled by script/ from the tables
 * that lua/ has normalised, owned by whoever made it, read by the engine.  No defaults live here:
 * every number is set.
 */
#include "core/schedule.h"
#include "wire/object_api.h"

/* How the wait grows from try to try ... */
enum backoff { BACKOFF_EXPONENTIAL, BACKOFF_LINEAR, BACKOFF_FIXED };
/* ... and how much of it is left to chance. */
enum jitter {
    JITTER_FULL,        /* from nothing to all of it */
    JITTER_NONE,        /* nothing */
    JITTER_EQUAL,       /* half of it */
    JITTER_DECORRELATED /* from the base to three times the wait before; grows by itself */
};
enum durability { DURABLE_OBJECT, DURABLE_GROUP, DURABLE_NONE };

/* How often a request is made, and how long is waited between two tries. */
struct retry_rule {
    int attempts; /* of one request, the first one included, whatever the others failed with */
    int64_t base_ms, cap_ms;
    enum backoff backoff;
    enum jitter jitter;
};

/* When a failed attempt is made again without asking a script. */
struct retry_policy {
    struct retry_rule rule[ERR_KIND_COUNT]; /* by the kind of the last failure */
    uint32_t on;                            /* bits 1u << enum err_kind */
};

enum task_kind { TASK_COPY, TASK_SYNC, TASK_DELETE, TASK_MOVE };
/* What happens where the target is there already (copy). */
enum overwrite { OVERWRITE_ALWAYS, OVERWRITE_NEVER, OVERWRITE_NEWER };
/* When two objects count as the same (sync). */
enum compare {
    COMPARE_FINGERPRINT, /* as the journal remembers both sides; size and time where it does not */
    COMPARE_SIZE,
    COMPARE_TIME, /* size, and the target is not older */
    COMPARE_ETAG,
    COMPARE_CHECKSUM, /* the best sum both sides offer; files are read */
    COMPARE_SCRIPT
};
/* How a copy is proved. */
enum verify {
    VERIFY_AUTO, /* by the best sums that both sides tell */
    VERIFY_FULL  /* and the target is read back */
};
/* What happens to the second of two keys that would meet at one name. */
enum conflict { CONFLICT_ERROR, CONFLICT_SKIP, CONFLICT_RENAME, CONFLICT_SCRIPT };
/* How objects get from one remote store to another. */
enum route {
    ROUTE_AUTO,   /* by the service where it can, else through this machine */
    ROUTE_SERVER, /* by the service or not at all */
    ROUTE_RELAY
};

/* Which of the objects that a source names are taken. */
struct selection {
    char **include, **exclude; /* globs over keys relative to from_path; exclude wins */
    int n_include, n_exclude;
    int64_t min_size, max_size; /* -1: any */
    int64_t since_ms, until_ms; /* modified not before, not after; wall clock; 0: any */
};

/* The functions of a job file that a task has; bits. */
enum { TASK_MAPS = 1, TASK_COMPARES = 2, TASK_YIELDS = 4, TASK_SETTLES = 8, TASK_RENAMES = 16 };

/* Objects that go from one place to another. */
struct task {
    int number; /* from 1, in the order of the job file */
    int group;  /* those next to each other with the same number run at the same time */
    enum task_kind kind;
    const struct store *from, *to; /* DELETE: `to` is where objects are removed, and `from` too */
    char *from_path; /* a key, or a prefix ("" or ending in '/'); below the root for a dir */
    char *to_path;   /* the same; a prefix unless `single` names the target exactly */
    bool single;     /* from_path is one object */
    char **keys;     /* relative to from_path; NULL: everything below the prefix */
    int n_keys;
    int64_t part_size; /* 0: automatic */
    int concurrency;   /* requests in flight of this task; 0: only the job's limit */
    int64_t rate;      /* bytes a second, each way; -1: unlimited */
    struct retry_policy retry;
    struct selection selection;
    struct http_fields *attributes; /* what every target object gets, by neutral names; NULL */
    bool preserve;                  /* content type, metadata and mtime are carried over */
    enum overwrite overwrite;
    enum compare compare;
    enum conflict conflict;
    enum route route;
    enum verify verify;
    double priority;     /* of objects that no function gives another */
    bool remove;         /* SYNC: extras on the target are deleted, in a last phase */
    double max_delete;   /* the largest share of the target that may go, 0 to 1 ... */
    int64_t max_deletes; /* ... or, when not -1, the largest number */
    bool keeps_empty;    /* an empty source stops the deletes (all but DELETE tasks) */
    char **splits;       /* keys, ascending: the source is listed in so many ranges + 1 at once */
    int n_splits;
    unsigned functions; /* TASK_MAPS (where, rename, headers, ...), TASK_COMPARES, TASK_YIELDS
                           (keys come from an iterator or a manifest), TASK_SETTLES (conflict) */
    struct task *also;  /* the next target of the same source (`to = { a, b }`); NULL: none */
    bool is_also;       /* is such a one: no task of its own for run */
};

/* A time of day from `from_min` to `to_min`, in minutes of local time; over midnight when from >
 * to.
 */
struct window {
    bool set;
    int from_min, to_min;
};

/* When too many objects fail, the job stops. */
struct breaker {
    double share;  /* of those that ended, 0 to 1; 0: no such limit ... */
    int64_t of;    /* ... once so many have ended */
    int64_t count; /* so many; 0: no such limit */
};

enum overlap { OVERLAP_FAIL, OVERLAP_WAIT, OVERLAP_SKIP };

/* Shard `index` (from 0) of `count`: only keys whose hash falls to it. */
struct shard {
    int index, count; /* count 0: all keys */
};

struct job_store {
    struct store *store;
    int64_t read_rate, write_rate; /* bytes a second; -1: unlimited */
    int64_t request_rate;          /* requests a second; -1: unlimited */
    bool can_refresh;              /* credentials come from a function of the job file */
};

/* What limits a run, and may be turned while it goes on. */
enum dial_kind {
    DIAL_RATE,        /* bytes a second of the whole job */
    DIAL_CONCURRENCY, /* requests in flight, whole job */
    DIAL_READ,        /* bytes a second from one store */
    DIAL_WRITE,       /* to it */
    DIAL_REQUESTS,    /* requests a second to it */
    DIAL_TASK         /* bytes a second of one task */
};

#define DIAL_AUTO INT64_MIN /* instead of a value: what the job file says */

/* A limit that is no fixed number: the schedule or the function says what it is. */
struct dial {
    enum dial_kind kind;
    int index; /* READ, WRITE, REQUESTS: of the store; TASK: of the task; from 0 */
    int call;  /* number of the function of the job file, from 1; 0: the schedule */
    struct schedule schedule;
};

struct job {
    char *name;      /* letters, digits, '-', '_' and '.': names the state directory */
    char *file;      /* of the job file, for messages */
    int concurrency; /* requests in flight, whole job */
    int lanes, workers;
    int64_t rate; /* bytes a second, each way; -1: unlimited */
    enum durability durability;
    enum overlap overlap;
    struct window window;
    struct breaker breaker;
    struct retry_policy retry; /* of what hooks ask for; tasks have their own */
    struct shard shard;        /* of the command line or the environment */
    struct job_store *stores;
    int n_stores;
    struct task *tasks;
    int n_tasks;
    struct dial *dials; /* of the limits above that change by themselves */
    int n_dials;
};

void job_free(struct job *job); /* stores included */
/* The entry of a store; NULL for one that is not the job's. */
struct job_store *job_store_of(const struct job *job, const struct store *store);

/* The task whose source serves this target: itself, where it has one of its own. */
const struct task *task_first(const struct task *task);
/* May it remove anything? */
bool task_deletes(const struct task *task);
const char *task_kind_name(enum task_kind kind); /* "copy", "sync", ... */

/* A number made of both places of a task: what is remembered of its objects belongs to it, whatever
 * else of the job changes. */
uint64_t task_scope(const struct task *task);
/* Two runs belong together when their tasks are the same: a number made of these. */
uint64_t job_fingerprint(const struct job *job);
