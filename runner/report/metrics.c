#include "report/metrics.h"
#include "base/buf.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_MS 10000

bool metrics_due(const struct metrics *metrics, int64_t now_ms)
{
    return now_ms - metrics->written_ms >= EVERY_MS;
}

/* As the format wants it between quotation marks. */
static void add_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_addc(out, '\\');
        if (*text == '\n')
            buf_adds(out, "\\n");
        else
            buf_addc(out, *text);
    }
}

static void head(struct buf *out, const char *name, const char *help)
{
    buf_addf(out, "# HELP haul_%s %s\n# TYPE haul_%s gauge\n", name, help, name);
}

static void line(struct buf *out, const struct metrics *metrics, const char *name,
                 const char *label, const char *value, double number)
{
    buf_addf(out, "haul_%s{job=\"", name);
    add_label(out, metrics->job);
    buf_addc(out, '"');
    if (label)
        buf_addf(out, ",%s=\"%s\"", label, value);
    buf_addf(out, "} %.15g\n", number);
}

static void add_groups(struct buf *out, const struct metrics *metrics, const struct totals *totals)
{
    const struct {
        const char *outcome;
        int64_t n;
    } objects[] = {{"known", totals->objects_known},     {"done", totals->objects_done},
                   {"skipped", totals->objects_skipped}, {"failed", totals->objects_failed},
                   {"deleted", totals->objects_deleted}, {"different", totals->objects_different}},
      bytes[] = {{"known", totals->bytes_known},
                 {"done", totals->bytes_done},
                 {"moved", totals->bytes_moved},
                 {"resumed", totals->bytes_resumed}};

    head(out, "run_objects", "Objects of the run by outcome.");
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        line(out, metrics, "run_objects", "outcome", objects[i].outcome, (double)objects[i].n);
    head(out, "run_bytes", "Bytes of the run.");
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        line(out, metrics, "run_bytes", "kind", bytes[i].outcome, (double)bytes[i].n);
}

static void add_single(struct buf *out, const struct metrics *metrics, const struct totals *totals,
                       int exit_status)
{
    const struct {
        const char *name, *help;
        double value;
        bool known;
    } all[] = {
        {"run_requests", "Requests sent.", (double)totals->requests, true},
        {"run_retries", "Attempts after the first.", (double)totals->retries, true},
        {"run_part_failures", "Parts that failed at least once.", (double)totals->part_failures,
         true},
        {"run_hook_errors", "Calls of hooks that failed.", (double)totals->hook_errors, true},
        {"run_in_flight", "Requests under way.", (double)totals->in_flight, true},
        {"run_bytes_per_second", "Rate of the last seconds.", (double)totals->rate, true},
        {"run_listing_done", "1 when all objects are known.", totals->listing_done, true},
        {"run_seconds", "Time since the run began.", totals->seconds, true},
        {"run_started_timestamp_seconds", "When the run began.", (double)metrics->started_ms / 1000,
         true},
        {"run_active", "1 while the run goes on.", exit_status < 0, true},
        {"run_exit_status", "How the run ended.", exit_status, exit_status >= 0},
        {"last_success_timestamp_seconds", "When a run last ended with exit status 0.",
         (double)metrics->success_ms / 1000, metrics->success_ms > 0},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].known)
            continue;
        head(out, all[i].name, all[i].help);
        line(out, metrics, all[i].name, NULL, NULL, all[i].value);
    }
}

/* Whoever collects it is somebody else, so that everyone may read it. */
static int put(const char *path, const struct buf *out)
{
    char *temp = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC), error = 0;

    if (fd < 0)
        error = errno;
    else if (fchmod(fd, 0644) || write(fd, out->data, out->len) != (ssize_t)out->len ||
             rename(temp, path))
        error = errno ? errno : EIO;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && error)
        unlink(temp);
    free(temp);
    return error;
}

bool metrics_write(struct metrics *metrics, const struct totals *totals, int exit_status,
                   int64_t now_ms, struct err *err)
{
    struct buf out = buf_new(LIMIT_LINE);

    metrics->written_ms = now_ms;
    if (exit_status == 0)
        metrics->success_ms = now_ms;
    add_groups(&out, metrics, totals);
    add_single(&out, metrics, totals, exit_status);
    errno = 0;
    int error = put(metrics->path, &out);
    buf_free(&out);
    return !error || err_set(err, ERR_INVALID, "--metrics %s: %s", metrics->path, strerror(error));
}
