#include "script/tester.h"
#include "base/log.h"
#include "script/api.h"
#include "script/embedded.h"
#include "script/vm.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static int load_embedded(lua_State *L, const char *name)
{
    const struct embedded_module *module = embedded_modules;
    const char *chunk = lua_pushfstring(L, "=%s", name);

    while (module->name && strcmp(module->name, name))
        module++;
    if (!module->name)
        return luaL_error(L, "no module '%s'", name);
    if (luaL_loadbufferx(L, module->source, module->length, chunk, "t") != LUA_OK)
        return lua_error(L);
    return 1;
}

/* A module of ours, from the directory of HAUL_LUA where that is set. */
static int load_module(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1), *dir = getenv("HAUL_LUA");

    if (dir && *dir) {
        const char *path = lua_pushfstring(L, "%s/%s.lua", dir, luaL_gsub(L, name, ".", "/"));
        if (vm_load_file(L, path) != 1)
            return luaL_error(L, "%s", lua_tostring(L, -1));
    } else {
        load_embedded(L, name);
    }
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static void preload(lua_State *L, const char *name, lua_CFunction load)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, load);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

struct testing {
    const char *const *words;
    int n, status;
};

static int test_protected(lua_State *L)
{
    struct testing *testing = lua_touserdata(L, 1);

    luaL_openlibs(L);
    preload(L, "haul.test", load_module);
    preload(L, "haul.tester", load_module);
    preload(L, "haul.test.core", luaopen_haul_test_core);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "haul.tester");
    lua_call(L, 1, 1);
    lua_createtable(L, testing->n, 0);
    for (int i = 0; i < testing->n; i++) {
        lua_pushstring(L, testing->words[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_call(L, 1, 2);
    testing->status = (int)luaL_checkinteger(L, -2);
    if (!lua_isnil(L, -1))
        log_error("%s", luaL_checkstring(L, -1));
    return 0;
}

int script_test(const char *const *words, int n)
{
    struct testing testing = {.words = words, .n = n, .status = 2};
    lua_State *L = luaL_newstate();

    if (!L) {
        log_error("no memory for the specs");
        return 2;
    }
    lua_pushcfunction(L, test_protected);
    lua_pushlightuserdata(L, &testing);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        log_error("%s", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return testing.status;
}
