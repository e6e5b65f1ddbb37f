#include "transfer/turn.h"
#include <stdlib.h>
#include <string.h>

struct store_state *turn_store(struct turn *turn, const struct store *store)
{
    for (int i = 0; i < turn->job->n_stores; i++)
        if (turn->stores[i].store == store)
            return &turn->stores[i];
    return NULL;
}

struct task_counts *turn_counts(const struct turn *turn, const struct task *task)
{
    return &turn->counts[task_first(task)->number - 1];
}

static bool script_wants(const struct turn *turn, const struct task *task, enum event_kind kind)
{
    return turn->hooks->wants && turn->hooks->wants(turn->hooks->ctx, task, kind);
}

bool turn_wants(const struct turn *turn, const struct task *task, enum event_kind kind)
{
    return (turn->observed & (1u << kind)) || script_wants(turn, task, kind);
}

struct queued_event *turn_emit(struct turn *turn, const struct task *task, enum event_kind kind)
{
    if (!turn_wants(turn, task, kind))
        return NULL;
    if (turn->events.n == turn->events.cap) {
        turn->events.cap = turn->events.cap ? turn->events.cap * 2 : 16;
        turn->events.item =
            xrealloc(turn->events.item, (size_t)turn->events.cap * sizeof *turn->events.item);
    }
    struct queued_event *queued = &turn->events.item[turn->events.n++];
    memset(&queued->event, 0, sizeof queued->event);
    queued->ticket = 0;
    queued->err.kind = ERR_NONE;
    queued->etag[0] = queued->reason[0] = queued->temp[0] = '\0';
    queued->upload_id = queued->key = NULL;
    queued->event.kind = kind;
    queued->event.time_ms = turn->wall_ms;
    queued->event.task = task;
    queued->event.size = -1;
    return queued;
}

const struct event *queued_event_get(struct queued_event *queued)
{
    struct event *event = &queued->event;
    event->err = queued->err.kind == ERR_NONE ? NULL : &queued->err;
    event->reason = queued->reason[0] ? queued->reason : NULL;
    event->temp = queued->temp[0] ? queued->temp : NULL;
    event->part.etag = queued->etag;
    event->upload_id = queued->upload_id;
    if (queued->key)
        event->key = queued->key;
    return event;
}

void queued_event_free(struct queued_event *queued)
{
    free(queued->upload_id);
    free(queued->key);
}

void turn_fatal(struct turn *turn, const struct err *err)
{
    if (turn->fatal.kind == ERR_NONE)
        turn->fatal = *err;
}
