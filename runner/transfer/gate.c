#include "transfer/gate.h"

static struct pace *pace_of(struct turn *turn, const struct op *op)
{
    if (!op || op->kind != OP_CALL || op->in.store->kind == STORE_DIR)
        return NULL;
    struct store_state *state = turn_store(turn, op->in.store);
    return state ? &state->pace : NULL;
}

bool gate_open(struct turn *turn, const struct store *store, bool again)
{
    if (!store || store->kind == STORE_DIR)
        return true;
    const struct store_state *state = turn_store(turn, store);
    return !state || pace_allows(&state->pace, again, turn->now_ms);
}

void gate_pass(struct turn *turn, struct op *op)
{
    struct pace *pace = pace_of(turn, op);
    struct pace *from = pace_of(turn, op->in.feed);

    if (pace)
        op->number = pace_send(pace, op->again, turn->now_ms);
    if (from)
        op->in.feed->number = pace_send(from, op->again, turn->now_ms);
}

/* A refusal of any other kind was given at the store's leisure. */
static bool is_served(const struct err *err)
{
    return err->kind == ERR_NONE || (err->status > 0 && err->status < 500);
}

static bool take_back(struct turn *turn, const struct op *op, bool again, int ceiling)
{
    struct pace *pace = pace_of(turn, op);

    if (!pace)
        return false;
    pace_return(pace);
    if (op->out.fed_badly) /* its own store has said nothing */
        return false;
    if (op->out.err.kind == ERR_THROTTLED)
        return pace_refused(pace, op->number, op->out.err.retry_after_ms, turn->now_ms);
    if (is_served(&op->out.err))
        pace_served(pace, again, ceiling, turn->now_ms);
    return false;
}

const struct op *gate_return(struct turn *turn, const struct op *op, bool first, int ceiling)
{
    const struct op *feed = first ? op->in.feed : NULL;
    bool to = take_back(turn, op, op->again, ceiling);
    bool from = feed && take_back(turn, feed, op->again, ceiling);

    return from ? feed : to ? op : NULL;
}

int64_t gate_wake_ms(const struct turn *turn)
{
    int64_t wake_ms = INT64_MAX;

    for (int i = 0; i < turn->job->n_stores; i++) {
        int64_t mine = pace_wake_ms(&turn->stores[i].pace, turn->now_ms);
        wake_ms = mine < wake_ms ? mine : wake_ms;
    }
    return wake_ms;
}
