#pragma once
/*
 * A number that depends on the day of the week and the time of day, such as a rate.  What counts is
 * what local clocks show: when they are put forward, a span that lies in the missing hour does not
 * come; when they are put back, what begins or ends in the repeated hour does so twice.  Pure but
 * for the time zone; any thread.
 */
#include <stdint.h>

/* From `from_min` to before `to_min`, in minutes of the day; where `to_min` is not above `from_min`
 * it ends on the next day, and belongs to the day that it began on. */
struct schedule_span {
    unsigned days; /* bits 1u << day: 0 is Sunday */
    int from_min, to_min;
    int64_t value;
};

/* Spans do not overlap: the job language sees to that. */
struct schedule {
    struct schedule_span *span; /* owned by whoever made it */
    int n;
    int64_t otherwise; /* the value at all other times */
};

/* The value at `wall_ms` (since 1970).  `change_ms`, later and on the same clock, is when it
 * changes next, or eight days ahead where it does not before: then is the time to ask again. */
int64_t schedule_at(const struct schedule *schedule, int64_t wall_ms, int64_t *change_ms);
