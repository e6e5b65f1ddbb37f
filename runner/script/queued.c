#include "script/queued.h"
#include "base/buf.h"
#include <stdlib.h>

static const char *keep_text(struct queued *item, const char *text)
{
    return text ? (item->text[item->n_texts++] = xstrdup(text)) : NULL;
}

struct queued *queued_new(const struct event *event, uint64_t ticket)
{
    struct queued *item = xcalloc(1, sizeof *item);
    item->event = *event;
    item->ticket = ticket;
    item->event.key = keep_text(item, event->key);
    item->event.target = keep_text(item, event->target);
    item->event.bucket = keep_text(item, event->bucket);
    item->event.path = keep_text(item, event->path);
    item->event.part.etag = keep_text(item, event->part.etag);
    item->event.reason = keep_text(item, event->reason);
    item->event.upload_id = keep_text(item, event->upload_id);
    item->event.temp = keep_text(item, event->temp);
    if (event->err) {
        item->err = *event->err;
        item->event.err = &item->err;
    }
    if (event->totals) {
        item->totals = *event->totals;
        item->event.totals = &item->totals;
    }
    return item;
}

void queued_free(struct queued *item)
{
    for (int i = 0; i < item->n_texts; i++)
        free(item->text[i]);
    free(item);
}

int queued_drop_progress(struct queued_list *list)
{
    struct queued **at = &list->head;

    while (*at && (*at)->event.kind != EVENT_PROGRESS)
        at = &(*at)->next;
    struct queued *old = *at;
    if (!old)
        return 0;
    *at = old->next;
    if (!*at)
        list->tail = at;
    queued_free(old);
    return 1;
}

uint64_t queued_object(const struct queued *item)
{
    const struct event *event = &item->event;
    uint64_t hash =
        UINT64_C(14695981039346656037) + (event->task ? (uint64_t)event->task->number : 0);

    if (!event->key)
        return 0;
    for (const char *c = event->key; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash | 1;
}
