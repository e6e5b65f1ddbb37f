/* haul.core: units, log, vocabulary and where in the job file something was called. */
#include "base/clock.h"
#include "base/glob.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "core/event.h"
#include "core/retry.h"
#include "script/api.h"
#include "script/value.h"
#include "script/vm.h"
#include <lauxlib.h>

static int api_show_size(lua_State *L)
{
    char text[32];
    units_show_size(text, luaL_checkinteger(L, 1));
    lua_pushstring(L, text);
    return 1;
}

static int api_log(lua_State *L)
{
    enum log_level level;
    const char *word = luaL_checkstring(L, 1);
    if (!log_level_parse(word, &level))
        return luaL_argerror(L, 1, "not a log level");
    log_line(level, "%s", luaL_checkstring(L, 2));
    return 0;
}

static int api_secret(lua_State *L)
{
    log_secret(luaL_checkstring(L, 1));
    return 0;
}

static int api_now(lua_State *L)
{
    lua_pushnumber(L, (double)clock_wall_ms() / 1e3);
    return 1;
}

/* Milliseconds since 1970 of an HTTP or ISO 8601 date, or nil. */
static int api_date(lua_State *L)
{
    int64_t ms;
    if (http_date(luaL_checkstring(L, 1), &ms))
        lua_pushinteger(L, ms);
    else
        lua_pushnil(L);
    return 1;
}

/* "jobs/x.lua:12" of the first Lua function at `level` or above it. */
static void push_where(lua_State *L, int level)
{
    lua_Debug ar;
    for (; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0)
            continue;
        bool named = *ar.source == '@' || *ar.source == '=';
        lua_pushfstring(L, "%s:%d", named ? ar.source + 1 : ar.short_src, ar.currentline);
        return;
    }
    lua_pushliteral(L, "?");
}

static int api_where(lua_State *L)
{
    push_where(L, (int)luaL_optinteger(L, 1, 1));
    return 1;
}

static int located_end(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    return lua_gettop(L);
}

/* What it calls may wait. */
static int located_call(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    push_where(L, 1);
    lua_insert(L, 2);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, located_end);
    return lua_gettop(L);
}

/* f -> a function that calls f(where, ...).  It must be C: `return haul.job {...}` is a tail call,
 * and a Lua function called so has no caller left to ask for its line. */
static int api_located(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushcclosure(L, located_call, 1);
    return 1;
}

/* Is the time of the running hook over? */
static int api_expired(lua_State *L)
{
    struct vm *vm = vm_of(L);
    lua_pushboolean(L, vm && vm->expired);
    return 1;
}

/* pattern -> nil, or why it is none */
static int api_glob_fault(lua_State *L)
{
    struct err err = {0};
    if (glob_check(luaL_checkstring(L, 1), &err))
        return 0;
    lua_pushstring(L, err.message);
    return 1;
}

/* A retry rule as haul.policy makes it, an attempt from 1 and a seed -> milliseconds */
static int api_retry_wait(lua_State *L)
{
    struct retry_rule rule;
    struct rng rng;
    int64_t attempt = luaL_checkinteger(L, 2);
    rng_seed(&rng, (uint64_t)luaL_checkinteger(L, 3));
    luaL_argcheck(L, attempt >= 1 && attempt <= INT32_MAX, 2, "no attempt");
    lua_settop(L, 1);
    value_read_rule(L, &rule);
    lua_pushinteger(L, retry_wait(&rule, (int)attempt, &rng));
    return 1;
}

static void add_words(lua_State *L)
{
    lua_createtable(L, EVENT_KIND_COUNT, 0);
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        lua_pushstring(L, event_name((enum event_kind)i));
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "events");
    lua_createtable(L, ERR_KIND_COUNT, 0);
    for (int i = 1; i < ERR_KIND_COUNT; i++) {
        lua_pushstring(L, err_kind_name((enum err_kind)i));
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, -2, "kinds");
}

static const struct {
    const char *name;
    int64_t value;
} limits[] = {
    {"attributes", HTTP_FIELDS_MAX},
    {"concurrency", LIMIT_CONCURRENCY},
    {"key", LIMIT_KEY},
    {"lanes", LIMIT_LANES},
    {"metadata", LIMIT_METADATA},
    {"object_size", LIMIT_OBJECT_SIZE},
    {"parts", LIMIT_PARTS},
    {"single_put", LIMIT_SINGLE_PUT},
    {"state", LIMIT_STATE},
};

static void add_limits(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        lua_pushinteger(L, limits[i].value);
        lua_setfield(L, -2, limits[i].name);
    }
    lua_setfield(L, -2, "limits");
}

static const luaL_Reg core_functions[] = {
    {"date", api_date},
    {"expired", api_expired},
    {"glob_fault", api_glob_fault},
    {"located", api_located},
    {"log", api_log},
    {"now", api_now},
    {"retry_wait", api_retry_wait},
    {"secret", api_secret},
    {"show_size", api_show_size},
    {"where", api_where},
    {NULL, NULL},
};

int luaopen_haul_core(lua_State *L)
{
    luaL_newlib(L, core_functions);
    api_units_add(L);
    add_words(L);
    add_limits(L);
    api_file_add(L);
    api_credentials_add(L);
    return 1;
}
