/* haul run: the job, from its file to its exit status. */
#include "base/clock.h"
#include "commands/commands.h"
#include "commands/control.h"
#include "commands/listener.h"
#include "engine/probe.h"
#include "io/door.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a signal handler may reach. */
static struct {
    struct io *io;
    struct run *run;
    volatile sig_atomic_t hangup, describe, interrupted;
} wanted;

static void on_signal(int signal)
{
    if (signal == SIGHUP)
        wanted.hangup = 1;
    else if (signal == SIGUSR1)
        wanted.describe = 1;
    else if (wanted.interrupted || !wanted.run)
        _exit(128 + signal); /* the journal is valid at any moment */
    else {
        wanted.interrupted = 1;
        run_interrupt(wanted.run, signal);
    }
    if (wanted.io)
        io_wake(wanted.io);
}

static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

/* --- the run -------------------------------------------------------------------------- */

static void describe_line(void *ctx, const char *text)
{
    (void)ctx;
    log_info("%s", text);
}

static void look_at_signals(struct run *run)
{
    if (wanted.hangup) {
        wanted.hangup = 0;
        log_reopen();
    }
    if (wanted.describe) {
        wanted.describe = 0;
        run_describe(run, describe_line, NULL);
    }
}

/* With the lock held.  A job runs as well without it. */
static struct door *open_door(const struct workspace *ws)
{
    struct err err = {0};
    struct door *door = door_open(ws->dir, &err);

    if (!door)
        log_warn("%s: `haul ctl` will not reach it: %s", ws->job->name, err.message);
    else if (!io_watch(ws->io, door_fd(door)))
        log_warn("%s: `haul ctl` will have to wait", ws->job->name);
    return door;
}

static void take_turns(struct run *run, struct door *door, struct listener *listener)
{
    while (run_turn(run)) {
        listener_flush(listener);
        look_at_signals(run);
        if (door)
            door_serve(door, control_answer, run);
    }
}

static int turns(struct workspace *ws, struct listener *listener, const struct options *options)
{
    struct totals totals;
    struct report_head head = {.job = ws->job->name,
                               .verb = options->command,
                               .started_ms = clock_wall_ms(),
                               .totals = &totals};
    struct run *run = run_new(&ws->config);

    struct door *door = open_door(ws);

    wanted.run = run;
    wanted.io = ws->io;
    take_turns(run, door, listener);
    door_close(door);
    run_totals(run, &totals);
    head.exit_status = run_exit_status(run);
    head.ended_ms = clock_wall_ms();
    head.ended_why = run_ended_why(run);
    if (head.ended_why)
        log_warn("%s: ended early: %s", ws->job->name, head.ended_why);
    wanted.run = NULL;
    wanted.io = NULL;
    bool told = listener_finish(listener, &head, ws->journal);
    run_free(run);
    return head.exit_status == 0 && !told ? 3 : head.exit_status;
}

static void say_opened(const struct workspace *ws)
{
    if (ws->opened == JOURNAL_DAMAGED)
        log_warn("%s: the journal was damaged; it is kept as journal.damaged-* in %s, and the run "
                 "starts over",
                 ws->job->name, ws->dir);
    if (ws->opened == JOURNAL_CARRY_ON)
        log_info("%s: carrying on where the last run ended", ws->job->name);
}

static int fail(const struct err *err, bool reaching)
{
    log_error("%s", err->message);
    return exit_of(err, reaching);
}

/* What a run is for. */
enum purpose { TO_RUN, TO_RETRY, TO_VERIFY };

static enum workspace_use use_for(enum purpose purpose, const struct options *options)
{
    if (purpose == TO_VERIFY)
        return USE_APART;
    if (purpose == TO_RETRY)
        return USE_RETRY;
    return options->fresh ? USE_FRESH : USE_RUN;
}

static int run_opened(struct workspace *ws, struct listener *listener, enum purpose purpose,
                      const struct options *options)
{
    struct err err = {0};

    workspace_start(ws);
    if (!probe_stores(&ws->config, &err))
        return fail(&err, true);
    if (!workspace_lock(ws, use_for(purpose, options), &err)) {
        if (!ws->skipped)
            return fail(&err, false);
        log_info("%s: skipped, because it is running already", ws->job->name);
        return 0;
    }
    if (purpose == TO_RETRY && ws->opened == JOURNAL_NEW) {
        log_info("%s: nothing failed in the last run", ws->job->name);
        return 0;
    }
    if (purpose != TO_VERIFY && !probe_targets(&ws->config, &err))
        return fail(&err, true);
    say_opened(ws);
    listener_recall(listener, ws->journal);
    int status = turns(ws, listener, options);
    if (status == 0 && options->oneliner.verb && !strcmp(options->oneliner.verb, "cp"))
        workspace_forget(ws); /* nothing in it is of use to the next copy */
    return status;
}

static int run_for(enum purpose purpose, const struct options *options)
{
    struct workspace ws;
    struct listener listener;
    struct err err = {0};
    int status;

    catch_signals();
    listener_init(&listener);
    if (!workspace_open(&ws, options, &err) ||
        !listener_open(&listener, &ws, options, purpose == TO_VERIFY, &err)) {
        status = fail(&err, false);
    } else {
        ws.config.only_failed = purpose == TO_RETRY;
        ws.config.verify = purpose == TO_VERIFY;
        status = run_opened(&ws, &listener, purpose, options);
    }
    listener_close(&listener);
    workspace_close(&ws);
    return status;
}

int command_run(const struct options *options)
{
    return options->dry_run ? command_plan(options) : run_for(TO_RUN, options);
}

int command_retry(const struct options *options)
{
    return run_for(TO_RETRY, options);
}

int command_verify(const struct options *options)
{
    return run_for(TO_VERIFY, options);
}
