#pragma once
/*
 * An event that owns what it points at, so that it can wait for its hook.  Control thread only.
 */
#include "core/event.h"

struct queued {
    struct queued *next;
    struct event event;
    struct err err;
    struct totals totals;
    uint64_t ticket; /* not 0: a decision is awaited */
    char *text[8];
    int n_texts;
};

struct queued_list {
    struct queued *head, **tail;
};

struct queued *queued_new(const struct event *event, uint64_t ticket);
void queued_free(struct queued *item);
/* Only the newest progress is worth telling: takes an older one out of the list.  How many it took.
 */
int queued_drop_progress(struct queued_list *list);
/* A number of the object it is about, the same for all events of that object in one task; 0: it is
 * about none. */
uint64_t queued_object(const struct queued *item);
