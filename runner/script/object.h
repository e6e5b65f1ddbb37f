#pragma once
/*
 * An object as the pure functions of a job file see it: a table with what was listed, and fields
 * that cost a request (metadata, tags, content_type, ...).  Touching one that is not known ends
 * the function at once, and notes what it wants: the engine asks, and runs it again.  A note stays
 * even where the function caught the error.  Control thread only.
 */
#include "core/hooks.h"
#include "script/state.h"

/* What one call of a function is about. */
struct sight {
    const struct object_view *view[2]; /* source; target of a comparison, or NULL */
    const void *table[2];              /* their tables, by address */
    struct touched touched;            /* what it touched in vain */
};

/* [-0, +1]  A plain table of all that is known of an object, with nothing that could be asked for.
 * Protected mode only. */
void object_push_known(lua_State *L, const struct object_view *view);
/* [-0, +1]  "a=1&b=2", percent-encoded, as a table; NULL: an empty one. */
void object_push_tags(lua_State *L, const char *tags);

/* [-0, +1]  The table of script->sight->view[side].  Protected mode only. */
void object_push(lua_State *L, struct script *script, int side);
