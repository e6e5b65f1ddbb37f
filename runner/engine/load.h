#pragma once
/*
 * What each of the tasks that run has under way, and how the slots of the job are shared among
 * them.  Owned by sched.  Control thread only.
 */
#include "core/job.h"

/* Of one task; what its further targets have is among it. */
struct load {
    const struct task *task;
    int n_data; /* ops on stores */
    int n_open, n_finishing;
};

struct loads {
    struct load *item;
    int n;
    int turn_of; /* which is served first */
};

/* A task takes part from here on, and does so no more. */
void loads_begin(struct loads *loads, const struct task *task);
void loads_end(struct loads *loads, const struct task *task);
void loads_free(struct loads *loads);

/* NULL: the task does not run. */
struct load *loads_of(const struct loads *loads, const struct task *task);
/* What each may have of so many slots before others get more. */
int loads_share(const struct loads *loads, int slots);
