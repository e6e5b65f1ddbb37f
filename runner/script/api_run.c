/* haul.core.run: what a hook may ask of the job that runs. */
#include "base/limits.h"
#include "engine/run.h"
#include "script/api.h"
#include "script/dials.h"
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

/* kind, place (from 1; of the job: 1), value (-1: unlimited; nil: as the job file says) */
static int api_set(lua_State *L)
{
    const struct script *script = vm_of(L)->owner;
    struct run *run = check_run(L);
    enum dial_kind kind = (enum dial_kind)luaL_checkoption(L, 1, NULL, dial_kinds);
    bool of_store = kind == DIAL_READ || kind == DIAL_WRITE || kind == DIAL_REQUESTS;
    int n = of_store ? script->job->n_stores : kind == DIAL_TASK ? script->job->n_tasks : 1;
    int64_t place = luaL_checkinteger(L, 2), value = luaL_optinteger(L, 3, DIAL_AUTO);

    luaL_argcheck(L, place >= 1 && place <= n, 2, "out of range");
    luaL_argcheck(L,
                  value == DIAL_AUTO || (value == -1 && kind != DIAL_CONCURRENCY) ||
                      (value > 0 && (value <= LIMIT_CONCURRENCY || kind != DIAL_CONCURRENCY)),
                  3, "out of range");
    run_set(run, kind, (int)place - 1, value);
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
    {"cancel", api_cancel}, {"pause", api_pause}, {"set", api_set}, {"stats", api_stats},
    {"http", api_http},     {"exec", api_exec},   {NULL, NULL},
};

int luaopen_haul_core_run(lua_State *L)
{
    luaL_newlib(L, run_functions);
    api_wait_add(L);
    api_transfer_add(L);
    api_store_add(L);
    return 1;
}
