#pragma once
/*
 * One object on its way to several targets (`to = { a, b }`): its transfers know of each other, so
 * that a remote source is read once where they go along.  Those that are at the same place of the
 * same object send what one GET brings (op.in.also); a small one is fetched by the first, and the
 * others get a copy.  To be at the same place, a transfer waits for another that has not failed
 * yet and is on its way there, and for nothing else: what fails goes on by itself, and outcome,
 * rows and events are each one's own.
 *
 * Owned by its items, the last of which frees it.  Control thread only.
 */
#include "transfer/transfer.h"

/* Adds the item, to `*fan` or to a new one that `*fan` is then. */
void fan_add(struct fan **fan, struct item *item);
/* The item goes its own way from here on. */
void fan_leave(struct item *item);
/* The others of its fan are behind the item in the backlog: some of them are still to be opened. */
bool fan_goes_on(const struct item *item);
void fan_opened(struct transfer *t);

/* Is another about to come where t is?  Then t waits. */
bool fan_waits(const struct transfer *t);
/* The others of t's fan, in turn, from NULL to NULL. */
struct transfer *fan_next(const struct transfer *t, const struct transfer *after);

/* The op of `s` that the GET of `op`, which t is about to send, can feed too; NULL: there is none.
 * It goes into op->in.also. */
struct op *fan_join(struct transfer *s, const struct transfer *t, const struct op *op,
                    struct turn *turn);
/* The op of `s` with what the small object's GET brought t; NULL: s does not wait for it. */
struct op *fan_copy(struct transfer *s, const struct transfer *t, const struct op *op,
                    struct turn *turn);
