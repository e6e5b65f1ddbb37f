#pragma once
/*
 * What a person sees of a run on standard error: a progress line, one line for each object that
 * failed, and the summary.  Owned by the command that runs.  Control thread only.
 */
#include "core/event.h"

enum display_mode { DISPLAY_AUTO, DISPLAY_BAR, DISPLAY_PLAIN, DISPLAY_NONE };

struct display {
    enum display_mode mode;
    bool quiet;       /* only failures */
    bool verbose;     /* objects and parts too */
    bool redraws;     /* standard error is a terminal, or a bar was asked for */
    bool drawn;       /* a line stands there */
    int64_t shown_ms; /* when the last plain line was written */
    int n_failed;     /* lines about failures written so far */
};

void display_init(struct display *display, enum display_mode mode, bool quiet, bool verbose);
/* Which events it wants: bits 1u << enum event_kind. */
uint32_t display_wants(const struct display *display);
void display_event(struct display *display, const struct event *event);
/* How far a run is, with the limit in force, as one line for people. */
void display_text(char *out, size_t size, const struct totals *totals);
/* The last lines: what was done, how it was verified, what to do next. */
void display_summary(struct display *display, const char *job, const struct totals *totals,
                     int exit_status);
