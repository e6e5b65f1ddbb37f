#pragma once
/*
 * What goes next: the open transfers, how many of their ops may be under way, and the groups of
 * files that get their final names together.  Owned by run.  Control thread only.
 *
 * Transfers are served in the order they were opened, so that an object that was begun is ended
 * before others take its slots; a new one is opened only when no part of an open one waits for a
 * slot.  Where several tasks run, each has its share of the slots before one of them gets more: of
 * slots that come free, those below their share take turns.  One that is refused because requests
 * come too fast goes behind the others.
 */
#include "engine/load.h"
#include "io/io.h"
#include "io/throttle.h"
#include "source/source.h"

#define SCHED_TABLE 1024 /* chains of the table by id */

struct sched {
    struct io *io;
    struct transfer *head, *tail; /* open ones, in order */
    struct transfer *table[SCHED_TABLE];
    struct transfer *ended; /* over, kept until their events are delivered; linked by next */
    struct {
        struct item *head, **tail;
    } deferred; /* to be opened again when all else is done */
    uint64_t last_id;
    int n_open, n_finishing; /* finishing: in STEP_FINISH, waiting or under way */
    int n_data, n_work;      /* ops under way: on stores (and copies); in workers */
    int n_aside;             /* those of scripts, which are neither */
    int concurrency;         /* of n_data */
    int workers;
    struct bucket *job_bytes;
    struct loads loads;               /* of the tasks that run */
    struct bucket *const *task_bytes; /* by the number of the task, less 1 */
};

void sched_init(struct sched *sched, struct io *io, const struct job *job);
void sched_free(struct sched *sched);

/* How many transfers of the task are open. */
int sched_n_open(const struct sched *sched, const struct task *task);
/* None is, and none was put behind everything else. */
bool sched_is_done(const struct sched *sched, const struct task *task);
/* What was put behind everything else of the task; owned by the caller; NULL: nothing. */
struct item *sched_take_deferred(struct sched *sched, const struct task *task);

void sched_open(struct sched *sched, struct item *item, struct turn *turn);
/* Is the same object of the same task under way? */
bool sched_is_open(const struct sched *sched, const struct item *item);
struct transfer *sched_find(const struct sched *sched, uint64_t id);
/* Sends an op that belongs to no transfer (a listing, a refresh). */
void sched_submit(struct sched *sched, struct op *op, struct turn *turn);
/* Sends what may go now.  `only_leaving`: nothing but clean-ups. */
void sched_dispatch(struct sched *sched, struct turn *turn, bool only_leaving);
/* Is there room for another transfer of the task?  One that `yields`, to what is more important,
 * has no claim to its share. */
bool sched_has_room(struct sched *sched, const struct task *task, bool yields,
                    const struct turn *turn);
/* Takes back an op that ended and frees it, and tells when its store was slowed down by it;
 * listings are the caller's (returned, to be freed). */
struct op *sched_settle(struct sched *sched, struct op *op, struct turn *turn);
/* The run ends: what a script has put behind everything else will not be opened any more. */
void sched_drop_deferred(struct sched *sched, const struct err *err, struct turn *turn);
/* Takes transfers that are over out of the open ones; sched_bury frees them. */
void sched_retire(struct sched *sched);
void sched_bury(struct sched *sched);
int64_t sched_wake_ms(const struct sched *sched, int64_t now_ms);
