#include "engine/phase.h"
#include "base/list.h"
#include "base/log.h"
#include "transfer/fan.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void phase_free(struct phase *phase)
{
    source_free(phase->source);
    removal_free(phase->removal);
    phase->source = NULL;
    phase->removal = NULL;
}

static void go(struct phase *phase, enum phase_state state)
{
    phase->state = state;
    phase->changed = true;
}

/* --- what is told of it --------------------------------------------------------------- */

/* `asks`: a script that wants the event decides, and true is answered. */
static bool tell(const struct phase *phase, enum event_kind kind, bool asks, const char *why,
                 struct turn *turn)
{
    const struct task *task = phase->task;
    struct queued_event *queued = turn_emit(turn, task, kind);

    if (!queued)
        return false;
    if (kind == EVENT_TASK_FINISHED)
        queued->event.counts = *turn_counts(turn, task);
    snprintf(queued->reason, sizeof queued->reason, "%s", why);
    bool asked = asks && turn->hooks->wants && turn->hooks->wants(turn->hooks->ctx, task, kind);
    if (asked) /* no transfer has such a ticket, and a task asks one question at a time */
        queued->ticket = (uint64_t)task->number;
    return asked;
}

static void announce(struct phase *phase, const struct phase_setting *setting, struct turn *turn)
{
    phase->began_ms = turn->now_ms;
    bool asked = !setting->options.verify && tell(phase, EVENT_TASK_STARTED, true, "", turn);
    go(phase, asked ? PHASE_ASKING : PHASE_SOURCE);
}

static void conclude(struct phase *phase, const struct phase_setting *setting, struct sched *sched,
                     struct turn *turn)
{
    struct task_counts *counts = turn_counts(turn, phase->task);

    loads_end(&sched->loads, phase->task);
    counts->seconds = (double)(turn->now_ms - phase->began_ms) / 1e3;
    bool asked = !setting->options.verify && tell(phase, EVENT_TASK_FINISHED, true, "", turn);
    go(phase, asked ? PHASE_ENDED : PHASE_OVER);
}

/* --- what is decided about it --------------------------------------------------------- */

static void pass_over(struct phase *phase, const char *why, struct turn *turn)
{
    log_info("%s: task %d is passed over: %s", turn->job->name, phase->task->number, why);
    tell(phase, EVENT_TASK_SKIPPED, false, why, turn);
    go(phase, PHASE_OVER);
}

static bool removal_asks(const struct phase *phase)
{
    return phase->state == PHASE_REMOVAL && removal_asking(phase->removal);
}

static void proceed(struct phase *phase, const struct decision *decision, struct turn *turn)
{
    if (phase->state == PHASE_REMOVAL)
        removal_allow(phase->removal);
    else if (phase->state == PHASE_ENDED)
        go(phase, PHASE_OVER);
    else if (decision->kind == DECIDE_SKIP)
        pass_over(phase, decision->reason, turn);
    else
        go(phase, PHASE_SOURCE);
}

bool phase_decide(struct phase *phase, struct phase_setting *setting, uint64_t ticket,
                  const struct decision *decision, struct turn *turn)
{
    bool asked = phase->state == PHASE_ASKING || phase->state == PHASE_ENDED || removal_asks(phase);

    if (!asked || ticket != (uint64_t)phase->task->number)
        return false;
    if (decision->kind == DECIDE_VETO)
        err_set(&setting->stop, ERR_CANCELLED, "%s",
                decision->reason[0] ? decision->reason : "vetoed");
    else if (decision->kind == DECIDE_STOP)
        err_set(&turn->stop, ERR_CANCELLED, "%s", decision->reason);
    else
        proceed(phase, decision, turn);
    return true;
}

/* --- the half that writes ------------------------------------------------------------- */

bool phase_settle(struct phase *phase, struct op *op, struct turn *turn)
{
    if (source_owns(phase->source, op))
        source_settle(phase->source, op, turn);
    else if (removal_owns(phase->removal, op))
        removal_settle(phase->removal, op, turn);
    else
        return false;
    return true;
}

static void begin(struct phase *phase, const struct phase_setting *setting, struct sched *sched,
                  struct turn *turn)
{
    phase->source = source_new(phase->task, &setting->options, turn);
    loads_begin(&sched->loads, phase->task);
    turn->totals->listing_done = false;
    phase->changed = true;
}

void phase_fill(struct phase *phase, struct phase_setting *setting, struct sched *sched,
                struct turn *turn)
{
    if (phase->state == PHASE_NEW)
        announce(phase, setting, turn);
    if (phase->state == PHASE_SOURCE && !phase->source)
        begin(phase, setting, sched, turn);
    if (phase->source)
        source_fill(phase->source, turn);
    else if (phase->removal)
        removal_fill(phase->removal, turn);
}

/* --- the half that sends -------------------------------------------------------------- */

void phase_send(struct phase *phase, struct sched *sched, struct turn *turn)
{
    struct op *op;

    phase->changed = false;
    while ((op = phase->source    ? source_next(phase->source, turn)
                 : phase->removal ? removal_next(phase->removal, turn)
                                  : NULL))
        sched_submit(sched, op, turn);
}

static struct item *take_item(struct phase *phase, struct sched *sched)
{
    struct item *item = source_take(phase->source);
    if (!item && source_over(phase->source) && sched_n_open(sched, phase->task) == 0)
        item = sched_take_deferred(sched, phase->task);
    return item;
}

/* `more`: the same object for another target is next, and is to be opened with it, since the one
 * would wait for the other. */
static bool open_one(struct phase *phase, struct sched *sched, bool *more, struct turn *turn)
{
    struct item *item = take_item(phase, sched);
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

bool phase_open(struct phase *phase, struct sched *sched, bool yields, struct turn *turn)
{
    bool more = false;
    if (!phase->source || !sched_has_room(sched, phase->task, yields, turn) ||
        !open_one(phase, sched, &more, turn))
        return false;
    while (more && open_one(phase, sched, &more, turn))
        ;
    sched_dispatch(sched, turn, false);
    sched_retire(sched); /* what an earlier run did is over at once */
    return true;
}

double phase_priority(const struct phase *phase)
{
    return phase->source ? source_priority(phase->source) : -INFINITY;
}

/* --- ends ----------------------------------------------------------------------------- */

/* What there is to say about how the source was read. */
static void report(struct phase *phase, struct phase_setting *setting, struct turn *turn)
{
    const struct task *task = phase->task;
    const struct err *err = source_error(phase->source);
    const char *job = setting->job->name;
    struct task_counts *counts = turn_counts(turn, task);
    int64_t by_time = source_by_time(phase->source);

    if (err->kind != ERR_NONE) {
        setting->list_failed = counts->listing_failed = true;
        log_error("%s: a listing ended early: %s", job, err->message);
    } else if (counts->objects_known == 0 && source_census(phase->source)->source_objects == 0) {
        log_warn("%s: task %d found nothing in %s below '%s'", job, task->number, task->from->name,
                 task->from_path);
    }
    if (by_time)
        log_info("%s: %" PRId64 " objects were compared by size and time, because nothing was "
                 "remembered of them",
                 job, by_time);
}

static bool may_delete(struct phase *phase, struct phase_setting *setting, struct turn *turn)
{
    const struct task *task = phase->task;
    const struct source_options *options = &setting->options;

    if (!task_deletes(task) || task->kind == TASK_MOVE || options->verify ||
        (options->only_failed && task->kind == TASK_SYNC))
        return false;
    if (source_error(phase->source)->kind == ERR_NONE && !source_incomplete(phase->source))
        return true;
    setting->list_failed = turn_counts(turn, task)->listing_failed = true;
    log_error("%s: nothing is deleted below %s/%s, because not everything could be listed: "
              "mend that and run it again",
              setting->job->name, task->to->name, task->to_path);
    return false;
}

static void end_source(struct phase *phase, struct phase_setting *setting, struct sched *sched,
                       struct turn *turn)
{
    bool deletes = may_delete(phase, setting, turn);

    report(phase, setting, turn);
    if (deletes)
        phase->removal =
            removal_new(phase->task, source_census(phase->source), turn, &setting->stop);
    source_free(phase->source);
    phase->source = NULL;
    if (phase->removal)
        go(phase, PHASE_REMOVAL);
    else if (setting->stop.kind == ERR_NONE)
        conclude(phase, setting, sched, turn);
    else
        go(phase, PHASE_OVER);
}

void phase_end(struct phase *phase, struct phase_setting *setting, struct sched *sched,
               struct turn *turn)
{
    if (phase->source && source_over(phase->source) && sched_is_done(sched, phase->task)) {
        end_source(phase, setting, sched, turn);
    } else if (phase->removal && removal_over(phase->removal)) {
        phase_free(phase);
        conclude(phase, setting, sched, turn);
    }
}

/* --- waiting -------------------------------------------------------------------------- */

bool phase_listed(const struct phase *phase)
{
    return phase->source ? source_listed(phase->source) : phase->state > PHASE_SOURCE;
}

bool phase_ready(const struct phase *phase)
{
    return phase->changed || (phase->source && source_ready(phase->source)) ||
           (phase->removal && removal_ready(phase->removal));
}

int64_t phase_wake_ms(const struct phase *phase)
{
    if (phase->source)
        return source_wake_ms(phase->source);
    return phase->removal ? removal_wake_ms(phase->removal) : INT64_MAX;
}
