#include "script/dials.h"
#include "base/buf.h"
#include "script/event_table.h"
#include "script/field.h"
#include "script/task.h"
#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *const dial_kinds[] = {"rate", "concurrency", "read", "write", "requests", "task", NULL};

static void read_spans(lua_State *L, struct schedule *schedule)
{
    int n = field_list(L, "spans");

    schedule->span = xcalloc((size_t)n + 1, sizeof *schedule->span);
    for (; schedule->n < n; schedule->n++) {
        lua_rawgeti(L, -1, schedule->n + 1);
        schedule->span[schedule->n] = (struct schedule_span){.days = (unsigned)field_int(L, "days"),
                                                             .from_min = field_int(L, "from"),
                                                             .to_min = field_int(L, "to"),
                                                             .value = field_integer(L, "value")};
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void dials_read(lua_State *L, struct job *job)
{
    int n = field_list(L, "dials");

    job->dials = xcalloc((size_t)n + 1, sizeof *job->dials);
    for (int i = 1; i <= n; i++) {
        struct dial *dial = &job->dials[job->n_dials++];
        lua_rawgeti(L, -1, i);
        dial->kind = (enum dial_kind)field_word(L, "kind", dial_kinds);
        dial->index = field_int(L, "place") - 1;
        dial->call = field_int(L, "call");
        dial->schedule.otherwise = field_integer(L, "otherwise");
        read_spans(L, &dial->schedule);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lua_getfield(L, -1, "dial_functions");
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_DIALS);
}

/* --- asking --------------------------------------------------------------------------- */

struct asking {
    struct script *script;
    int call;
    int64_t wall_ms, value;
    const struct totals *totals;
    struct timing timing;
    bool called; /* timing.at is known */
    struct err err;
};

static void set_field(lua_State *L, const char *name, int value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* [-0, +1]  As os.date("*t"), and `time`. */
static void push_now(lua_State *L, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    localtime_r(&seconds, &tm);
    lua_createtable(L, 0, 10);
    set_field(L, "year", tm.tm_year + 1900);
    set_field(L, "month", tm.tm_mon + 1);
    set_field(L, "day", tm.tm_mday);
    set_field(L, "hour", tm.tm_hour);
    set_field(L, "min", tm.tm_min);
    set_field(L, "sec", tm.tm_sec);
    set_field(L, "wday", tm.tm_wday + 1);
    set_field(L, "yday", tm.tm_yday + 1);
    lua_pushboolean(L, tm.tm_isdst > 0);
    lua_setfield(L, -2, "isdst");
    lua_pushnumber(L, (double)wall_ms / 1e3);
    lua_setfield(L, -2, "time");
}

static int ask_protected(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);

    luaL_checkstack(L, 20, NULL);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_DIALS);
    lua_rawgeti(L, -1, asking->call);
    push_now(L, asking->wall_ms);
    totals_push(L, asking->totals);
    asking->timing.at = timings_find(&asking->script->timings, L, -3, "limit");
    asking->called = true;
    if (!task_run(L, 2, 2, asking->script->hook_timeout_ms, "limit", NULL, &asking->err))
        return 0;
    if (lua_isinteger(L, -2))
        asking->value = lua_tointeger(L, -2);
    else
        err_set(&asking->err, ERR_SCRIPT, "%s", lua_tostring(L, -1));
    return 0;
}

static void count_call(struct asking *asking)
{
    bool failed = asking->err.kind != ERR_NONE;
    char answer[32];

    snprintf(answer, sizeof answer, "%" PRId64, asking->value);
    asking->timing.computed_ns = asking->script->vm->computed_ns;
    timings_add(&asking->script->timings, &asking->timing, failed, NULL, 0,
                failed ? asking->err.message : answer);
}

static bool hooks_dial(void *ctx, int call, int64_t wall_ms, const struct totals *totals,
                       int64_t *value, struct err *err)
{
    struct asking asking = {.script = ctx, .call = call, .wall_ms = wall_ms, .totals = totals};
    struct err outer = {0};

    if (!vm_run(asking.script->vm, ask_protected, &asking, &outer))
        asking.err = outer;
    if (asking.called)
        count_call(&asking);
    if (asking.err.kind != ERR_NONE) {
        *err = asking.err;
        err->final = asking.script->on_hook_error == ERROR_STOP;
        return false;
    }
    *value = asking.value;
    return true;
}

void dials_fill(const struct script *script, struct hooks *hooks)
{
    for (int i = 0; i < script->job->n_dials; i++)
        if (script->job->dials[i].call)
            hooks->dial = hooks_dial;
}
