#include "transfer/access.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

#define SKEW_MIN_MS (14 * 60 * 1000) /* the stores tolerate fifteen minutes */
#define TRIES       2
#define AHEAD_MS    (5 * 60 * 1000) /* credentials are renewed so long before they expire */

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

static void refresh_one(struct turn *turn, struct store_state *state, struct store *store)
{
    struct err err = {0};
    state->refresh = false;
    if (!turn->hooks->refresh || turn->hooks->refresh(turn->hooks->ctx, store, &err))
        return;
    turn->totals->hook_errors++;
    log_error("%s: new credentials for %s could not be had: %s", turn->job->name, store->name,
              err.message);
}

void access_refresh(struct turn *turn)
{
    const struct job *job = turn->job;
    for (int i = 0; i < job->n_stores; i++) {
        struct store_state *state = &turn->stores[i];
        const struct credentials *now = job->stores[i].store->credentials;
        if (!job->stores[i].can_refresh)
            continue;
        bool soon = now && now->expires_ms && now->expires_ms - turn->wall_ms < AHEAD_MS &&
                    turn->wall_ms >= state->refreshed_ms + 1000;
        if (!state->refresh && !soon)
            continue;
        state->refreshed_ms = turn->wall_ms;
        refresh_one(turn, state, job->stores[i].store);
    }
}
