/* Schedules as Lua functions, for the specs alone. */
#include "core/schedule.h"
#include "probe.h"
#include <stdlib.h>
#include <time.h>

/* The time zone of this process, os.date included. */
static int zone(lua_State *L)
{
    setenv("TZ", luaL_checkstring(L, 1), 1);
    tzset();
    return 0;
}

/* { { days =, from =, to =, value = }, ... }, otherwise, wall_ms -> value, change_ms */
static int at(lua_State *L)
{
    int n = (int)lua_rawlen(L, 1);
    struct schedule_span *spans = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *spans, 0);
    const struct schedule schedule = {spans, n, luaL_checkinteger(L, 2)};
    int64_t change_ms;

    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);
        spans[i] = (struct schedule_span){.days = (unsigned)probe_integer(L, -1, "days", 127),
                                          .from_min = (int)probe_integer(L, -1, "from", 0),
                                          .to_min = (int)probe_integer(L, -1, "to", 0),
                                          .value = probe_integer(L, -1, "value", 0)};
        lua_pop(L, 1);
    }
    lua_pushinteger(L, schedule_at(&schedule, luaL_checkinteger(L, 3), &change_ms));
    lua_pushinteger(L, change_ms);
    return 2;
}

int luaopen_schedule(lua_State *L);
int luaopen_schedule(lua_State *L)
{
    static const luaL_Reg functions[] = {{"at", at}, {"zone", zone}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
