#pragma once
/*
 * Is what the source has what the target has already?  Decided from two listings, what is
 * remembered of the pair, and the job file's own function.  Control thread only.
 */
#include "journal/sync.h"
#include "transfer/turn.h"

enum sameness {
    SAME,
    DIFFERENT,
    UNTOLD /* both sides have to be asked for more */
};

struct comparison {
    enum sameness sameness;
    bool by_time; /* nothing was remembered: size and time decided */
    char why[256];
    struct touched touched; /* the job file's function wants to know more first */
    struct err err;         /* it failed */
};

/* Both sides have the source's key; `print` is what is remembered of the pair, NULL: nothing. */
void compare_pair(const struct task *task, const struct object_view *source,
                  const struct object_view *target, const struct fingerprint *print,
                  struct turn *turn, struct comparison *comparison);
