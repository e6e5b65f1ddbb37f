/* The adaptive pace as a Lua object with methods, for the specs alone.  Times are milliseconds. */
#include "core/pace.h"
#include "probe.h"
#include <string.h>

static struct pace *self(lua_State *L)
{
    return luaL_checkudata(L, 1, "pace");
}

static int new (lua_State *L)
{
    memset(lua_newuserdatauv(L, sizeof(struct pace), 0), 0, sizeof(struct pace));
    luaL_setmetatable(L, "pace");
    return 1;
}

/* now, again -> boolean */
static int allows(lua_State *L)
{
    lua_pushboolean(L, pace_allows(self(L), lua_toboolean(L, 3), luaL_checkinteger(L, 2)));
    return 1;
}

/* now -> ms, or nil */
static int wake(lua_State *L)
{
    int64_t wake_ms = pace_wake_ms(self(L), luaL_checkinteger(L, 2));
    if (wake_ms == INT64_MAX)
        lua_pushnil(L);
    else
        lua_pushinteger(L, wake_ms);
    return 1;
}

/* now, again -> number */
static int send(lua_State *L)
{
    uint64_t number = pace_send(self(L), lua_toboolean(L, 3), luaL_checkinteger(L, 2));
    lua_pushinteger(L, (lua_Integer)number);
    return 1;
}

static int lost(lua_State *L)
{
    pace_return(self(L));
    return 0;
}

/* now, ceiling, again */
static int served(lua_State *L)
{
    pace_return(self(L));
    pace_served(self(L), lua_toboolean(L, 4), (int)luaL_checkinteger(L, 3),
                luaL_checkinteger(L, 2));
    return 0;
}

/* now, number, asked -> boolean: it changed the pace */
static int refused(lua_State *L)
{
    pace_return(self(L));
    lua_pushboolean(L, pace_refused(self(L), (uint64_t)luaL_checkinteger(L, 3),
                                    luaL_optinteger(L, 4, 0), luaL_checkinteger(L, 2)));
    return 1;
}

/* now -> concurrency, rate, wait; or nil when it is free */
static int state(lua_State *L)
{
    const struct pace *pace = self(L);
    if (!pace->slowed)
        return 0;
    lua_pushinteger(L, pace_concurrency(pace));
    lua_pushnumber(L, pace->rate);
    lua_pushinteger(L, pace_wait_ms(pace, luaL_checkinteger(L, 2)));
    return 3;
}

int luaopen_pace(lua_State *L);
int luaopen_pace(lua_State *L)
{
    static const luaL_Reg methods[] = {{"allows", allows}, {"wake", wake},     {"send", send},
                                       {"lost", lost},     {"served", served}, {"refused", refused},
                                       {"state", state},   {NULL, NULL}};

    luaL_newmetatable(L, "pace");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_pushcfunction(L, new);
    return 1;
}
