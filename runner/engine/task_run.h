#pragma once
/*
 * The tasks of a job, one after the other: each first as a source of objects, then, where it
 * deletes, as a removal.  Owned by run.  Control thread only.
 */
#include "engine/sched.h"
#include "source/removal.h"

struct task_run {
    const struct job *job;
    struct source_options options; /* of every source */
    struct source *source;         /* of the task that runs now; NULL: not begun, or removing */
    struct removal *removal;       /* its last phase; NULL: not there */
    int task;                      /* index of it; n_tasks: all are over */
    struct bucket *bytes;          /* its own limit; NULL: none */
    int64_t known_before;          /* objects, when it began */
    bool changed;     /* it began or ended in this turn: the next has something to do */
    bool list_failed; /* a listing ended early, of any task */
    struct err stop;  /* a guard or a veto ends the job; kind NONE: none did */
};

void task_run_init(struct task_run *tasks, const struct job *job,
                   const struct source_options *options);
void task_run_free(struct task_run *tasks);

/* The half of a turn that may write to the journal: takes back an op (the caller frees it), ... */
void task_run_settle(struct task_run *tasks, struct op *op, struct turn *turn);
/* ... the answer to before_delete; false: the ticket is another's, ... */
bool task_run_decide(struct task_run *tasks, uint64_t ticket, const struct decision *decision);
/* ... and begins the next task, and prepares what can be prepared. */
void task_run_fill(struct task_run *tasks, struct sched *sched, struct turn *turn);

/* The other half: sends listings and deletes, opens transfers, ends the task when it is over. */
void task_run_dispatch(struct task_run *tasks, struct sched *sched, struct turn *turn);

/* All are over. */
bool task_run_over(const struct task_run *tasks);
/* None of its ops are under way. */
bool task_run_idle(const struct task_run *tasks);
/* The next turn can do something without waiting. */
bool task_run_ready(const struct task_run *tasks);
int64_t task_run_wake_ms(const struct task_run *tasks);
