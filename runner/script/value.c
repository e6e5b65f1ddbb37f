/*
 * The tables that lua/haul/ has checked and normalised, as C structs.  What is missing or of
 * another type here is haul's own mistake, and the error says which field.
 */
#include "script/value.h"
#include "base/limits.h"
#include "engine/run.h"
#include "script/dials.h"
#include "script/field.h"
#include "script/value.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char *const durabilities[] = {"object", "group", "none", NULL};
static const char *const on_hook_errors[] = {"policy", "fail_object", "stop", NULL};
static const char *const overlaps[] = {"fail", "wait", "skip", NULL};

/* [-0, +0]  A store that only hooks may use can be wrong until they do: they are told why. */
static bool forgive(lua_State *L, const struct err *err)
{
    if (!field_boolean(L, "spare"))
        return false;
    lua_pushstring(L, err->message);
    lua_setfield(L, -2, "fault");
    return true;
}

static bool read_stores(lua_State *L, struct script *script, struct err *err)
{
    int n = field_list(L, "stores");
    script->job->stores = xcalloc((size_t)n + 1, sizeof *script->job->stores);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        bool good = value_read_store(L, script, err) || forgive(L, err);
        lua_pop(L, 1);
        if (!good)
            return false;
    }
    lua_pop(L, 1);
    return true;
}

/* [-0, +0]  { map =, compare =, ... } of each task stay where hooks find them. */
static void keep_functions(lua_State *L)
{
    int n = field_list(L, "tasks");
    lua_createtable(L, n, 0);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -2, i);
        lua_getfield(L, -1, "functions");
        lua_rawseti(L, -3, i);
        lua_pop(L, 1);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_FUNCTIONS);
    lua_pop(L, 1);
}

static void read_window(lua_State *L, struct window *window)
{
    lua_getfield(L, -1, "window");
    window->set = lua_istable(L, -1);
    if (window->set) {
        window->from_min = field_int(L, "from");
        window->to_min = field_int(L, "to");
    }
    lua_pop(L, 1);
}

static void read_breaker(lua_State *L, struct breaker *breaker)
{
    lua_getfield(L, -1, "breaker");
    if (lua_istable(L, -1)) {
        breaker->share = field_number(L, "share");
        breaker->count = field_integer(L, "count");
        breaker->of = field_integer(L, "of");
    }
    lua_pop(L, 1);
}

static void read_tasks(lua_State *L, struct job *job)
{
    int n = field_list(L, "tasks");
    job->tasks = xcalloc((size_t)n + 1, sizeof *job->tasks);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        value_read_task(L, job);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* [table of event -> function] -> bits */
static uint64_t read_wants(lua_State *L)
{
    uint64_t wants = 0;
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        lua_getfield(L, -1, event_name((enum event_kind)kind));
        if (lua_isfunction(L, -1))
            wants |= UINT64_C(1) << kind;
        lua_pop(L, 1);
    }
    return wants;
}

static void read_handlers(lua_State *L, struct script *script)
{
    lua_getfield(L, -1, "handlers"); /* [0]: the job's; then the tasks' */
    script->wants = xcalloc((size_t)script->job->n_tasks + 1, sizeof *script->wants);
    for (int i = 0; i <= script->job->n_tasks; i++) {
        lua_rawgeti(L, -1, i);
        script->wants[i] = read_wants(L);
        lua_pop(L, 1);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_HANDLERS);
    static const char *const names[][2] = {{"providers", SCRIPT_PROVIDERS},
                                           {"running", SCRIPT_JOB},
                                           {"state", SCRIPT_STATE},
                                           {"decide", SCRIPT_DECIDE}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(L, -1, names[i][0]);
        lua_setfield(L, LUA_REGISTRYINDEX, names[i][1]);
    }
}

/* Where strands are kept, and what their handles know of them. */
static void make_tables(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_STRANDS);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_SPAWNED);
}

bool value_read_job(lua_State *L, struct script *script, struct err *err)
{
    luaL_checkstack(L, 20, NULL);
    struct job *job = script->job = xcalloc(1, sizeof *job);
    job->name = xstrdup(field_need_text(L, "name"));
    job->file = xstrdup(script->file);
    job->concurrency = field_int(L, "concurrency");
    job->lanes = field_int(L, "lanes");
    job->workers = field_int(L, "workers");
    job->rate = field_integer(L, "rate");
    job->durability = (enum durability)field_word(L, "durability", durabilities);
    job->overlap = (enum overlap)field_word(L, "overlap", overlaps);
    read_window(L, &job->window);
    read_breaker(L, &job->breaker);
    value_read_retry(L, &job->retry);
    script->hook_timeout_ms = field_integer(L, "hook_timeout");
    script->hook_memory = field_integer(L, "hook_memory");
    script->on_hook_error = (enum on_hook_error)field_word(L, "on_hook_error", on_hook_errors);
    if (!read_stores(L, script, err))
        return false;
    read_tasks(L, job);
    dials_read(L, job);
    read_handlers(L, script);
    keep_functions(L);
    make_tables(L);
    return true;
}

static const char *const decisions[] = {"policy", "retry", "skip", "fail",
                                        "defer",  "stop",  "veto", NULL};

const char *value_decision_name(enum decision_kind kind)
{
    return decisions[kind];
}

void value_read_decision(lua_State *L, struct decision *decision)
{
    const char *reason = field_text(L, "reason");
    decision->kind = (enum decision_kind)field_word(L, "kind", decisions);
    decision->after_ms = field_integer(L, "after");
    decision->part_size = field_integer(L, "part_size");
    decision->refresh_credentials = field_boolean(L, "refresh_credentials");
    size_t len = reason ? strlen(reason) : 0;
    if (len >= sizeof decision->reason)
        len = sizeof decision->reason - 1;
    memcpy(decision->reason, reason ? reason : "", len);
    decision->reason[len] = '\0';
}
