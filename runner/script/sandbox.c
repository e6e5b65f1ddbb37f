#include "script/sandbox.h"
#include "script/api.h"
#include "script/coroutines.h"
#include "script/embedded.h"
#include "script/vm.h"
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

int luaopen_cjson(lua_State *L); /* lua-cjson brings no header */

/* What leaves the process, loads machine code or makes text of code, by library. */
static const char *const refused[][2] = {
    {"io", "popen"},           {"os", "execute"},  {"os", "exit"},
    {"os", "setlocale"},       {"os", "tmpname"},  {"package", "loadlib"},
    {"package", "searchpath"}, {"string", "dump"},
};

static void remove_refused(lua_State *L)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        lua_getglobal(L, refused[i][0]);
        lua_pushnil(L);
        lua_setfield(L, -2, refused[i][1]);
        lua_pop(L, 1);
    }
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

/* [-0, +1 or +2] */
static int load_from_dir(lua_State *L, const char *dir, const char *name)
{
    const char *rel = luaL_gsub(L, name, ".", "/");
    const char *path = lua_pushfstring(L, "%s/%s/init.lua", dir, rel);
    if (strcmp(name, "haul") != 0)
        path = lua_pushfstring(L, "%s/%s.lua", dir, rel);
    return vm_load_file(L, path);
}

static int load_embedded(lua_State *L, const char *name)
{
    for (const struct embedded_module *m = embedded_modules; m->name; m++) {
        if (strcmp(m->name, name) != 0)
            continue;
        const char *chunk = lua_pushfstring(L, "=%s", name);
        if (luaL_loadbufferx(L, m->source, m->length, chunk, "t") != LUA_OK)
            return lua_error(L);
        return 1;
    }
    lua_pushnil(L);
    lua_pushfstring(L, "no module '%s'", name);
    return 2;
}

static int search_module(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *dir = vm_of(L)->lua_dir;
    int n = dir ? load_from_dir(L, dir, name) : load_embedded(L, name);
    return n == 2 ? 1 : n; /* a searcher says why it found nothing */
}

static void set_searchers(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_createtable(L, 1, 0);
    lua_pushcfunction(L, search_module);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "searchers");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
}

/* No debug: what is needed of it is in haul.core. */
static const luaL_Reg libraries[] = {
    {"_G", luaopen_base},
    {LUA_COLIBNAME, luaopen_coroutine},
    {LUA_IOLIBNAME, luaopen_io},
    {LUA_LOADLIBNAME, luaopen_package},
    {LUA_MATHLIBNAME, luaopen_math},
    {LUA_OSLIBNAME, luaopen_os},
    {LUA_STRLIBNAME, luaopen_string},
    {LUA_TABLIBNAME, luaopen_table},
    {LUA_UTF8LIBNAME, luaopen_utf8},
};

static void load_into_package(lua_State *L, const char *name, lua_CFunction open)
{
    luaL_requiref(L, name, open, 0);
    lua_pop(L, 1);
}

void sandbox_open(lua_State *L)
{
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    remove_refused(L);
    coroutines_open(L);
    api_time_set(L);
    set_searchers(L);
    load_into_package(L, "cjson", luaopen_cjson);
    load_into_package(L, "haul.core", luaopen_haul_core);
    load_into_package(L, "haul.core.run", luaopen_haul_core_run);
}
