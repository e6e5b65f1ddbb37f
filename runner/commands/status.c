/* haul status: what the journal says of the last run.  Reads only, also while a run goes on. */
#include "base/limits.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include <inttypes.h>
#include <stdio.h>

static void print_failed(void *ctx, int task, const char *key, const struct row *row)
{
    struct buf line = buf_new(LIMIT_LINE);
    (void)ctx;
    (void)task;
    buf_adds(&line, "failed  ");
    buf_add_printable(&line, key);
    buf_addf(&line, ": %s: ", err_kind_name(row->err.kind));
    buf_add_printable(&line, row->err.message);
    if (row->err.request_id[0])
        buf_addf(&line, " (request %s)", row->err.request_id);
    puts(buf_str(&line));
    buf_free(&line);
}

static void print_failed_json(void *ctx, int task, const char *key, const struct row *row)
{
    struct buf *out = ctx;
    buf_addf(out, "%s{\"task\":%d,\"key\":", out->len ? "," : "", task);
    buf_add_json(out, key);
    buf_addf(out, ",\"kind\":\"%s\",\"message\":", err_kind_name(row->err.kind));
    buf_add_json(out, row->err.message);
    buf_adds(out, ",\"request_id\":");
    buf_add_json(out, row->err.request_id);
    buf_addc(out, '}');
}

static const char *state_of(const struct journal_summary *s)
{
    return s->finished   ? "finished"
           : s->ended_ms ? "ended, can be carried on"
                         : "running or interrupted";
}

static void print_text(struct journal *journal, const struct journal_summary *s, struct err *err)
{
    char done[32], resumable[32];
    units_show_size(done, s->done_bytes);
    units_show_size(resumable, s->resumable_bytes);
    printf("run %" PRId64 ": %s\n", s->run, state_of(s));
    printf("done %" PRId64 " (%s), skipped %" PRId64 ", failed %" PRId64 ", in flight %" PRId64
           "\n",
           s->done, done, s->skipped, s->failed, s->active);
    printf("resumable: %s in finished parts of %" PRId64 " uploads and temporary files\n",
           resumable, s->uploads);
    if (s->orphans)
        printf("left behind and still to be removed: %" PRId64 "\n", s->orphans);
    journal_each(journal, ROW_FAILED, print_failed, NULL, err);
}

static void print_json(struct journal *journal, const struct journal_summary *s, struct err *err)
{
    struct buf failed = buf_new(LIMIT_DOCUMENT);
    journal_each(journal, ROW_FAILED, print_failed_json, &failed, err);
    printf("{\"run\":%" PRId64 ",\"finished\":%s,\"exit_status\":%d,\"done\":%" PRId64
           ",\"skipped\":%" PRId64 ",\"failed\":%" PRId64 ",\"active\":%" PRId64
           ",\"done_bytes\":%" PRId64 ",\"resumable_bytes\":%" PRId64 ",\"uploads\":%" PRId64
           ",\"orphans\":%" PRId64 ",\"failures\":[%s]}\n",
           s->run, s->finished ? "true" : "false", s->exit_status, s->done, s->skipped, s->failed,
           s->active, s->done_bytes, s->resumable_bytes, s->uploads, s->orphans, buf_str(&failed));
    buf_free(&failed);
}

static int show(const struct workspace *ws, const struct options *options)
{
    struct err err = {0};
    struct journal_summary summary;
    struct journal *journal = journal_open_readonly(ws->dir, &err);

    if (!journal && err.kind == ERR_NONE) {
        puts(options->json ? "null" : "this job has not run yet");
        return 0;
    }
    if (journal && journal_summary(journal, &summary, &err)) {
        if (options->json)
            print_json(journal, &summary, &err);
        else
            print_text(journal, &summary, &err);
    }
    if (journal)
        journal_close(journal);
    if (err.kind == ERR_NONE)
        return 0;
    log_error("%s", err.message);
    return exit_of(&err, true);
}

int command_status(const struct options *options)
{
    struct workspace ws;
    struct err err = {0};
    int status;

    if (workspace_open(&ws, options, &err)) {
        status = show(&ws, options);
    } else {
        log_error("%s", err.message);
        status = exit_of(&err, false);
    }
    workspace_close(&ws);
    return status;
}
