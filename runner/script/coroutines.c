#include "script/coroutines.h"
#include "script/state.h"
#include <lauxlib.h>
#include <lualib.h>

static int go_on(lua_State *L, int status, lua_KContext wraps);

static struct strand *strand_of(lua_State *L)
{
    const struct vm *vm = vm_of(L);
    struct script *script = vm ? vm->owner : NULL;
    return script ? script->strands.running : NULL;
}

/* What can wait inside of it: nothing, where whoever resumes it cannot. */
static int resume(lua_State *L, lua_State *co, int n_args, int *n_results)
{
    struct strand *strand = strand_of(L);
    bool stuck = strand && !lua_isyieldable(L);

    if (stuck)
        strand->n_stuck++;
    int status = lua_resume(co, L, n_args, n_results);
    if (stuck)
        strand->n_stuck--;
    return status;
}

/* The error on top of `co` becomes that of the caller, with its place. */
static int raise(lua_State *L, lua_State *co)
{
    int status = lua_status(co);

    if (status != LUA_OK && status != LUA_YIELD)
        status = lua_resetthread(co);
    lua_xmove(co, L, 1);
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int step(lua_State *L, lua_State *co, int n_args, bool wraps)
{
    const struct strand *strand = strand_of(L);
    int n = 0, status = resume(L, co, n_args, &n);
    bool good = status == LUA_OK || status == LUA_YIELD;

    if (status == LUA_YIELD && strand && strand_waits(strand))
        return lua_yieldk(L, 0, wraps, go_on);
    if (!good && wraps)
        return raise(L, co);
    n = good ? n : 1;
    if (!lua_checkstack(L, n + 1)) {
        lua_pop(co, n);
        return luaL_error(L, "too many results to resume");
    }
    if (!wraps)
        lua_pushboolean(L, good);
    lua_xmove(co, L, n);
    return n + !wraps;
}

static lua_State *wrapped(lua_State *L)
{
    return lua_tothread(L, lua_upvalueindex(1));
}

/* What it waited for is there. */
static int go_on(lua_State *L, int status, lua_KContext wraps)
{
    (void)status;
    return step(L, wraps ? wrapped(L) : lua_tothread(L, 1), 0, wraps);
}

static int begin(lua_State *L, lua_State *co, int n_args, bool wraps)
{
    if (!lua_checkstack(co, n_args))
        return luaL_error(L, "too many arguments to resume");
    lua_xmove(L, co, n_args);
    return step(L, co, n_args, wraps);
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);

    luaL_argexpected(L, co, 1, "coroutine");
    return begin(L, co, lua_gettop(L) - 1, false);
}

static int call_wrapped(lua_State *L)
{
    return begin(L, wrapped(L), lua_gettop(L), true);
}

static int coroutine_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

void coroutines_open(lua_State *L)
{
    static const luaL_Reg own[] = {
        {"resume", coroutine_resume}, {"wrap", coroutine_wrap}, {NULL, NULL}};

    lua_getglobal(L, LUA_COLIBNAME);
    luaL_setfuncs(L, own, 0);
    lua_pop(L, 1);
}
