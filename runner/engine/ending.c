#include "engine/ending.h"
#include <stdio.h>

static const char *usual_why(enum ending_kind kind)
{
    switch (kind) {
    case END_SIGNAL:
        return "interrupted";
    case END_DURATION:
        return "the time allowed is over";
    default:
        return "cancelled";
    }
}

void ending_begin(struct ending *ending, enum ending_kind kind, const char *why, int64_t now_ms)
{
    bool harder =
        kind == END_FATAL || kind == END_ABORT || (kind == END_CANCEL && ending->kind != END_ABORT);

    if (ending->kind != NOT_ENDING && (!harder || ending->kind == kind))
        return;
    ending->kind = kind;
    ending->since_ms = now_ms;
    snprintf(ending->why, sizeof ending->why, "%s", why ? why : usual_why(kind));
}

void ending_fatal(struct ending *ending, const struct err *err, int64_t now_ms)
{
    ending->bug = err->kind == ERR_BUG;
    ending_begin(ending, END_FATAL, err->message, now_ms);
}

bool ending_hurries(const struct ending *ending)
{
    return ending->kind == END_CANCEL || ending->kind == END_ABORT || ending->kind == END_FATAL;
}

int64_t ending_last_ms(const struct ending *ending, int64_t now_ms)
{
    if (ending->signal)
        return now_ms + ENDING_GRACE_MS;
    return ending->kind == NOT_ENDING ? INT64_MAX : now_ms + ENDING_LAST_MS;
}

int ending_status(const struct ending *ending)
{
    switch (ending->kind) {
    case END_SIGNAL:
        return 128 + ending->signal;
    case END_STOP:
    case END_CANCEL:
    case END_ABORT:
        return 7;
    case END_GUARD:
        return 6;
    case END_DURATION:
    case END_WINDOW:
        return 10;
    case END_FATAL:
        return ending->bug ? 70 : 1;
    case NOT_ENDING:
        break;
    }
    return 0;
}
