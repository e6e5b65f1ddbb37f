/* haul.core: credentials as a userdata that shows nothing of what it holds. */
#include "base/log.h"
#include "script/api.h"
#include <lauxlib.h>

#define CREDENTIALS "haul.credentials"

/* The metatable is there before there is anything to free. */
static struct credentials **box_new(lua_State *L)
{
    struct credentials **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, CREDENTIALS);
    return box;
}

/* access_key, secret_key, token or nil, expiry in ms or nil -> credentials */
static int api_credentials(lua_State *L)
{
    const char *access_key = luaL_checkstring(L, 1);
    const char *secret_key = luaL_checkstring(L, 2);
    const char *token = luaL_optstring(L, 3, NULL);
    int64_t expires_ms = luaL_optinteger(L, 4, 0);
    struct credentials **box = box_new(L);
    log_secret(secret_key);
    if (token)
        log_secret(token);
    *box = credentials_new(access_key, secret_key, token, expires_ms);
    return 1;
}

static int api_anonymous(lua_State *L)
{
    struct credentials **box = box_new(L);
    *box = credentials_new("", "", NULL, 0);
    (*box)->anonymous = true;
    return 1;
}

struct credentials *api_credentials_take(lua_State *L, int index)
{
    struct credentials **box = luaL_testudata(L, index, CREDENTIALS);
    struct credentials *credentials = box ? *box : NULL;
    if (box)
        *box = NULL;
    return credentials;
}

static int credentials_gc(lua_State *L)
{
    struct credentials **box = luaL_checkudata(L, 1, CREDENTIALS);
    credentials_free(*box);
    *box = NULL;
    return 0;
}

static int credentials_text(lua_State *L)
{
    lua_pushliteral(L, "credentials");
    return 1;
}

static const luaL_Reg credentials_meta[] = {
    {"__gc", credentials_gc},
    {"__tostring", credentials_text},
    {NULL, NULL},
};

static const luaL_Reg credentials_functions[] = {
    {"anonymous", api_anonymous},
    {"credentials", api_credentials},
    {NULL, NULL},
};

void api_credentials_add(lua_State *L)
{
    luaL_newmetatable(L, CREDENTIALS);
    luaL_setfuncs(L, credentials_meta, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    luaL_setfuncs(L, credentials_functions, 0);
}
