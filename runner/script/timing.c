#include "script/timing.h"
#include "base/log.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* Where the function on top of the stack begins; haul's own modules are no place in a job file. */
static void note_place(lua_State *L, struct hook_time *entry)
{
    lua_Debug ar;

    lua_getinfo(L, ">S", &ar);
    if (ar.source[0] == '@')
        snprintf(entry->place, sizeof entry->place, "%s:%d", ar.short_src, ar.linedefined);
}

/* `fresh`: it is new, and its place is not known yet. */
static int find(struct timings *timings, const void *function, const char *name, bool *fresh)
{
    *fresh = false;
    for (int i = 0; i < timings->n; i++)
        if (timings->function[i] == function && timings->entry[i].name == name)
            return i;
    if (timings->n == TIMINGS_MAX)
        return TIMINGS_MAX - 1;
    *fresh = true;
    timings->entry[timings->n] = (struct hook_time){.name = name};
    timings->function[timings->n] = function;
    return timings->n++;
}

int timings_find(struct timings *timings, lua_State *L, int index, const char *name)
{
    bool fresh;
    int at = find(timings, lua_topointer(L, index), name, &fresh);

    if (fresh) {
        lua_pushvalue(L, index);
        note_place(L, &timings->entry[at]);
    }
    return at;
}

int timings_named(struct timings *timings, const char *name)
{
    bool fresh;

    return find(timings, NULL, name, &fresh);
}

static void tell(const struct hook_time *entry, const struct timing *timing, const char *whose,
                 int part, const char *answer)
{
    char number[24] = "";

    if (part)
        snprintf(number, sizeof number, ", part %d", part);
    log_info("hook %s%s%s%s -> %s; %.3f ms computing, %.3f ms waiting", entry->name,
             whose ? " of " : "", whose ? whose : "", number, answer,
             (double)timing->computed_ns / 1e6, (double)timing->waited_ns / 1e6);
}

void timings_add(struct timings *timings, const struct timing *timing, bool failed,
                 const char *whose, int part, const char *answer)
{
    struct hook_time *entry = &timings->entry[timing->at];

    entry->calls++;
    entry->errors += failed;
    entry->computed_ns += timing->computed_ns;
    entry->waited_ns += timing->waited_ns;
    if (timing->computed_ns > entry->longest_ns)
        entry->longest_ns = timing->computed_ns;
    if (timings->trace)
        tell(entry, timing, whose, part, answer);
}
