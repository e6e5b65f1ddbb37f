#pragma once
/*
 * Where the events of a run go besides the script: the display, the file of --events, the metrics,
 * the differences that `verify` prints.  Owned by the command that runs.  Control thread only.
 */
#include "commands/workspace.h"
#include "report/display.h"
#include "report/metrics.h"
#include "report/report.h"

struct listener {
    const struct job *job;
    struct display display;
    int events_fd;          /* -1: no file */
    struct buf lines;       /* not written yet */
    uint32_t shown;         /* bits of what the display wants */
    bool differences;       /* print what differs between both sides, ... */
    bool json;              /* ... as JSON */
    struct metrics metrics; /* path NULL: not wanted */
    struct report *report;  /* NULL: not wanted */
};

/* Nothing to be told yet, and nothing to be ended. */
void listener_init(struct listener *listener);
/* Opens what the options name and makes itself the observer of the run.  False with ERR_INVALID
 * when one of them cannot be written. */
bool listener_open(struct listener *listener, struct workspace *ws, const struct options *options,
                   bool differences, struct err *err);
/* After the journal is open: what it knows of earlier runs. */
void listener_recall(struct listener *listener, struct journal *journal);
/* After each turn. */
void listener_flush(struct listener *listener);
/* The run is over: the last metrics, the report, the summary.  False: one could not be written,
 * which has been logged. */
bool listener_finish(struct listener *listener, const struct report_head *head,
                     struct journal *journal);
void listener_close(struct listener *listener);
