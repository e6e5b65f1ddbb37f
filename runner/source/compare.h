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
    struct err err; /* the job file's function failed */
};

/* `key` is the source's; `print` is what is remembered of the pair, NULL: nothing. */
void compare_pair(const struct task *task, const char *key, const struct object_info *source,
                  const struct object_info *target, const struct fingerprint *print,
                  struct turn *turn, struct comparison *comparison);
