#include "core/access.h"
#include <stdlib.h>
#include <string.h>

#define SKEW_MIN_MS (14 * 60 * 1000) /* the stores tolerate fifteen minutes */
#define TRIES       2

bool access_skewed(const struct op *op, int64_t wall_ms, int64_t *skew_ms)
{
    const struct err *err = &op->out.err;
    int64_t skew = op->out.answer.date_ms - wall_ms - op->in.skew_ms;

    if (!op->out.answer.date_ms)
        return false;
    *skew_ms = op->out.answer.date_ms - wall_ms;
    if (err->kind == ERR_AUTH && !strcmp(err->code, "RequestTimeTooSkewed"))
        return true;
    /* The answer to a HEAD has no body to say so. */
    return err->status == 403 && !err->code[0] && llabs(skew) > SKEW_MIN_MS;
}

bool access_mend(struct turn *turn, const struct op *op, int attempt)
{
    struct store_state *state = op->in.store ? turn_store(turn, op->in.store) : NULL;
    const struct err *err = &op->out.err;
    int64_t skew_ms;

    if (!state || attempt > TRIES)
        return false;
    if (access_skewed(op, turn->wall_ms, &skew_ms)) {
        state->skew_ms = skew_ms;
        return true;
    }
    if (err->kind != ERR_AUTH || err->final)
        return false;
    state->refresh = true;
    return true;
}
