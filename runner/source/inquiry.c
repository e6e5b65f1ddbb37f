#include "source/inquiry.h"
#include "core/retry.h"
#include "transfer/access.h"
#include "transfer/gate.h"

bool inquiry_may_go(const struct inquiry *inquiry, const struct store *store, struct turn *turn)
{
    return !inquiry->over && !inquiry->under_way && inquiry->not_before_ms <= turn->now_ms &&
           gate_open(turn, store, inquiry->attempt > 0);
}

int64_t inquiry_wake_ms(const struct inquiry *inquiry)
{
    return inquiry->over || inquiry->under_way ? INT64_MAX : inquiry->not_before_ms;
}

struct op *inquiry_make(struct inquiry *inquiry, enum call_kind kind, const struct store *store,
                        const char *key, const struct task *task, struct turn *turn)
{
    struct store_state *state = turn_store(turn, store);
    struct op *op = op_new(OP_CALL);

    op->owner = inquiry;
    op->task = (uint32_t)task->number;
    op->in.store = store;
    op->in.credentials = store->credentials;
    op->in.skew_ms = state ? state->skew_ms : 0;
    op->in.requests[0] = state ? state->requests : NULL;
    op->in.call.kind = kind;
    op->in.call.key = op->in.path = key;
    op->in.call.total = -1;
    inquiry->under_way = true;
    op->again = inquiry->attempt++ > 0;
    return op;
}

bool inquiry_settle(struct inquiry *inquiry, const struct op *op, const struct task *task,
                    struct turn *turn)
{
    const struct err *err = &op->out.err;
    int64_t delay_ms;

    inquiry->under_way = false;
    if (err->kind == ERR_NONE) {
        inquiry->over = true;
        return true;
    }
    if (access_mend(turn, op, inquiry->attempt)) {
        inquiry->not_before_ms = 0;
    } else if (retry_again(&task->retry, err, inquiry->attempt, turn->rng, &delay_ms)) {
        inquiry->not_before_ms = turn->now_ms + delay_ms;
        turn->totals->retries++;
    } else {
        inquiry->err = *err;
        inquiry->over = true;
    }
    return false;
}
