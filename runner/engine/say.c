/* How a run is made, and what scripts, signals and commands may say to it and ask of it. */
#include "engine/run_state.h"
#include "transfer/transfer.h"
#include <stdio.h>
#include <stdlib.h>

/* --- making --------------------------------------------------------------------------- */

struct run *run_new(const struct run_config *config)
{
    struct run *run = xcalloc(1, sizeof *run);
    const struct job *job = config->job;

    run->config = *config;
    rng_seed(&run->rng, config->seed);
    sched_init(&run->sched, config->io, job);
    asks_init(&run->asks, job);
    run->hooks_end_ms = INT64_MAX;
    run->turn.job = job;
    run->turn.journal = config->journal;
    run->turn.rng = &run->rng;
    run->turn.hooks = &run->config.hooks;
    run->turn.observed = config->observer ? config->observed : 0;
    run->turn.totals = &run->totals;
    run->turn.counts = xcalloc((size_t)job->n_tasks + 1, sizeof *run->turn.counts);
    run->turn.stores = xcalloc((size_t)job->n_stores, sizeof *run->turn.stores);
    for (int i = 0; i < job->n_stores; i++)
        run->turn.stores[i].store = job->stores[i].store;
    dials_init(&run->dials, &run->turn, &run->sched);
    const struct source_options options = {.verify = config->verify,
                                           .only_failed = config->only_failed};
    task_run_init(&run->tasks, job, &options);
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    asks_free(&run->asks);
    sched_free(&run->sched);
    task_run_free(&run->tasks);
    dials_free(&run->dials);
    for (int i = 0; i < run->turn.events.n; i++)
        queued_event_free(&run->turn.events.item[i]);
    free(run->turn.counts);
    free(run->turn.stores);
    free(run->turn.events.item);
    free(run->decisions);
    free(run);
}

/* --- what is said ---------------------------------------------------------------------- */

static void say(struct run *run, const struct ticket *ticket)
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
    say(run, &(struct ticket){.id = ticket, .decision = *decision});
}

bool run_fail(struct run *run, uint64_t transfer, enum err_kind kind, const char *reason)
{
    struct ticket ticket = {.id = transfer << 14, .failure = kind};

    if (!run_transfer(run, transfer))
        return false;
    snprintf(ticket.decision.reason, sizeof ticket.decision.reason, "%s", reason);
    say(run, &ticket);
    return true;
}

const struct transfer *run_transfer(const struct run *run, uint64_t transfer)
{
    return sched_find(&run->sched, transfer);
}

void run_submit(struct run *run, uint64_t wait, struct op *op, bool again)
{
    asks_add(&run->asks, wait, op, again ? &run->config.job->retry : NULL);
    run->more = true;
}

void run_withdraw(struct run *run, uint64_t wait)
{
    asks_withdraw(&run->asks, wait);
    run->more = true;
}

void run_cancel(struct run *run, bool abort_uploads)
{
    run_end_for(run, abort_uploads ? END_ABORT : END_CANCEL, NULL);
    run->more = true;
}

void run_stop(struct run *run, const char *reason)
{
    run_end_for(run, END_STOP, reason);
}

void run_pause(struct run *run, bool paused)
{
    run->paused = run->totals.paused = paused;
    run->more = true;
}

void run_set(struct run *run, enum dial_kind kind, int index, int64_t value)
{
    dials_set(&run->dials, kind, index, value);
    if (kind == DIAL_CONCURRENCY && run->config.widen)
        run->config.widen(run->config.widen_ctx, run->sched.concurrency);
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

/* --- what is asked --------------------------------------------------------------------- */

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
    if (run->started && !run->over) { /* no event may have been wanted for long */
        totals->in_flight = run->sched.n_data;
        meter_fill(&run->meter, run_now_ms(run), totals);
    }
    if (run->config.hooks.times) /* those that ran since the last event, too */
        totals->hooks = run->config.hooks.times(run->config.hooks.ctx, &totals->n_hooks);
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
