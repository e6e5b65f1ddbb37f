/* Lanes for the specs: object calls over real sockets, alone or in pairs. */
#include "fields.h"
#include "io/io.h"
#include "io/throttle.h"
#include <stdlib.h>
#include <string.h>

#define STORES  4
#define OPS_MAX 64

int luaopen_lane(lua_State *L);

struct world {
    struct io *io;
    struct store *store[STORES];
    struct bucket *rate[STORES];
    struct credentials *credentials[STORES];
    int n_stores;
    struct op *op[OPS_MAX];
    int n_ops;
    int64_t cancel_at; /* bytes sent; -1: never */
};

/* --- what is asked -------------------------------------------------------------------- */

static enum store_kind kind_of(lua_State *L, const char *name)
{
    if (!strcmp(name, "s3"))
        return STORE_S3;
    if (!strcmp(name, "oss"))
        return STORE_OSS;
    if (!strcmp(name, "tos"))
        return STORE_TOS;
    if (!strcmp(name, "web"))
        return STORE_WEB;
    return (enum store_kind)luaL_error(L, "no store '%s'", name);
}

/* The store in the table on top of the stack. */
static void make_store(lua_State *L, struct world *world)
{
    int at = lua_gettop(L), n = world->n_stores++;
    struct store *store = world->store[n] = xcalloc(1, sizeof *store);
    const char *access = probe_text(L, at, "access_key"), *ca = probe_text(L, at, "ca");
    int64_t rate = probe_integer(L, at, "rate", -1);
    struct err err = {0};
    store->kind = kind_of(L, probe_text(L, at, "kind"));
    http_fields_init(&store->headers, FIELDS_MAX);
    const struct store_options options = {.bucket = probe_text(L, at, "bucket"),
                                          .region = probe_text(L, at, "region"),
                                          .endpoint = probe_text(L, at, "endpoint")};
    if (!store_resolve(store, &options, &err))
        luaL_error(L, "%s", err.message);
    store->ca_file = ca ? xstrdup(ca) : NULL;
    store->stall_timeout_ms = (int)probe_integer(L, at, "stall_ms", 0);
    if (access)
        world->credentials[n] = credentials_new(access, probe_text(L, at, "secret_key"), NULL, 0);
    if (rate >= 0)
        world->rate[n] = bucket_new(rate, 32 << 10);
}

static enum call_kind call_of(lua_State *L, const char *name)
{
    for (int kind = 0; kind < CALL_KINDS; kind++) {
        if (!strcmp(call_name(kind), name))
            return (enum call_kind)kind;
    }
    return (enum call_kind)luaL_error(L, "no call '%s'", name);
}

/* The op in the table on top of the stack, with what feeds it. */
static struct op *make_op(lua_State *L, struct world *world, const char *otherwise)
{
    int at = lua_gettop(L), n = (int)probe_integer(L, at, "store", 1) - 1;
    const char *call = probe_text(L, at, "call"), *sum = probe_text(L, at, "sum");
    struct op *op = op_new(OP_CALL);
    op->in.call.kind = call_of(L, call ? call : otherwise);
    op->in.store = world->store[n];
    op->in.credentials = world->credentials[n];
    op->in.bytes[1] = world->rate[n];
    op->in.call.key = probe_text(L, at, "key");
    op->in.call.off = probe_integer(L, at, "off", 0);
    op->in.call.len = probe_integer(L, at, "len", -1);
    op->in.call.total = probe_integer(L, at, "total", -1);
    op->in.call.if_match = probe_text(L, at, "if_match");
    op->in.memory = probe_text(L, at, "memory");
    op->in.memory_max = probe_integer(L, at, "memory_max", 0);
    op->in.want_md5 = probe_bool(L, at, "md5");
    if (sum)
        sum_parse(sum, &op->in.sum_kind);
    lua_getfield(L, at, "feed");
    if (lua_istable(L, -1))
        op->in.feed = make_op(L, world, "get");
    lua_pop(L, 1);
    lua_getfield(L, at, "also");
    if (lua_istable(L, -1))
        op->in.also = make_op(L, world, "put");
    lua_pop(L, 1);
    return op;
}

static void each(lua_State *L, const char *name, int max, void (*make)(lua_State *, struct world *),
                 struct world *world)
{
    lua_getfield(L, 1, name);
    luaL_argcheck(L, luaL_len(L, -1) <= max, 1, name);
    for (int i = 1; i <= (int)luaL_len(L, -1); i++) {
        lua_geti(L, -1, i);
        make(L, world);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void add_op(lua_State *L, struct world *world)
{
    world->op[world->n_ops++] = make_op(L, world, "get");
}

/* --- what came of it ------------------------------------------------------------------ */

static void push_op(lua_State *L, const struct op *op)
{
    char hex[2 * MD5_LEN + 1];
    lua_createtable(L, 0, 12);
    probe_failure(L, &op->out.err);
    lua_setfield(L, -3, "err");
    lua_pop(L, 1);
    set_integer(L, "moved", op->out.moved);
    set_integer(L, "size", op->out.answer.info.size);
    set_text(L, "etag", op->out.answer.info.etag);
    set_hex(L, "sum", op->out.sum);
    set_buf(L, "body", &op->out.body);
    digest_hex(op->out.md5, MD5_LEN, hex);
    set_text(L, "md5", hex);
    set_integer(L, "ms", (op->out.ended_ns - op->out.started_ns) / 1000000);
    set_bool(L, "fed_badly", op->out.fed_badly);
    if (op->in.feed) {
        push_op(L, op->in.feed);
        lua_setfield(L, -2, "feed");
    }
    if (op->in.also) {
        push_op(L, op->in.also);
        lua_setfield(L, -2, "also");
    }
}

static void cancel_when_due(struct world *world)
{
    struct io_stats stats;

    io_stats(world->io, &stats);
    for (int i = 0; i < world->n_ops && stats.sent >= world->cancel_at; i++)
        for (struct op *op = world->op[i]; op; op = op->in.also)
            atomic_store(&op->cancel, true);
}

/* Runs them all; true when each came back once. */
static bool run_all(struct world *world)
{
    int n_back[OPS_MAX] = {0}, left = world->n_ops;

    for (int i = 0; i < world->n_ops; i++)
        io_submit(world->io, world->op[i]);
    for (struct op *op; left > 0;) {
        for (op = io_collect(world->io, world->cancel_at < 0 ? -1 : 2); op; op = op->next) {
            left--;
            for (int i = 0; i < world->n_ops; i++)
                n_back[i] += op == world->op[i];
        }
        if (world->cancel_at >= 0)
            cancel_when_due(world);
    }
    bool once = !io_collect(world->io, 0);
    for (int i = 0; i < world->n_ops; i++)
        once = once && n_back[i] == 1;
    return once;
}

static void world_free(struct world *world)
{
    io_free(world->io);
    for (int i = 0; i < world->n_ops; i++)
        op_free(world->op[i]);
    for (int i = 0; i < world->n_stores; i++) {
        if (world->rate[i])
            bucket_free(world->rate[i]);
        credentials_free(world->credentials[i]);
        store_free(world->store[i]);
    }
}

/* run { lanes =, connections =, cancel_at = bytes sent, stores = {...}, ops = {...} }: a list of
 * what came of each op. */
static int run(lua_State *L)
{
    struct world world = {.cancel_at = probe_integer(L, 1, "cancel_at", -1)};
    const struct io_config config = {.n_lanes = (int)probe_integer(L, 1, "lanes", 0),
                                     .n_workers = 1,
                                     .n_connections = (int)probe_integer(L, 1, "connections", 4),
                                     .buffer = 1 << 20};
    each(L, "stores", STORES, make_store, &world);
    each(L, "ops", OPS_MAX, add_op, &world);
    world.io = io_new(&config);
    bool once = run_all(&world);
    lua_createtable(L, world.n_ops, 1);
    for (int i = 0; i < world.n_ops; i++) {
        push_op(L, world.op[i]);
        lua_seti(L, -2, i + 1);
    }
    set_bool(L, "once", once);
    world_free(&world);
    return 1;
}

static const luaL_Reg functions[] = {
    {"run", run},
    {NULL, NULL},
};

int luaopen_lane(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushinteger(L, LIMIT_RELAY);
    lua_setfield(L, -2, "ring");
    return 1;
}
