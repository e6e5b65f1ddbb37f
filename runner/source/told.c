#include "source/told.h"
#include <stdio.h>

void told_event(const struct task *task, enum event_kind kind, const char *key, int64_t size,
                const char *why, const struct err *err, struct turn *turn)
{
    struct queued_event *queued = turn_emit(turn, task, kind);
    if (!queued)
        return;
    queued->key = xstrdup(key);
    queued->event.size = size;
    snprintf(queued->reason, sizeof queued->reason, "%.255s", why);
    if (err)
        queued->err = *err;
}

void told_skipped(const struct task *task, const char *key, int64_t size, const char *why,
                  struct turn *turn)
{
    turn_count(turn, task, objects_known, 1);
    turn_count(turn, task, objects_skipped, 1);
    told_event(task, EVENT_OBJECT_SKIPPED, key, size, why, NULL, turn);
}

static void note_failed(const struct task *task, const char *key, int64_t size,
                        const struct err *failure, struct turn *turn)
{
    struct row row = {.state = ROW_FAILED, .size = size, .store = task->to->name, .target = ""};
    struct err err = {0};

    row.err = *failure;
    if (!journal_put(turn->journal, task->number, key, &row, &err))
        turn_fatal(turn, &err);
}

void told_failed(const struct task *task, const char *key, int64_t size, const struct err *err,
                 bool keep, struct turn *turn)
{
    turn_count(turn, task, objects_known, 1);
    turn_count(turn, task, objects_failed, 1);
    if (keep)
        note_failed(task, key, size, err, turn);
    told_event(task, EVENT_OBJECT_FAILED, key, size, err->message, err, turn);
}

void told_special(const struct task *task, const struct list_entry *entry, const char *why,
                  bool keep, struct turn *turn)
{
    struct err err = {0};

    if (entry->special != 'u' && entry->special != 'n') {
        told_skipped(task, entry->key, entry->size, why, turn);
        return;
    }
    err_set(&err, ERR_INVALID, "%s", why);
    told_failed(task, entry->key, entry->size, &err, keep, turn);
}
