#pragma once
/*
 * Objects that are known and wait to be opened: larger priorities first, and among equals those
 * that came first.  As long as its owner lets it get.  Control thread only.
 */
#include "transfer/transfer.h"

struct backlog {
    struct item **heap; /* owned, as what is in it */
    int n, cap;
    uint64_t last;   /* number of the newest */
    double priority; /* of the newest */
};

/* Takes ownership.  `follows`: the same object as the one before, for another target: right behind
 * it. */
void backlog_push(struct backlog *backlog, struct item *item, bool follows);
/* The next one, the caller's; NULL: there is none. */
struct item *backlog_pop(struct backlog *backlog);
/* The priority of the next one; -INFINITY: there is none. */
double backlog_priority(const struct backlog *backlog);
void backlog_free(struct backlog *backlog);
