#pragma once
/*
 * Where the objects of a task come from: one key, a list of keys, or a listing that is pulled page
 * by page, only while the backlog is short.  Owned by run.  Control thread only.
 */
#include "core/transfer.h"

struct source;

struct source *source_new(const struct task *task);
void source_free(struct source *source);

/* The op that fetches the next page, if one is wanted now; NULL otherwise. */
struct op *source_next(struct source *source, struct turn *turn);
void source_settle(struct source *source, struct op *op, struct turn *turn);
int64_t source_wake_ms(const struct source *source);

/* The next object; owned by the caller; NULL: none known (yet). */
struct item *source_take(struct source *source, struct turn *turn);
/* Nothing more will come. */
bool source_over(const struct source *source);
/* All there is has been seen (what is in the backlog may still wait). */
bool source_listed(const struct source *source);
/* Why the listing ended before its end; kind NONE: it did not. */
const struct err *source_error(const struct source *source);
/* The name an object gets on the other side; the caller frees it. */
char *source_target(const struct task *task, const char *key);
