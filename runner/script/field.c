#include "script/field.h"
#include "base/buf.h"
#include <lauxlib.h>
#include <string.h>

int64_t field_integer(lua_State *L, const char *name)
{
    int is_integer;
    lua_getfield(L, -1, name);
    int64_t number = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        luaL_error(L, "internal: field '%s' is no integer", name);
    lua_pop(L, 1);
    return number;
}

int field_int(lua_State *L, const char *name)
{
    int64_t number = field_integer(L, name);
    if (number < INT32_MIN || number > INT32_MAX)
        luaL_error(L, "internal: field '%s' is out of range", name);
    return (int)number;
}

bool field_boolean(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    bool truth = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return truth;
}

const char *field_text(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1);
    return text;
}

const char *field_need_text(lua_State *L, const char *name)
{
    const char *text = field_text(L, name);
    if (!text)
        luaL_error(L, "internal: field '%s' is no text", name);
    return text;
}

int field_word(lua_State *L, const char *name, const char *const *words)
{
    const char *text = field_need_text(L, name);
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return luaL_error(L, "internal: field '%s' is '%s'", name, text);
}

int field_list(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    if (!lua_istable(L, -1))
        luaL_error(L, "internal: field '%s' is no table", name);
    return (int)lua_rawlen(L, -1);
}

double field_number(lua_State *L, const char *name)
{
    int is_number;
    lua_getfield(L, -1, name);
    double number = lua_tonumberx(L, -1, &is_number);
    if (!is_number)
        luaL_error(L, "internal: field '%s' is no number", name);
    lua_pop(L, 1);
    return number;
}

char **field_texts(lua_State *L, const char *name, int *n)
{
    char **texts = NULL;

    *n = 0;
    lua_getfield(L, -1, name);
    if (lua_istable(L, -1)) {
        size_t len = lua_rawlen(L, -1);
        texts = xcalloc(len + 1, sizeof *texts);
        for (size_t i = 0; i < len; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            texts[(*n)++] = xstrdup(luaL_checkstring(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return texts;
}

const char *const *field_borrow_texts(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    if (!lua_istable(L, -1))
        return NULL;
    int n = (int)lua_rawlen(L, -1);
    const char **texts = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *texts, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, -2, i + 1);
        texts[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    texts[n] = NULL;
    lua_remove(L, -2);
    return texts;
}
