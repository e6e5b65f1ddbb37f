#pragma once
/*
 * The report of a run as a file for people and programs: `--report FILE.json|.csv|.html`.  Opened
 * before the run, so that a place that cannot be written is told before anything is moved; written
 * into a file beside it that takes the name once it is whole.  Owned by the command.  Control
 * thread only.
 */
#include "journal/journal.h"
#include <stdio.h>

/* What is said of the run as a whole. */
struct report_head {
    const char *job;
    const char *verb;             /* "run", "retry", "verify", ... */
    int64_t started_ms, ended_ms; /* wall clock */
    int exit_status;
    const char *ended_why; /* NULL: it came to its end */
    const struct totals *totals;
};

struct report;

/* NULL with ERR_INVALID: no known ending, or the place cannot be written. */
struct report *report_open(const char *path, struct err *err);
/* Every object of the run, by task and key: JSON and CSV; HTML shows those that failed. */
bool report_write(struct report *report, const struct report_head *head, struct journal *journal,
                  struct err *err);
/* What was not written is removed; NULL is allowed. */
void report_free(struct report *report);
