#pragma once
/* What both halves of the journal's probe share: its object, and small things on their way out. */
#include "journal/journal.h"
#include "probe.h"

static inline struct journal *self(lua_State *L)
{
    struct journal **box = luaL_checkudata(L, 1, "journal");
    luaL_argcheck(L, *box, 1, "closed");
    return *box;
}

static inline int answer(lua_State *L, bool ok, const struct err *err)
{
    if (!ok)
        return probe_failure(L, err);
    lua_pushboolean(L, true);
    return 1;
}

static inline void set_integer(lua_State *L, const char *name, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static inline void set_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

/* At the end of the list on top. */
static inline void push_key(void *ctx, const char *key)
{
    lua_State *L = ctx;
    lua_pushstring(L, key);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}
