#include "script/task.h"
#include "base/log.h"
#include "script/state.h"
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
            "it cannot wait: coroutine.yield was called outside of a coroutine of its own");
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

/* --- strands -------------------------------------------------------------------------- */

void task_make(lua_State *L, struct strand *strand, int nargs)
{
    lua_State *co = lua_newthread(L);

    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_STRANDS);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)strand->id);
    lua_pop(L, 1);
    luaL_checkstack(co, nargs + 1, NULL);
    lua_xmove(L, co, nargs + 1);
    strand->co = co;
    strand->n_args = nargs;
}

/* What is left of its budget; never nothing, so that it is told what it exceeded. */
static void limit(struct vm *vm, const struct strand *strand, int64_t budget_ms)
{
    int64_t left_ms = budget_ms - strand->spent_ns / 1000000;

    vm_limit(vm, strand->co, left_ms > 1 ? left_ms : 1, strand->what,
             strand->item ? strand->item->event.key : NULL);
    vm->budget_ms = budget_ms;
}

enum task_outcome task_resume(lua_State *L, struct strand *strand, int64_t budget_ms,
                              struct err *err)
{
    struct vm *vm = vm_of(L);
    lua_State *co = strand->co;
    int n = 0, n_args = strand->n_args;
    enum task_outcome outcome = TASK_FAILED;

    strand->n_args = 0;
    if (!strand->holds) /* a timer, whose calls have budgets of their own */
        strand->spent_ns = 0;
    limit(vm, strand, budget_ms);
    int status = lua_resume(co, L, n_args, &n);
    if (status == LUA_YIELD && strand_waits(strand))
        outcome = TASK_WAITS;
    else if (status == LUA_YIELD)
        refuse_yield(err);
    else if (status == LUA_OK)
        outcome = TASK_ENDED;
    else
        take_error(L, co, status, err);
    if (outcome == TASK_ENDED)
        take_results(L, co, 1);
    if (outcome == TASK_FAILED)
        end_coroutine(vm, co);
    strand->spent_ns += vm_unlimit(vm);
    return outcome;
}

void task_close(lua_State *L, struct strand *strand, int64_t budget_ms)
{
    struct vm *vm = vm_of(L);
    struct err err = {0};

    if (!strand->co)
        return;
    limit(vm, strand, budget_ms);
    if (lua_resetthread(strand->co) != LUA_OK) {
        lua_xmove(strand->co, L, 1);
        vm_error(L, LUA_ERRRUN, &err);
        log_error("%s, closed while it waited: %s", strand->what, err.message);
    }
    strand->spent_ns += vm_unlimit(vm);
}

void task_drop(lua_State *L, struct strand *strand)
{
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_STRANDS);
    lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)strand->id);
    lua_pop(L, 1);
    strand->co = NULL;
}
