/* What scripts may ask of the world outside, for the specs: requests and commands, through io. */
#include "base/clock.h"
#include "fields.h"
#include "io/exec.h"
#include "io/io.h"
#include "io/web.h"
#include <stdlib.h>
#include <string.h>

int luaopen_outside(lua_State *L);

/* Runs them all; with `cancel_ms` they are cancelled after that time. */
static void run_all(struct op **op, int n, int lanes, int64_t cancel_ms)
{
    struct io *io = io_new(&(struct io_config){
        .n_lanes = lanes, .n_workers = 1, .n_connections = 2, .buffer = 1 << 20});
    int64_t end_ms = cancel_ms < 0 ? INT64_MAX : clock_mono_ms() + cancel_ms;

    for (int i = 0; i < n; i++)
        io_submit(io, op[i]);
    for (int left = n; left > 0;) {
        for (struct op *done = io_collect(io, cancel_ms < 0 ? -1 : 5); done; done = done->next)
            left--;
        for (int i = 0; i < n && clock_mono_ms() >= end_ms; i++)
            atomic_store(&op[i]->cancel, true);
    }
    io_free(io);
}

static void set_ms(lua_State *L, const struct op *op)
{
    set_integer(L, "ms", (op->out.ended_ns - op->out.started_ns) / 1000000);
}

/* [-0, +1]  The list in the field `name`, borrowed of the table; NULL: there is none. */
static const char *const *get_texts(lua_State *L, const char *name)
{
    const char **texts = NULL;

    lua_getfield(L, 1, name);
    if (lua_istable(L, -1)) {
        int n = (int)luaL_len(L, -1);
        texts = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *texts, 0);
        for (int i = 0; i < n; i++) {
            lua_geti(L, -2, i + 1);
            texts[i] = luaL_checkstring(L, -1);
            lua_pop(L, 1);
        }
        texts[n] = NULL;
    }
    return texts;
}

/* --- http ----------------------------------------------------------------------------- */

/* http { url =, method =, headers = { name, value, ... }, body =, timeout_ms =, max =, ca =,
 * lanes =, cancel_ms = }: { status, headers, body }, or nil and the error. */
static int http(lua_State *L)
{
    struct err err = {0};
    size_t body_len = 0;

    lua_getfield(L, 1, "body");
    const char *body = lua_tolstring(L, -1, &body_len);
    const struct web_options options = {.url = probe_text(L, 1, "url"),
                                        .method = probe_text(L, 1, "method"),
                                        .headers = get_texts(L, "headers"),
                                        .body = body,
                                        .body_len = body_len,
                                        .ca_file = probe_text(L, 1, "ca"),
                                        .timeout_ms = (int)probe_integer(L, 1, "timeout_ms", 0),
                                        .max = (size_t)probe_integer(L, 1, "max", 0)};
    struct web *web = web_new(&options, &err);
    if (!web)
        return probe_failure(L, &err);
    struct op *op = op_new_http(web);
    run_all(&op, 1, (int)probe_integer(L, 1, "lanes", 1), probe_integer(L, 1, "cancel_ms", -1));
    lua_newtable(L);
    set_integer(L, "status", web->reply.status);
    set_fields(L, "headers", &web->reply.headers);
    set_buf(L, "body", &web->reply.body);
    set_ms(L, op);
    int n = op->out.err.kind ? probe_failure(L, &op->out.err) : 1;
    op_free(op);
    return n;
}

/* --- exec ----------------------------------------------------------------------------- */

static struct op *make_exec(lua_State *L)
{
    struct exec_options options = {.argv = get_texts(L, "argv"),
                                   .env = get_texts(L, "env"),
                                   .cwd = probe_text(L, 1, "cwd"),
                                   .timeout_ms = probe_integer(L, 1, "timeout_ms", 10000),
                                   .max = (size_t)probe_integer(L, 1, "max", 1 << 20)};
    struct err err = {0};
    lua_getfield(L, 1, "input");
    options.input = lua_tolstring(L, -1, &options.input_len);
    struct exec *exec = exec_new(&options, &err);
    if (!exec)
        luaL_error(L, "%s", err.message);
    return op_new_exec(exec);
}

/* exec { argv = {}, env = {}, input =, cwd =, timeout_ms =, max =, lanes =, cancel_ms =, times = }:
 * { status, signal, out, err, ms } of the last of them, and how long all took, or nil and the
 * error. */
static int exec(lua_State *L)
{
    struct op *op[32];
    int times = (int)probe_integer(L, 1, "times", 1);
    int64_t began_ms = clock_mono_ms();

    luaL_argcheck(L, times > 0 && times <= 32, 1, "times");
    for (int i = 0; i < times; i++)
        op[i] = make_exec(L);
    run_all(op, times, (int)probe_integer(L, 1, "lanes", 1), probe_integer(L, 1, "cancel_ms", -1));
    struct op *last = op[times - 1];
    lua_newtable(L);
    set_integer(L, "status", last->in.exec->status);
    set_integer(L, "signal", last->in.exec->signal);
    set_buf(L, "out", &last->in.exec->out);
    set_buf(L, "err", &last->in.exec->err);
    set_ms(L, last);
    set_integer(L, "all_ms", clock_mono_ms() - began_ms);
    int n = last->out.err.kind ? probe_failure(L, &last->out.err) : 1;
    for (int i = 0; i < times; i++)
        op_free(op[i]);
    return n;
}

static const luaL_Reg functions[] = {
    {"http", http},
    {"exec", exec},
    {NULL, NULL},
};

int luaopen_outside(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
