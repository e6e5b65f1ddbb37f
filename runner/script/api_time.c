/* os.time and os.date of a job file: by haul's clock, so that a job can be tried at any time. */
#include "base/clock.h"
#include "script/api.h"
#include <lauxlib.h>
#include <lualib.h>

static int call_original(lua_State *L)
{
    int n = lua_gettop(L);

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

static int api_time(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        return call_original(L);
    lua_pushinteger(L, clock_wall_ms() / 1000);
    return 1;
}

static int api_date(lua_State *L)
{
    if (!lua_isnoneornil(L, 2))
        return call_original(L);
    const char *format = luaL_optstring(L, 1, "%c");
    lua_settop(L, 0);
    lua_pushstring(L, format);
    lua_pushinteger(L, clock_wall_ms() / 1000);
    return call_original(L);
}

static void replace(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void api_time_set(lua_State *L)
{
    lua_getglobal(L, LUA_OSLIBNAME);
    replace(L, "time", api_time);
    replace(L, "date", api_date);
    lua_pop(L, 1);
}
