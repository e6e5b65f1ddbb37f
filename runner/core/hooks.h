#pragma once
/*
 * What core/ may ask of a script.  script/ fills it for real runs, the simulator for its own.
 * All members are optional: NULL means that no script is interested, and costs one comparison.
 * Called on the control thread, after the turn's commit.
 */
#include "core/event.h"

struct run;

enum decision_kind {
    DECIDE_POLICY, /* nothing said: the built-in policy decides */
    DECIDE_RETRY,
    DECIDE_SKIP,
    DECIDE_FAIL,
    DECIDE_DEFER, /* once more, after everything else */
    DECIDE_STOP   /* end the job, exit status 7 */
};

struct decision {
    enum decision_kind kind;
    int64_t after_ms;         /* RETRY: not before; -1: the policy's backoff */
    int64_t part_size;        /* RETRY of an object: start over with this; 0: as it is */
    bool refresh_credentials; /* RETRY */
    char reason[256];         /* SKIP, FAIL, STOP */
};

struct hooks {
    void *ctx;
    /* Does a script want events of this kind of that task (NULL: of the job)? */
    bool (*wants)(void *ctx, const struct task *task, enum event_kind kind);
    /* Takes a copy of the event for the next resume.  ticket != 0: run_decide(run, ticket, ...)
     * must be called for it in this or a later resume. */
    void (*emit)(void *ctx, const struct event *event, uint64_t ticket);
    /* Runs what was emitted.  The only place where scripts run during a job. */
    void (*resume)(void *ctx, struct run *run, int64_t now_ms);
    /* Asks the job file for new credentials and puts them into the store. */
    bool (*refresh)(void *ctx, struct store *store, struct err *err);
};
