#include "core/retry.h"
#include "base/limits.h"

/* The chain of a decorrelated wait does not get longer: by then it only moves below the cap. */
#define CHAIN_MAX 64

static int64_t capped(const struct retry_rule *rule, int64_t wait)
{
    return wait < rule->cap_ms ? wait : rule->cap_ms;
}

/* From `least` to `most`, both included. */
static int64_t draw(struct rng *rng, int64_t least, int64_t most)
{
    return most > least ? least + (int64_t)rng_below(rng, (uint64_t)(most - least) + 1) : least;
}

/* The wait before chance has its say. */
static int64_t ceiling(const struct retry_rule *rule, int attempt)
{
    int64_t wait = rule->base_ms;

    switch (rule->backoff) {
    case BACKOFF_FIXED:
        break;
    case BACKOFF_LINEAR:
        if (__builtin_mul_overflow(wait, attempt, &wait))
            wait = rule->cap_ms;
        break;
    case BACKOFF_EXPONENTIAL:
        for (int i = 1; i < attempt && wait < rule->cap_ms; i++)
            wait = wait > rule->cap_ms / 2 ? rule->cap_ms : wait * 2;
        break;
    }
    return capped(rule, wait);
}

/* Each wait is drawn up to three times the one before.  What was drawn then is not remembered: the
 * chain is drawn again, which gives a wait of the same distribution. */
static int64_t decorrelated(const struct retry_rule *rule, int attempt, struct rng *rng)
{
    int64_t wait = capped(rule, rule->base_ms);

    for (int i = 1; i < attempt && i < CHAIN_MAX; i++)
        wait = capped(rule,
                      draw(rng, rule->base_ms, wait > rule->cap_ms / 3 ? rule->cap_ms : wait * 3));
    return wait;
}

int64_t retry_wait(const struct retry_rule *rule, int attempt, struct rng *rng)
{
    int64_t wait = ceiling(rule, attempt);

    switch (rule->jitter) {
    case JITTER_FULL:
        return draw(rng, 0, wait);
    case JITTER_EQUAL:
        return draw(rng, wait - wait / 2, wait);
    case JITTER_DECORRELATED:
        return decorrelated(rule, attempt, rng);
    case JITTER_NONE:
        break;
    }
    return wait;
}

int64_t retry_delay(const struct retry_policy *policy, const struct err *err, int attempt,
                    struct rng *rng)
{
    int64_t wait = retry_wait(&policy->rule[err->kind], attempt, rng);
    int64_t asked = err->retry_after_ms;

    if (asked > LIMIT_RETRY_MS)
        asked = LIMIT_RETRY_MS;
    return wait > asked ? wait : asked;
}

bool retry_again(const struct retry_policy *policy, const struct err *err, int attempt,
                 struct rng *rng, int64_t *delay_ms)
{
    if (err->final || attempt >= policy->rule[err->kind].attempts ||
        !(policy->on & 1u << err->kind))
        return false;
    *delay_ms = retry_delay(policy, err, attempt, rng);
    return true;
}
