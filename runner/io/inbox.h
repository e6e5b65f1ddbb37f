#pragma once
/*
 * Ops from many threads to one.  The consumer takes all there is at once; it is woken only when the
 * inbox was empty, so a batch costs one wake-up.
 */
#include "io/op.h"
#include <pthread.h>

struct inbox {
    pthread_mutex_t lock;
    struct op *head, **tail; /* in the order they were posted */
    int event;               /* an eventfd, readable after a post into an empty inbox; -1: the
                                consumer is woken by other means */
};

/* Aborts when no eventfd can be had. */
void inbox_init(struct inbox *inbox, bool with_event);
void inbox_close(struct inbox *inbox);
/* True when it was empty before. */
bool inbox_post(struct inbox *inbox, struct op *op);
/* All there is, linked by `next`; NULL: nothing. */
struct op *inbox_take(struct inbox *inbox);
/* Makes the event readable without an op; async-signal-safe. */
void inbox_wake(struct inbox *inbox);
/* Makes it unreadable again; true if it was readable. */
bool inbox_quiet(struct inbox *inbox);
