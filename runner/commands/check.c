/* haul check: the file, its options, its credentials, and whether each store can be reached. */
#include "commands/commands.h"
#include "commands/workspace.h"
#include "core/probe.h"
#include <stdio.h>

static int say(const struct err *err, bool reaching)
{
    log_error("%s", err->message);
    return exit_of(err, reaching);
}

int command_check(const struct options *options)
{
    struct workspace ws;
    struct err err = {0};
    int status = 0;

    if (!workspace_open(&ws, options, &err)) {
        status = say(&err, false);
    } else {
        workspace_start(&ws);
        if (!probe_stores(&ws.config, &err))
            status = say(&err, true);
    }
    if (status == 0 && !options->quiet)
        for (int i = 0; i < ws.job->n_tasks; i++)
            printf("task %d: %s to %s: ok\n", i + 1, ws.job->tasks[i].from->name,
                   ws.job->tasks[i].to->name);
    workspace_close(&ws);
    return status;
}
