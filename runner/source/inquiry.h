#pragma once
/*
 * One question to a store about one object, asked again as the task's policy says until it is
 * answered or given up.  Part of whoever asks, which keeps the key and owns what comes back.
 * Control thread only.
 */
#include "io/op.h"
#include "transfer/turn.h"

struct inquiry {
    bool under_way;
    bool over; /* it was answered, or given up */
    int attempt;
    int64_t not_before_ms;
    struct err err; /* why it was given up; kind NONE: it was not */
};

/* May it be sent now? */
bool inquiry_may_go(const struct inquiry *inquiry, const struct store *store, struct turn *turn);
/* When it may go by the clock alone; INT64_MAX: it need not. */
int64_t inquiry_wake_ms(const struct inquiry *inquiry);
/* The op that asks; `key` stays the caller's until it is back. */
struct op *inquiry_make(struct inquiry *inquiry, enum call_kind kind, const struct store *store,
                        const char *key, const struct task *task, struct turn *turn);
/* The op is back.  True: it has the answer. */
bool inquiry_settle(struct inquiry *inquiry, const struct op *op, const struct task *task,
                    struct turn *turn);
