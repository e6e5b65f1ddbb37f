#include "core/window.h"

bool window_open(const struct window *window, int64_t wall_ms, int64_t *change_ms)
{
    struct schedule_span span = {
        .days = 127, .from_min = window->from_min, .to_min = window->to_min, .value = 1};
    const struct schedule open = {.span = &span, .n = 1};

    return schedule_at(&open, wall_ms, change_ms) != 0;
}
