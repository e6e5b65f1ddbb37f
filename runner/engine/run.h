#pragma once
/*
 * A run of a job: the turn, and what a script or a command may say to it from outside a turn.
 * Control thread only (but run_interrupt, which a signal handler may call).
 */
#include "core/hooks.h"
#include "io/io.h"
#include "journal/journal.h"

struct run;
struct transfer; /* transfer/transfer.h */

struct run_config {
    const struct job *job;
    struct io *io;
    struct journal *journal;
    struct hooks hooks; /* all NULL: no script */
    /* Receives every event after the commit of its turn; NULL: nobody. */
    void (*observer)(void *ctx, const struct event *event);
    void *observer_ctx;
    uint32_t observed; /* bits 1u << enum event_kind: which ones */
    uint64_t seed;     /* of jitter and the like */
    /* Time, so that a simulator can own it. */
    int64_t (*mono_ns)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    void *clock_ctx;
    int64_t max_duration_ms; /* 0: none; then as if stopped, exit status 10 */
    /* So many requests may be in flight from now on; NULL: nobody has to know. */
    void (*widen)(void *ctx, int concurrency);
    void *widen_ctx;
    bool only_failed; /* take up only what the journal has as failed */
    bool verify;      /* compare both sides of every task and write nothing */
};

struct run *run_new(const struct run_config *config);
void run_free(struct run *run);

/* One turn; false when the run is over. */
bool run_turn(struct run *run);
/* The exit status of product.md section 6, once run_turn returned false. */
int run_exit_status(const struct run *run);
/* Why it ended before its work was done: the script's reason, a full disk; NULL: it did not. */
const char *run_ended_why(const struct run *run);
void run_totals(const struct run *run, struct totals *totals);

/* Decisions and wishes of scripts. */
void run_decide(struct run *run, uint64_t ticket, const struct decision *decision);
void run_cancel(struct run *run,
                bool abort_uploads);                /* keeps uploads and checkpoints unless abort */
void run_stop(struct run *run, const char *reason); /* the script ends the job: exit status 7 */
void run_pause(struct run *run, bool paused);
/* Turns a limit by hand, or with DIAL_AUTO gives it back to the job file. */
void run_set(struct run *run, enum dial_kind kind, int index, int64_t value);
void run_hook_failed(struct run *run); /* counted: the exit status is then not 0 */
/* Gives up an object that is under way with that error; what can be resumed is kept.  False: it is
 * over. */
bool run_fail(struct run *run, uint64_t transfer, enum err_kind kind, const char *reason);
/* NULL: it is over.  Valid until the script returns. */
const struct transfer *run_transfer(const struct run *run, uint64_t transfer);

/* An op of a script, which hooks->answer gives back as that of `wait`, a number of the script's.
 * What op->in points at stays until then.  `again`: after failures that the job's retry policy
 * names it is made anew. */
void run_submit(struct run *run, uint64_t wait, struct op *op, bool again);
/* It is not wanted any more: it ends soon, as ERR_CANCELLED where it was not quicker. */
void run_withdraw(struct run *run, uint64_t wait);

/* SIGINT, SIGTERM: stop starting, save, end with 128 + signal. */
void run_interrupt(struct run *run, int signal);

/* Every transfer in flight with its state and last error, for SIGUSR1. */
void run_describe(const struct run *run, void (*line)(void *ctx, const char *text), void *ctx);
