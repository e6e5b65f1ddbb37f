#pragma once
/*
 * Events as JSON, one object a line: what --events writes.  The same names as the tables hooks
 * receive. Integers are exact; CRC-64 values are strings.  Pure; any thread.
 */
#include "base/buf.h"
#include "core/event.h"

/* Adds one line, newline included. */
void event_json(struct buf *out, const struct event *event, const char *job);
/* Adds the totals as one JSON object, no newline: the summary of `haul run --json`. */
void totals_json(struct buf *out, const struct totals *totals, int exit_status);
