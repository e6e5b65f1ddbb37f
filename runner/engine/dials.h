#pragma once
/*
 * What limits a run and may be turned while it goes on: rates, requests a second, concurrency. Each
 * is what the job file says, a number, a schedule or a function that is asked once a second, until
 * it is set by hand; then it stays so until it is given back to the job file.  Owns the buckets.  A
 * part of struct run; control thread only.
 */
#include "engine/sched.h"

#define DIAL_SAID 16 /* messages of failed functions that are remembered */

struct dials {
    struct turn *turn;
    struct sched *sched;
    struct bucket *rate;  /* of the job */
    struct bucket **task; /* one for each; targets that go along share that of the first */
    struct dial_state {
        bool by_hand;
        int64_t from_ms, until_ms; /* schedule: the value is known from then to then; wall clock */
        int64_t asked_ms;          /* function: when last; 0: never */
    } * state;                     /* one for each dial of the job */
    uint64_t said[DIAL_SAID];      /* sums of messages that were logged */
    int n_said;
};

/* Makes the buckets of job, stores and tasks, with what the job file says in numbers; turn and
 * sched must outlive it. */
void dials_init(struct dials *dials, struct turn *turn, struct sched *sched);
void dials_free(struct dials *dials);

/* Is a schedule or a function to be asked in this turn? */
bool dials_due(const struct dials *dials);
/* Asks those that are due, and turns what they limit.  What goes wrong in a function is logged,
 * once for each message, and counted; its limit stays as it was. */
void dials_turn(struct dials *dials);
/* When, on the monotonic clock, the next is due; INT64_MAX: none will be.  Never more than a minute
 * ahead for a schedule, since the wall clock may be set. */
int64_t dials_wake_ms(const struct dials *dials);
/* By hand, or DIAL_AUTO.  `index` as in struct dial.  A rate or requests a second of -1: unlimited.
 */
void dials_set(struct dials *dials, enum dial_kind kind, int index, int64_t value);
