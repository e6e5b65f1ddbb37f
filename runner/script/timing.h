#pragma once
/*
 * What the functions of a job file took: counted for the summary, and, where it is asked for
 * (--trace-hooks), told call by call.  Part of struct script; control thread only.
 */
#include "core/event.h"
#include <lua.h>

#define TIMINGS_MAX 64 /* further functions are counted with the last of them */

struct timings {
    struct hook_time entry[TIMINGS_MAX];
    const void *function[TIMINGS_MAX]; /* whose entry it is */
    int n;
    bool trace;
};

/* One call, from its beginning to its end. */
struct timing {
    int at; /* of its entry */
    int64_t computed_ns, waited_ns;
};

/* [-0, +0]  The entry of the function at `index`, which is called `name` (text that stays). */
int timings_find(struct timings *timings, lua_State *L, int index, const char *name);

/* The entry of all functions that are called `name`, wherever they begin. */
int timings_named(struct timings *timings, const char *name);

/* Counts a call that ended; `failed`: with an error.  With `trace` a line says so, with what it was
 * called for (`whose`, NULL: no object; `part` 0: no part) and what came of it. */
void timings_add(struct timings *timings, const struct timing *timing, bool failed,
                 const char *whose, int part, const char *answer);
