#include "io/inbox.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void inbox_init(struct inbox *inbox, bool with_event)
{
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->head = NULL;
    inbox->tail = &inbox->head;
    inbox->event = with_event ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (with_event && inbox->event < 0) {
        perror("haul: eventfd");
        abort();
    }
}

void inbox_close(struct inbox *inbox)
{
    if (inbox->event >= 0)
        close(inbox->event);
    pthread_mutex_destroy(&inbox->lock);
}

void inbox_wake(struct inbox *inbox)
{
    uint64_t one = 1;
    int saved = errno;
    /* It fails only when the counter is full, and then it is readable anyway. */
    ssize_t n = write(inbox->event, &one, sizeof one);

    (void)n;
    errno = saved;
}

bool inbox_quiet(struct inbox *inbox)
{
    uint64_t count;

    return read(inbox->event, &count, sizeof count) == sizeof count;
}

bool inbox_post(struct inbox *inbox, struct op *op)
{
    bool was_empty;

    op->next = NULL;
    pthread_mutex_lock(&inbox->lock);
    was_empty = !inbox->head;
    *inbox->tail = op;
    inbox->tail = &op->next;
    pthread_mutex_unlock(&inbox->lock);
    if (was_empty && inbox->event >= 0)
        inbox_wake(inbox);
    return was_empty;
}

struct op *inbox_take(struct inbox *inbox)
{
    struct op *all;

    pthread_mutex_lock(&inbox->lock);
    all = inbox->head;
    inbox->head = NULL;
    inbox->tail = &inbox->head;
    pthread_mutex_unlock(&inbox->lock);
    return all;
}
