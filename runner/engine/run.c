/*
 * A turn: collect what ended, settle it, commit, dispatch, deliver events, run scripts; then sleep
 * until something ends or a clock says so.
 *
 * Everything that writes to the journal happens between begin and commit; everything that is sent
 * goes after commit, so nothing is under way that the journal does not know.  Events go after
 * commit too: an event never tells of something that a crash could undo.
 */
#include "base/log.h"
#include "core/window.h"
#include "engine/clean.h"
#include "engine/run_state.h"
#include "engine/script_state.h"
#include "transfer/access.h"
#include "transfer/gate.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_MAX (16 << 20)

/* --- the parts of a turn -------------------------------------------------------------- */

static void settle_all(struct run *run, struct op *op)
{
    for (struct op *next; op; op = next) {
        next = op->next;
        struct op *mine = sched_settle(&run->sched, op, &run->turn);
        if (mine && mine->aside) {
            asks_settle(&run->asks, mine, &run->turn);
        } else if (mine) {
            task_run_settle(&run->tasks, mine, &run->turn);
            op_free(mine);
        }
    }
}

static void obey(struct run *run, const struct ticket *ticket)
{
    struct transfer *t = sched_find(&run->sched, ticket->id >> 14);
    struct err err = {0};

    if (!t && ticket->failure == ERR_NONE) {
        task_run_decide(&run->tasks, ticket->id, &ticket->decision, &run->turn);
    } else if (t && ticket->failure != ERR_NONE) {
        err_set(&err, ticket->failure, "%s", ticket->decision.reason);
        transfer_fail(t, &err, &run->turn);
    } else if (t) {
        transfer_decide(t, (int64_t)(ticket->id & 0x3fff) - 1, &ticket->decision, &run->turn);
    }
}

static void obey_stop(struct run *run)
{
    if (run->turn.stop.kind == ERR_NONE)
        return;
    run_stop(run, run->turn.stop.message);
    run->turn.stop.kind = ERR_NONE;
}

static void obey_scripts(struct run *run)
{
    for (int i = 0; i < run->n_decisions; i++)
        obey(run, &run->decisions[i]);
    run->n_decisions = 0;
    obey_stop(run);
}

/* Sizes that no listing told are known once the object was opened. */
static void count_sizes(struct run *run)
{
    for (struct transfer *t = run->sched.head; t; t = t->next) {
        if (t->counted || t->info.size < 0)
            continue;
        t->counted = true;
        if (t->item->info.size < 0)
            run->totals.bytes_known += t->info.size;
    }
}

/* Too many failures are a sign of something that no further object will mend. */
static void check_breaker(struct run *run)
{
    const struct breaker *breaker = &run->config.job->breaker;
    int64_t failed = run->totals.objects_failed, ended = failed + run->totals.objects_done;
    bool many = breaker->count > 0 && failed >= breaker->count;
    bool share = breaker->share > 0 && ended >= breaker->of &&
                 (double)failed >= breaker->share * (double)ended;

    if ((many || share) && run->tasks.setting.stop.kind == ERR_NONE)
        err_set(&run->tasks.setting.stop, ERR_CANCELLED,
                "%" PRId64 " of %" PRId64 " objects failed, which is what stop_when stops at",
                failed, ended);
}

static void check_window(struct run *run)
{
    const struct window *window = &run->config.job->window;
    int64_t change_ms;
    char why[80];

    if (!window->set || run->ending.kind != NOT_ENDING)
        return;
    bool open = window_open(window, run->turn.wall_ms, &change_ms);
    run->window_ms = run->turn.now_ms + (change_ms - run->turn.wall_ms);
    if (open)
        return;
    snprintf(why, sizeof why, "it is outside of its window, which opens at %02d:%02d",
             window->from_min / 60, window->from_min % 60);
    run_end_for(run, END_WINDOW, why);
}

static void check_ends(struct run *run)
{
    int64_t limit_ms = run->config.max_duration_ms;
    if (run->signal && !run->ending.signal) {
        run->ending.signal = run->signal;
        run_end_for(run, END_SIGNAL, NULL);
    }
    if (limit_ms > 0 && run->turn.now_ms - run->meter.started_ms >= limit_ms)
        run_end_for(run, END_DURATION, NULL);
    check_window(run);
    check_breaker(run);
    if (run->tasks.setting.stop.kind != ERR_NONE)
        run_end_for(run, END_GUARD, run->tasks.setting.stop.message);
    if (run->turn.fatal.kind != ERR_NONE)
        ending_fatal(&run->ending, &run->turn.fatal, run->turn.now_ms);
    if (run->ending.kind != NOT_ENDING && run->hooks_end_ms == INT64_MAX)
        run->hooks_end_ms = run->turn.now_ms + ENDING_GRACE_MS;
}

/* Once what is under way has ended, or the grace is over, everything open is closed. */
static void leave_all(struct run *run)
{
    struct err err = {0};
    bool quiet = run->sched.n_data == 0 && run->sched.n_work == 0;

    if (run->ending.kind == NOT_ENDING || run->left)
        return;
    if (!ending_hurries(&run->ending) && !quiet &&
        run->turn.now_ms - run->ending.since_ms < ENDING_GRACE_MS)
        return;
    err_set(&err, ERR_CANCELLED, "%s", run->ending.why);
    run->left = true;
    for (struct transfer *t = run->sched.head; t; t = t->next)
        transfer_leave(t, &err, run->ending.kind == END_ABORT, &run->turn);
    sched_drop_deferred(&run->sched, &err, &run->turn);
}

static void keep_state(struct run *run, bool last)
{
    if (!script_state_save(&run->config, last))
        run_hook_failed(run);
}

/* Is anything new begun? */
static bool takes_up(const struct run *run)
{
    return run->ending.kind == NOT_ENDING && !run->paused && !run->held;
}

/* The first half of a turn: everything that may write to the journal. */
static void decide(struct run *run, struct op *ops)
{
    struct err err = {0};
    if (!journal_begin(run->config.journal, &err))
        turn_fatal(&run->turn, &err);
    keep_state(run, false);
    settle_all(run, ops);
    obey_scripts(run);
    count_sizes(run);
    check_ends(run);
    leave_all(run);
    sched_retire(&run->sched);
    if (takes_up(run))
        task_run_fill(&run->tasks, &run->sched, &run->turn);
    if (!journal_commit(run->config.journal, &err))
        turn_fatal(&run->turn, &err);
}

static void fill_totals(struct run *run)
{
    run->totals.in_flight = run->sched.n_data;
    if (run->config.hooks.times)
        run->totals.hooks = run->config.hooks.times(run->config.hooks.ctx, &run->totals.n_hooks);
    meter_fill(&run->meter, run->turn.now_ms, &run->totals);
}

/* Before anything is sent: it is sent within the limits of now. */
static void turn_dials(struct run *run)
{
    if (run->ending.kind != NOT_ENDING || !dials_due(&run->dials))
        return;
    fill_totals(run);
    dials_turn(&run->dials);
    obey_stop(run);
}

/* The second half of a turn: everything that sends. */
static void dispatch(struct run *run)
{
    run->more = false;
    turn_dials(run);
    bool only_leaving = run->ending.kind != NOT_ENDING || run->paused;
    asks_dispatch(&run->asks, &run->sched, &run->turn);
    sched_dispatch(&run->sched, &run->turn, only_leaving);
    if (takes_up(run)) {
        task_run_dispatch(&run->tasks, &run->sched, &run->turn);
        run->more = task_run_ready(&run->tasks);
        if (run->tasks.setting.stop.kind != ERR_NONE) /* before it could look as if all were over */
            run_end_for(run, END_GUARD, run->tasks.setting.stop.message);
    }
    sched_retire(&run->sched);
}

/* --- events and scripts --------------------------------------------------------------- */

static void deliver(struct run *run)
{
    struct turn *turn = &run->turn;
    for (int i = 0; i < turn->events.n; i++) {
        struct queued_event *queued = &turn->events.item[i];
        const struct event *event = queued_event_get(queued);
        if (run->config.observer && turn->observed & (1u << event->kind))
            run->config.observer(run->config.observer_ctx, event);
        if (run->config.hooks.emit &&
            (queued->ticket ||
             run->config.hooks.wants(run->config.hooks.ctx, event->task, event->kind)))
            run->config.hooks.emit(run->config.hooks.ctx, event, queued->ticket);
        queued_event_free(queued);
    }
    turn->events.n = 0;
    sched_bury(&run->sched);
}

static void show_progress(struct run *run)
{
    if (!meter_due(&run->meter, run->turn.now_ms, run->totals.bytes_done))
        return;
    fill_totals(run);
    struct queued_event *queued = turn_emit(&run->turn, NULL, EVENT_PROGRESS);
    if (queued)
        queued->event.totals = &run->totals;
}

/* The log of the journal is folded back when it has grown, so that it stays small however long the
 * run; a checkpoint that finds little to do would cost more than it saves. */
static void tend_journal(struct run *run)
{
    if (journal_log_bytes(run->config.journal) > LOG_MAX)
        journal_checkpoint(run->config.journal);
}

static void resume_hooks(struct run *run)
{
    const struct hooks *hooks = &run->config.hooks;
    bool last = run->turn.now_ms >= run->hooks_end_ms && hooks->abandon;

    if (last)
        hooks->abandon(hooks->ctx, run, run->turn.now_ms);
    else if (hooks->resume)
        hooks->resume(hooks->ctx, run, run->turn.now_ms);
    bool was_held = run->held;
    run->held = hooks->busy && hooks->busy(hooks->ctx);
    run->more = run->more || (was_held && !run->held);
}

static bool hooks_wait(const struct run *run)
{
    const struct hooks *hooks = &run->config.hooks;
    return run->asks.n > 0 || (hooks->waiting && hooks->waiting(hooks->ctx));
}

static void talk(struct run *run)
{
    show_progress(run);
    deliver(run);
    resume_hooks(run);
}

/* --- beginning and end ---------------------------------------------------------------- */

static void begin(struct run *run)
{
    run->started = true;
    meter_start(&run->meter, run->turn.now_ms);
    if (!script_state_load(&run->config))
        run_hook_failed(run);
    turn_emit(&run->turn, NULL, EVENT_JOB_STARTED);
    clean_orphans(&run->config, &run->turn);
}

static int status_of(const struct run *run)
{
    if (run->ending.kind != NOT_ENDING)
        return ending_status(&run->ending);
    if (run->totals.objects_failed || run->tasks.setting.list_failed || run->totals.hook_errors)
        return 1;
    return run->totals.objects_different ? 5 : 0;
}

/* Is nothing left for a later run?  Taking up what failed proves that only when an earlier part of
 * the run met everything. */
static bool note_complete(struct run *run, struct err *err)
{
    struct journal *journal = run->config.journal;
    bool whole = run->ending.kind == NOT_ENDING && !run->tasks.setting.list_failed;

    if (whole && run->config.only_failed ? !journal_is_whole(journal, &whole, err)
                                         : whole && !journal_note_whole(journal, err))
        return false;
    return !whole || run->totals.objects_failed || journal_finish_run(journal, err);
}

/* The run is called finished only after everybody was told: a crash before that tells them again,
 * and repeats nothing else. */
static void close_run(struct run *run)
{
    struct err err = {0};

    if (run->exit_status == 0 && run->totals.hook_errors)
        run->exit_status = 1;
    if (note_complete(run, &err) && journal_note_end(run->config.journal, run->exit_status,
                                                     run->turn.wall_ms, &run->totals, &err))
        return;
    log_error("%s: %s", run->config.job->name, err.message);
    run->exit_status = run->exit_status ? run->exit_status : 1;
}

/* All is over but what is told of it. */
static void finish(struct run *run)
{
    struct err err = {0};

    if (run->ending.kind == END_ABORT)
        clean_all(&run->config, &run->turn, &err);
    else if (run->ending.kind == NOT_ENDING)
        clean_orphans(&run->config, &run->turn);
    run->exit_status = status_of(run);
    fill_totals(run);
    struct queued_event *queued = turn_emit(&run->turn, NULL, EVENT_JOB_FINISHED);
    if (queued) {
        queued->event.totals = &run->totals;
        queued->event.exit_status = run->exit_status;
    }
    run->finishing = true;
    run->more = false;
    run->n_decisions = 0; /* of hooks that were ended after their objects were */
    run->hooks_end_ms = ending_last_ms(&run->ending, run->turn.now_ms);
    deliver(run);
    resume_hooks(run);
}

/* A turn of which nothing is left but hooks. */
static void finish_turn(struct run *run, struct op *ops)
{
    run->more = false;
    run->n_decisions = 0;
    if (run->signal && !run->ending.signal) {
        run->ending.signal = run->signal;
        run->hooks_end_ms = ending_last_ms(&run->ending, run->turn.now_ms);
        if (run->exit_status == 0) /* not everybody may have been told */
            run->exit_status = 128 + run->signal;
    }
    settle_all(run, ops);
    access_refresh(&run->turn);
    asks_dispatch(&run->asks, &run->sched, &run->turn);
    resume_hooks(run);
}

static void end(struct run *run)
{
    run->over = true;
    keep_state(run, true);
    close_run(run);
}

static bool is_over(const struct run *run)
{
    bool quiet = run->sched.n_open == 0 && run->sched.n_data == 0 && run->sched.n_work == 0;
    return quiet && !hooks_wait(run) &&
           (run->ending.kind != NOT_ENDING ? run->left : task_run_over(&run->tasks));
}

static void earlier(int64_t *when_ms, int64_t candidate_ms)
{
    if (candidate_ms < *when_ms)
        *when_ms = candidate_ms;
}

/* What was not due when the turn began did nothing in it, though it may be due by now. */
static void wake_for_hooks(const struct run *run, int64_t turn_ms, int64_t *when_ms)
{
    const struct hooks *hooks = &run->config.hooks;

    earlier(when_ms, asks_wake_ms(&run->asks, turn_ms));
    if (hooks->wake_ms)
        earlier(when_ms, hooks->wake_ms(hooks->ctx));
    if (hooks_wait(run) && run->hooks_end_ms > turn_ms)
        earlier(when_ms, run->hooks_end_ms);
}

static void wake_for_work(const struct run *run, int64_t turn_ms, int64_t *when_ms)
{
    earlier(when_ms, sched_wake_ms(&run->sched, turn_ms));
    if (takes_up(run) && task_run_wake_ms(&run->tasks) > turn_ms)
        earlier(when_ms, task_run_wake_ms(&run->tasks));
    if (run->ending.kind != NOT_ENDING && !run->left)
        earlier(when_ms, run->ending.since_ms + ENDING_GRACE_MS);
    if (run->ending.kind == NOT_ENDING)
        earlier(when_ms, dials_wake_ms(&run->dials));
    if (run->config.max_duration_ms > 0 && run->ending.kind == NOT_ENDING)
        earlier(when_ms, run->meter.started_ms + run->config.max_duration_ms);
    if (run->window_ms && run->ending.kind == NOT_ENDING)
        earlier(when_ms, run->window_ms);
    if (turn_wants(&run->turn, NULL, EVENT_PROGRESS))
        earlier(when_ms, run->meter.shown_ms + 250);
}

static int64_t wait_ms(const struct run *run)
{
    int64_t when = gate_wake_ms(&run->turn), now = run_now_ms(run);

    if (run->n_decisions || run->more || !run->started || run->signal != run->ending.signal)
        return 0;
    wake_for_hooks(run, run->turn.now_ms, &when);
    if (!run->finishing)
        wake_for_work(run, run->turn.now_ms, &when);
    if (when == INT64_MAX)
        return -1;
    return when > now ? when - now : 0;
}

static void work_turn(struct run *run, struct op *ops)
{
    if (!run->started)
        begin(run);
    decide(run, ops);
    access_refresh(&run->turn); /* what failed for want of them goes out again in this very turn */
    dispatch(run);
    talk(run);
    tend_journal(run);
    if (is_over(run))
        finish(run);
}

bool run_turn(struct run *run)
{
    if (run->over)
        return false;
    struct op *ops = io_collect(run->config.io, wait_ms(run));
    run->turn.now_ms = run_now_ms(run);
    run->turn.wall_ms = run->config.wall_ms(run->config.clock_ctx);
    if (run->finishing)
        finish_turn(run, ops);
    else
        work_turn(run, ops);
    if (run->finishing && !hooks_wait(run))
        end(run);
    return !run->over;
}
