#pragma once
/*
 * Between whoever has something to send and the paces of the stores it goes to.  An op with a feed
 * goes to two stores, and asks and tells both.  Work on files passes.  Control thread only.
 */
#include "io/op.h"
#include "transfer/turn.h"

/* May a request go to this store now?  NULL: to none.  `again`: it was sent before. */
bool gate_open(struct turn *turn, const struct store *store, bool again);
/* The op is sent. */
void gate_pass(struct turn *turn, struct op *op);
/* The op came back; of a set, which shares a feed, one is the `first`.  The store that was slowed
 * down by it, and of a pair the op that says so; NULL: none.  `ceiling`: requests that may be in
 * flight. */
const struct op *gate_return(struct turn *turn, const struct op *op, bool first, int ceiling);
/* When, after the turn's time, a store may be asked again that may not now; INT64_MAX: never. */
int64_t gate_wake_ms(const struct turn *turn);
