#include "commands/listener.h"
#include "base/clock.h"
#include "base/limits.h"
#include "report/event_json.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void listener_init(struct listener *listener)
{
    memset(listener, 0, sizeof *listener);
    listener->events_fd = -1;
}

void listener_flush(struct listener *listener)
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
        buf_addc(&line, '{');
        buf_add_json_name(&line, "key", event->key);
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

static bool write_metrics(struct listener *listener, const struct totals *totals, int exit_status)
{
    struct err err = {0};

    if (metrics_write(&listener->metrics, totals, exit_status, clock_wall_ms(), &err))
        return true;
    log_error("%s", err.message);
    return false;
}

static void on_event(void *ctx, const struct event *event)
{
    struct listener *listener = ctx;
    if (listener->events_fd >= 0) {
        if (listener->lines.len > LIMIT_LINE)
            listener_flush(listener);
        event_json(&listener->lines, event, listener->job->name);
        if (event->kind == EVENT_JOB_FINISHED)
            listener_flush(listener); /* before the journal says that the run is over */
    }
    if (listener->shown & (1u << event->kind))
        display_event(&listener->display, event);
    if (listener->differences && event->kind == EVENT_VERIFY_FAILED)
        print_difference(event, listener->json);
    if (event->kind == EVENT_PROGRESS && listener->metrics.path &&
        metrics_due(&listener->metrics, event->time_ms))
        write_metrics(listener, event->totals, -1);
}

static bool open_events(struct listener *listener, const char *path, struct err *err)
{
    if (!path)
        return true;
    listener->events_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return listener->events_fd >= 0 ||
           err_set(err, ERR_INVALID, "--events %s: %s", path, strerror(errno));
}

static bool open_metrics(struct listener *listener, const char *path, struct err *err)
{
    const struct totals nothing = {0};

    listener->metrics = (struct metrics){.path = path, .job = listener->job->name};
    listener->metrics.started_ms = clock_wall_ms();
    return !path ||
           metrics_write(&listener->metrics, &nothing, -1, listener->metrics.started_ms, err);
}

bool listener_open(struct listener *listener, struct workspace *ws, const struct options *options,
                   bool differences, struct err *err)
{
    listener->job = ws->job;
    listener->json = options->json;
    listener->differences = differences;
    listener->lines = buf_new(16 * LIMIT_LINE);
    display_init(&listener->display, options->progress, options->quiet, options->verbose);
    listener->shown = display_wants(&listener->display);
    ws->config.observer = on_event;
    ws->config.observer_ctx = listener;
    ws->config.observed = options->events ? UINT32_MAX : listener->shown;
    if (differences)
        ws->config.observed |= 1u << EVENT_VERIFY_FAILED;
    if (options->metrics)
        ws->config.observed |= 1u << EVENT_PROGRESS;
    if (options->report && !(listener->report = report_open(options->report, err)))
        return false;
    return open_events(listener, options->events, err) &&
           open_metrics(listener, options->metrics, err);
}

static void note_success(void *ctx, const struct journal_past *past)
{
    struct metrics *metrics = ctx;
    if (past->exit_status == 0 && past->ended_ms > metrics->success_ms)
        metrics->success_ms = past->ended_ms;
}

void listener_recall(struct listener *listener, struct journal *journal)
{
    struct err err = {0};
    if (listener->metrics.path && !journal_history(journal, note_success, &listener->metrics, &err))
        log_warn("%s", err.message);
}

bool listener_finish(struct listener *listener, const struct report_head *head,
                     struct journal *journal)
{
    struct err err = {0};
    bool ok = true;

    listener_flush(listener);
    display_summary(&listener->display, head->job, head->totals, head->exit_status);
    if (listener->json && !listener->differences) {
        struct buf out = buf_new(LIMIT_LINE);
        totals_json(&out, head->totals, head->exit_status);
        puts(buf_str(&out));
        buf_free(&out);
    }
    if (listener->metrics.path)
        ok = write_metrics(listener, head->totals, head->exit_status);
    if (listener->report && !report_write(listener->report, head, journal, &err)) {
        log_error("%s", err.message);
        ok = false;
    }
    return ok;
}

void listener_close(struct listener *listener)
{
    listener_flush(listener);
    if (listener->events_fd >= 0)
        close(listener->events_fd);
    report_free(listener->report);
    buf_free(&listener->lines);
}
