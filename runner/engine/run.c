/*
 * A turn: collect what ended, settle it, commit, dispatch, deliver events, run scripts; then sleep
 * until something ends or a clock says so.
 *
 * Everything that writes to the journal happens between begin and commit; everything that is sent
 * goes after commit, so nothing is under way that the journal does not know.  Events go after
 * commit too: an event never tells of something that a crash could undo.
 */
#include "engine/run.h"
#include "base/log.h"
#include "core/meter.h"
#include "core/window.h"
#include "engine/clean.h"
#include "engine/ending.h"
#include "engine/script_state.h"
#include "engine/task_run.h"
#include "transfer/access.h"
#include "transfer/gate.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MAX (16 << 20)

struct ticket {
    uint64_t id;
    struct decision decision;
    bool unasked; /* FAIL of the transfer with that id */
};

struct run {
    struct run_config config;
    struct turn turn;
    struct sched sched;
    struct task_run tasks;
    struct bucket *job_bytes;
    struct rng rng;
    struct totals totals;
    struct meter meter;
    struct ticket *decisions; /* of scripts, for the next turn */
    int n_decisions, cap_decisions;
    struct ending ending;
    volatile int signal; /* set by run_interrupt, maybe in a signal handler */
    int64_t window_ms;   /* when the window closes; 0: there is none */
    bool more;           /* to do without waiting */
    bool left;           /* every open transfer was told to leave */
    bool paused, started, over;
    int64_t next_ms; /* when the next turn is due by the clock */
    int exit_status;
};

static int64_t now_ms(const struct run *run)
{
    return run->config.mono_ns(run->config.clock_ctx) / 1000000;
}

/* --- making --------------------------------------------------------------------------- */

static struct bucket *bytes_bucket(int64_t rate)
{
    return rate > 0 ? bucket_new(rate, 32 << 10) : NULL;
}

static void make_states(struct run *run)
{
    const struct job *job = run->config.job;
    run->turn.stores = xcalloc((size_t)job->n_stores, sizeof *run->turn.stores);
    for (int i = 0; i < job->n_stores; i++) {
        struct store_state *state = &run->turn.stores[i];
        state->store = job->stores[i].store;
        state->read = bytes_bucket(job->stores[i].read_rate);
        state->write = bytes_bucket(job->stores[i].write_rate);
        if (job->stores[i].request_rate > 0)
            state->requests = bucket_new(job->stores[i].request_rate, 1);
    }
}

struct run *run_new(const struct run_config *config)
{
    struct run *run = xcalloc(1, sizeof *run);
    const struct job *job = config->job;

    run->config = *config;
    rng_seed(&run->rng, config->seed);
    sched_init(&run->sched, config->io, job);
    /* Made even when unlimited: a script may set a rate while the job runs. */
    run->job_bytes = bucket_new(job->rate, 32 << 10);
    run->sched.job_bytes = run->job_bytes;
    run->turn.job = job;
    run->turn.journal = config->journal;
    run->turn.rng = &run->rng;
    run->turn.hooks = &run->config.hooks;
    run->turn.observed = config->observer ? config->observed : 0;
    run->turn.totals = &run->totals;
    run->totals.limit = job->rate;
    run->turn.counts = xcalloc((size_t)job->n_tasks + 1, sizeof *run->turn.counts);
    make_states(run);
    const struct source_options options = {.verify = config->verify,
                                           .only_failed = config->only_failed};
    task_run_init(&run->tasks, job, &options);
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    sched_free(&run->sched);
    task_run_free(&run->tasks);
    for (int i = 0; i < run->config.job->n_stores; i++) {
        bucket_free(run->turn.stores[i].read);
        bucket_free(run->turn.stores[i].write);
        bucket_free(run->turn.stores[i].requests);
    }
    for (int i = 0; i < run->turn.events.n; i++)
        queued_event_free(&run->turn.events.item[i]);
    bucket_free(run->job_bytes);
    free(run->turn.counts);
    free(run->turn.stores);
    free(run->turn.events.item);
    free(run->decisions);
    free(run);
}

/* --- what scripts and signals say ----------------------------------------------------- */

static void end_for(struct run *run, enum ending_kind kind, const char *why)
{
    if (!run->over)
        ending_begin(&run->ending, kind, why, now_ms(run));
}

static void add_ticket(struct run *run, const struct ticket *ticket)
{
    if (run->n_decisions == run->cap_decisions) {
        run->cap_decisions = run->cap_decisions ? run->cap_decisions * 2 : 16;
        run->decisions =
            xrealloc(run->decisions, (size_t)run->cap_decisions * sizeof *run->decisions);
    }
    run->decisions[run->n_decisions++] = *ticket;
}

void run_decide(struct run *run, uint64_t ticket, const struct decision *decision)
{
    add_ticket(run, &(struct ticket){.id = ticket, .decision = *decision});
}

void run_fail(struct run *run, uint64_t transfer, const char *reason)
{
    struct ticket ticket = {.id = transfer, .decision.kind = DECIDE_FAIL, .unasked = true};

    snprintf(ticket.decision.reason, sizeof ticket.decision.reason, "%s", reason);
    add_ticket(run, &ticket);
}

void run_cancel(struct run *run, bool abort_uploads)
{
    end_for(run, abort_uploads ? END_ABORT : END_CANCEL, NULL);
}

void run_stop(struct run *run, const char *reason)
{
    end_for(run, END_STOP, reason);
}

void run_pause(struct run *run, bool paused)
{
    run->paused = paused;
    run->more = true;
}

void run_set_rate(struct run *run, int64_t rate)
{
    bucket_set_rate(run->job_bytes, rate);
    run->totals.limit = rate;
}

void run_set_concurrency(struct run *run, int concurrency)
{
    run->sched.concurrency = concurrency;
    run->more = true;
}

void run_hook_failed(struct run *run)
{
    run->totals.hook_errors++;
}

void run_interrupt(struct run *run, int signal)
{
    run->signal = signal;
}

/* --- the parts of a turn -------------------------------------------------------------- */

static void settle_all(struct run *run, struct op *op)
{
    for (struct op *next; op; op = next) {
        next = op->next;
        struct op *mine = sched_settle(&run->sched, op, &run->turn);
        if (!mine)
            continue;
        task_run_settle(&run->tasks, mine, &run->turn);
        op_free(mine);
    }
}

static void obey(struct run *run, const struct ticket *ticket)
{
    uint64_t id = ticket->unasked ? ticket->id : ticket->id >> 14;
    struct transfer *t = sched_find(&run->sched, id);

    if (t && ticket->unasked)
        transfer_fail(t, ticket->decision.reason, &run->turn);
    else if (t)
        transfer_decide(t, (int64_t)(ticket->id & 0x3fff) - 1, &ticket->decision, &run->turn);
    else if (!ticket->unasked)
        task_run_decide(&run->tasks, ticket->id, &ticket->decision, &run->turn);
}

static void obey_scripts(struct run *run)
{
    for (int i = 0; i < run->n_decisions; i++)
        obey(run, &run->decisions[i]);
    run->n_decisions = 0;
    if (run->turn.stop.kind != ERR_NONE) {
        run_stop(run, run->turn.stop.message);
        run->turn.stop.kind = ERR_NONE;
    }
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
    end_for(run, END_WINDOW, why);
}

static void check_ends(struct run *run)
{
    int64_t limit_ms = run->config.max_duration_ms;
    if (run->signal && !run->ending.signal) {
        run->ending.signal = run->signal;
        end_for(run, END_SIGNAL, NULL);
    }
    if (limit_ms > 0 && run->turn.now_ms - run->meter.started_ms >= limit_ms)
        end_for(run, END_DURATION, NULL);
    check_window(run);
    check_breaker(run);
    if (run->tasks.setting.stop.kind != ERR_NONE)
        end_for(run, END_GUARD, run->tasks.setting.stop.message);
    if (run->turn.fatal.kind != ERR_NONE && !run->over)
        ending_fatal(&run->ending, &run->turn.fatal, run->turn.now_ms);
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
    if (run->ending.kind == NOT_ENDING && !run->paused)
        task_run_fill(&run->tasks, &run->sched, &run->turn);
    if (!journal_commit(run->config.journal, &err))
        turn_fatal(&run->turn, &err);
}

/* The second half of a turn: everything that sends. */
static void dispatch(struct run *run)
{
    run->more = false;
    bool only_leaving = run->ending.kind != NOT_ENDING || run->paused;
    sched_dispatch(&run->sched, &run->turn, only_leaving);
    if (!only_leaving) {
        task_run_dispatch(&run->tasks, &run->sched, &run->turn);
        run->more = task_run_ready(&run->tasks);
        if (run->tasks.setting.stop.kind != ERR_NONE) /* before it could look as if all were over */
            end_for(run, END_GUARD, run->tasks.setting.stop.message);
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

static void fill_totals(struct run *run)
{
    run->totals.in_flight = run->sched.n_data;
    meter_fill(&run->meter, run->turn.now_ms, &run->totals);
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
    if (run->config.hooks.resume)
        run->config.hooks.resume(run->config.hooks.ctx, run, run->turn.now_ms);
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

static void end(struct run *run)
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
    run->over = true;
    deliver(run);
    resume_hooks(run);
    keep_state(run, true);
    close_run(run);
}

static bool is_over(const struct run *run)
{
    bool quiet = run->sched.n_open == 0 && run->sched.n_data == 0 && run->sched.n_work == 0;
    return quiet && (run->ending.kind != NOT_ENDING ? run->left : task_run_over(&run->tasks));
}

static void earlier(int64_t *when_ms, int64_t candidate_ms)
{
    if (candidate_ms < *when_ms)
        *when_ms = candidate_ms;
}

static int64_t wait_ms(const struct run *run)
{
    /* What was not due when the turn began did nothing in it, though it may be due by now. */
    int64_t turn = run->turn.now_ms, when = sched_wake_ms(&run->sched, turn);
    int64_t now = now_ms(run);

    if (run->n_decisions || run->more || !run->started || run->signal != run->ending.signal)
        return 0;
    if (!run->paused && task_run_wake_ms(&run->tasks) > turn)
        earlier(&when, task_run_wake_ms(&run->tasks));
    earlier(&when, gate_wake_ms(&run->turn));
    if (run->ending.kind != NOT_ENDING && !run->left)
        earlier(&when, run->ending.since_ms + ENDING_GRACE_MS);
    if (run->config.max_duration_ms > 0 && run->ending.kind == NOT_ENDING)
        earlier(&when, run->meter.started_ms + run->config.max_duration_ms);
    if (run->window_ms && run->ending.kind == NOT_ENDING)
        earlier(&when, run->window_ms);
    if (turn_wants(&run->turn, NULL, EVENT_PROGRESS))
        earlier(&when, run->meter.shown_ms + 250);
    if (when == INT64_MAX)
        return -1;
    return when > now ? when - now : 0;
}

bool run_turn(struct run *run)
{
    if (run->over)
        return false;
    struct op *ops = io_collect(run->config.io, wait_ms(run));
    run->turn.now_ms = now_ms(run);
    run->turn.wall_ms = run->config.wall_ms(run->config.clock_ctx);
    if (!run->started)
        begin(run);
    decide(run, ops);
    access_refresh(&run->turn); /* what failed for want of them goes out again in this very turn */
    dispatch(run);
    talk(run);
    tend_journal(run);
    if (is_over(run))
        end(run);
    return !run->over;
}

int run_exit_status(const struct run *run)
{
    return run->exit_status;
}

const char *run_ended_why(const struct run *run)
{
    return run->ending.kind == NOT_ENDING ? NULL : run->ending.why;
}

void run_totals(const struct run *run, struct totals *totals)
{
    *totals = run->totals;
}

void run_describe(const struct run *run, void (*line)(void *ctx, const char *text), void *ctx)
{
    for (const struct transfer *t = run->sched.head; t; t = t->next) {
        char *text = xasprintf("%s: %s, %u of %u parts done, %u moving%s%s", t->item->key,
                               step_name(t->step), t->n_done, t->n_parts, t->n_moving,
                               t->err.kind == ERR_NONE ? "" : ", last error: ", t->err.message);
        line(ctx, text);
        free(text);
    }
}
