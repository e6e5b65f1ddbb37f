#pragma once
/* Fields of the Lua table on top of the stack, and sets of HTTP fields from and to tables. */
#include "probe.h"
#include "wire/http.h"
#include <stdio.h>

#define FIELDS_MAX (64 << 10)

static inline void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static inline void set_integer(lua_State *L, const char *name, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static inline void set_bool(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static inline void set_buf(lua_State *L, const char *name, const struct buf *buf)
{
    lua_pushlstring(L, buf_str(buf), buf->len);
    lua_setfield(L, -2, name);
}

static inline void set_hex(lua_State *L, const char *name, uint64_t value)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    set_text(L, name, text);
}

/* Pairs {{name, value}, ...} or a map, from the field `name` of the table at `index`. */
static inline void get_fields(lua_State *L, int index, const char *name, struct http_fields *fields)
{
    lua_getfield(L, index, name);
    int at = lua_gettop(L);
    for (lua_pushnil(L); lua_istable(L, at) && lua_next(L, at);) {
        bool pair = lua_istable(L, -1);
        if (pair) {
            lua_rawgeti(L, -1, 1);
            lua_rawgeti(L, -2, 2);
        } else {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
        }
        const char *value = lua_isstring(L, -1) ? lua_tostring(L, -1) : NULL;
        if (value)
            http_fields_add(fields, lua_tostring(L, -2), value);
        else
            http_fields_add_bare(fields, lua_tostring(L, -2));
        lua_pop(L, 3);
    }
    lua_settop(L, at - 1);
}

static inline void set_fields(lua_State *L, const char *name, const struct http_fields *fields)
{
    lua_newtable(L);
    for (int i = 0; i < fields->n; i++)
        set_text(L, http_fields_name(fields, i), http_fields_value(fields, i));
    lua_setfield(L, -2, name);
}
