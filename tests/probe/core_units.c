/* Plans and retries as Lua functions, for the specs alone. */
#include "core/plan.h"
#include "core/retry.h"
#include "core/window.h"
#include "probe.h"
#include <stdlib.h>
#include <time.h>

/* --- plan and retry ------------------------------------------------------------------- */

static int part_size(lua_State *L)
{
    lua_pushinteger(L, plan_part_size(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2),
                                      luaL_checkinteger(L, 3), luaL_checkinteger(L, 4)));
    return 1;
}

static int part_count(lua_State *L)
{
    lua_pushinteger(L, plan_part_count(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2)));
    return 1;
}

static int part(lua_State *L)
{
    struct span span = plan_part(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2),
                                 (uint32_t)luaL_checkinteger(L, 3));
    lua_pushinteger(L, span.off);
    lua_pushinteger(L, span.len);
    return 2;
}

/* The rule of the table at 1, which is that of the error's kind alone. */
static struct retry_rule get_rule(lua_State *L)
{
    return (struct retry_rule){.attempts = (int)probe_integer(L, 1, "attempts", 5),
                               .base_ms = probe_integer(L, 1, "base_ms", 100),
                               .cap_ms = probe_integer(L, 1, "cap_ms", 20000),
                               .backoff = (enum backoff)probe_integer(L, 1, "backoff", 0),
                               .jitter = (enum jitter)probe_integer(L, 1, "jitter", 0)};
}

/* again(policy, error, attempt, seed) -> boolean, delay_ms */
static int again(lua_State *L)
{
    struct retry_policy policy = {.on = (uint32_t)probe_integer(L, 1, "on", 1 << ERR_NETWORK)};
    struct err err = {.kind = ERR_NETWORK,
                      .retry_after_ms = (int)probe_integer(L, 2, "retry_after_ms", 0),
                      .final = probe_bool(L, 2, "final")};
    const char *kind = probe_text(L, 2, "kind");
    struct rng rng;
    int64_t delay_ms = -1;

    if (kind)
        err_kind_parse(kind, &err.kind);
    policy.rule[err.kind] = get_rule(L);
    rng_seed(&rng, (uint64_t)luaL_checkinteger(L, 4));
    lua_pushboolean(L, retry_again(&policy, &err, (int)luaL_checkinteger(L, 3), &rng, &delay_ms));
    lua_pushinteger(L, delay_ms);
    return 2;
}

/* from, to (minutes), wall_ms, TZ -> open, change_ms */
static int window(lua_State *L)
{
    const struct window times = {true, (int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2)};
    int64_t change_ms;

    setenv("TZ", luaL_checkstring(L, 4), 1);
    tzset();
    lua_pushboolean(L, window_open(&times, luaL_checkinteger(L, 3), &change_ms));
    lua_pushinteger(L, change_ms);
    return 2;
}

int luaopen_core_units(lua_State *L);
int luaopen_core_units(lua_State *L)
{
    static const luaL_Reg functions[] = {{"part_size", part_size},   {"window", window},
                                         {"part_count", part_count}, {"part", part},
                                         {"again", again},           {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
