/* haul clean: this job's unfinished uploads are aborted, its temporary files and its journal
 * removed.  With --lost: uploads below its targets that a lost machine left behind. */
#include "engine/clean.h"
#include "base/clock.h"
#include "base/limits.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include <stdio.h>
#include <unistd.h>

static void tell_lost(void *ctx, const struct store *store, const struct list_entry *upload,
                      bool removed)
{
    const struct options *options = ctx;
    struct buf line = buf_new(LIMIT_LINE);
    char when[32];

    clock_show(when, upload->mtime_ns / 1000000);
    buf_addf(&line, "%s  %s  %s/",
             removed            ? "aborted"
             : options->dry_run ? "lost   "
                                : "failed ",
             when, store->name);
    buf_add_printable(&line, upload->key);
    puts(buf_str(&line));
    buf_free(&line);
}

/* The journal stays: nothing of it was touched. */
static int clean_lost_uploads(struct workspace *ws, const struct options *options)
{
    struct err err = {0};
    const struct lost_options lost = {.age_ms = options->lost_ms,
                                      .dry = options->dry_run,
                                      .each = tell_lost,
                                      .ctx = (void *)(uintptr_t)options};

    workspace_start(ws);
    ws->journal = journal_open_readonly(ws->dir, &err);
    if (!ws->journal && err.kind == ERR_NONE)
        ws->journal = journal_scratch(&err); /* this machine has never run it */
    ws->config.journal = ws->journal;
    struct clean_result result = {0};
    if (ws->journal)
        result = clean_lost(&ws->config, &lost, &err);
    if (err.kind != ERR_NONE) {
        log_error("%s", err.message);
        return exit_of(&err, true);
    }
    return result.failed ? 1 : 0;
}

static int clean_opened(struct workspace *ws, const struct options *options)
{
    struct err err = {0};

    if (!workspace_lock(ws, USE_RUN, &err)) {
        log_error("%s", err.message);
        return exit_of(&err, true);
    }
    workspace_start(ws);
    struct clean_result result = clean_all(&ws->config, NULL, &err);
    if (err.kind != ERR_NONE)
        log_error("%s", err.message);
    if (!options->quiet)
        printf("%d uploads aborted, %d temporary files removed, %d could not be removed\n",
               result.uploads, result.files, result.failed);
    if (result.failed) {
        log_error("%s: the journal is kept, so that `haul clean` can try again", ws->job->name);
        return 1;
    }
    workspace_forget(ws);
    return 0;
}

static int clean(struct workspace *ws, const struct options *options)
{
    if (options->lost_ms)
        return clean_lost_uploads(ws, options);
    if (options->dry_run) {
        log_error("clean has no dry run without --lost; `haul status` shows what is unfinished");
        return 2;
    }
    if (!access(ws->dir, F_OK))
        return clean_opened(ws, options);
    puts("nothing to clean: this job has no state");
    return 0;
}

int command_clean(const struct options *options)
{
    return workspace_do(options, clean);
}
