#pragma once
/*
 * What the engine may ask of a script.  script/ fills it for real runs, the simulator for its own.
 * All members are optional: NULL means that no script is interested, and costs one comparison.
 * Called on the control thread, after the turn's commit.
 */
#include "core/event.h"
#include "core/knowledge.h"

struct run;
struct op; /* io/op.h */

enum decision_kind {
    DECIDE_POLICY, /* nothing said: the built-in policy decides */
    DECIDE_RETRY,
    DECIDE_SKIP,
    DECIDE_FAIL,
    DECIDE_DEFER, /* once more, after everything else */
    DECIDE_STOP,  /* end the job, exit status 7 */
    DECIDE_VETO   /* before_delete: nothing is deleted, exit status 6 */
};

struct decision {
    enum decision_kind kind;
    int64_t after_ms;         /* RETRY: not before; -1: the policy's backoff */
    int64_t part_size;        /* RETRY of an object: start over with this; 0: as it is */
    bool refresh_credentials; /* RETRY */
    char reason[256];         /* SKIP, FAIL, STOP */
};

/* A function touched what is not known of its objects yet: bits KNOW_*.  It is to be called again
 * once that is known, and has said nothing. */
struct touched {
    unsigned source, target;
};

/* What a job file says about one object before it is taken up. */
struct mapping {
    struct touched touched;         /* not nothing: the rest is not set */
    bool selected;                  /* `where` took it */
    char *target;                   /* whole key or path on the other side; NULL: as it is */
    struct http_fields *attributes; /* by neutral names; more than the task's; NULL: none */
    int64_t part_size;              /* 0: the task's */
    bool full;                      /* its target is read back */
    double priority;
};

/* An object as a mapping or a comparison sees it. */
struct object_view {
    const char *key;    /* full key, or path below the root */
    const char *target; /* the name it gets without `rename`; NULL: none */
    const struct object_info *info;
    const struct store *store;     /* where it is */
    const struct knowledge *known; /* what was asked for since; NULL: nothing */
};

struct hooks {
    void *ctx;
    /* Does a script want events of this kind of that task (NULL: of the job)? */
    bool (*wants)(void *ctx, const struct task *task, enum event_kind kind);
    /* Takes a copy of the event for the next resume.  ticket != 0: run_decide(run, ticket, ...)
     * must be called for it in this or a later resume. */
    void (*emit)(void *ctx, const struct event *event, uint64_t ticket);
    /* Runs what was emitted, and goes on with what waited and need not any more.  The only place
     * where scripts run during a job. */
    void (*resume)(void *ctx, struct run *run, int64_t now_ms);
    /* The same when the run ends and its hooks have had their time: what still waits after it is
     * ended, and its ticket answered by the policy. */
    void (*abandon)(void *ctx, struct run *run, int64_t now_ms);
    /* What was asked for with run_submit has ended: the op is the script's now.  Takes note of it
     * and runs nothing: resume does. */
    void (*answer)(void *ctx, uint64_t wait, struct op *op);
    /* When the clock alone must wake a turn: resume has something to do then.  INT64_MAX: never. */
    int64_t (*wake_ms)(void *ctx);
    /* Some hook waits, or is to be run still: the run is not over. */
    bool (*waiting)(void *ctx);
    /* So many of them that no further object should be taken up. */
    bool (*busy)(void *ctx);
    /* The pure functions of a task (bits in task->functions).  They run while the turn sends, one
     * object at a time, cannot wait, and are bounded in time like a hook; their error fails that
     * object, or, in `yield`, the source. */
    bool (*map)(void *ctx, const struct task *task, const struct object_view *object,
                struct mapping *mapping,
                struct err *err); /* frees nothing: mapping is the caller's */
    bool (*compare)(void *ctx, const struct task *task, const struct object_view *source,
                    const struct object_view *target, bool *same, char why[256],
                    struct touched *touched, struct err *err);
    /* The next key of an iterator or manifest (owned by the caller; size -1 when not named); NULL
     * with kind NONE at the end.  Manifest rows may name `target` too. */
    char *(*yield)(void *ctx, const struct task *task, struct object_info *info, char **target,
                   struct err *err);
    /* Another name for the second of two keys that meet at `target`; NULL with kind NONE: skip. */
    char *(*settle)(void *ctx, const struct task *task, const char *key, const char *other,
                    const char *target, struct err *err);
    /* What a job file keeps from run to run, as text.  `remember` is called before the first event
     * with what the journal has (NULL: nothing), `recall` after hooks ran: the new text, the
     * caller's, or NULL where nothing changed; `last`: no further hook will run. */
    bool (*remember)(void *ctx, const char *text, struct err *err);
    char *(*recall)(void *ctx, bool last, struct err *err);
    /* What the functions of the job file took so far; the same array always, which grows. */
    const struct hook_time *(*times)(void *ctx, int *n);
    /* Asks the function of that number (struct dial) what a limit is now; -1: unlimited.  Like the
     * pure functions it cannot wait.  An error that is final ends the job. */
    bool (*dial)(void *ctx, int call, int64_t wall_ms, const struct totals *totals, int64_t *value,
                 struct err *err);
    /* Asks the job file for new credentials and puts them into the store. */
    bool (*refresh)(void *ctx, struct store *store, struct err *err);
};
