#pragma once
/*
 * The listing of one place, in key order: pages of a bucket, or a walk of a directory in the same
 * byte order.  Pulled page by page, only while little is waiting; a page that fails is asked for
 * again by the task's policy; an order that is not ascending, or an end that does not come, is an
 * error and never data.  With splits a bucket is listed in several ranges at once and read as one:
 * where a range holds few thousand keys, the next ones are here by the time they are wanted. Owned
 * by source.  Control thread only.
 */
#include "io/op.h"
#include "transfer/turn.h"

struct lister;

/* Of everything in `store` below `prefix`, for `task` (its policy and its splits). */
struct lister *lister_new(const struct task *task, const struct store *store, const char *prefix);
/* For who only looks: a directory that nobody has made yet is empty. */
void lister_may_lack(struct lister *lister);
void lister_free(struct lister *lister);

/* The op that fetches another page, if one is wanted now; NULL: none. */
struct op *lister_next(struct lister *lister, struct turn *turn);
/* Is this op one of its own? */
bool lister_owns(const struct lister *lister, const struct op *op);
void lister_settle(struct lister *lister, struct op *op, struct turn *turn);
/* When, after now, a page may be asked for by the clock alone; INT64_MAX: never. */
int64_t lister_wake_ms(const struct lister *lister);

/* The next entry, which stays until lister_drop; NULL: none known yet, or over.  Its key may be
 * taken away (set to NULL). */
struct list_entry *lister_peek(struct lister *lister);
void lister_drop(struct lister *lister);
/* Every entry was dropped, and there are no more. */
bool lister_over(const struct lister *lister);
/* All pages are here (what they hold may still wait). */
bool lister_listed(const struct lister *lister);
/* Pages are under way. */
bool lister_busy(const struct lister *lister);
/* Why it ended before its end; kind NONE: it did not. */
const struct err *lister_error(const struct lister *lister);
