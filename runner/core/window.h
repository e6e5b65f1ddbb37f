#pragma once
/* The time of day in which a job may run, in local time: a schedule of one span (core/schedule.h).
 * Pure but for the time zone; any thread.
 */
#include "core/job.h"

/* Is it open at `wall_ms`?  `change_ms` is when that changes next, on the same clock: right also on
 * the days when the clocks are changed. */
bool window_open(const struct window *window, int64_t wall_ms, int64_t *change_ms);
