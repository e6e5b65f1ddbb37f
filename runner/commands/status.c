/* haul status: what the journals say of the last run and of those before it.  Reads only, also
 * while a run goes on.  A job has one journal, or one for each shard; directories of journals may
 * be named instead of the job file. */
#include "base/limits.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* One journal and what it sums up to. */
struct part_status {
    char *dir;
    struct journal *journal;
    struct journal_summary summary;
};

struct all_status {
    struct part_status *item;
    int n;
    struct journal_summary sum; /* of all; `run`, times and exit status are the largest */
};

/* --- gathering ------------------------------------------------------------------------ */

static bool has_journal(const char *dir)
{
    struct stat st;
    char *path = xasprintf("%s/journal.db", dir);
    bool has = stat(path, &st) == 0;
    free(path);
    return has;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void add_up(struct journal_summary *sum, const struct journal_summary *one, bool first)
{
    sum->finished = one->finished && (first || sum->finished);
    sum->run = one->run > sum->run ? one->run : sum->run;
    if (first || one->started_ms < sum->started_ms)
        sum->started_ms = one->started_ms;
    if (first || (sum->ended_ms && one->ended_ms > sum->ended_ms))
        sum->ended_ms = one->ended_ms;
    sum->ended_ms = one->ended_ms ? sum->ended_ms : 0; /* one of them has not ended */
    sum->exit_status = one->exit_status > sum->exit_status ? one->exit_status : sum->exit_status;
    sum->done += one->done;
    sum->skipped += one->skipped;
    sum->failed += one->failed;
    sum->active += one->active;
    sum->done_bytes += one->done_bytes;
    sum->resumable_bytes += one->resumable_bytes;
    sum->uploads += one->uploads;
    sum->orphans += one->orphans;
}

static bool add_dir(struct all_status *all, const char *dir, struct err *err)
{
    struct part_status one = {.journal = journal_open_readonly(dir, err)};

    if (!one.journal)
        return err->kind == ERR_NONE || err_wrap(err, "%s", dir);
    one.dir = xstrdup(dir);
    all->item = xrealloc(all->item, (size_t)(all->n + 1) * sizeof *all->item);
    all->item[all->n] = one;
    struct part_status *added = &all->item[all->n++];
    if (!journal_summary(added->journal, &added->summary, err))
        return err_wrap(err, "%s", dir);
    add_up(&all->sum, &added->summary, all->n == 1);
    return true;
}

static int is_shard(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "shard-", 6);
}

/* A directory of state, with what its shards have. */
static bool add_tree(struct all_status *all, const char *dir, struct err *err)
{
    struct dirent **names;
    bool ok = !has_journal(dir) || add_dir(all, dir, err);
    int n = scandir(dir, &names, is_shard, versionsort);

    for (int i = 0; i < n; i++) {
        char *path = xasprintf("%s/%s", dir, names[i]->d_name);
        ok = ok && (!has_journal(path) || add_dir(all, path, err));
        free(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return ok;
}

static void free_all(struct all_status *all)
{
    for (int i = 0; i < all->n; i++) {
        journal_close(all->item[i].journal);
        free(all->item[i].dir);
    }
    free(all->item);
}

/* --- for people ----------------------------------------------------------------------- */

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

static const char *state_of(const struct journal_summary *s)
{
    return s->finished   ? "finished"
           : s->ended_ms ? "ended, can be carried on"
                         : "running or interrupted";
}

static void time_text(char out[32], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
}

static void print_past(void *ctx, const struct journal_past *past)
{
    char began[32], took[32] = "did not end", bytes[32], how[24] = "";
    bool *any = ctx;

    if (!*any)
        puts("when this job ran:");
    *any = true;
    time_text(began, past->started_ms);
    units_show_size(bytes, past->bytes);
    if (past->ended_ms) {
        units_show_duration(took, past->ended_ms - past->started_ms);
        snprintf(how, sizeof how, ", exit status %d", past->exit_status);
    }
    printf("  %s  run %" PRId64 ": %s%s; done %" PRId64 " (%s), skipped %" PRId64
           ", failed %" PRId64 ", deleted %" PRId64 "\n",
           began, past->run, took, how, past->done, bytes, past->skipped, past->failed,
           past->deleted);
}

static void print_counts(const struct journal_summary *s)
{
    char done[32], resumable[32];
    units_show_size(done, s->done_bytes);
    units_show_size(resumable, s->resumable_bytes);
    printf("done %" PRId64 " (%s), skipped %" PRId64 ", failed %" PRId64 ", in flight %" PRId64
           "\n",
           s->done, done, s->skipped, s->failed, s->active);
    printf("resumable: %s in finished parts of %" PRId64 " uploads and temporary files\n",
           resumable, s->uploads);
    if (s->orphans)
        printf("left behind and still to be removed: %" PRId64 "\n", s->orphans);
}

static bool print_text(const struct all_status *all, struct err *err)
{
    bool ok = true, any = false;

    for (int i = 0; all->n > 1 && i < all->n; i++)
        printf("%s: run %" PRId64 ": %s; done %" PRId64 ", failed %" PRId64 "\n", all->item[i].dir,
               all->item[i].summary.run, state_of(&all->item[i].summary), all->item[i].summary.done,
               all->item[i].summary.failed);
    printf("run %" PRId64 ": %s\n", all->sum.run, state_of(&all->sum));
    print_counts(&all->sum);
    for (int i = 0; ok && i < all->n; i++)
        ok = journal_each(all->item[i].journal, ROW_FAILED, print_failed, NULL, err);
    for (int i = 0; ok && i < all->n; i++)
        ok = journal_history(all->item[i].journal, print_past, &any, err);
    return ok;
}

/* --- for programs --------------------------------------------------------------------- */

static void add_failed(void *ctx, int task, const char *key, const struct row *row)
{
    struct buf *out = ctx;
    buf_addf(out, "%s{\"task\":%d,", out->len ? "," : "", task);
    buf_add_json_name(out, "key", key);
    buf_addf(out, ",\"kind\":\"%s\",\"message\":", err_kind_name(row->err.kind));
    buf_add_json(out, row->err.message);
    buf_adds(out, ",\"request_id\":");
    buf_add_json(out, row->err.request_id);
    buf_addc(out, '}');
}

static void add_past(void *ctx, const struct journal_past *past)
{
    struct buf *out = ctx;
    buf_addf(out, "%s{\"run\":%" PRId64 ",\"started\":%.3f,\"ended\":%.3f,\"exit_status\":%d",
             out->len ? "," : "", past->run, (double)past->started_ms / 1e3,
             (double)past->ended_ms / 1e3, past->exit_status);
    buf_addf(out,
             ",\"done\":%" PRId64 ",\"skipped\":%" PRId64 ",\"failed\":%" PRId64
             ",\"deleted\":%" PRId64 ",\"bytes\":%" PRId64 "}",
             past->done, past->skipped, past->failed, past->deleted, past->bytes);
}

static void add_counts(struct buf *out, const struct journal_summary *s)
{
    buf_addf(out,
             "\"run\":%" PRId64 ",\"finished\":%s,\"exit_status\":%d,\"done\":%" PRId64
             ",\"skipped\":%" PRId64 ",\"failed\":%" PRId64 ",\"active\":%" PRId64
             ",\"done_bytes\":%" PRId64 ",\"resumable_bytes\":%" PRId64 ",\"uploads\":%" PRId64
             ",\"orphans\":%" PRId64,
             s->run, s->finished ? "true" : "false", s->exit_status, s->done, s->skipped, s->failed,
             s->active, s->done_bytes, s->resumable_bytes, s->uploads, s->orphans);
}

static void add_journals(struct buf *out, const struct all_status *all)
{
    for (int i = 0; i < all->n; i++) {
        buf_addf(out, "%s{\"dir\":", i ? "," : "");
        buf_add_json(out, all->item[i].dir);
        buf_addc(out, ',');
        add_counts(out, &all->item[i].summary);
        buf_addc(out, '}');
    }
}

static bool print_json(const struct all_status *all, struct err *err)
{
    struct buf failed = buf_new(LIMIT_DOCUMENT), past = buf_new(LIMIT_DOCUMENT);
    struct buf out = buf_new(2 * LIMIT_DOCUMENT);
    bool ok = true;

    for (int i = 0; ok && i < all->n; i++)
        ok = journal_each(all->item[i].journal, ROW_FAILED, add_failed, &failed, err) &&
             journal_history(all->item[i].journal, add_past, &past, err);
    buf_addc(&out, '{');
    add_counts(&out, &all->sum);
    buf_adds(&out, ",\"journals\":[");
    add_journals(&out, all);
    printf("%s],\"failures\":[%s],\"history\":[%s]}\n", buf_str(&out), buf_str(&failed),
           buf_str(&past));
    buf_free(&failed);
    buf_free(&past);
    buf_free(&out);
    return ok;
}

/* --- the command ---------------------------------------------------------------------- */

static int show(const struct all_status *all, const struct options *options, struct err *err)
{
    if (all->n == 0)
        puts(options->json ? "null" : "this job has not run yet");
    else if (!(options->json ? print_json(all, err) : print_text(all, err)))
        return exit_of(err, true);
    return 0;
}

static bool gather_dirs(struct all_status *all, const struct options *options, struct err *err)
{
    bool ok = add_tree(all, options->file, err);

    for (int i = 0; ok && i < options->n_params; i++)
        ok = is_directory(options->params[i])
                 ? add_tree(all, options->params[i], err)
                 : err_set(err, ERR_INVALID, "%s: no directory", options->params[i]);
    if (ok && all->n == 0)
        return err_set(err, ERR_INVALID, "%s: there is no journal in it", options->file);
    return ok;
}

static bool gather_job(struct all_status *all, const struct options *options, struct err *err)
{
    struct workspace ws;
    bool ok = workspace_open(&ws, options, err) && add_tree(all, ws.dir, err);

    workspace_close(&ws);
    return ok;
}

int command_status(const struct options *options)
{
    struct all_status all = {0};
    struct err err = {0};
    bool dirs = options->file && is_directory(options->file);
    bool ok = dirs ? gather_dirs(&all, options, &err) : gather_job(&all, options, &err);
    int status = ok ? show(&all, options, &err) : exit_of(&err, false);

    if (err.kind != ERR_NONE)
        log_error("%s", err.message);
    free_all(&all);
    return status;
}
