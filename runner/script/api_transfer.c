/* event.transfer: the object an event is about, as long as it is under way. */
#include "engine/run.h"
#include "script/api.h"
#include "script/event_table.h"
#include "script/state.h"
#include "transfer/transfer.h"
#include <lauxlib.h>

#define TRANSFER "haul.transfer"

static uint64_t check_id(lua_State *L)
{
    return *(const uint64_t *)luaL_checkudata(L, 1, TRANSFER);
}

/* The run, and whether the transfer is still open. */
static struct run *check_open(lua_State *L, uint64_t id, const char *what)
{
    struct script *script = vm_of(L)->owner;
    if (!script->run)
        luaL_error(L, "the job is not running: transfer:%s can be called in a hook only", what);
    if (!run_transfer(script->run, id))
        luaL_error(L, "transfer:%s: the transfer is over", what);
    return script->run;
}

/* transfer, reason */
static int transfer_cancels(lua_State *L)
{
    uint64_t id = check_id(L);
    const char *reason = luaL_optstring(L, 2, "cancelled by the job file");
    run_fail(check_open(L, id, "cancel"), id, ERR_CANCELLED, reason);
    return 0;
}

static void set_integer(lua_State *L, const char *name, int64_t number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

static int transfer_stats(lua_State *L)
{
    uint64_t id = check_id(L);
    const struct transfer *t = run_transfer(check_open(L, id, "stats"), id);

    lua_createtable(L, 0, 8);
    lua_pushstring(L, t->item->key);
    lua_setfield(L, -2, "key");
    lua_pushstring(L, step_name(t->step));
    lua_setfield(L, -2, "step");
    if (t->info.size >= 0)
        set_integer(L, "size", t->info.size);
    set_integer(L, "parts", t->n_parts);
    set_integer(L, "parts_done", t->n_done);
    set_integer(L, "parts_moving", t->n_moving);
    set_integer(L, "tries", t->tries);
    set_integer(L, "restarts", t->restarts);
    return 1;
}

static int transfer_text(lua_State *L)
{
    lua_pushfstring(L, "transfer %d", (int)check_id(L));
    return 1;
}

static const luaL_Reg methods[] = {
    {"cancel", transfer_cancels}, {"stats", transfer_stats}, {NULL, NULL}};

static void push_handle(lua_State *L, uint64_t id)
{
    uint64_t *box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = id;
    luaL_setmetatable(L, TRANSFER);
}

void api_transfer_set(lua_State *L, uint64_t id)
{
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 1);
    push_handle(L, id);
    lua_setfield(L, -2, "transfer");
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

void api_transfer_add(lua_State *L)
{
    luaL_newmetatable(L, TRANSFER);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, transfer_text);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
