#include "source/backlog.h"
#include <math.h>
#include <stdlib.h>

static bool goes_before(const struct item *a, const struct item *b)
{
    return a->priority > b->priority || (a->priority >= b->priority && a->rank < b->rank);
}

static void swap(struct backlog *backlog, int a, int b)
{
    struct item *item = backlog->heap[a];
    backlog->heap[a] = backlog->heap[b];
    backlog->heap[b] = item;
}

void backlog_push(struct backlog *backlog, struct item *item, bool follows)
{
    if (backlog->n == backlog->cap) {
        backlog->cap = backlog->cap ? backlog->cap * 2 : 64;
        backlog->heap = xrealloc(backlog->heap, (size_t)backlog->cap * sizeof(struct item *));
    }
    if (follows)
        item->priority = backlog->priority;
    backlog->priority = item->priority;
    item->rank = ++backlog->last;
    int at = backlog->n++;
    backlog->heap[at] = item;
    for (; at > 0 && goes_before(item, backlog->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(backlog, at, (at - 1) / 2);
}

/* The first of a place and the two below it. */
static int first_of(const struct backlog *backlog, int at)
{
    int first = at;

    for (int below = 2 * at + 1; below <= 2 * at + 2 && below < backlog->n; below++)
        if (goes_before(backlog->heap[below], backlog->heap[first]))
            first = below;
    return first;
}

struct item *backlog_pop(struct backlog *backlog)
{
    if (!backlog->n)
        return NULL;
    struct item *item = backlog->heap[0];
    backlog->heap[0] = backlog->heap[--backlog->n];
    for (int at = 0, first; (first = first_of(backlog, at)) != at; at = first)
        swap(backlog, at, first);
    return item;
}

double backlog_priority(const struct backlog *backlog)
{
    return backlog->n ? backlog->heap[0]->priority : -INFINITY;
}

void backlog_free(struct backlog *backlog)
{
    for (struct item *item; (item = backlog_pop(backlog));)
        item_free(item);
    free(backlog->heap);
}
