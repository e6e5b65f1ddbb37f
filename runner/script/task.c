#include "script/task.h"
#include "base/log.h"
#include <assert.h>
#include <lauxlib.h>

/* Moves what the coroutine returned, made to be `nresults` long, to L. */
static void take_results(lua_State *L, lua_State *co, int nresults)
{
    lua_settop(co, nresults);
    lua_xmove(co, L, nresults);
}

/* The error value is on top of `co`; its stack is still that of the error. */
static void take_error(lua_State *L, lua_State *co, int status, struct err *err)
{
    if (status == LUA_ERRRUN && lua_type(co, -1) == LUA_TSTRING)
        luaL_traceback(L, co, lua_tostring(co, -1), 0);
    else
        lua_xmove(co, L, 1);
    vm_error(L, status, err);
}

static void refuse_yield(struct err *err)
{
    err_set(err, ERR_SCRIPT,
            "a hook cannot wait: coroutine.yield was called outside of a "
            "coroutine of its own");
}

/* Closes what the coroutine left open.  Not after an overrun: closing runs code of the script, with
 * no limit in force any more. */
static void end_coroutine(struct vm *vm, lua_State *co)
{
    if (!vm->expired)
        lua_resetthread(co);
    if (vm->used > vm->limit / 2)
        lua_gc(vm->L, LUA_GCCOLLECT);
}

bool task_run(lua_State *L, int nargs, int nresults, int64_t budget_ms, const char *what,
              const char *whose, struct err *err)
{
    struct vm *vm = vm_of(L);
    int base = lua_gettop(L) - nargs - 1;
    lua_State *co = lua_newthread(L);
    lua_insert(L, base + 1);
    lua_xmove(L, co, nargs + 1);
    vm_limit(vm, co, budget_ms, what, whose);
    int n = 0;
    int status = lua_resume(co, L, nargs, &n);
    if (status == LUA_OK)
        take_results(L, co, nresults);
    else if (status == LUA_YIELD)
        refuse_yield(err);
    else
        take_error(L, co, status, err);
    if (status != LUA_OK)
        end_coroutine(vm, co);
    vm_unlimit(vm);
    lua_remove(L, base + 1); /* the coroutine */
    assert(lua_gettop(L) == base + (status == LUA_OK ? nresults : 0));
    return status == LUA_OK;
}
