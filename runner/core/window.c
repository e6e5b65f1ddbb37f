#include "core/window.h"
#include <time.h>

#define DAY_MIN (24 * 60)

/* The next time, after `now`, that local clocks show so many minutes of the day. */
static time_t next_time(const struct tm *today, int minutes, time_t now)
{
    time_t when = now;

    for (int day = 0; day <= 2 && when <= now; day++) {
        struct tm tm = {.tm_year = today->tm_year,
                        .tm_mon = today->tm_mon,
                        .tm_mday = today->tm_mday + day,
                        .tm_hour = minutes / 60,
                        .tm_min = minutes % 60,
                        .tm_isdst = -1};
        when = mktime(&tm);
    }
    return when;
}

bool window_open(const struct window *window, int64_t wall_ms, int64_t *change_ms)
{
    time_t now = (time_t)(wall_ms / 1000);
    struct tm today;

    localtime_r(&now, &today);
    int minute = (today.tm_hour * 60 + today.tm_min) % DAY_MIN;
    bool after_from = minute >= window->from_min, before_to = minute < window->to_min;
    bool open =
        window->from_min < window->to_min ? after_from && before_to : after_from || before_to;
    *change_ms = (int64_t)next_time(&today, open ? window->to_min : window->from_min, now) * 1000;
    return open;
}
