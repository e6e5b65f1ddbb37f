#pragma once
/* What the probes share: C values as Lua values.  For the specs alone. */
#include "base/err.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

/* nil and a table: the way every probe reports a failure. */
static inline int probe_failure(lua_State *L, const struct err *err)
{
    lua_pushnil(L);
    lua_createtable(L, 0, 8);
    lua_pushstring(L, err_kind_name(err->kind));
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, err->status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, err->retry_after_ms);
    lua_setfield(L, -2, "retry_after_ms");
    lua_pushboolean(L, err->final);
    lua_setfield(L, -2, "final");
    lua_pushstring(L, err->code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, err->request_id);
    lua_setfield(L, -2, "request_id");
    lua_pushstring(L, err->host_id);
    lua_setfield(L, -2, "host_id");
    lua_pushstring(L, err->message);
    lua_setfield(L, -2, "message");
    return 2;
}

/* A field of the table at `index`, as text that lives as long as the table. */
static inline const char *probe_text(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    const char *text = lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
    lua_pop(L, 1);
    return text;
}

static inline int64_t probe_integer(lua_State *L, int index, const char *name, int64_t otherwise)
{
    lua_getfield(L, index, name);
    int64_t value = lua_isnil(L, -1) ? otherwise : luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return value;
}

static inline bool probe_bool(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}
