#include "script/wait.h"
#include "engine/run.h"
#include "script/state.h"
#include <lauxlib.h>

static struct script *script_of(lua_State *L)
{
    struct vm *vm = vm_of(L);
    return vm ? vm->owner : NULL;
}

static void refuse(lua_State *L, const char *what, const char *why)
{
    lua_pushfstring(L, "%s waits, which %s", what, why);
    lua_error(L);
}

void wait_check(lua_State *L, const char *what)
{
    const struct script *script = script_of(L);
    const struct strand *strand = script ? script->strands.running : NULL;

    if (!strand)
        refuse(
            L, what,
            "only a hook can, or what haul.spawn and job:every call: neither the job file itself "
            "nor the functions of a task");
    if (!lua_isyieldable(L) || strand->n_stuck)
        refuse(
            L, what,
            "is not possible inside of a function that table.sort, string.gsub and the like call, "
            "nor in __close");
}

/* What the answer was made of is not needed any more. */
static void drop_op(struct strand *strand)
{
    op_free(strand->op);
    strand->op = NULL;
}

static int go_on(lua_State *L, int status, lua_KContext ctx)
{
    struct strand *strand = script_of(L)->strands.running;
    (void)status, (void)ctx;

    wait_push *push = strand->push;
    if (!strand->op || !push)
        return 0;
    strand->push = NULL;
    int n = push(L, strand->op); /* an error leaves the op to what comes next */
    drop_op(strand);
    return n;
}

static struct strand *prepare(lua_State *L)
{
    struct strand *strand = script_of(L)->strands.running;

    drop_op(strand);
    return strand;
}

static int ask(lua_State *L, struct op *op, wait_push *push, bool again)
{
    struct strand *strand = prepare(L);

    strand->push = push;
    strand->asks = true;
    run_submit(script_of(L)->run, strand->id, op, again);
    return lua_yieldk(L, 0, 0, go_on);
}

int wait_for_op(lua_State *L, struct op *op, wait_push *push)
{
    return ask(L, op, push, false);
}

int wait_for_call(lua_State *L, struct op *op, wait_push *push)
{
    return ask(L, op, push, true);
}

int wait_until(lua_State *L, int64_t ms)
{
    strand_sleep(&script_of(L)->strands, prepare(L), ms);
    return lua_yieldk(L, 0, 0, go_on);
}

int wait_for_ms(lua_State *L, int64_t ms)
{
    return wait_until(L, script_of(L)->now_ms + ms);
}

int wait_for_strand(lua_State *L, uint64_t id)
{
    struct strands *strands = &script_of(L)->strands;
    struct strand *self = prepare(L);

    if (!strand_find(strands, id))
        return 0;
    for (const struct strand *at = strand_find(strands, id); at;
         at = strand_find(strands, at->joins))
        if (at == self)
            return luaL_error(L, "it would wait for itself");
    self->joins = id;
    return lua_yieldk(L, 0, 0, go_on);
}
