/*
 * Job files for specs: load one, look at the job it made, tell its hooks of events and see what
 * they asked of the run, which is a fake that keeps a list.
 */
#include "script/script.h"
#include "engine/run.h"
#include "fake_run.h"
#include "script/api.h"
#include "script/dials.h"
#include "script/embedded.h"
#include "script_job.h"
#include <dlfcn.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

int luaopen_script(lua_State *L);
int luaopen_cjson(lua_State *L);

/* Modules come from lua/ here, and cjson from the system. */
const struct embedded_module embedded_modules[] = {{NULL, NULL, 0}};

int luaopen_cjson(lua_State *L)
{
    void *library = dlopen("liblua5.4-cjson.so.0", RTLD_NOW);
    void *symbol = library ? dlsym(library, "luaopen_cjson") : NULL;
    lua_CFunction open;
    memcpy(&open, &symbol, sizeof open);
    return open ? open(L) : luaL_error(L, "no cjson");
}

/* --- loading -------------------------------------------------------------------------- */

#define PARAMS_MAX 16

static const char *opt_text(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1); /* the argument keeps it */
    return text;
}

static void read_options(lua_State *L, struct script_options *options, const char **params)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    *options = (struct script_options){.file = opt_text(L, "file"),
                                       .lua_dir = opt_text(L, "lua_dir"),
                                       .part_size = opt_text(L, "part_size"),
                                       .rate = opt_text(L, "rate"),
                                       .params = params};
    lua_getfield(L, 1, "concurrency");
    options->concurrency = (int)lua_tointeger(L, -1);
    lua_getfield(L, 1, "params");
    for (int i = 0; lua_istable(L, -1) && i < PARAMS_MAX; i++) {
        if (lua_rawgeti(L, -1, i + 1) == LUA_TSTRING)
            params[options->n_params++] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static int push_err(lua_State *L, const struct err *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err_kind_name(err->kind));
    lua_pushstring(L, err->message);
    return 3;
}

static struct script *check_script(lua_State *L)
{
    struct script **box = luaL_checkudata(L, 1, "probe.script");
    luaL_argcheck(L, *box, 1, "freed");
    return *box;
}

static int probe_load(lua_State *L)
{
    const char *params[PARAMS_MAX];
    struct script_options options;
    struct err err = {0};
    read_options(L, &options, params);
    struct script **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, "probe.script");
    *box = script_load(&options, &err);
    return *box ? 1 : push_err(L, &err);
}

static int probe_help(lua_State *L)
{
    const char *params[PARAMS_MAX];
    struct script_options options;
    struct err err = {0};
    read_options(L, &options, params);
    struct buf out = buf_new(1 << 16);
    bool good = script_help(&options, &out, &err);
    lua_pushstring(L, buf_str(&out));
    buf_free(&out);
    return good ? 1 : push_err(L, &err);
}

static int probe_free(lua_State *L)
{
    struct script **box = luaL_checkudata(L, 1, "probe.script");
    script_free(*box);
    *box = NULL;
    return 0;
}

static int probe_job(lua_State *L)
{
    push_job(L, script_job(check_script(L)));
    return 1;
}

/* --- hooks ---------------------------------------------------------------------------- */

static const struct task *task_at(struct script *script, int number)
{
    return number ? &script_job(script)->tasks[number - 1] : NULL;
}

static struct hooks hooks_of(lua_State *L)
{
    struct hooks hooks;
    script_hooks(check_script(L), &hooks);
    return hooks;
}

static int probe_wants(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    enum event_kind kind;
    if (!hooks.wants)
        return 0;
    luaL_argcheck(L, event_parse(luaL_checkstring(L, 3), &kind), 3, "no event");
    lua_pushboolean(L, hooks.wants(hooks.ctx, task_at(script, (int)luaL_checkinteger(L, 2)), kind));
    return 1;
}

/* task number, event name, ticket: an event with every field set */
static int probe_tell(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    struct err err = {.kind = ERR_THROTTLED,
                      .status = 503,
                      .code = "SlowDown",
                      .request_id = "R1",
                      .host_id = "H1",
                      .message = "slow down"};
    struct totals totals = {.bytes_done = 77, .limit = 1000, .eta_ms = -1};
    struct event event = {.time_ms = 1500,
                          .key = "a/b",
                          .target = "t/a/b",
                          .bucket = "pail",
                          .path = "/srv/a/b",
                          .size = 10,
                          .attempt = 2,
                          .err = &err,
                          .reason = "why",
                          .upload_id = "U1",
                          .temp = ".tmp",
                          .check = CHECK_CRC64,
                          .totals = &totals,
                          .exit_status = 1};
    event.task = task_at(script, (int)luaL_checkinteger(L, 2));
    event.transfer = event.task ? 1 : 0;
    luaL_argcheck(L, event_parse(luaL_checkstring(L, 3), &event.kind), 3, "no event");
    event.part.number = 4;
    event.part.offset = 30;
    event.part.size = 10;
    event.part.etag = "\"e\"";
    event.part.has_crc64 = true;
    event.part.crc64 = UINT64_MAX;
    event.part.seconds = 0.25;
    event.removal.objects = 5;
    event.removal.bytes = 50;
    event.removal.target_objects = 20;
    event.removal.source_objects = 15;
    hooks.emit(hooks.ctx, &event, (uint64_t)luaL_optinteger(L, 4, 0));
    return 0;
}

/* the time -> what the hooks asked of the run, a line each; the time to come again (nil: never),
 * whether some wait, whether so many that it is too much */
static int probe_resume(lua_State *L)
{
    struct hooks hooks = hooks_of(L);
    int64_t now_ms = luaL_optinteger(L, 2, 0);

    buf_clear(&calls);
    (lua_toboolean(L, 3) ? hooks.abandon : hooks.resume)(hooks.ctx, fake_run, now_ms);
    lua_pushstring(L, buf_str(&calls));
    int64_t wake_ms = hooks.wake_ms(hooks.ctx);
    if (wake_ms == INT64_MAX)
        lua_pushnil(L);
    else
        lua_pushinteger(L, wake_ms);
    lua_pushboolean(L, hooks.waiting(hooks.ctx));
    lua_pushboolean(L, hooks.busy(hooks.ctx));
    return 4;
}

/* number of a wait, kind of its error or nil: its op has ended */
static int probe_answer(lua_State *L)
{
    struct hooks hooks = hooks_of(L);
    uint64_t wait = (uint64_t)luaL_checkinteger(L, 2);
    struct op *op = asked[wait % 64];
    enum err_kind kind;

    luaL_argcheck(L, op, 2, "nothing was asked");
    if (err_kind_parse(luaL_optstring(L, 3, ""), &kind))
        err_set(&op->out.err, kind, "in these words");
    asked[wait % 64] = NULL;
    hooks.answer(hooks.ctx, wait, op);
    return 0;
}

/* number of the function, wall_ms -> value; or nil, kind, message */
static int probe_dial(lua_State *L)
{
    struct hooks hooks = hooks_of(L);
    struct totals totals = {.bytes_done = 77, .limit = 1000, .eta_ms = -1};
    struct err err = {0};
    int64_t value;
    luaL_argcheck(L, hooks.dial, 1, "no function");
    if (!hooks.dial(hooks.ctx, (int)luaL_checkinteger(L, 2), luaL_checkinteger(L, 3), &totals,
                    &value, &err))
        return push_err(L, &err);
    lua_pushinteger(L, value);
    return 1;
}

/* place of the store -> true; or nil, kind, message */
static int probe_refresh(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    struct err err = {0};
    luaL_argcheck(L, hooks.refresh, 1, "no refresh");
    if (!hooks.refresh(hooks.ctx, script_job(script)->stores[luaL_checkinteger(L, 2) - 1].store,
                       &err))
        return push_err(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- the functions of tasks ----------------------------------------------------------- */

/* The object { key =, target =, size =, mtime =, etag = } at `index`; texts are borrowed. */
static struct object_view read_object(lua_State *L, int index, struct object_info *info)
{
    static const struct store directory = {.kind = STORE_DIR};
    struct object_view object = {.info = info, .store = &directory};
    memset(info, 0, sizeof *info);
    info->size = -1;
    luaL_checktype(L, index, LUA_TTABLE);
    if (lua_getfield(L, index, "size") == LUA_TNUMBER)
        info->size = lua_tointeger(L, -1);
    lua_getfield(L, index, "mtime");
    info->mtime_ns = lua_tointeger(L, -1) * 1000000000;
    lua_getfield(L, index, "etag");
    snprintf(info->etag, sizeof info->etag, "%s", luaL_optstring(L, -1, ""));
    lua_getfield(L, index, "key");
    object.key = lua_tostring(L, -1);
    lua_getfield(L, index, "target");
    object.target = lua_tostring(L, -1);
    lua_pop(L, 5); /* the argument keeps them */
    return object;
}

static void mapping_free(struct mapping *mapping)
{
    free(mapping->target);
    if (mapping->attributes)
        http_fields_free(mapping->attributes);
    free(mapping->attributes);
    *mapping = (struct mapping){0};
}

/* task number, object, times -> selected, target, attributes, part size; or nil, kind, message */
static int probe_map(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    struct object_info info;
    struct mapping mapping = {0};
    struct err err = {0};
    const struct task *task = task_at(script, (int)luaL_checkinteger(L, 2));
    struct object_view object = read_object(L, 3, &info);
    luaL_argcheck(L, hooks.map, 1, "no map");
    bool good = true;
    for (lua_Integer n = luaL_optinteger(L, 4, 1); n > 0 && good; n--) {
        mapping_free(&mapping);
        good = hooks.map(hooks.ctx, task, &object, &mapping, &err);
    }
    lua_pushboolean(L, mapping.selected);
    lua_pushstring(L, mapping.target);
    push_fields(L, mapping.attributes);
    lua_pushinteger(L, mapping.part_size);
    mapping_free(&mapping);
    return good ? 4 : push_err(L, &err);
}

/* task number, source, target -> same, why; or nil, kind, message */
static int probe_compare(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    struct object_info here, there;
    struct err err = {0};
    bool same = false;
    char why[256] = "";
    struct touched touched;
    struct object_view source = read_object(L, 3, &here), target = read_object(L, 4, &there);
    if (!hooks.compare(hooks.ctx, task_at(script, (int)luaL_checkinteger(L, 2)), &source, &target,
                       &same, why, &touched, &err))
        return push_err(L, &err);
    lua_pushboolean(L, same);
    lua_pushstring(L, why);
    return 2;
}

/* task number -> key, target or nil, size; nothing at the end; or nil, kind, message */
static int probe_yield(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    struct object_info info = {.size = -1};
    struct err err = {0};
    char *target = NULL;
    char *key =
        hooks.yield(hooks.ctx, task_at(script, (int)luaL_checkinteger(L, 2)), &info, &target, &err);
    if (!key)
        return err.kind == ERR_NONE ? 0 : push_err(L, &err);
    lua_pushstring(L, key);
    lua_pushstring(L, target);
    lua_pushinteger(L, info.size);
    free(key);
    free(target);
    return 3;
}

/* task number, key, other, target -> name, or false for "skip it"; or nil, kind, message */
static int probe_settle(lua_State *L)
{
    struct script *script = check_script(L);
    struct hooks hooks = hooks_of(L);
    struct err err = {0};
    char *name =
        hooks.settle(hooks.ctx, task_at(script, (int)luaL_checkinteger(L, 2)),
                     luaL_checkstring(L, 3), luaL_checkstring(L, 4), luaL_checkstring(L, 5), &err);
    if (err.kind != ERR_NONE)
        return push_err(L, &err);
    if (name)
        lua_pushstring(L, name);
    else
        lua_pushboolean(L, 0);
    free(name);
    return 1;
}

/* text or nil -> true; or nil, kind, message */
static int probe_remember(lua_State *L)
{
    struct hooks hooks = hooks_of(L);
    struct err err = {0};
    if (!hooks.remember(hooks.ctx, luaL_optstring(L, 2, NULL), &err))
        return push_err(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* whether it is the last time -> text, or false where nothing changed; or nil, kind, message */
static int probe_recall(lua_State *L)
{
    struct hooks hooks = hooks_of(L);
    struct err err = {0};
    luaL_argcheck(L, hooks.recall, 1, "no recall");
    char *text = hooks.recall(hooks.ctx, lua_toboolean(L, 2), &err);
    if (err.kind != ERR_NONE)
        return push_err(L, &err);
    if (text)
        lua_pushstring(L, text);
    else
        lua_pushboolean(L, 0);
    free(text);
    return 1;
}

static const luaL_Reg script_methods[] = {
    {"__gc", probe_free},         {"compare", probe_compare},
    {"free", probe_free},         {"job", probe_job},
    {"map", probe_map},           {"recall", probe_recall},
    {"dial", probe_dial},         {"refresh", probe_refresh},
    {"remember", probe_remember}, {"answer", probe_answer},
    {"resume", probe_resume},     {"settle", probe_settle},
    {"tell", probe_tell},         {"wants", probe_wants},
    {"yield", probe_yield},       {NULL, NULL},
};

/* -> haul.core, for specs of the modules in lua/ */
static int probe_core(lua_State *L)
{
    return luaopen_haul_core(L);
}

static const luaL_Reg script_functions[] = {
    {"core", probe_core},
    {"help", probe_help},
    {"load", probe_load},
    {NULL, NULL},
};

int luaopen_script(lua_State *L)
{
    if (calls.max == 0)
        calls = buf_new(1 << 20);
    luaL_newmetatable(L, "probe.script");
    luaL_setfuncs(L, script_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, script_functions);
    return 1;
}
