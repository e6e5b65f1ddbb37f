#include "engine/task_run.h"
#include "base/list.h"
#include "base/log.h"
#include "transfer/fan.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 256 /* a turn: each leaves events that are delivered at its end */

void task_run_init(struct task_run *tasks, const struct job *job,
                   const struct source_options *options)
{
    memset(tasks, 0, sizeof *tasks);
    tasks->job = job;
    tasks->options = *options;
}

void task_run_free(struct task_run *tasks)
{
    source_free(tasks->source);
    removal_free(tasks->removal);
    bucket_free(tasks->bytes);
}

static const struct task *task_now(const struct task_run *tasks)
{
    return &tasks->job->tasks[tasks->task];
}

bool task_run_over(const struct task_run *tasks)
{
    return tasks->task >= tasks->job->n_tasks;
}

/* --- the half that writes ------------------------------------------------------------- */

void task_run_settle(struct task_run *tasks, struct op *op, struct turn *turn)
{
    if (source_owns(tasks->source, op))
        source_settle(tasks->source, op, turn);
    else if (removal_owns(tasks->removal, op))
        removal_settle(tasks->removal, op, turn);
}

bool task_run_decide(struct task_run *tasks, uint64_t ticket, const struct decision *decision)
{
    return tasks->removal && removal_decide(tasks->removal, ticket, decision, &tasks->stop);
}

static void begin(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    const struct task *task = task_now(tasks);

    tasks->source = source_new(task, &tasks->options, turn);
    tasks->known_before = turn->totals->objects_known;
    bucket_free(tasks->bytes);
    tasks->bytes = task->rate > 0 ? bucket_new(task->rate, 32 << 10) : NULL;
    sched->task_bytes = tasks->bytes;
    turn->totals->listing_done = false;
    tasks->changed = true;
}

/* Targets that go along with another task's source have none of their own. */
static void pass_over(struct task_run *tasks)
{
    while (!task_run_over(tasks) && task_now(tasks)->is_also)
        tasks->task++;
}

void task_run_fill(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    pass_over(tasks);
    if (task_run_over(tasks))
        return;
    if (!tasks->source && !tasks->removal)
        begin(tasks, sched, turn);
    if (tasks->source)
        source_fill(tasks->source, turn);
    else
        removal_fill(tasks->removal, turn);
}

/* --- the half that sends -------------------------------------------------------------- */

static struct item *take_item(struct task_run *tasks, struct sched *sched)
{
    struct item *item = source_take(tasks->source);
    if (!item && source_over(tasks->source) && sched->n_open == 0)
        item = list_pop(&sched->deferred);
    return item;
}

/* `more`: the same object for another target is next, and is to be opened with it, since the one
 * would wait for the other. */
static bool open_one(struct task_run *tasks, struct sched *sched, bool *more, struct turn *turn)
{
    struct item *item = take_item(tasks, sched);
    if (!item)
        return false;
    *more = fan_goes_on(item);
    if (sched_is_open(sched, item)) { /* named twice: both would use one row */
        fan_leave(item);
        list_push(&sched->deferred, item);
    } else {
        sched_open(sched, item, turn);
    }
    return true;
}

static bool open_next(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    bool more = false;
    if (!sched_has_room(sched, turn) || !open_one(tasks, sched, &more, turn))
        return false;
    while (more && open_one(tasks, sched, &more, turn))
        ;
    sched_dispatch(sched, turn, false);
    sched_retire(sched); /* what an earlier run did is over at once */
    return true;
}

static void open_some(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    int n = 0;
    while (n < OPEN_MAX && open_next(tasks, sched, turn))
        n++;
    tasks->changed = tasks->changed || n == OPEN_MAX;
}

static void next_task(struct task_run *tasks)
{
    removal_free(tasks->removal);
    tasks->removal = NULL;
    tasks->task++;
    tasks->changed = true;
    pass_over(tasks);
}

/* What there is to say about how the source was read. */
static void report(struct task_run *tasks, const struct turn *turn)
{
    const struct task *task = task_now(tasks);
    const struct err *err = source_error(tasks->source);
    const char *job = tasks->job->name;
    int64_t by_time = source_by_time(tasks->source);

    if (err->kind != ERR_NONE) {
        tasks->list_failed = true;
        log_error("%s: a listing ended early: %s", job, err->message);
    } else if (turn->totals->objects_known == tasks->known_before &&
               source_census(tasks->source)->source_objects == 0) {
        log_warn("%s: task %d found nothing in %s below '%s'", job, task->number, task->from->name,
                 task->from_path);
    }
    if (by_time)
        log_info("%s: %" PRId64 " objects were compared by size and time, because nothing was "
                 "remembered of them",
                 job, by_time);
}

static bool may_delete(struct task_run *tasks)
{
    const struct task *task = task_now(tasks);
    bool deletes = task->remove || task->kind == TASK_DELETE;

    if (!deletes || tasks->options.verify ||
        (tasks->options.only_failed && task->kind == TASK_SYNC))
        return false;
    if (source_error(tasks->source)->kind == ERR_NONE && !source_incomplete(tasks->source))
        return true;
    tasks->list_failed = true;
    log_error("%s: nothing is deleted below %s/%s, because not everything could be listed: "
              "mend that and run it again",
              tasks->job->name, task->to->name, task->to_path);
    return false;
}

static void end_source(struct task_run *tasks, struct turn *turn)
{
    bool deletes = may_delete(tasks);

    report(tasks, turn);
    if (deletes)
        tasks->removal =
            removal_new(task_now(tasks), source_census(tasks->source), turn, &tasks->stop);
    source_free(tasks->source);
    tasks->source = NULL;
    tasks->changed = true;
    if (!tasks->removal)
        next_task(tasks);
}

static void send_all(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    struct op *op;
    while ((op = tasks->source ? source_next(tasks->source, turn)
                               : removal_next(tasks->removal, turn)))
        sched_submit(sched, op, turn);
}

void task_run_dispatch(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    tasks->changed = false;
    if (task_run_over(tasks) || (!tasks->source && !tasks->removal))
        return;
    send_all(tasks, sched, turn);
    if (tasks->source) {
        open_some(tasks, sched, turn);
        turn->totals->listing_done =
            source_listed(tasks->source) && tasks->task + 1 == tasks->job->n_tasks;
        if (source_over(tasks->source) && sched->n_open == 0 && !sched->deferred.head)
            end_source(tasks, turn);
    } else if (removal_over(tasks->removal)) {
        next_task(tasks);
    }
}

/* --- waiting -------------------------------------------------------------------------- */

bool task_run_idle(const struct task_run *tasks)
{
    return (!tasks->source || source_idle(tasks->source)) &&
           (!tasks->removal || removal_idle(tasks->removal));
}

bool task_run_ready(const struct task_run *tasks)
{
    return tasks->changed || (tasks->source && source_ready(tasks->source)) ||
           (tasks->removal && removal_ready(tasks->removal));
}

int64_t task_run_wake_ms(const struct task_run *tasks)
{
    if (tasks->source)
        return source_wake_ms(tasks->source);
    return tasks->removal ? removal_wake_ms(tasks->removal) : INT64_MAX;
}
