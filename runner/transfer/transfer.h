#pragma once
/*
 * One object on its way: a state machine that is told what ended and says what to do next.
 *
 * A transfer is at one step at a time.  A step is one op (or, in STEP_MOVE, many part ops side by
 * side): transfer_next makes the op when its time has come, transfer_settle takes it back when it
 * has ended and moves the transfer on.  Nothing here waits, sends or draws a random number of its
 * own; rows and events go through struct turn.  Owned by sched.  Control thread only.
 */
#include "core/plan.h"
#include "io/op.h"
#include "transfer/turn.h"

enum way {
    WAY_UPLOAD,
    WAY_DOWNLOAD,
    WAY_COPY,   /* between directories */
    WAY_RELAY,  /* between remote stores, through memory */
    WAY_SERVER, /* between buckets of one service, by the service */
    WAY_VERIFY  /* nothing is sent: both sides are compared */
};

enum step {
    STEP_OPEN,       /* the source file: open, stat, read it when it is small */
    STEP_HEAD,       /* the source object: pin its ETag */
    STEP_TARGET,     /* what has the target's name now */
    STEP_GET,        /* a small object, whole, into memory */
    STEP_HASH,       /* of a whole file, before a PUT that must name it */
    STEP_PUT,        /* a whole object in one request */
    STEP_COPY,       /* a whole object by the service */
    STEP_CREATE,     /* a multipart upload */
    STEP_LIST_PARTS, /* what the server has of the upload of an earlier run */
    STEP_TEMP,       /* a temporary file beside the target */
    STEP_RECHECK,    /* the temporary file of an earlier run: read back and compare */
    STEP_FIND,       /* its final name, when the temporary file is gone: was it renamed already? */
    STEP_COMPARE,    /* what is there with what was journalled */
    STEP_MOVE,       /* parts */
    STEP_STREAM,     /* all of it in one op, from a server without ranges */
    STEP_STAT,       /* the source file again: is it still what was opened? */
    STEP_COMPLETE,   /* the multipart upload */
    STEP_SETTLE,     /* a Complete without an answer: did it happen? */
    STEP_CONFIRM,    /* the target object: is it what was sent? */
    STEP_REREAD,     /* the temporary file: hash all of it */
    STEP_READ_BACK,  /* the target object, in pieces, to be compared with its source, ... */
    STEP_READ_AGAIN, /* ... which is read too, where nothing told its sum */
    STEP_PROVE,      /* of a move: what has the target's name, */
    STEP_PIN,        /* what has the source's, */
    STEP_REMOVE,     /* and the source goes */
    STEP_SAVE,       /* a small body into a temporary file */
    STEP_FINISH,     /* waits for its group to be synced and renamed */
    STEP_ABORT,      /* clean up: the multipart upload ... */
    STEP_DISCARD,    /* ... the temporary file and what is open */
    STEP_OVER,
    STEPS
};

const char *step_name(enum step step);

enum part_state {
    PART_WAITING, /* for a slot, or for `not_before_ms` */
    PART_HASHING, /* its MD5 is computed before it is sent */
    PART_MOVING,
    PART_ASKING, /* a script decides what follows its failure */
    PART_DONE
};

struct part {
    enum part_state state;
    int attempt;           /* tries so far */
    bool hashed;           /* md5, sha256 and sum are there */
    struct op *op;         /* under way; only its `cancel` may be touched */
    int64_t not_before_ms; /* backoff */
    uint64_t sum;          /* of the transfer's sum_kind, when done */
    uint64_t source_sum;   /* of its source_sum_kind */
    char *etag;            /* uploads, when done */
    uint8_t md5[MD5_LEN];
    uint8_t *sha256; /* where payloads are signed */
};

struct fan; /* transfer/fan.h */

/* What comes of reading an object once more. */
struct reading {
    enum sum_kind kind;
    uint64_t here, there; /* sums of the source and of the target ... */
    bool here_known;
    int64_t off; /* ... of so many bytes by now */
    bool done;   /* they agree */
};

/* What a source yields. */
struct item {
    struct item *next;
    const struct task *task;
    char *key;                      /* full key, or path below the root */
    char *target;                   /* the same on the other side */
    struct object_info info;        /* size -1: not listed, to be asked for */
    bool is_named;                  /* a manifest gave `target`, which a journal cannot reckon */
    bool deferred;                  /* a script put it behind everything else once already */
    int64_t part_size;              /* a script's wish; 0: the task's */
    bool full;                      /* the target is read back */
    double priority;                /* larger ones are opened first, ... */
    uint64_t rank;                  /* ... and of equals the one that came first */
    struct http_fields *attributes; /* of a script, by neutral names; more than the task's; NULL */
    struct knowledge known;         /* of the source, asked for before it was taken up */
    bool has_target;                /* the target was listed too: ... */
    struct object_info target_info; /* ... and this is what it is */
    bool verify;                    /* only compare */
    struct fan *fan;                /* the same object for other targets; NULL: it has one */
};

void item_free(struct item *item);

struct transfer {
    struct transfer *next, *prev; /* sched: open transfers in the order they were opened */
    struct transfer *chain;       /* sched: of the table by id */
    struct transfer *group;       /* sched: the next one that waits for its final name */
    uint64_t id;
    struct item *item; /* owned */
    enum way way;

    enum step step;
    bool busy;             /* the op of `step` is under way */
    struct op *op;         /* it; only its `cancel` may be touched */
    int64_t not_before_ms; /* of the next op of `step` */
    int attempt;           /* tries of `step` so far */
    int tries;             /* of the whole object, from 1 */
    int restarts;          /* from scratch, because the source changed or bytes were wrong */
    int64_t ready_ms;      /* STEP_FINISH: since when, or not before */
    int64_t retry_ms;      /* a script's retry of the whole object: not before */

    struct object_info info;        /* of the source, as it was opened */
    struct object_info there;       /* what has the target's name; size -1: nothing ... */
    bool there_known;               /* ... once it was asked for */
    bool reread;                    /* the temporary file was read back */
    bool compared;                  /* both sides differ: it is to be sent */
    bool different;                 /* WAY_VERIFY: the same */
    bool stream;                    /* the source is not to be had in ranges */
    bool head_refused;              /* web: asked for by a GET instead */
    struct http_fields *attributes; /* of the target object; NULL: none */
    int64_t mtime_ns;               /* of the target file; 0: leave */
    struct row row;                 /* as the journal has it, or is about to */
    char *path;                     /* local file, absolute, for events */
    int source_fd, target_fd;       /* -1: not open */
    struct buf body;                /* a small object in memory */
    enum sum_kind sum_kind;         /* of part sums, and of the whole */
    uint64_t sum;                   /* of the whole, once known */
    enum sum_kind source_sum_kind;  /* remote to remote: as the source names it */
    enum check source_check;        /* how far what was read is what the source has */
    bool use_md5;                   /* S3 without checksums */
    bool opaque_etags;              /* a part's ETag was not its MD5 */
    int completes;                  /* COMPLETEs sent */
    struct err complete_err;        /* how the last one failed */
    bool counted;                   /* its size is among the bytes known */
    uint8_t md5[MD5_LEN], sha256[SHA256_LEN];
    struct reading reading;
    struct {
        bool recalls;  /* an earlier copy is being proved, from `print` */
        bool unproved; /* it could not be: the object is copied again */
        bool sent;     /* a delete was, which may have happened */
        bool plain;    /* the store knows no delete under a condition */
        int deletes;
        char proof[LIMIT_ETAG];    /* what the target has to look like */
        struct remove_item remove; /* a file */
    } move;
    struct object_info target; /* as the store answered when it took the object */
    enum check check;          /* how it was verified */

    int64_t part_size;
    uint32_t n_parts, n_done, n_moving, n_asking;
    uint32_t cursor;    /* no part before it is waiting */
    int64_t backoff_ms; /* no part's backoff ends before; 0: none is in one */
    struct part *parts;
    struct recheck_item *recheck; /* while RECHECK is under way */
    struct part_list listed;      /* LIST_PARTS so far; then what COMPLETE names */
    char *list_token;             /* LIST_PARTS: next page */
    uint8_t *seen;                /* LIST_PARTS: part is in the journal too */

    bool leaving;           /* nothing more is started; when nothing moves, clean up and end, */
    bool again;             /* ... or begin again */
    bool keep;              /* the clean-up leaves what can be resumed */
    bool saved;             /* the temporary file came in one piece: nothing can be resumed */
    bool failing;           /* object_failed is to be told before the clean-up */
    bool asking;            /* object_failed was told, and a script decides */
    bool unasked;           /* the run ends: no script decides any more */
    enum row_state outcome; /* once STEP_OVER: DONE, SKIPPED, FAILED, or ACTIVE: kept */
    bool defer;             /* once STEP_OVER: again, after everything else */
    struct err err;         /* the last failure */
    char reason[256];       /* of a skip */
};

/* Takes ownership of the item. */
struct transfer *transfer_new(uint64_t id, struct item *item, struct turn *turn);
void transfer_free(struct transfer *t);

/* What an op that is ready would take. */
struct wish {
    bool data;                     /* a slot of the job's concurrency */
    bool again;                    /* it was sent before */
    const struct store *from, *to; /* whom it asks; NULL: not that side */
};

/* The next op that may be sent now; NULL: nothing (yet).  transfer_ready tells beforehand, without
 * making it. */
bool transfer_ready(struct transfer *t, int64_t now_ms, struct wish *wish);
struct op *transfer_next(struct transfer *t, struct turn *turn);
/* When, after now, something may become ready by the clock alone; INT64_MAX: never. */
int64_t transfer_wake_ms(struct transfer *t, int64_t now_ms);

/* Takes back an op that ended (the caller frees it). */
void transfer_settle(struct transfer *t, struct op *op, struct turn *turn);
/* The answer to a ticket: part -1 is the object. */
void transfer_decide(struct transfer *t, int64_t part, const struct decision *decision,
                     struct turn *turn);
/* Give it up because a script says so, or its hook failed: what can be resumed is kept.  Nothing
 * where it is ending already. */
void transfer_fail(struct transfer *t, const struct err *err, struct turn *turn);
/* Give it up because the run ends: keep what can be resumed, or with `clean` remove it. */
void transfer_leave(struct transfer *t, const struct err *err, bool clean, struct turn *turn);
/* In STEP_FINISH: what became of its file. */
void transfer_finished(struct transfer *t, const struct finish_item *item, struct turn *turn);

static inline bool transfer_idle(const struct transfer *t)
{
    return !t->busy && t->n_moving == 0;
}
