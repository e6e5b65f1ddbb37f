#include "script/functions.h"
#include "base/limits.h"
#include "script/object.h"
#include "script/task.h"
#include "script/value.h"
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One call of one of them: what goes in, what comes out. */
struct call {
    struct script *script;
    const struct task *task;
    const char *what;   /* for messages */
    struct sight sight; /* of map and compare */
    struct mapping *mapping;
    const char *key, *second, *target; /* settle */
    bool same;
    char *why;
    char *text[2]; /* yield: key and target; settle: the name */
    int64_t size;
    struct timing timing;
    bool called;
    struct err err;
};

static bool asks(const struct call *call)
{
    return call->sight.touched.source || call->sight.touched.target;
}

static const char *answer_of(const struct call *call)
{
    if (asks(call))
        return "asks for what is not known yet";
    if (call->err.kind != ERR_NONE)
        return call->err.message;
    if (call->mapping)
        return call->mapping->selected ? "taken" : "passed over";
    if (call->why)
        return call->why;
    return call->text[0] ? call->text[0] : "nothing";
}

static void count_call(struct call *call)
{
    struct script *script = call->script;
    const char *whose = call->sight.view[0] ? call->sight.view[0]->key : call->key;

    call->timing.computed_ns = script->vm->computed_ns;
    timings_add(&script->timings, &call->timing, call->err.kind != ERR_NONE, whose, 0,
                answer_of(call));
}

static bool run(struct call *call, lua_CFunction body, struct err *err)
{
    struct err outer = {0};
    call->script->sight = &call->sight;
    if (!vm_run(call->script->vm, body, call, &outer))
        call->err = outer;
    call->script->sight = NULL;
    if (asks(call))
        call->err.kind = ERR_NONE; /* it is run again */
    if (call->called)
        count_call(call);
    if (call->err.kind == ERR_NONE)
        return true;
    *err = call->err;
    return false;
}

/* [-0, +1] */
static void push_function(lua_State *L, const struct call *call, const char *name)
{
    luaL_checkstack(L, 20, NULL);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_FUNCTIONS);
    lua_rawgeti(L, -1, call->task->number);
    lua_getfield(L, -1, name);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* Calls the function below its arguments. */
static bool invoke(lua_State *L, struct call *call, int nargs, int nresults)
{
    struct timings *timings = &call->script->timings;

    call->timing.at = timings_find(timings, L, -nargs - 1, call->what);
    call->called = true;
    return task_run(L, nargs, nresults, call->script->hook_timeout_ms, call->what,
                    call->sight.view[0] ? call->sight.view[0]->key : call->key, &call->err);
}

static char *copy_text(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? xstrdup(lua_tostring(L, index)) : NULL;
}

/* --- where, rename, headers, metadata, ... -------------------------------------------- */

static int map_protected(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    struct mapping *mapping = call->mapping;

    push_function(L, call, "map");
    object_push(L, call->script, 0);
    if (!invoke(L, call, 1, 6))
        return 0;
    mapping->selected = lua_toboolean(L, -6);
    mapping->target = copy_text(L, -5);
    mapping->part_size = lua_tointeger(L, -3);
    mapping->full = lua_toboolean(L, -2);
    if (lua_isnumber(L, -1))
        mapping->priority = lua_tonumber(L, -1);
    lua_pop(L, 3);
    mapping->attributes = value_attributes(L);
    return 0;
}

static bool functions_map(void *ctx, const struct task *task, const struct object_view *object,
                          struct mapping *mapping, struct err *err)
{
    struct call call = {.script = ctx,
                        .task = task,
                        .what = "where, rename or the like",
                        .sight.view = {object, NULL},
                        .mapping = mapping};
    if (!(task->functions & TASK_MAPS)) {
        mapping->selected = true;
        return true;
    }
    bool ok = run(&call, map_protected, err);
    mapping->touched = call.sight.touched;
    return ok;
}

/* --- compare -------------------------------------------------------------------------- */

static int compare_protected(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);

    push_function(L, call, "compare");
    object_push(L, call->script, 0);
    object_push(L, call->script, 1);
    if (!invoke(L, call, 2, 2))
        return 0;
    call->same = lua_toboolean(L, -2);
    const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    snprintf(call->why, 256, "%s",
             why          ? why
             : call->same ? "the same, says the job file"
                          : "not the same, says the job file");
    return 0;
}

static bool functions_compare(void *ctx, const struct task *task, const struct object_view *source,
                              const struct object_view *target, bool *same, char why[256],
                              struct touched *touched, struct err *err)
{
    struct call call = {
        .script = ctx, .task = task, .what = "compare", .sight.view = {source, target}, .why = why};
    bool ok = run(&call, compare_protected, err);
    *same = call.same;
    *touched = call.sight.touched;
    return ok;
}

/* --- keys ----------------------------------------------------------------------------- */

static int yield_protected(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);

    push_function(L, call, "yield");
    if (!invoke(L, call, 0, 3))
        return 0;
    call->text[0] = copy_text(L, -3);
    call->text[1] = copy_text(L, -2);
    call->size = lua_tointeger(L, -1);
    return 0;
}

static char *functions_yield(void *ctx, const struct task *task, struct object_info *info,
                             char **target, struct err *err)
{
    struct call call = {.script = ctx, .task = task, .what = "keys"};
    if (!run(&call, yield_protected, err) || !call.text[0]) {
        free(call.text[0]);
        free(call.text[1]);
        return NULL;
    }
    info->size = call.size;
    *target = call.text[1];
    return call.text[0];
}

/* --- conflict ------------------------------------------------------------------------- */

static int settle_protected(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);

    push_function(L, call, "settle");
    lua_pushstring(L, call->key);
    lua_pushstring(L, call->second);
    lua_pushstring(L, call->target);
    if (invoke(L, call, 3, 1))
        call->text[0] = copy_text(L, -1);
    return 0;
}

static char *functions_settle(void *ctx, const struct task *task, const char *key,
                              const char *other, const char *target, struct err *err)
{
    struct call call = {.script = ctx,
                        .task = task,
                        .what = "conflict",
                        .key = key,
                        .second = other,
                        .target = target};
    if (run(&call, settle_protected, err))
        return call.text[0];
    free(call.text[0]);
    return NULL;
}

void functions_fill(const struct script *script, struct hooks *hooks)
{
    unsigned any = 0;

    for (int i = 0; i < script->job->n_tasks; i++)
        any |= script->job->tasks[i].functions;
    hooks->map = any & TASK_MAPS ? functions_map : NULL;
    hooks->compare = any & TASK_COMPARES ? functions_compare : NULL;
    hooks->yield = any & TASK_YIELDS ? functions_yield : NULL;
    hooks->settle = any & TASK_SETTLES ? functions_settle : NULL;
}
