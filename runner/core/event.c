#include "core/event.h"
#include <string.h>

static const char *const names[EVENT_KIND_COUNT] = {
#define X(name, word) [EVENT_##name] = word,
    EVENT_KINDS(X)
#undef X
};

const char *event_name(enum event_kind kind)
{
    return names[kind];
}

bool event_parse(const char *name, enum event_kind *kind)
{
    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++) {
        if (!strcmp(name, names[i])) {
            *kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

bool event_is_of_task(enum event_kind kind)
{
    return kind == EVENT_TASK_STARTED || kind == EVENT_TASK_FINISHED || kind == EVENT_TASK_SKIPPED;
}

const char *check_name(enum check check)
{
    static const char *const words[CHECKS] = {
        [CHECK_NONE] = "none",   [CHECK_SIZE] = "size",     [CHECK_MD5] = "md5",
        [CHECK_CRC32] = "crc32", [CHECK_CRC32C] = "crc32c", [CHECK_CRC64NVME] = "crc64nvme",
        [CHECK_CRC64] = "crc64",
    };
    return words[check];
}

bool event_retryable(const struct event *event)
{
    if (!event->err || event->err->final)
        return false;
    return !event->task || (event->task->retry.on & (1u << event->err->kind));
}
