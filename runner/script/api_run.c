/* haul.core.run: what a hook may ask of the job that runs. */
#include "base/limits.h"
#include "engine/run.h"
#include "script/api.h"
#include "script/event_table.h"
#include "script/state.h"
#include "script/vm.h"
#include <lauxlib.h>

static struct run *check_run(lua_State *L)
{
    struct script *script = vm_of(L)->owner;
    if (!script || !script->run)
        luaL_error(L, "the job is not running: this can be asked for in a hook only");
    return script->run;
}

/* whether unfinished uploads and temporary files are removed as well */
static int api_cancel(lua_State *L)
{
    run_cancel(check_run(L), lua_toboolean(L, 1));
    return 0;
}

static int api_pause(lua_State *L)
{
    run_pause(check_run(L), lua_toboolean(L, 1));
    return 0;
}

/* bytes a second; -1: unlimited */
static int api_set_rate(lua_State *L)
{
    int64_t rate = luaL_checkinteger(L, 1);
    luaL_argcheck(L, rate == -1 || rate > 0, 1, "not a rate");
    run_set_rate(check_run(L), rate);
    return 0;
}

static int api_set_concurrency(lua_State *L)
{
    int64_t n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= LIMIT_CONCURRENCY, 1, "out of range");
    run_set_concurrency(check_run(L), (int)n);
    return 0;
}

static int api_stats(lua_State *L)
{
    struct totals totals = {0};
    run_totals(check_run(L), &totals);
    totals_push(L, &totals);
    return 1;
}

static const luaL_Reg run_functions[] = {
    {"cancel", api_cancel},     {"pause", api_pause}, {"set_concurrency", api_set_concurrency},
    {"set_rate", api_set_rate}, {"stats", api_stats}, {NULL, NULL},
};

int luaopen_haul_core_run(lua_State *L)
{
    luaL_newlib(L, run_functions);
    return 1;
}
