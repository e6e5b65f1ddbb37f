/* Sizes, rates and durations as people write them. */
#include "base/units.h"
#include "script/api.h"
#include <lauxlib.h>

typedef bool (*unit_reader)(const char *text, int64_t *value, struct err *err);

/* The number, or nil and why. */
static int push_unit(lua_State *L, unit_reader read)
{
    struct err err = {0};
    int64_t value;
    if (read(luaL_checkstring(L, 1), &value, &err)) {
        lua_pushinteger(L, value);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, err.message);
    return 2;
}

static int api_size(lua_State *L)
{
    return push_unit(L, units_size);
}

static int api_rate(lua_State *L)
{
    return push_unit(L, units_rate);
}

static int api_duration(lua_State *L)
{
    return push_unit(L, units_duration);
}

static const luaL_Reg unit_functions[] = {
    {"duration", api_duration}, {"rate", api_rate}, {"size", api_size}, {NULL, NULL}};

void api_units_add(lua_State *L)
{
    luaL_setfuncs(L, unit_functions, 0);
}
