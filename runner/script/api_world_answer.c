/* What scripts of a simulated job ask of others: questions and answers as tables. */
#include "base/limits.h"
#include "io/exec.h"
#include "io/op.h"
#include "io/web.h"
#include "script/api.h"
#include "script/field.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static void set_bytes(lua_State *L, const char *name, const struct buf *bytes)
{
    lua_pushlstring(L, buf_str(bytes), bytes->len);
    lua_setfield(L, -2, name);
}

static void push_fields(lua_State *L, const struct http_fields *fields)
{
    lua_newtable(L);
    for (int i = 0; i < fields->n; i++) {
        lua_pushstring(L, http_fields_value(fields, i));
        lua_setfield(L, -2, http_fields_name(fields, i));
    }
}

/* { method, url, headers, body } */
static void push_web(lua_State *L, const struct web *web)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, http_method_name(web->request.method));
    lua_setfield(L, -2, "method");
    lua_pushfstring(L, "%s://%s%s", web->store.https ? "https" : "http", web->store.host,
                    buf_str(&web->request.target));
    lua_setfield(L, -2, "url");
    push_fields(L, &web->request.headers);
    lua_setfield(L, -2, "headers");
    set_bytes(L, "body", &web->request.body);
}

/* { words..., stdin } */
static void push_exec(lua_State *L, const struct exec *exec)
{
    lua_newtable(L);
    for (int i = 0; exec->argv[i]; i++) {
        lua_pushstring(L, exec->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    set_bytes(L, "stdin", &exec->input);
}

/* The bytes of a field of the answer on top; nothing where it is absent. */
static bool take_bytes(lua_State *L, const char *name, struct buf *into)
{
    size_t len = 0;

    lua_getfield(L, -1, name);
    const char *bytes = lua_tolstring(L, -1, &len);
    bool ok = !bytes || buf_add(into, bytes, len);
    lua_pop(L, 1);
    return ok;
}

static void take_headers(lua_State *L, struct http_fields *into)
{
    if (lua_getfield(L, -1, "headers") == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            if (lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1))
                http_fields_add(into, lua_tostring(L, -2), lua_tostring(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static int status_of(lua_State *L, int otherwise)
{
    lua_getfield(L, -1, "status");
    int status = (int)luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return status;
}

static bool take_answer(lua_State *L, struct op *op)
{
    if (op->kind == OP_HTTP) {
        struct web *web = op->in.web;
        web->reply.status = status_of(L, 200);
        take_headers(L, &web->reply.headers);
        web->reply.body.max = web->max;
        return take_bytes(L, "body", &web->reply.body);
    }
    op->in.exec->status = status_of(L, 0);
    return take_bytes(L, "out", &op->in.exec->out) && take_bytes(L, "err", &op->in.exec->err);
}

/* { error = kind, message = } on top: nobody answered. */
static bool take_error(lua_State *L, struct op *op)
{
    enum err_kind kind = ERR_NETWORK;
    const char *word, *message;
    bool fails = lua_getfield(L, -1, "error") == LUA_TSTRING;

    word = lua_tostring(L, -1);
    lua_getfield(L, -2, "message");
    message = lua_tostring(L, -1);
    if (fails) {
        if (!err_kind_parse(word, &kind))
            luaL_error(L, "an answer has no error '%s'", word);
        err_set(&op->out.err, kind, "%s", message ? message : "nobody answered");
    }
    lua_pop(L, 2);
    return fails;
}

static int answer_protected(lua_State *L)
{
    struct op *op = lua_touserdata(L, 2);

    lua_settop(L, 1);
    lua_pushstring(L, op->kind == OP_HTTP ? "http" : "exec");
    if (op->kind == OP_HTTP)
        push_web(L, op->in.web);
    else
        push_exec(L, op->in.exec);
    lua_call(L, 2, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    if (!take_error(L, op) && !take_answer(L, op))
        err_set(&op->out.err, ERR_INVALID, "the answer is longer than was asked for");
    return 0;
}

bool api_world_answer(lua_State *L, int answer, struct op *op, struct err *err)
{
    lua_pushcfunction(L, answer_protected);
    lua_pushvalue(L, answer);
    lua_pushlightuserdata(L, op);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return true;
    err_set(err, ERR_SCRIPT, "%s", luaL_tolstring(L, -1, NULL));
    lua_pop(L, 2);
    return false;
}
