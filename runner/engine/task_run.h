#pragma once
/*
 * The tasks of a job, group by group: the tasks of a group run at the same time, and the next group
 * begins when all of them are over.  A task that stands alone is a group of one.  The tasks of a
 * group take turns in opening objects.  Owned by run.  Control thread only.
 */
#include "engine/phase.h"

struct task_run {
    struct phase_setting setting;
    struct phase *phase; /* those of the group that runs now */
    int n_phases;
    int task;     /* index of the first task of the group; n_tasks: all are over */
    int turn_of;  /* which phase opens next */
    bool changed; /* a group ended, or there was more to open than a turn opens */
};

void task_run_init(struct task_run *tasks, const struct job *job,
                   const struct source_options *options);
void task_run_free(struct task_run *tasks);

/* The half of a turn that may write to the journal: takes back an op (the caller frees it), ... */
void task_run_settle(struct task_run *tasks, struct op *op, struct turn *turn);
/* ... the answer to before_delete, task_started or task_finished; false: the ticket is another's,
 * ... */
bool task_run_decide(struct task_run *tasks, uint64_t ticket, const struct decision *decision,
                     struct turn *turn);
/* ... and begins the next group, and prepares what can be prepared. */
void task_run_fill(struct task_run *tasks, struct sched *sched, struct turn *turn);

/* The other half: sends listings and deletes, opens transfers, ends what is over. */
void task_run_dispatch(struct task_run *tasks, struct sched *sched, struct turn *turn);

/* All are over. */
bool task_run_over(const struct task_run *tasks);
/* The next turn can do something without waiting. */
bool task_run_ready(const struct task_run *tasks);
int64_t task_run_wake_ms(const struct task_run *tasks);
