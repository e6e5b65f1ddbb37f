/* haul.core.run: coroutines of a job file that wait, and wait for each other. */
#include "script/api.h"
#include "script/state.h"
#include "script/task.h"
#include "script/wait.h"
#include <lauxlib.h>

static struct script *check_running(lua_State *L, const char *what)
{
    struct script *script = vm_of(L)->owner;
    if (!script || !script->run)
        luaL_error(L, "the job is not running: %s can be called in a hook only", what);
    return script;
}

/* milliseconds, what waits */
static int api_sleep(lua_State *L)
{
    wait_check(L, luaL_checkstring(L, 2));
    return wait_for_ms(L, luaL_checkinteger(L, 1));
}

/* function, what its handle knows, whether the run ends without it -> number */
static int api_spawn(lua_State *L)
{
    bool apart = lua_toboolean(L, 3);
    const char *what = lua_toboolean(L, 4) ? "job:every" : "haul.spawn";
    struct script *script = check_running(L, what);
    struct strand *strand = strand_new(&script->strands, what, NULL);

    if (apart) {
        strand->holds = false;
        script->strands.n--;
    }
    strand_ready(&script->strands, strand);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_SPAWNED);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, (lua_Integer)strand->id);
    lua_pushvalue(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_JOB);
    task_make(L, strand, 1);
    lua_pushinteger(L, (lua_Integer)strand->id);
    return 1;
}

/* number -> "waiting", "ready", or nil when it is over */
static int api_strand(lua_State *L)
{
    const struct script *script = check_running(L, "a task's status");
    const struct strand *strand = strand_find(&script->strands, (uint64_t)luaL_checkinteger(L, 1));

    if (!strand || strand->killed)
        return 0;
    lua_pushstring(L, strand->ready || strand == script->strands.running ? "ready" : "waiting");
    return 1;
}

/* number, what waits: until it is over */
static int api_join(lua_State *L)
{
    wait_check(L, luaL_checkstring(L, 2));
    return wait_for_strand(L, (uint64_t)luaL_checkinteger(L, 1));
}

/* number -> whether there was anything to end */
static int api_kill(lua_State *L)
{
    struct script *script = check_running(L, "cancel");
    struct strand *strand = strand_find(&script->strands, (uint64_t)luaL_checkinteger(L, 1));

    if (strand && strand == script->strands.running)
        return luaL_error(L, "it cannot cancel itself: return instead");
    lua_pushboolean(L, strand && !strand->killed);
    if (strand && !strand->killed)
        hooks_kill(script, strand);
    return 1;
}

static const luaL_Reg wait_functions[] = {
    {"join", api_join},   {"kill", api_kill},     {"sleep", api_sleep},
    {"spawn", api_spawn}, {"strand", api_strand}, {NULL, NULL},
};

void api_wait_add(lua_State *L)
{
    luaL_setfuncs(L, wait_functions, 0);
}
