/* haul.core.run.exec: a command, which a hook waits for. */
#include "io/exec.h"
#include "script/api.h"
#include "script/field.h"
#include "script/wait.h"
#include <lauxlib.h>

static int push_end(lua_State *L, struct op *op)
{
    const struct exec *exec = op->in.exec;

    if (op->out.err.kind != ERR_NONE)
        return api_push_failure(L, &op->out.err);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, exec->status);
    lua_setfield(L, -2, "status");
    if (exec->signal) {
        lua_pushinteger(L, exec->signal);
        lua_setfield(L, -2, "signal");
    }
    lua_pushlstring(L, buf_str(&exec->out), exec->out.len);
    lua_setfield(L, -2, "out");
    lua_pushlstring(L, buf_str(&exec->err), exec->err.len);
    lua_setfield(L, -2, "err");
    return 1;
}

/* { words = { ... }, env = { "NAME=value", ... }, stdin =, cwd =, timeout =, max = }, what waits ->
 * { status =, signal =, out =, err = }, or nil, kind, message */
int api_exec(lua_State *L)
{
    struct err err = {0};
    struct exec_options options = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    wait_check(L, luaL_checkstring(L, 2));
    lua_getfield(L, 1, "stdin");
    options.input = lua_tolstring(L, -1, &options.input_len);
    lua_pushvalue(L, 1);
    options.cwd = field_text(L, "cwd");
    options.timeout_ms = field_integer(L, "timeout");
    options.max = (size_t)field_integer(L, "max");
    options.argv = field_borrow_texts(L, "words");
    lua_pushvalue(L, 1);
    options.env = field_borrow_texts(L, "env");
    struct exec *exec = exec_new(&options, &err);
    return exec ? wait_for_op(L, op_new_exec(exec), push_end) : api_push_failure(L, &err);
}
