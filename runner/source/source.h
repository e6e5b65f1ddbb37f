#pragma once
/*
 * Where the objects of a task come from: a listing, two listings compared, or names.  What is
 * listed is selected, mapped by the job file's functions, compared where the task says so, and
 * becomes items; what only the target of a sync has becomes an extra in the journal.  Everything is
 * pulled page by page, only while the backlog is short.  Owned by the task's run.  Control thread
 * only.
 */
#include "source/removal.h"
#include "transfer/transfer.h"

struct source;

struct source_options {
    bool verify;      /* items only compare; extras of a sync count as differences */
    bool only_failed; /* what the journal has as failed */
    bool dry;         /* nothing is written to the journal, which may be NULL */
    /* Told of each extra in key order, where not NULL. */
    void (*extra)(void *ctx, const char *key, int64_t size);
    void *ctx;
};

struct source *source_new(const struct task *task, const struct source_options *options,
                          struct turn *turn);
void source_free(struct source *source);

/* Turns what has been listed into items; between begin and commit of a turn. */
void source_fill(struct source *source, struct turn *turn);
/* The op that fetches more, if it is wanted now; NULL otherwise. */
struct op *source_next(struct source *source, struct turn *turn);
bool source_owns(const struct source *source, const struct op *op);
void source_settle(struct source *source, struct op *op, struct turn *turn);
int64_t source_wake_ms(const struct source *source);
/* source_fill would find something to do at once. */
bool source_ready(const struct source *source);

/* The next object; owned by the caller; NULL: none known (yet). */
struct item *source_take(struct source *source);
/* Its priority; -INFINITY: none is known (yet). */
double source_priority(const struct source *source);
/* Nothing more will come, and nothing is under way. */
bool source_over(const struct source *source);
/* Nothing is under way. */
bool source_idle(const struct source *source);
/* All there is has been seen (what is in the backlog may still wait). */
bool source_listed(const struct source *source);
/* Why the listing ended before its end; kind NONE: it did not. */
const struct err *source_error(const struct source *source);
/* Was there something below the source that could not be looked at?  Then what it holds is not
 * known, and nothing may be deleted for being missing there. */
bool source_incomplete(const struct source *source);
const struct census *source_census(const struct source *source);
/* Pairs of a sync that were compared by size and time, because nothing was remembered of them. */
int64_t source_by_time(const struct source *source);
/* Requests that were made because functions of the job file touched what no listing has. */
int64_t source_questions(const struct source *source);
