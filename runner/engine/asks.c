#include "engine/asks.h"
#include "core/retry.h"
#include "transfer/access.h"
#include "transfer/gate.h"
#include <stdlib.h>

struct ask {
    struct ask *next;
    uint64_t wait; /* of the script */
    struct op *op; /* while `sent` only its `cancel` may be touched */
    bool sent;
    const struct retry_policy *retry; /* NULL: no second try */
    int attempt;                      /* from 1 */
    int64_t not_before_ms;
};

void asks_init(struct asks *asks, const struct job *job)
{
    *asks = (struct asks){.sent_max = LIMIT_ASIDE * (job->lanes > 0 ? job->lanes : 1)};
    asks->tail = &asks->head;
}

/* What was sent and has not come back is io's. */
void asks_free(struct asks *asks)
{
    for (struct ask *ask = asks->head, *next; ask; ask = next) {
        next = ask->next;
        if (!ask->sent)
            op_free(ask->op);
        free(ask);
    }
}

void asks_add(struct asks *asks, uint64_t wait, struct op *op, const struct retry_policy *retry)
{
    struct ask *ask = xcalloc(1, sizeof *ask);

    op->aside = true;
    *ask = (struct ask){.wait = wait, .op = op, .retry = retry, .attempt = 1};
    *asks->tail = ask;
    asks->tail = &ask->next;
    asks->n++;
}

static void drop(struct asks *asks, struct ask *ask)
{
    struct ask **at = &asks->head;

    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
    if (!*at)
        asks->tail = at;
    asks->n--;
    free(ask);
}

/* The op is the script's from here on. */
static void end(struct asks *asks, struct ask *ask, struct turn *turn)
{
    struct op *op = ask->op;
    uint64_t wait = ask->wait;

    drop(asks, ask);
    turn->hooks->answer(turn->hooks->ctx, wait, op);
}

void asks_withdraw(struct asks *asks, uint64_t wait)
{
    for (struct ask *ask = asks->head; ask; ask = ask->next)
        if (ask->wait == wait)
            atomic_store(&ask->op->cancel, true);
}

static struct ask *find(struct asks *asks, const struct op *op)
{
    struct ask *ask = asks->head;

    while (ask->op != op)
        ask = ask->next;
    return ask;
}

/* Commands wait for a worker of their own, not here. */
static bool is_request(const struct op *op)
{
    return op->kind != OP_EXEC;
}

static bool is_cancelled(struct op *op)
{
    return atomic_load(&op->cancel);
}

static bool try_again(struct ask *ask, struct turn *turn)
{
    const struct op *op = ask->op;
    int64_t delay_ms = 0;

    if (op->out.err.kind == ERR_NONE || !ask->retry || is_cancelled(ask->op))
        return false;
    if (!access_mend(turn, op, ask->attempt) &&
        !retry_again(ask->retry, &op->out.err, ask->attempt, turn->rng, &delay_ms))
        return false;
    struct op *again = op_new(op->kind);
    again->in = op->in;
    again->aside = true;
    op_free(ask->op);
    ask->op = again;
    ask->attempt++;
    ask->not_before_ms = turn->now_ms + delay_ms;
    turn->totals->retries++;
    return true;
}

void asks_settle(struct asks *asks, struct op *op, struct turn *turn)
{
    struct ask *ask = find(asks, op);

    ask->sent = false;
    asks->n_sent -= is_request(op);
    if (!try_again(ask, turn))
        end(asks, ask, turn);
}

static bool may_send(const struct asks *asks, const struct ask *ask, struct turn *turn)
{
    const struct op *op = ask->op;

    if (ask->sent || ask->not_before_ms > turn->now_ms)
        return false;
    if (!is_request(op))
        return true;
    return asks->n_sent < asks->sent_max && gate_open(turn, op->in.store, ask->attempt > 1);
}

static void send(struct asks *asks, struct ask *ask, struct sched *sched, struct turn *turn)
{
    struct op *op = ask->op;
    const struct store_state *state = op->kind == OP_CALL ? turn_store(turn, op->in.store) : NULL;

    if (state) {
        op->in.credentials = op->in.store->credentials;
        op->in.skew_ms = state->skew_ms;
        op->in.requests[0] = state->requests;
    }
    op->again = ask->attempt > 1;
    ask->sent = true;
    asks->n_sent += is_request(op);
    sched_submit(sched, op, turn);
}

void asks_dispatch(struct asks *asks, struct sched *sched, struct turn *turn)
{
    for (struct ask *ask = asks->head, *next; ask; ask = next) {
        next = ask->next;
        if (!ask->sent && is_cancelled(ask->op)) {
            err_set(&ask->op->out.err, ERR_CANCELLED, "%s cancelled", op_name(ask->op));
            end(asks, ask, turn);
        } else if (may_send(asks, ask, turn)) {
            send(asks, ask, sched, turn);
        }
    }
}

int64_t asks_wake_ms(const struct asks *asks, int64_t now_ms)
{
    int64_t wake_ms = INT64_MAX;

    for (const struct ask *ask = asks->head; ask; ask = ask->next)
        if (!ask->sent && ask->not_before_ms > now_ms && ask->not_before_ms < wake_ms)
            wake_ms = ask->not_before_ms;
    return wake_ms;
}
