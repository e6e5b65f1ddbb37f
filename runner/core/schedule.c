#include "core/schedule.h"
#include <stdbool.h>
#include <time.h>

#define DAY_MIN  (24 * 60)
#define WEEK_MIN (7 * DAY_MIN)
#define DAY_S    86400
#define FAR_S    (8 * DAY_S)

static struct tm local(time_t at)
{
    struct tm tm;

    localtime_r(&at, &tm);
    return tm;
}

static bool on_day(const struct schedule_span *span, int day)
{
    return span->days >> (day % 7) & 1;
}

static bool covers(const struct schedule_span *span, const struct tm *tm)
{
    int minute = tm->tm_hour * 60 + tm->tm_min;
    bool after_from = minute >= span->from_min, before_to = minute < span->to_min;

    if (span->from_min < span->to_min)
        return on_day(span, tm->tm_wday) && after_from && before_to;
    return (on_day(span, tm->tm_wday) && after_from) ||
           (on_day(span, tm->tm_wday + 6) && before_to);
}

static int64_t value_at(const struct schedule *schedule, time_t at)
{
    struct tm tm = local(at);

    for (int i = 0; i < schedule->n; i++)
        if (covers(&schedule->span[i], &tm))
            return schedule->span[i].value;
    return schedule->otherwise;
}

/* Minutes of the week from now until then, above 0. */
static int minutes_until(int then, int now)
{
    int minutes = (then - now) % WEEK_MIN;

    return minutes > 0 ? minutes : minutes + WEEK_MIN;
}

/* How many minutes after that minute of the week a span begins or ends; a day, if none does. */
static int minutes_to_edge(const struct schedule *schedule, int now)
{
    int least = DAY_MIN;

    for (int i = 0; i < schedule->n; i++)
        for (int day = 0; day < 7; day++) {
            const struct schedule_span *span = &schedule->span[i];
            int ends = day + (span->to_min <= span->from_min);
            int from = minutes_until(day * DAY_MIN + span->from_min, now);
            int to = minutes_until(ends * DAY_MIN + span->to_min, now);
            if (!on_day(span, day))
                continue;
            least = from < least ? from : least;
            least = to < least ? to : least;
        }
    return least;
}

/* The first second after `at`, and not after `end`, at which clocks were changed. */
static time_t clock_change(time_t at, time_t end, long offset)
{
    while (end - at > 1) {
        time_t middle = at + (end - at) / 2;
        if (local(middle).tm_gmtoff == offset)
            at = middle;
        else
            end = middle;
    }
    return end;
}

/* The next time after `at` at which the value may be another: clocks show that a span begins or
 * ends, or they are changed. */
static time_t next_edge(const struct schedule *schedule, time_t at)
{
    struct tm tm = local(at);
    int now = tm.tm_wday * DAY_MIN + tm.tm_hour * 60 + tm.tm_min;
    time_t edge = at - tm.tm_sec + (time_t)minutes_to_edge(schedule, now) * 60;

    if (local(edge).tm_gmtoff == tm.tm_gmtoff)
        return edge;
    return clock_change(at, edge, tm.tm_gmtoff);
}

int64_t schedule_at(const struct schedule *schedule, int64_t wall_ms, int64_t *change_ms)
{
    time_t now = (time_t)(wall_ms / 1000), at = now;
    int64_t value = value_at(schedule, now);

    do
        at = next_edge(schedule, at);
    while (at < now + FAR_S && value_at(schedule, at) == value);
    *change_ms = (int64_t)at * 1000;
    return value;
}
