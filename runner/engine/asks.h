#pragma once
/*
 * What scripts ask of stores, and of anything else that is an op: sent beside what transfers send,
 * at the pace of each store, tried again by the job's policy, never journalled.  Owned by run.
 * Control thread only.
 */
#include "engine/sched.h"

struct ask;

struct asks {
    struct ask *head, **tail; /* not ended, in the order they came */
    int n;
    int sent_max; /* requests under way */
    int n_sent;
};

void asks_init(struct asks *asks, const struct job *job);
void asks_free(struct asks *asks);

/* Takes the op; its answer goes to hooks->answer as that of `wait`.  `retry` NULL: it is made once
 * and no more. */
void asks_add(struct asks *asks, uint64_t wait, struct op *op, const struct retry_policy *retry);
/* It is not wanted any more: it ends soon. */
void asks_withdraw(struct asks *asks, uint64_t wait);
/* Takes back one that ended. */
void asks_settle(struct asks *asks, struct op *op, struct turn *turn);
/* Sends what may go now; what was cancelled before it was sent ends. */
void asks_dispatch(struct asks *asks, struct sched *sched, struct turn *turn);
/* When, after now, the clock alone lets one be sent; INT64_MAX: never. */
int64_t asks_wake_ms(const struct asks *asks, int64_t now_ms);
