#pragma once
/*
 * What is remembered of the pairs of one sync, read along with its sorted listing.  Owned by
 * source. Control thread only.
 */
#include "journal/sync.h"
#include "transfer/turn.h"

struct prints;

/* `dry`: nothing is written; the journal may be NULL. */
struct prints *prints_new(const struct task *task, bool dry, struct turn *turn);
void prints_free(struct prints *prints);

/* Must be asked for every key of the source, in order.  False: nothing is remembered of it. */
bool prints_find(struct prints *prints, const char *key, struct fingerprint *print,
                 struct turn *turn);
/* Both sides are known to be the same. */
void prints_put(struct prints *prints, const char *key, const struct object_info *source,
                const struct object_info *target, struct turn *turn);
/* The listing ended; `believe`: keys that it did not have are forgotten. */
void prints_end(struct prints *prints, bool believe, struct turn *turn);
