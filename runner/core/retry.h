#pragma once
/* Kind of error and attempt -> again, when, or give up.  Pure; any thread. */
#include "base/clock.h"
#include "core/job.h"

/* Is the `attempt`-th try (from 1), which ended with `err`, to be followed by another?  If so,
 * `delay_ms` says how long to wait: by the rule of that kind of error, with chance from `rng`,
 * never less than what the store asked for (bounded by 5 minutes). */
bool retry_again(const struct retry_policy *policy, const struct err *err, int attempt,
                 struct rng *rng, int64_t *delay_ms);
/* The wait alone, for a script that said "retry" without saying when. */
int64_t retry_delay(const struct retry_policy *policy, const struct err *err, int attempt,
                    struct rng *rng);
/* Milliseconds after the `attempt`-th try by one rule, 0 to its cap. */
int64_t retry_wait(const struct retry_rule *rule, int attempt, struct rng *rng);
