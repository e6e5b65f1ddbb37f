/* haul check: the file, its options, its credentials, and whether each store can be reached. */
#include "commands/commands.h"
#include "commands/workspace.h"
#include "engine/probe.h"
#include <stdio.h>

static int check(struct workspace *ws, const struct options *options)
{
    struct err err = {0};

    workspace_start(ws);
    if (!probe_stores(&ws->config, &err)) {
        log_error("%s", err.message);
        return exit_of(&err, true);
    }
    for (int i = 0; i < ws->job->n_tasks && !options->quiet; i++)
        printf("task %d: %s to %s: ok\n", i + 1, ws->job->tasks[i].from->name,
               ws->job->tasks[i].to->name);
    return 0;
}

int command_check(const struct options *options)
{
    return workspace_do(options, check);
}
