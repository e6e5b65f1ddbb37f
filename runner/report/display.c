#include "report/display.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PLAIN_EVERY_MS (30 * 1000)
#define FAILED_MAX     50 /* lines; the rest is in the journal */
#define BAR_WIDTH      20

void display_init(struct display *display, enum display_mode mode, bool quiet, bool verbose)
{
    memset(display, 0, sizeof *display);
    display->mode = mode;
    display->quiet = quiet;
    display->verbose = verbose;
    display->redraws = mode == DISPLAY_BAR || (mode == DISPLAY_AUTO && isatty(STDERR_FILENO));
}

uint32_t display_wants(const struct display *display)
{
    uint32_t wants = 1u << EVENT_OBJECT_FAILED | 1u << EVENT_RESTARTED | 1u << EVENT_RESUMED;
    if (display->mode != DISPLAY_NONE && !display->quiet)
        wants |= 1u << EVENT_PROGRESS;
    if (display->verbose)
        wants |= 1u << EVENT_OBJECT_SUCCEEDED | 1u << EVENT_OBJECT_SKIPPED |
                 1u << EVENT_PART_FAILED | 1u << EVENT_THROTTLED;
    return wants;
}

/* Takes the redrawn line away, so that a log line does not land behind it. */
static void wipe(struct display *display)
{
    if (display->drawn)
        fputs("\r\033[K", stderr);
    display->drawn = false;
}

void display_text(char *out, size_t size, const struct totals *totals)
{
    char done[32], known[32], rate[32], known_limit[32], limit[40] = "", eta[32] = "?";
    units_show_size(done, totals->bytes_done);
    units_show_size(known, totals->bytes_known);
    units_show_rate(rate, totals->rate);
    if (totals->limit >= 0) {
        units_show_rate(known_limit, totals->limit);
        snprintf(limit, sizeof limit, " of %s", known_limit);
    }
    if (totals->eta_ms >= 0)
        units_show_duration(eta, totals->eta_ms);
    snprintf(out, size,
             "%" PRId64 "/%s%" PRId64 " objects  %s of %s%s  %s%s  ETA %s  %" PRId64
             " in flight  %" PRId64 " retried  %" PRId64 " failed%s",
             totals->objects_done + totals->objects_skipped,
             totals->listing_done ? "" : "at least ", totals->objects_known, done,
             totals->listing_done ? "" : "at least ", known, rate, limit, eta, totals->in_flight,
             totals->retries, totals->objects_failed, totals->paused ? "  paused" : "");
}

static int terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

/* By bytes, or by objects where none has any. */
static int share_done(const struct totals *totals)
{
    int64_t whole = totals->bytes_known, done = totals->bytes_done;
    if (whole <= 0) {
        whole = totals->objects_known;
        done = totals->objects_done + totals->objects_skipped;
    }
    return whole <= 0 ? 0 : done >= whole ? 100 : (int)((double)done * 100 / (double)whole);
}

/* The bar, and as much of the text as the line has room for: a line that wraps cannot be redrawn.
 */
static void draw(const struct totals *totals, const char *text)
{
    char bar[BAR_WIDTH + 1];
    int share = share_done(totals), filled = share * BAR_WIDTH / 100;
    int room = terminal_columns() - BAR_WIDTH - 9;

    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', (size_t)filled);
    if (filled < BAR_WIDTH)
        bar[filled] = '>';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3d%%  %.*s\033[K", bar, share, room > 0 ? room : 0, text);
    fflush(stderr);
}

static void show_progress(struct display *display, const struct event *event)
{
    char text[400];
    display_text(text, sizeof text, event->totals);
    if (display->redraws) {
        draw(event->totals, text);
        display->drawn = true;
        return;
    }
    if (display->shown_ms == 0)
        display->shown_ms = event->time_ms;
    if (event->time_ms - display->shown_ms < PLAIN_EVERY_MS)
        return;
    display->shown_ms = event->time_ms;
    log_info("%s", text);
}

static void show_failed(struct display *display, const struct event *event)
{
    const struct err *err = event->err;
    if (err && err->kind == ERR_CANCELLED && !display->verbose)
        return; /* the run ends, and says so itself */
    if (++display->n_failed > FAILED_MAX && !display->verbose)
        return;
    log_error("%s: %s: %s%s%s%s%s", event->key ? event->key : "?",
              err ? err_kind_name(err->kind) : "", err ? err->message : "",
              err && err->request_id[0] ? " (request " : "", err ? err->request_id : "",
              err && err->request_id[0] ? ")" : "",
              display->n_failed == FAILED_MAX ? "; further failures are in `haul status`" : "");
}

void display_event(struct display *display, const struct event *event)
{
    if (event->kind == EVENT_PROGRESS) {
        show_progress(display, event);
        return;
    }
    wipe(display);
    switch (event->kind) {
    case EVENT_OBJECT_FAILED:
        show_failed(display, event);
        break;
    case EVENT_RESTARTED:
        log_warn("%s: starts over: %s", event->key, event->reason ? event->reason : "");
        break;
    case EVENT_RESUMED:
        log_info("%s: carries on: %s", event->key, event->reason ? event->reason : "");
        break;
    case EVENT_OBJECT_SUCCEEDED:
        log_info("%s: done (%s)", event->key, check_name(event->check));
        break;
    case EVENT_OBJECT_SKIPPED:
        log_info("%s: skipped: %s", event->key, event->reason ? event->reason : "");
        break;
    case EVENT_PART_FAILED:
        log_info("%s: part %d, try %d: %s", event->key, event->part.number, event->attempt,
                 event->err ? event->err->message : "");
        break;
    case EVENT_THROTTLED:
        log_info("%s asks to slow down: from now on %d requests at once, %.1f a second",
                 event->bucket ? event->bucket : "the store", event->pace.concurrency,
                 event->pace.requests);
        break;
    default:
        break;
    }
}

static void checks_text(char *out, size_t size, const struct totals *totals)
{
    size_t len = 0;
    out[0] = '\0';
    for (int check = 0; check < CHECKS && len < size; check++)
        if (totals->checked[check])
            len += (size_t)snprintf(out + len, size - len, "%s%" PRId64 " by %s", len ? ", " : "",
                                    totals->checked[check], check_name((enum check)check));
}

static const char *advice(int exit_status)
{
    switch (exit_status) {
    case 0:
        return NULL;
    case 1:
        return "the same command tries again what is missing; `haul status` lists the failures";
    case 7:
        return "stopped before its end; the same command carries on";
    case 10:
    case 130:
    case 143:
        return "the state is saved; the same command carries on";
    default:
        return NULL;
    }
}

/* A line for each function of the job file that ran. */
static void show_hooks(const char *job, const struct totals *totals)
{
    for (int i = 0; i < totals->n_hooks; i++) {
        const struct hook_time *hook = &totals->hooks[i];
        log_info("%s: hook %s%s%s: %" PRId64 " calls, %" PRId64
                 " failed, %.1f ms computing (longest %.1f ms), %.1f ms waiting",
                 job, hook->name, hook->place[0] ? " at " : "", hook->place, hook->calls,
                 hook->errors, (double)hook->computed_ns / 1e6, (double)hook->longest_ns / 1e6,
                 (double)hook->waited_ns / 1e6);
    }
}

void display_summary(struct display *display, const char *job, const struct totals *totals,
                     int exit_status)
{
    char done[32], moved[32], resumed[32], took[32], checks[256];
    wipe(display);
    if (display->quiet && exit_status == 0)
        return;
    units_show_size(done, totals->bytes_done);
    units_show_size(moved, totals->bytes_moved);
    units_show_size(resumed, totals->bytes_resumed);
    units_show_duration(took, (int64_t)(totals->seconds * 1000));
    checks_text(checks, sizeof checks, totals);
    log_info("%s: %" PRId64 " done, %" PRId64 " skipped, %" PRId64
             " failed; %s in place, %s moved, %s found in place; %s",
             job, totals->objects_done, totals->objects_skipped, totals->objects_failed, done,
             moved, resumed, took);
    if (totals->objects_deleted)
        log_info("%s: %" PRId64 " deleted", job, totals->objects_deleted);
    if (totals->objects_different)
        log_error("%s: %" PRId64 " not the same on both sides", job, totals->objects_different);
    if (checks[0])
        log_info("%s: verified: %s", job, checks);
    if (totals->objects_read_back)
        log_info("%s: %" PRId64 " read back from the target", job, totals->objects_read_back);
    show_hooks(job, totals);
    if (totals->hook_errors)
        log_error("%s: %" PRId64 " hook calls failed", job, totals->hook_errors);
    if (advice(exit_status))
        log_info("%s: %s", job, advice(exit_status));
}
