#include "report/report.h"
#include "base/buf.h"
#include "base/clock.h"
#include "report/event_json.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One way to write it; each function adds text to `out`. */
struct form {
    const char *ending;
    void (*begin)(struct buf *out, const struct report_head *head);
    void (*row)(struct buf *out, int task, const char *key, const struct row *row, bool first);
    void (*end)(struct buf *out);
    bool only_failed;
};

struct report {
    const struct form *form;
    char *path, *temp;
    int fd; /* of the temporary file; -1: it has its name */
    struct buf out;
    bool first;
    int error; /* of a write; 0: none */
};

static const char *state_name(enum row_state state)
{
    static const char *const names[] = {"none", "active", "done", "skipped", "failed"};
    return names[state];
}

/* --- JSON ----------------------------------------------------------------------------- */

static void json_member(struct buf *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    buf_addf(out, ",\"%s\":", name);
    buf_add_json(out, text);
}

static void json_begin(struct buf *out, const struct report_head *head)
{
    char started[32], ended[32];

    clock_show(started, head->started_ms);
    clock_show(ended, head->ended_ms);
    buf_adds(out, "{\"job\":");
    buf_add_json(out, head->job);
    json_member(out, "command", head->verb);
    json_member(out, "started", started);
    json_member(out, "ended", ended);
    json_member(out, "ended_why", head->ended_why);
    buf_adds(out, ",\"summary\":");
    totals_json(out, head->totals, head->exit_status);
    buf_adds(out, ",\"objects\":[");
}

static void json_row(struct buf *out, int task, const char *key, const struct row *row, bool first)
{
    const struct err *err = &row->err;

    buf_addf(out, "%s\n{\"task\":%d,", first ? "" : ",", task);
    buf_add_json_name(out, "key", key);
    buf_addf(out, ",\"state\":\"%s\",\"size\":%" PRId64, state_name(row->state), row->size);
    if (row->state == ROW_FAILED) {
        buf_adds(out, ",\"error\":{\"kind\":");
        buf_add_json(out, err_kind_name(err->kind));
        json_member(out, "message", err->message);
        json_member(out, "code", err->code);
        json_member(out, "request_id", err->request_id);
        buf_addc(out, '}');
    }
    buf_addc(out, '}');
}

static void json_end(struct buf *out)
{
    buf_adds(out, "\n]}\n");
}

/* --- CSV, as RFC 4180 has it ---------------------------------------------------------- */

/* A spreadsheet must not take a key for a formula. */
static void csv_cell(struct buf *out, const char *text)
{
    buf_addc(out, '"');
    if (strchr("=+-@\t\r", *text) && *text)
        buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            buf_addc(out, '"');
        buf_addc(out, *text);
    }
    buf_addc(out, '"');
}

static void csv_begin(struct buf *out, const struct report_head *head)
{
    (void)head;
    buf_adds(out, "task,key,state,size,kind,status,code,request_id,message\r\n");
}

static void csv_row(struct buf *out, int task, const char *key, const struct row *row, bool first)
{
    const struct err *err = &row->err;
    bool failed = row->state == ROW_FAILED;

    (void)first;
    buf_addf(out, "%d,", task);
    csv_cell(out, key);
    buf_addf(out, ",%s,%" PRId64 ",%s,", state_name(row->state), row->size,
             failed ? err_kind_name(err->kind) : "");
    if (failed && err->status)
        buf_addf(out, "%d", err->status);
    buf_addc(out, ',');
    csv_cell(out, failed ? err->code : "");
    buf_addc(out, ',');
    csv_cell(out, failed ? err->request_id : "");
    buf_addc(out, ',');
    csv_cell(out, failed ? err->message : "");
    buf_adds(out, "\r\n");
}

static void csv_end(struct buf *out)
{
    (void)out;
}

/* --- HTML ----------------------------------------------------------------------------- */

static void html_text(struct buf *out, const char *text)
{
    struct buf shown = buf_new(LIMIT_LINE);
    buf_add_printable(&shown, text);
    for (const char *p = buf_str(&shown); *p; p++) {
        if (*p == '<')
            buf_adds(out, "&lt;");
        else if (*p == '>')
            buf_adds(out, "&gt;");
        else if (*p == '&')
            buf_adds(out, "&amp;");
        else if (*p == '"')
            buf_adds(out, "&quot;");
        else
            buf_addc(out, *p);
    }
    buf_free(&shown);
}

static void html_fact(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "<tr><th>%s</th><td>", name);
    html_text(out, value);
    buf_adds(out, "</td></tr>\n");
}

static void html_count(struct buf *out, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    html_fact(out, name, text);
}

static void html_hooks(struct buf *out, const struct totals *totals)
{
    if (!totals->n_hooks)
        return;
    buf_adds(out, "<h2>Hooks</h2>\n<table>\n<tr><th>hook</th><th>at</th><th>calls</th>"
                  "<th>failed</th><th>computing</th><th>longest</th><th>waiting</th></tr>\n");
    for (int i = 0; i < totals->n_hooks; i++) {
        const struct hook_time *hook = &totals->hooks[i];
        buf_addf(out, "<tr><td>%s</td><td>", hook->name);
        html_text(out, hook->place);
        buf_addf(out,
                 "</td><td>%" PRId64 "</td><td>%" PRId64
                 "</td><td>%.3f s</td><td>%.3f s</td><td>%.3f s</td></tr>\n",
                 hook->calls, hook->errors, (double)hook->computed_ns / 1e9,
                 (double)hook->longest_ns / 1e9, (double)hook->waited_ns / 1e9);
    }
    buf_adds(out, "</table>\n");
}

static void html_begin(struct buf *out, const struct report_head *head)
{
    const struct totals *totals = head->totals;
    char started[32], ended[32];

    clock_show(started, head->started_ms);
    clock_show(ended, head->ended_ms);
    buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    html_text(out, head->job);
    buf_adds(out, "</title>\n<style>body{font-family:sans-serif}th{text-align:left;"
                  "padding-right:2em}td{vertical-align:top}</style></head><body>\n<h1>");
    html_text(out, head->job);
    buf_adds(out, "</h1>\n<table>\n");
    html_fact(out, "started", started);
    html_fact(out, "ended", ended);
    html_count(out, "exit status", head->exit_status);
    if (head->ended_why)
        html_fact(out, "ended early", head->ended_why);
    html_count(out, "objects done", totals->objects_done);
    html_count(out, "objects skipped", totals->objects_skipped);
    html_count(out, "objects failed", totals->objects_failed);
    html_count(out, "objects deleted", totals->objects_deleted);
    html_count(out, "objects that differ", totals->objects_different);
    html_count(out, "bytes in place", totals->bytes_done);
    html_count(out, "bytes moved", totals->bytes_moved);
    html_count(out, "requests", totals->requests);
    html_count(out, "retries", totals->retries);
    buf_adds(out, "</table>\n");
    html_hooks(out, totals);
    buf_adds(out, "<h2>Failures</h2>\n<table>\n<tr><th>task</th><th>key</th>"
                  "<th>kind</th><th>reason</th><th>request</th></tr>\n");
}

static void html_row(struct buf *out, int task, const char *key, const struct row *row, bool first)
{
    (void)first;
    buf_addf(out, "<tr><td>%d</td><td>", task);
    html_text(out, key);
    buf_addf(out, "</td><td>%s</td><td>", err_kind_name(row->err.kind));
    html_text(out, row->err.message);
    buf_adds(out, "</td><td>");
    html_text(out, row->err.request_id);
    buf_adds(out, "</td></tr>\n");
}

static void html_end(struct buf *out)
{
    buf_adds(out, "</table>\n</body></html>\n");
}

/* --- the file ------------------------------------------------------------------------- */

static const struct form forms[] = {
    {".json", json_begin, json_row, json_end, false},
    {".csv", csv_begin, csv_row, csv_end, false},
    {".html", html_begin, html_row, html_end, true},
};

static const struct form *form_of(const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t n = strlen(forms[i].ending);
        if (len > n && !strcmp(path + len - n, forms[i].ending))
            return &forms[i];
    }
    return NULL;
}

struct report *report_open(const char *path, struct err *err)
{
    const struct form *form = form_of(path);
    struct report *report;

    if (!form) {
        err_set(err, ERR_INVALID, "--report %s: the name ends in .json, .csv or .html", path);
        return NULL;
    }
    report = xcalloc(1, sizeof *report);
    report->form = form;
    report->path = xstrdup(path);
    report->temp = xasprintf("%s.XXXXXX", path);
    report->out = buf_new(16 * LIMIT_LINE);
    report->fd = mkostemp(report->temp, O_CLOEXEC);
    if (report->fd >= 0)
        return report;
    err_set(err, ERR_INVALID, "--report %s: %s", path, strerror(errno));
    report_free(report);
    return NULL;
}

static void flush(struct report *report)
{
    const char *p = report->out.data;

    for (size_t left = report->out.len; left && !report->error;) {
        ssize_t n = write(report->fd, p, left);
        if (n < 0 && errno != EINTR)
            report->error = errno;
        if (n > 0) {
            p += n;
            left -= (size_t)n;
        }
    }
    buf_clear(&report->out);
}

static void add_row(void *ctx, int task, const char *key, const struct row *row)
{
    struct report *report = ctx;

    report->form->row(&report->out, task, key, row, report->first);
    report->first = false;
    if (report->out.len > 8 * LIMIT_LINE)
        flush(report);
}

static bool take_name(struct report *report, struct err *err)
{
    if (!report->error && (fsync(report->fd) || rename(report->temp, report->path)))
        report->error = errno;
    if (report->error)
        return err_set(err, ERR_DISK, "--report %s: %s", report->path, strerror(report->error));
    close(report->fd);
    report->fd = -1;
    return true;
}

bool report_write(struct report *report, const struct report_head *head, struct journal *journal,
                  struct err *err)
{
    enum row_state which = report->form->only_failed ? ROW_FAILED : ROW_NONE;

    report->first = true;
    report->form->begin(&report->out, head);
    if (!journal_each(journal, which, add_row, report, err))
        return false;
    report->form->end(&report->out);
    flush(report);
    return take_name(report, err);
}

void report_free(struct report *report)
{
    if (!report)
        return;
    if (report->fd >= 0) {
        close(report->fd);
        unlink(report->temp);
    }
    buf_free(&report->out);
    free(report->path);
    free(report->temp);
    free(report);
}
