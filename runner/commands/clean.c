/* haul clean: this job's unfinished uploads are aborted, its temporary files and its journal
 * removed. */
#include "core/clean.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include <stdio.h>
#include <unistd.h>

static int clean_opened(struct workspace *ws, const struct options *options)
{
    struct err err = {0};

    if (!workspace_lock(ws, USE_RUN, &err)) {
        log_error("%s", err.message);
        return exit_of(&err, true);
    }
    workspace_start(ws);
    struct clean_result result = clean_all(&ws->config, &err);
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

int command_clean(const struct options *options)
{
    struct workspace ws;
    struct err err = {0};
    int status;

    if (!workspace_open(&ws, options, &err)) {
        log_error("%s", err.message);
        status = exit_of(&err, false);
    } else if (access(ws.dir, F_OK)) {
        puts("nothing to clean: this job has no state");
        status = 0;
    } else {
        status = clean_opened(&ws, options);
    }
    workspace_close(&ws);
    return status;
}
