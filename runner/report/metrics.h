#pragma once
/*
 * The state of a run as a file in the text format of Prometheus, for the textfile collector of
 * node_exporter: `--metrics FILE`.  Written anew every few seconds, each time into a file beside it
 * that takes its name, so that a reader never sees half of one.  Owned by the command.  Control
 * thread only.
 */
#include "core/event.h"

struct metrics {
    const char *path;
    const char *job;
    int64_t started_ms;
    int64_t success_ms; /* when a run last ended with 0, wall clock; 0: never, as far as is known */
    int64_t written_ms;
};

/* True when the last writing is some seconds ago. */
bool metrics_due(const struct metrics *metrics, int64_t now_ms);
/* `exit_status` -1: the run goes on. */
bool metrics_write(struct metrics *metrics, const struct totals *totals, int exit_status,
                   int64_t now_ms, struct err *err);
