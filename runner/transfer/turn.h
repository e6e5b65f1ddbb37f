#pragma once
/*
 * What a step of a transfer may use during one turn, and what it leaves behind: events, journal
 * rows and counts.  Made by run for the length of a turn.  Control thread only.
 */
#include "base/clock.h"
#include "core/hooks.h"
#include "core/pace.h"
#include "journal/journal.h"

/* What a run learns about a store while it runs. */
struct store_state {
    const struct store *store;
    int64_t skew_ms;       /* the store's clock minus ours */
    bool checksums_known;  /* S3: it has answered whether it does x-amz-checksum-* ... */
    bool checksums;        /* ... and this is the answer */
    uint64_t no_copy_from; /* bits: the service does not copy from these stores of the job to it */
    bool refresh;          /* credentials are to be renewed before the next request */
    int64_t refreshed_ms;  /* wall clock of the last renewal */
    struct bucket *read, *write, *requests; /* its limits; NULL: none */
    struct pace pace;                       /* what it has let us do */
};

/* An event and the text it will point at: the queue moves as it grows, so that err, part.etag,
 * reason, upload_id and temp of the event are set from here only when it is delivered. */
struct queued_event {
    struct event event;
    uint64_t ticket;       /* not 0: a decision is awaited */
    struct err err;        /* kind NONE: none */
    char etag[LIMIT_ETAG]; /* "": none, as in the next two */
    char reason[256];
    char temp[64];
    char *upload_id; /* owned; NULL: none */
    char *key;       /* owned: of an object that never became a transfer; NULL */
};

struct turn {
    int64_t now_ms, wall_ms; /* monotonic; since 1970 */
    const struct job *job;
    struct journal *journal;
    struct rng *rng;
    const struct hooks *hooks;
    uint32_t observed; /* bits 1u << enum event_kind: what the observer wants */
    struct totals *totals;
    struct task_counts *counts; /* one for each task; NULL: nobody wants to know */
    struct store_state *stores; /* one for each store of the job */
    struct {
        struct queued_event *item;
        int n, cap;
    } events;
    struct err fatal; /* kind not NONE: the run cannot go on (journal, full disk) */
    struct err stop;  /* a script said stop; message is its reason */
};

struct store_state *turn_store(struct turn *turn, const struct store *store);

/* The counts of a task, which are those of all its targets.  Only where turn->counts is there. */
struct task_counts *turn_counts(const struct turn *turn, const struct task *task);
/* Adds `n` to the count `name` of the task and of the whole run. */
#define turn_count(turn, task, name, n)           \
    do {                                          \
        (turn)->totals->name += (n);              \
        if ((turn)->counts)                       \
            turn_counts(turn, task)->name += (n); \
    } while (0)

/* Does anyone want such an event of that task? */
bool turn_wants(const struct turn *turn, const struct task *task, enum event_kind kind);
/* Room for one in the queue, zeroed but for kind and time; NULL when nobody wants it.  Valid until
 * the next call. */
struct queued_event *turn_emit(struct turn *turn, const struct task *task, enum event_kind kind);
/* The event of a queued one, with its text. */
const struct event *queued_event_get(struct queued_event *queued);
void queued_event_free(struct queued_event *queued);
/* The run cannot go on: the first reason is kept. */
void turn_fatal(struct turn *turn, const struct err *err);
