#pragma once
/*
 * One task as it runs: announced, read as a source of objects, then, where it deletes, a removal,
 * and told of at its end.  A job file may be asked before it begins and after it ended.  Owned by
 * task_run.  Control thread only.
 */
#include "engine/sched.h"
#include "source/removal.h"

enum phase_state {
    PHASE_NEW,
    PHASE_ASKING, /* task_started was told, and a script decides */
    PHASE_SOURCE,
    PHASE_REMOVAL,
    PHASE_ENDED, /* task_finished was told, and a script decides */
    PHASE_OVER
};

struct phase {
    const struct task *task; /* the first of its targets */
    enum phase_state state;
    struct source *source;   /* PHASE_SOURCE */
    struct removal *removal; /* PHASE_REMOVAL */
    int64_t began_ms;
    bool changed; /* in this turn: the next has something to do */
    bool tried;   /* task_run's own: in this round there was nothing to open */
};

/* What all phases of a run share. */
struct phase_setting {
    const struct job *job;
    struct source_options options; /* of every source */
    bool list_failed;              /* a listing ended early, of any task */
    struct err stop;               /* a guard or a veto ends the job; kind NONE: none did */
};

void phase_free(struct phase *phase);

/* The half of a turn that may write to the journal: takes back an op (the caller frees it), if it
 * is this phase's, ... */
bool phase_settle(struct phase *phase, struct op *op, struct turn *turn);
/* ... the answer to before_delete, task_started or task_finished; false: the ticket is another's,
 * ... */
bool phase_decide(struct phase *phase, struct phase_setting *setting, uint64_t ticket,
                  const struct decision *decision, struct turn *turn);
/* ... and begins, and prepares what can be prepared. */
void phase_fill(struct phase *phase, struct phase_setting *setting, struct sched *sched,
                struct turn *turn);

/* The other half: sends listings and deletes, ... */
void phase_send(struct phase *phase, struct sched *sched, struct turn *turn);
/* ... opens the next object, for all its targets, where there is one and room for it (`yields`:
 * what another leaves), ... */
bool phase_open(struct phase *phase, struct sched *sched, bool yields, struct turn *turn);
/* ... and goes on to what follows when a part of it is over. */
void phase_end(struct phase *phase, struct phase_setting *setting, struct sched *sched,
               struct turn *turn);

/* The priority of what it would open next; -INFINITY: nothing that has one. */
double phase_priority(const struct phase *phase);
/* Every object of it is known. */
bool phase_listed(const struct phase *phase);
/* The next turn can do something without waiting. */
bool phase_ready(const struct phase *phase);
int64_t phase_wake_ms(const struct phase *phase);
