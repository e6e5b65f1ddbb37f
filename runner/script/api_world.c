/* haul.test.core: a world for specs, and runs of job files in it.  What is wrong with arguments is
 * told by lua/haul/test.lua. */
#include "base/glob.h"
#include "base/units.h"
#include "io/walk.h"
#include "script/api.h"
#include "script/event_table.h"
#include "script/field.h"
#include "script/script.h"
#include "world/world.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define WORLD "haul.world"

static struct world *world_at(lua_State *L, int index)
{
    struct world **held = luaL_checkudata(L, index, WORLD);
    luaL_argcheck(L, *held, index, "the world is gone");
    return *held;
}

static int fail(lua_State *L, const struct err *err)
{
    return luaL_error(L, "%s", err->message);
}

/* { seed, wall_ms, latency_ms, bandwidth, limit_ms } -> world */
static int core_new(lua_State *L)
{
    struct err err = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const struct world_config config = {.seed = (uint64_t)field_integer(L, "seed"),
                                        .wall_ms = field_integer(L, "wall_ms"),
                                        .latency_ms = field_integer(L, "latency_ms"),
                                        .bandwidth = field_integer(L, "bandwidth"),
                                        .limit_ms = field_integer(L, "limit_ms")};
    struct world **held = lua_newuserdatauv(L, sizeof *held, 0);
    *held = NULL;
    luaL_setmetatable(L, WORLD);
    *held = world_new(&config, &err);
    return *held ? 1 : fail(L, &err);
}

static int core_close(lua_State *L)
{
    struct world **held = luaL_checkudata(L, 1, WORLD);
    world_free(*held);
    *held = NULL;
    return 0;
}

/* --- stores --------------------------------------------------------------------------- */

static struct remote *remote_at(lua_State *L, bool make)
{
    struct err err = {0};
    struct remote *remote = world_store(world_at(L, 1), luaL_checkstring(L, 2), make, &err);

    if (err.kind != ERR_NONE)
        fail(L, &err);
    return remote;
}

/* [-0, +0]  The pairs of { { name, value }, ... } at `index`; NULL: nil. */
static struct http_fields *attributes_at(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return NULL;
    struct http_fields *attributes = xcalloc(1, sizeof *attributes);
    http_fields_init(attributes, LIMIT_HEADERS);
    for (lua_Integer i = 1; lua_rawgeti(L, index, i) == LUA_TTABLE; i++) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        if (lua_isstring(L, -1) && lua_isstring(L, -2))
            http_fields_add(attributes, lua_tostring(L, -2), lua_tostring(L, -1));
        lua_pop(L, 3);
    }
    lua_pop(L, 1);
    return attributes;
}

/* world, store -> makes it where there is none */
static int core_store(lua_State *L)
{
    remote_at(L, true);
    return 0;
}

/* world, store, key, bytes, attributes or nil, mtime in ms or nil */
static int core_put(lua_State *L)
{
    struct remote *remote = remote_at(L, true);
    const char *key = luaL_checkstring(L, 3);
    size_t len;
    const char *bytes = luaL_checklstring(L, 4, &len);
    int64_t mtime_ms = luaL_optinteger(L, 6, 0);

    remote_put(remote, key, blob_new(bytes, len), attributes_at(L, 5), false);
    if (mtime_ms)
        remote_find(remote, key)->mtime_ns = mtime_ms * 1000000;
    return 0;
}

static void set_integer(lua_State *L, const char *name, int64_t number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void push_object(lua_State *L, const struct object *object)
{
    lua_newtable(L);
    set_integer(L, "size", (int64_t)object->blob->len);
    set_integer(L, "mtime_ms", object->mtime_ns / 1000000);
    set_text(L, "etag", object->etag);
    lua_newtable(L);
    for (int i = 0; object->attributes && i < object->attributes->n; i++)
        set_text(L, http_fields_name(object->attributes, i),
                 http_fields_value(object->attributes, i));
    lua_setfield(L, -2, "attributes");
}

/* world, store, key -> bytes, { size, mtime_ms, etag, attributes }; nil: there is none */
static int core_get(lua_State *L)
{
    struct remote *remote = remote_at(L, false);
    const struct object *object = remote ? remote_find(remote, luaL_checkstring(L, 3)) : NULL;

    if (!object)
        return 0;
    lua_pushlstring(L, (const char *)object->blob->data, object->blob->len);
    push_object(L, object);
    return 2;
}

/* world, store -> sorted keys; nil: there is no such store */
static int core_keys(lua_State *L)
{
    const struct remote *remote = remote_at(L, false);

    if (!remote)
        return 0;
    lua_createtable(L, remote->n_objects, 0);
    for (int i = 0; i < remote->n_objects; i++) {
        lua_pushstring(L, remote->object[i].key);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* world, store, key -> was it there */
static int core_drop(lua_State *L)
{
    struct remote *remote = remote_at(L, false);
    const char *key = luaL_checkstring(L, 3);
    bool there = remote && remote_find(remote, key);

    if (there)
        remote_drop(remote, key);
    lua_pushboolean(L, there);
    return 1;
}

/* world, store -> { { key, id, parts }, ... } of uploads that are neither completed nor aborted */
static int core_uploads(lua_State *L)
{
    const struct remote *remote = remote_at(L, false);
    lua_Integer n = 0;

    lua_newtable(L);
    for (int i = 0; remote && i < remote->n_uploads; i++) {
        const struct upload *upload = &remote->upload[i];
        int parts = 0;
        if (!upload->open)
            continue;
        for (int k = 0; k < upload->n_parts; k++)
            parts += upload->part[k].blob != NULL;
        lua_newtable(L);
        set_text(L, "key", upload->key);
        set_text(L, "id", upload->id);
        set_integer(L, "parts", parts);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* --- directories ---------------------------------------------------------------------- */

/* world, directory, path, bytes, mtime in ms or nil */
static int core_write(lua_State *L)
{
    struct err err = {0};
    size_t len;
    const char *bytes = luaL_checklstring(L, 4, &len);

    if (!world_write(world_at(L, 1), luaL_checkstring(L, 2), luaL_checkstring(L, 3), bytes, len,
                     luaL_optinteger(L, 5, 0) * 1000000, &err))
        return fail(L, &err);
    return 0;
}

/* world, directory -> where it is */
static int core_path(lua_State *L)
{
    char *path = world_path(world_at(L, 1), luaL_checkstring(L, 2));
    lua_pushstring(L, path);
    free(path);
    return 1;
}

/* [-0, +0]  Adds a page's files to the table on top; false at the end. */
static bool add_page(lua_State *L, struct walk *walk)
{
    struct listing page = {0};
    struct err err = {0};
    bool more = walk_page(walk, &page, 0, &err) && page.next_token;

    for (size_t i = 0; i < page.n; i++) {
        lua_pushstring(L, page.entry[i].key);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    listing_free(&page);
    return more;
}

/* world, directory -> sorted paths of its files */
static int core_files(lua_State *L)
{
    char *root = world_path(world_at(L, 1), luaL_checkstring(L, 2));
    struct store store = {.kind = STORE_DIR, .name = root, .root = root};
    struct walk *walk = walk_new(&store, "");

    lua_newtable(L);
    while (add_page(L, walk))
        continue;
    walk_free(walk);
    io_close_store(&store);
    free(root);
    return 1;
}

/* --- rules and time ------------------------------------------------------------------- */

/* Reads the rule on top of the stack; false with what is wrong. */
static bool read_rule(lua_State *L, struct rule *rule, struct err *err)
{
    const char *store = field_text(L, "store"), *op = field_text(L, "op");
    const char *key = field_text(L, "key"), *code = field_text(L, "code");
    bool remote = !field_boolean(L, "on_disk");
    enum err_kind kind = ERR_NETWORK;

    if (op && !rule_name_known(op))
        return err_set(err, ERR_INVALID, "there is no operation '%s'", op);
    if (key && !glob_check(key, err))
        return false;
    if (!err_kind_parse(field_need_text(L, "with"), &kind))
        return err_set(err, ERR_INVALID, "there is no kind of error '%s'", field_text(L, "with"));
    rule->err.status = field_int(L, "status");
    rule->err.retry_after_ms = field_int(L, "retry_after_ms");
    snprintf(rule->err.code, sizeof rule->err.code, "%s", code ? code : "");
    if (!rule_error(rule, kind, remote))
        return err_set(err, ERR_INVALID, "%s does not end with '%s'",
                       remote ? "a request" : "what is done in a directory", err_kind_name(kind));
    rule->part = (uint32_t)field_int(L, "part");
    rule->skip = field_integer(L, "skip");
    rule->times = field_integer(L, "times");
    rule->crash = field_boolean(L, "crash");
    rule->lost = field_boolean(L, "lost");
    rule->store = xstrdup(store);
    rule->op = xstrdup(op);
    rule->key = xstrdup(key);
    return true;
}

/* world, { store, op, on_disk, key, part, skip, times, with, status, code, retry_after_ms, crash,
 * lost } */
static int core_fault(lua_State *L)
{
    struct world *world = world_at(L, 1);
    struct rule rule = {0};
    struct err err = {0};

    lua_settop(L, 2);
    if (!read_rule(L, &rule, &err))
        return fail(L, &err);
    world_fault(world, &rule);
    return 0;
}

static int core_wall_ms(lua_State *L)
{
    lua_pushinteger(L, world_wall_ms(world_at(L, 1)));
    return 1;
}

static int core_set_wall(lua_State *L)
{
    world_set_wall(world_at(L, 1), luaL_checkinteger(L, 2));
    return 0;
}

/* --- runs ----------------------------------------------------------------------------- */

/* Of one run: events are gathered in a table on the stack, questions go to a function there. */
struct course {
    lua_State *L;
    int events, answer; /* places on the stack */
    const char *job;
};

static void on_event(void *ctx, const struct event *event)
{
    struct course *course = ctx;
    lua_State *L = course->L;

    event_push(L, event, course->job);
    lua_rawseti(L, course->events, (lua_Integer)lua_rawlen(L, course->events) + 1);
}

static bool on_question(void *ctx, struct op *op, struct err *err)
{
    struct course *course = ctx;
    return api_world_answer(course->L, course->answer, op, err);
}

static void push_request(lua_State *L, const struct world_request *request)
{
    lua_createtable(L, 0, 8);
    set_text(L, "store", request->store);
    set_text(L, "op", request->op);
    set_text(L, "key", request->key);
    if (request->part)
        set_integer(L, "part", request->part);
    set_integer(L, "size", request->size);
    lua_pushnumber(L, (double)request->wall_ms / 1e3);
    lua_setfield(L, -2, "time");
    if (request->err.kind == ERR_NONE)
        return;
    set_text(L, "error", err_kind_name(request->err.kind));
    if (request->err.status)
        set_integer(L, "status", request->err.status);
}

static void push_result(lua_State *L, const struct world_result *result, int events)
{
    lua_createtable(L, 0, 8);
    lua_pushboolean(L, result->crashed);
    lua_setfield(L, -2, "crashed");
    set_integer(L, "status", result->status);
    set_text(L, "reason", result->why);
    lua_pushnumber(L, (double)result->seconds_ms / 1e3);
    lua_setfield(L, -2, "seconds");
    totals_push(L, &result->totals);
    lua_setfield(L, -2, "summary");
    lua_pushvalue(L, events);
    lua_setfield(L, -2, "events");
    lua_createtable(L, (int)result->n_requests, 0);
    for (size_t i = 0; i < result->n_requests; i++) {
        push_request(L, &result->request[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "requests");
}

/* [-0, +1]  The list in the field of the table at 2 as an array that the stack keeps. */
static const char *const *texts_of(lua_State *L, const char *name, int *n)
{
    lua_getfield(L, 2, name);
    *n = (int)lua_rawlen(L, -1);
    const char **texts = lua_newuserdatauv(L, ((size_t)*n + 1) * sizeof *texts, 1);
    for (int i = 0; i < *n; i++) {
        lua_rawgeti(L, -2, i + 1);
        texts[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_remove(L, -2);
    return texts;
}

static bool run_script(struct world *world, struct course *course, struct script *script,
                       const struct world_wishes *wishes, struct world_result *result,
                       struct err *err)
{
    const struct world_host host = {course, on_question, on_event};
    struct hooks hooks = {0};

    course->job = script_job(script)->name;
    script_hooks(script, &hooks);
    return world_run(world, script_job(script), &hooks, &host, wishes, result, err);
}

/* world, { file, params, env, verify, fresh, max_duration_ms }, answer -> result */
static int core_run(lua_State *L)
{
    struct world *world = world_at(L, 1);
    struct script_options options = {.simulated = true};
    struct world_result result = {0};
    struct err err = {0};

    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    options.params = texts_of(L, "params", &options.n_params);
    options.env = texts_of(L, "env", &options.n_env);
    lua_newtable(L);
    lua_pushvalue(L, 2);
    options.file = field_need_text(L, "file");
    const struct world_wishes wishes = {.verify = field_boolean(L, "verify"),
                                        .fresh = field_boolean(L, "fresh"),
                                        .max_duration_ms = field_integer(L, "max_duration_ms")};
    struct course course = {.L = L, .events = 6, .answer = 3};
    luaL_checkstack(L, 40, NULL);
    world_enter(world);
    struct script *script = script_load(&options, &err);
    bool ok = script && run_script(world, &course, script, &wishes, &result, &err);
    script_free(script);
    world_leave(world);
    if (ok)
        push_result(L, &result, course.events);
    world_result_free(&result);
    return ok ? 1 : fail(L, &err);
}

/* --- values --------------------------------------------------------------------------- */

/* size, seed -> bytes that are the same for the same seed */
static int core_bytes(lua_State *L)
{
    struct blob *blob =
        blob_make((uint64_t)luaL_checkinteger(L, 2), (size_t)luaL_checkinteger(L, 1));
    lua_pushlstring(L, (const char *)blob->data, blob->len);
    blob_drop(blob);
    return 1;
}

static const luaL_Reg core_functions[] = {
    {"bytes", core_bytes},
    {"close", core_close},
    {"drop", core_drop},
    {"fault", core_fault},
    {"files", core_files},
    {"get", core_get},
    {"keys", core_keys},
    {"new", core_new},
    {"path", core_path},
    {"put", core_put},
    {"run", core_run},
    {"set_wall", core_set_wall},
    {"store", core_store},
    {"uploads", core_uploads},
    {"wall_ms", core_wall_ms},
    {"write", core_write},
    {NULL, NULL},
};

int luaopen_haul_test_core(lua_State *L)
{
    luaL_newmetatable(L, WORLD);
    lua_pushcfunction(L, core_close);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, core_functions);
    api_units_add(L);
    return 1;
}
