#pragma once
/*
 * Refusals that are about us and not about the object: a clock that is wrong, keys that have
 * expired. They are mended once and tried again, whatever the retry policy says.  Control thread
 * only.
 */
#include "io/op.h"
#include "transfer/turn.h"

/* Does this failure say that our clock is off?  `skew_ms`: the store's clock minus ours. */
bool access_skewed(const struct op *op, int64_t wall_ms, int64_t *skew_ms);

/* Takes note of what can be mended about the op's failure on its `attempt`-th try: true when
 * another try at once makes sense. */
bool access_mend(struct turn *turn, const struct op *op, int attempt);

/* Asks the job file for new credentials where they expire soon or a store has said that they have.
 */
void access_refresh(struct turn *turn);
