/* haul.core.run.http: a request to any address, which a hook waits for. */
#include "io/web.h"
#include "script/api.h"
#include "script/field.h"
#include "script/wait.h"
#include <lauxlib.h>

int api_push_failure(lua_State *L, const struct err *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err_kind_name(err->kind));
    lua_pushstring(L, err->message);
    return 3;
}

static void set_text(lua_State *L, const char *name, const struct buf *text)
{
    lua_pushlstring(L, buf_str(text), text->len);
    lua_setfield(L, -2, name);
}

/* [-0, +1]  name -> value; of a name that comes more than once, all of them. */
static void push_headers(lua_State *L, const struct http_fields *headers)
{
    lua_createtable(L, 0, headers->n);
    for (int i = 0; i < headers->n; i++) {
        lua_pushstring(L, http_fields_name(headers, i));
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
        if (lua_isnil(L, -1))
            lua_pushstring(L, http_fields_value(headers, i));
        else
            lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), http_fields_value(headers, i));
        lua_remove(L, -2);
        lua_rawset(L, -3);
    }
}

static int push_answer(lua_State *L, struct op *op)
{
    const struct http_reply *reply = &op->in.web->reply;

    if (op->out.err.kind != ERR_NONE)
        return api_push_failure(L, &op->out.err);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, reply->status);
    lua_setfield(L, -2, "status");
    push_headers(L, &reply->headers);
    lua_setfield(L, -2, "headers");
    set_text(L, "body", &reply->body);
    return 1;
}

/* { url =, method =, headers = { name, value, ... }, body =, timeout =, ca =, proxy =, max = },
 * what waits -> { status =, headers =, body = }, or nil, kind, message */
int api_http(lua_State *L)
{
    struct err err = {0};
    struct web_options options = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    wait_check(L, luaL_checkstring(L, 2));
    lua_getfield(L, 1, "body");
    options.body = lua_tolstring(L, -1, &options.body_len);
    lua_pushvalue(L, 1);
    options.url = field_need_text(L, "url");
    options.method = field_need_text(L, "method");
    options.ca_file = field_text(L, "ca");
    options.proxy = field_text(L, "proxy");
    options.timeout_ms = field_int(L, "timeout");
    options.max = (size_t)field_integer(L, "max");
    options.headers = field_borrow_texts(L, "headers");
    struct web *web = web_new(&options, &err);
    return web ? wait_for_op(L, op_new_http(web), push_answer) : api_push_failure(L, &err);
}
