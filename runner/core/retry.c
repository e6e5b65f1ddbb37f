#include "core/retry.h"
#include "base/limits.h"

/* base * 2^(attempt - 1), never above the cap. */
static int64_t ceiling(const struct retry_policy *policy, int attempt)
{
    int64_t wait = policy->base_ms;

    for (int i = 1; i < attempt && wait < policy->cap_ms; i++)
        wait = wait > policy->cap_ms / 2 ? policy->cap_ms : wait * 2;
    return wait < policy->cap_ms ? wait : policy->cap_ms;
}

int64_t retry_delay(const struct retry_policy *policy, const struct err *err, int attempt,
                    struct rng *rng)
{
    int64_t wait = ceiling(policy, attempt);
    int64_t asked = err->retry_after_ms;

    if (asked > LIMIT_RETRY_MS)
        asked = LIMIT_RETRY_MS;
    if (policy->jitter == JITTER_FULL && wait > 0)
        wait = (int64_t)rng_below(rng, (uint64_t)wait + 1);
    return wait > asked ? wait : asked;
}

bool retry_again(const struct retry_policy *policy, const struct err *err, int attempt,
                 struct rng *rng, int64_t *delay_ms)
{
    if (err->final || attempt >= policy->attempts || !(policy->on & 1u << err->kind))
        return false;
    *delay_ms = retry_delay(policy, err, attempt, rng);
    return true;
}
