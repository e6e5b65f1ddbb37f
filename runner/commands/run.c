/* haul run: the job, from its file to its exit status. */
#include "base/limits.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include "core/probe.h"
#include "report/event_json.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a signal handler may reach. */
static struct {
    struct io *io;
    struct run *run;
    volatile sig_atomic_t hangup, describe, interrupted;
} wanted;

/* Where the events of a run go. */
struct listener {
    const struct job *job;
    struct display display;
    int events_fd;    /* -1: no file */
    struct buf lines; /* not written yet */
    uint32_t shown;   /* bits of what the display wants */
    bool differences; /* print what differs between both sides, ... */
    bool json;        /* ... as JSON */
};

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

/* --- events --------------------------------------------------------------------------- */

static void flush_events(struct listener *listener)
{
    const char *p = listener->lines.data;
    size_t left = listener->lines.len;
    while (listener->events_fd >= 0 && left) {
        ssize_t n = write(listener->events_fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            log_error("events cannot be written any more: %s", strerror(errno));
            close(listener->events_fd);
            listener->events_fd = -1;
            break;
        }
        p += n;
        left -= (size_t)n;
    }
    buf_clear(&listener->lines);
}

/* What `verify` was asked for, on standard output. */
static void print_difference(const struct event *event, bool json)
{
    const char *why = event->err ? event->err->message : event->reason ? event->reason : "";
    struct buf line = buf_new(LIMIT_LINE);

    if (json) {
        buf_adds(&line, "{\"key\":");
        buf_add_json(&line, event->key);
        buf_adds(&line, ",\"why\":");
        buf_add_json(&line, why);
        buf_addc(&line, '}');
    } else {
        buf_adds(&line, "differs  ");
        buf_add_printable(&line, event->key);
        buf_adds(&line, ": ");
        buf_add_printable(&line, why);
    }
    puts(buf_str(&line));
    buf_free(&line);
}

static void on_event(void *ctx, const struct event *event)
{
    struct listener *listener = ctx;
    if (listener->events_fd >= 0) {
        if (listener->lines.len > LIMIT_LINE)
            flush_events(listener);
        event_json(&listener->lines, event, listener->job->name);
        if (event->kind == EVENT_JOB_FINISHED)
            flush_events(listener); /* before the journal says that the run is over */
    }
    if (listener->shown & (1u << event->kind))
        display_event(&listener->display, event);
    if (listener->differences && event->kind == EVENT_VERIFY_FAILED)
        print_difference(event, listener->json);
}

static bool listen_to(struct listener *listener, struct workspace *ws,
                      const struct options *options, struct err *err)
{
    memset(listener, 0, sizeof *listener);
    listener->job = ws->job;
    listener->events_fd = -1;
    listener->json = options->json;
    listener->lines = buf_new(16 * LIMIT_LINE);
    display_init(&listener->display, options->progress, options->quiet, options->verbose);
    listener->shown = display_wants(&listener->display);
    ws->config.observer = on_event;
    ws->config.observer_ctx = listener;
    ws->config.observed = listener->shown;
    if (!options->events)
        return true;
    ws->config.observed = UINT32_MAX;
    listener->events_fd =
        open(options->events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return listener->events_fd >= 0 ||
           err_set(err, ERR_INVALID, "--events %s: %s", options->events, strerror(errno));
}

static void end_listening(struct listener *listener)
{
    flush_events(listener);
    if (listener->events_fd >= 0)
        close(listener->events_fd);
    buf_free(&listener->lines);
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

static int turns(struct workspace *ws, struct listener *listener, const struct options *options)
{
    struct totals totals;
    struct run *run = run_new(&ws->config);

    wanted.run = run;
    wanted.io = ws->io;
    while (run_turn(run)) {
        flush_events(listener);
        look_at_signals(run);
    }
    run_totals(run, &totals);
    int status = run_exit_status(run);
    if (run_ended_why(run))
        log_warn("%s: ended early: %s", ws->job->name, run_ended_why(run));
    wanted.run = NULL;
    wanted.io = NULL;
    run_free(run);
    display_summary(&listener->display, ws->job->name, &totals, status);
    if (options->json) {
        struct buf out = buf_new(LIMIT_LINE);
        totals_json(&out, &totals, status);
        puts(buf_str(&out));
        buf_free(&out);
    }
    return status;
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
    return options->fresh && purpose == TO_RUN ? USE_FRESH : USE_RUN;
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
    int status = turns(ws, listener, options);
    if (status == 0 && options->oneliner.verb && !strcmp(options->oneliner.verb, "cp"))
        workspace_forget(ws); /* nothing in it is of use to the next copy */
    return status;
}

static int run_for(enum purpose purpose, const struct options *options)
{
    struct workspace ws;
    struct listener listener = {.events_fd = -1};
    struct err err = {0};
    int status;

    catch_signals();
    if (!workspace_open(&ws, options, &err) || !listen_to(&listener, &ws, options, &err)) {
        status = fail(&err, false);
    } else {
        ws.config.only_failed = purpose == TO_RETRY;
        ws.config.verify = purpose == TO_VERIFY;
        listener.differences = purpose == TO_VERIFY;
        ws.config.observed |= purpose == TO_VERIFY ? 1u << EVENT_VERIFY_FAILED : 0;
        status = run_opened(&ws, &listener, purpose, options);
    }
    end_listening(&listener);
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
