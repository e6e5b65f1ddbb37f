/* runner/io for the specs: token buckets with a clock of the spec's own, paths, walks, and ops run
 * inline, without threads. */
#include "io/io.h"
#include "io/file.h"
#include "io/head.h"
#include "io/throttle.h"
#include "io/toll.h"
#include "io/walk.h"
#include "probe.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int luaopen_io(lua_State *L);

/* --- buckets -------------------------------------------------------------------------- */

/* Buckets are plain pointers here; a spec frees what it makes. */
static int path_of(lua_State *L, struct bucket *path[TOLL_BUCKETS])
{
    int n = 0;
    if (lua_islightuserdata(L, 1)) {
        path[n++] = lua_touserdata(L, 1);
        return n;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    while (n < TOLL_BUCKETS) {
        lua_geti(L, 1, n + 1);
        path[n] = lua_touserdata(L, -1);
        lua_pop(L, 1);
        if (!path[n])
            break;
        n++;
    }
    return n;
}

static int make_bucket(lua_State *L)
{
    lua_pushlightuserdata(L, bucket_new(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2)));
    return 1;
}

static int free_bucket(lua_State *L)
{
    bucket_free(lua_touserdata(L, 1));
    return 0;
}

static int set_rate(lua_State *L)
{
    bucket_set_rate(lua_touserdata(L, 1), luaL_checkinteger(L, 2));
    return 0;
}

static int wait(lua_State *L)
{
    struct bucket *path[TOLL_BUCKETS];
    int n = path_of(L, path);
    lua_pushinteger(L,
                    bucket_wait_for_ns(path, n, luaL_optinteger(L, 3, 1), luaL_checkinteger(L, 2)));
    return 1;
}

static int take(lua_State *L)
{
    struct bucket *path[TOLL_BUCKETS];
    int n = path_of(L, path);
    bucket_take(path, n, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
    return 0;
}

static int available(lua_State *L)
{
    struct bucket *path[TOLL_BUCKETS];
    int n = path_of(L, path);
    lua_pushinteger(L, bucket_available(path, n, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3)));
    return 1;
}

/* A download of `len` bytes at `ahead`, `chunk` at a time, alone on a bucket, in the spec's time:
 * returns when it ended, and what was paid. */
static int toll(lua_State *L)
{
    struct bucket *path[TOLL_BUCKETS] = {lua_touserdata(L, 1)};
    int64_t len = luaL_checkinteger(L, 2), ahead = luaL_checkinteger(L, 3);
    int64_t chunk = luaL_checkinteger(L, 4), now = luaL_checkinteger(L, 5);
    struct toll one;
    toll_start(&one, path, len);
    toll_ahead(&one, ahead, now);
    while (one.moved < len) {
        int64_t n = len - one.moved < chunk ? len - one.moved : chunk, pause = 0;
        if (!toll_receive(&one, n, now)) {
            while ((pause = toll_resume(&one, now)))
                now += pause;
        }
    }
    toll_end(&one, true, now);
    lua_pushinteger(L, now);
    lua_pushinteger(L, one.paid);
    return 2;
}

/* --- paths and heads ------------------------------------------------------------------ */

static int path_ok(lua_State *L)
{
    struct err err = {0};
    if (!file_path_ok(luaL_checkstring(L, 1), &err))
        return probe_failure(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

static int is_temp(lua_State *L)
{
    lua_pushboolean(L, file_is_temp(luaL_checkstring(L, 1)));
    return 1;
}

/* The lines of an answer's head: status, done, and the fields. */
static int head(lua_State *L)
{
    struct http_reply reply;
    struct head state = {0};
    struct err err = {0};
    bool ok = true;
    http_reply_init(&reply);
    for (int i = 1; ok && i <= (int)luaL_len(L, 1); i++) {
        size_t len;
        lua_geti(L, 1, i);
        const char *line = luaL_checklstring(L, -1, &len);
        ok = head_line(&state, line, len, &reply, &err);
        lua_pop(L, 1);
    }
    if (ok) {
        lua_pushinteger(L, reply.status);
        lua_pushboolean(L, state.done);
        lua_newtable(L);
        for (int i = 0; i < reply.headers.n; i++) {
            lua_pushstring(L, http_fields_value(&reply.headers, i));
            lua_setfield(L, -2, http_fields_name(&reply.headers, i));
        }
    }
    http_reply_free(&reply);
    return ok ? 3 : probe_failure(L, &err);
}

/* --- walks ---------------------------------------------------------------------------- */

static void push_entries(lua_State *L, const struct listing *listing)
{
    for (size_t i = 0; i < listing->n; i++) {
        const struct list_entry *entry = &listing->entry[i];
        lua_createtable(L, 0, 3);
        lua_pushstring(L, entry->key);
        lua_setfield(L, -2, "key");
        lua_pushinteger(L, entry->size);
        lua_setfield(L, -2, "size");
        if (entry->special) {
            char text[2] = {(char)entry->special, 0};
            lua_pushstring(L, text);
            lua_setfield(L, -2, "special");
        }
        lua_seti(L, -2, (lua_Integer)luaL_len(L, -2) + 1);
    }
}

/* walk(root, prefix, page): all entries, and the sizes of the pages. */
static int walk(lua_State *L)
{
    struct store store = {.kind = STORE_DIR, .root = xstrdup(luaL_checkstring(L, 1))};
    struct walk *walk = walk_new(&store, luaL_checkstring(L, 2));
    int max = (int)luaL_checkinteger(L, 3);
    struct err err = {0};
    bool more = true, ok = true;
    lua_newtable(L);
    lua_newtable(L);
    while (ok && more) {
        struct listing listing = {0};
        ok = walk_page(walk, &listing, max, &err);
        more = listing.next_token != NULL;
        lua_pushinteger(L, (lua_Integer)listing.n);
        lua_seti(L, -2, (lua_Integer)luaL_len(L, -2) + 1);
        lua_pushvalue(L, -2);
        push_entries(L, &listing);
        lua_pop(L, 1);
        listing_free(&listing);
    }
    walk_free(walk);
    io_close_store(&store);
    free(store.root);
    return ok ? 2 : probe_failure(L, &err);
}

/* --- ops ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum op_kind kind;
} op_kinds[] = {
    {"open", OP_OPEN},       {"hash", OP_HASH},       {"temp", OP_TEMP},
    {"recheck", OP_RECHECK}, {"copy", OP_COPY},       {"save", OP_SAVE},
    {"finish", OP_FINISH},   {"discard", OP_DISCARD}, {"head", OP_CALL},
};

static struct op *op_of(lua_State *L, const char *name)
{
    for (size_t i = 0; i < sizeof op_kinds / sizeof *op_kinds; i++) {
        if (!strcmp(op_kinds[i].name, name))
            return op_new(op_kinds[i].kind);
    }
    luaL_error(L, "no op '%s'", name);
    return NULL;
}

static void fill_in(lua_State *L, struct op *op, const struct store *store)
{
    op->in.store = store;
    op->in.path = probe_text(L, 2, "path");
    op->in.temp = probe_text(L, 2, "temp");
    op->in.fd = (int)probe_integer(L, 2, "fd", -1);
    op->in.source_fd = (int)probe_integer(L, 2, "source_fd", -1);
    op->in.fd_off = probe_integer(L, 2, "fd_off", 0);
    op->in.call.kind = CALL_HEAD;
    op->in.call.off = probe_integer(L, 2, "off", 0);
    op->in.memory = probe_text(L, 2, "memory");
    op->in.call.len =
        probe_integer(L, 2, "len", op->in.memory ? (int64_t)strlen(op->in.memory) : 0);
    op->in.memory_max = probe_integer(L, 2, "memory_max", 0);
    op->in.size = probe_integer(L, 2, "size", 0);
    op->in.mtime_ns = probe_integer(L, 2, "mtime_ns", 0);
    op->in.sum_kind = probe_bool(L, 2, "sum") ? SUM_CRC64 : SUM_NONE;
    op->in.want_md5 = op->in.want_sha256 = probe_bool(L, 2, "hashes");
    op->in.sync = probe_bool(L, 2, "sync");
    atomic_store(&op->cancel, probe_bool(L, 2, "cancel"));
}

/* The items of a finish or a recheck; freed with free(). */
static void *fill_items(lua_State *L, struct op *op)
{
    lua_getfield(L, 2, "items");
    int n = lua_istable(L, -1) ? (int)luaL_len(L, -1) : 0, list = lua_gettop(L);
    struct finish_item *finish =
        xcalloc((size_t)n + 1, sizeof *finish + sizeof(struct recheck_item));
    struct recheck_item *recheck = (struct recheck_item *)(finish + n);
    for (int i = 0; i < n; i++) {
        lua_geti(L, list, i + 1);
        int item = lua_gettop(L);
        finish[i] = (struct finish_item){.root = op->in.store, .path = probe_text(L, item, "path")};
        finish[i].temp = probe_text(L, item, "temp");
        finish[i].fd = (int)probe_integer(L, item, "fd", -1);
        finish[i].mtime_ns = probe_integer(L, item, "mtime_ns", 0);
        recheck[i].off = probe_integer(L, item, "off", 0);
        recheck[i].len = probe_integer(L, item, "len", 0);
        recheck[i].sum = (uint64_t)probe_integer(L, item, "sum", 0);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    op->in.finish = finish;
    op->in.recheck = recheck;
    op->in.n_items = n;
    return finish;
}

static void push_items(lua_State *L, const struct op *op)
{
    lua_createtable(L, op->in.n_items, 0);
    for (int i = 0; i < op->in.n_items; i++) {
        lua_createtable(L, 0, 4);
        lua_pushboolean(L, op->in.recheck[i].good);
        lua_setfield(L, -2, "good");
        lua_pushboolean(L, op->in.finish[i].renamed);
        lua_setfield(L, -2, "renamed");
        lua_pushstring(L, err_kind_name(op->in.finish[i].err.kind));
        lua_setfield(L, -2, "kind");
        lua_pushstring(L, op->in.finish[i].err.message);
        lua_setfield(L, -2, "message");
        lua_seti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "items");
}

static void push_out(lua_State *L, const struct op *op)
{
    char hex[2 * SHA256_LEN + 1];
    lua_createtable(L, 0, 10);
    lua_pushinteger(L, op->out.fd);
    lua_setfield(L, -2, "fd");
    lua_pushstring(L, op->out.temp);
    lua_setfield(L, -2, "temp");
    lua_pushlstring(L, buf_str(&op->out.body), op->out.body.len);
    lua_setfield(L, -2, "body");
    lua_pushinteger(L, (lua_Integer)op->out.sum);
    lua_setfield(L, -2, "sum");
    lua_pushinteger(L, op->out.moved);
    lua_setfield(L, -2, "moved");
    lua_pushinteger(L, op->out.info.size);
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, op->out.info.mtime_ns);
    lua_setfield(L, -2, "mtime_ns");
    digest_hex(op->out.md5, MD5_LEN, hex);
    lua_pushstring(L, hex);
    lua_setfield(L, -2, "md5");
    digest_hex(op->out.sha256, SHA256_LEN, hex);
    lua_pushstring(L, hex);
    lua_setfield(L, -2, "sha256");
    push_items(L, op);
}

/* run(kind, fields): the op as io without threads runs it.  fields.root is the directory. */
static int run(lua_State *L)
{
    struct store store = {.kind = STORE_DIR, .root = (char *)(uintptr_t)probe_text(L, 2, "root")};
    struct io *io = io_new(&(struct io_config){.n_connections = 1});
    struct op *op = op_of(L, luaL_checkstring(L, 1));
    fill_in(L, op, &store);
    void *items = fill_items(L, op);
    io_submit(io, op);
    while (!(io_collect(io, -1)))
        continue;
    struct err err = op->out.err;
    if (err.kind) {
        probe_failure(L, &err);
        push_out(L, op);
    } else {
        push_out(L, op);
    }
    free(items);
    op_free(op);
    io_close_store(&store);
    io_free(io);
    return err.kind ? 3 : 1;
}

static int close_fd(lua_State *L)
{
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

static int write_fd(lua_State *L)
{
    size_t len;
    const char *data = luaL_checklstring(L, 2, &len);
    lua_pushboolean(L, pwrite((int)luaL_checkinteger(L, 1), data, len, luaL_optinteger(L, 3, 0)) ==
                           (ssize_t)len);
    return 1;
}

static const luaL_Reg functions[] = {
    {"bucket", make_bucket},
    {"bucket_free", free_bucket},
    {"set_rate", set_rate},
    {"wait", wait},
    {"take", take},
    {"available", available},
    {"toll", toll},
    {"path_ok", path_ok},
    {"is_temp", is_temp},
    {"head", head},
    {"walk", walk},
    {"run", run},
    {"close", close_fd},
    {"write", write_fd},
    {NULL, NULL},
};

int luaopen_io(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
