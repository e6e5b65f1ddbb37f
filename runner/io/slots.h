#pragma once
/* The exchanges of a lane: made once, used again and again, more of them when more may run.  Lane
 * thread only. */
#include "io/exchange.h"

struct slots {
    struct slab *slab;     /* their memory */
    struct exchange *idle; /* linked by next; the lane takes from it and gives back */
    int n;                 /* in all */
};

/* Makes them `n` in all; false when libcurl has no handles to give: those it gave are there. */
bool slots_add(struct slots *slots, int n, struct exchange_env *env);
void slots_free(struct slots *slots);
