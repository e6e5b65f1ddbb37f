/*
 * The tables that lua/haul/ has checked and normalised, as C structs.  What is missing or of
 * another type here is haul's own mistake, and the error says which field.
 */
#include "base/limits.h"
#include "core/run.h"
#include "script/api.h"
#include "script/state.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* --- fields of the table on top of the stack ------------------------------------------ */

static int64_t get_integer(lua_State *L, const char *name)
{
    int is_integer;
    lua_getfield(L, -1, name);
    int64_t number = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        luaL_error(L, "internal: field '%s' is no integer", name);
    lua_pop(L, 1);
    return number;
}

static int get_int(lua_State *L, const char *name)
{
    int64_t number = get_integer(L, name);
    if (number < INT32_MIN || number > INT32_MAX)
        luaL_error(L, "internal: field '%s' is out of range", name);
    return (int)number;
}

static bool get_boolean(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    bool truth = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return truth;
}

/* Borrowed: the table keeps it.  NULL when absent. */
static const char *get_text(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1);
    return text;
}

static const char *need_text(lua_State *L, const char *name)
{
    const char *text = get_text(L, name);
    if (!text)
        luaL_error(L, "internal: field '%s' is no text", name);
    return text;
}

/* The place of the field's word in `words`, a NULL-ended list. */
static int get_word(lua_State *L, const char *name, const char *const *words)
{
    const char *text = need_text(L, name);
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return luaL_error(L, "internal: field '%s' is '%s'", name, text);
}

/* [-0, +1]  Pushes a table and says how long it is. */
static int open_list(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    if (!lua_istable(L, -1))
        luaL_error(L, "internal: field '%s' is no table", name);
    return (int)lua_rawlen(L, -1);
}

/* --- stores --------------------------------------------------------------------------- */

static const char *const store_kinds[] = {"dir", "s3", "oss", "tos", NULL};
static const char *const addressings[] = {"auto", "virtual", "path", "cname", NULL};
static const char *const checksums[] = {"auto", "crc32c", "md5", "none", NULL};

static void read_headers(lua_State *L, struct store *store)
{
    http_fields_init(&store->headers, LIMIT_METADATA);
    int n = open_list(L, "headers");
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        if (!http_fields_add(&store->headers, need_text(L, "name"), need_text(L, "value")))
            luaL_error(L, "internal: field 'headers' does not fit");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_remote(lua_State *L, struct store *store)
{
    store->checksum = (enum checksum_mode)get_word(L, "checksum", checksums);
    store->sign_payload = get_boolean(L, "sign_payload");
    store->ca_file = xstrdup(get_text(L, "ca"));
    store->proxy = xstrdup(get_text(L, "proxy"));
    store->user_agent = xstrdup(get_text(L, "user_agent"));
    store->connect_timeout_ms = get_int(L, "connect_timeout");
    store->stall_timeout_ms = get_int(L, "stall_timeout");
    read_headers(L, store);
}

/* Errors of wire/ name the option; the store's constructor and its line are added here. */
static bool resolve(lua_State *L, struct store *store, struct err *err)
{
    struct store_options options = {
        .bucket = get_text(L, "bucket"),
        .region = get_text(L, "region"),
        .endpoint = get_text(L, "endpoint"),
        .addressing = (enum addressing)get_word(L, "addressing", addressings),
        .sign_v1 = get_boolean(L, "sign_v1"),
    };
    struct err fault = {0};
    if (store_resolve(store, &options, &fault))
        return true;
    return err_set(err, fault.kind == ERR_NONE ? ERR_INVALID : fault.kind, "haul.%s: %.200s at %s",
                   need_text(L, "kind"), fault.message, need_text(L, "where"));
}

/* [-1, +0]  The credentials userdata on top goes to the store. */
static void take_credentials(lua_State *L, struct script *script, struct store *store)
{
    lua_getfield(L, -1, "credentials");
    script_give(script, store, api_credentials_take(L, -1));
    lua_pop(L, 1);
}

static bool read_store(lua_State *L, struct script *script, struct err *err)
{
    struct job *job = script->job;
    struct job_store *entry = &job->stores[job->n_stores++];
    struct store *store = entry->store = xcalloc(1, sizeof *store);
    http_fields_init(&store->headers, 0);
    store->kind = (enum store_kind)get_word(L, "kind", store_kinds);
    store->name = xstrdup(need_text(L, "name"));
    entry->read_rate = get_integer(L, "read_rate");
    entry->write_rate = get_integer(L, "write_rate");
    entry->request_rate = get_integer(L, "requests");
    entry->can_refresh = get_boolean(L, "can_refresh");
    if (store->kind == STORE_DIR) {
        store->root = xstrdup(need_text(L, "root"));
        return true;
    }
    read_remote(L, store);
    if (!resolve(L, store, err))
        return false;
    take_credentials(L, script, store);
    return true;
}

static bool read_stores(lua_State *L, struct script *script, struct err *err)
{
    int n = open_list(L, "stores");
    script->job->stores = xcalloc((size_t)n + 1, sizeof *script->job->stores);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        bool good = read_store(L, script, err);
        lua_pop(L, 1);
        if (!good)
            return false;
    }
    lua_pop(L, 1);
    return true;
}

/* --- tasks ---------------------------------------------------------------------------- */

static const char *const jitters[] = {"full", "none", NULL};
static const char *const durabilities[] = {"object", "group", "none", NULL};

static void read_retry(lua_State *L, struct retry_policy *retry)
{
    lua_getfield(L, -1, "retry");
    retry->attempts = get_int(L, "attempts");
    retry->base_ms = get_integer(L, "base");
    retry->cap_ms = get_integer(L, "cap");
    retry->jitter = (enum jitter)get_word(L, "jitter", jitters);
    int n = open_list(L, "on");
    for (int i = 1; i <= n; i++) {
        enum err_kind kind;
        lua_rawgeti(L, -1, i);
        if (!err_kind_parse(luaL_checkstring(L, -1), &kind))
            luaL_error(L, "internal: '%s' is no kind of error", lua_tostring(L, -1));
        retry->on |= 1u << kind;
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static void read_keys(lua_State *L, struct task *task)
{
    lua_getfield(L, -1, "keys");
    if (lua_istable(L, -1)) {
        size_t n = lua_rawlen(L, -1);
        task->keys = xcalloc(n + 1, sizeof *task->keys);
        for (size_t i = 0; i < n; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            task->keys[task->n_keys++] = xstrdup(luaL_checkstring(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static const struct store *read_side(lua_State *L, const struct job *job, const char *name)
{
    int place = get_int(L, name);
    if (place < 1 || place > job->n_stores)
        luaL_error(L, "internal: field '%s' is no store", name);
    return job->stores[place - 1].store;
}

static void read_task(lua_State *L, struct job *job)
{
    struct task *task = &job->tasks[job->n_tasks++];
    task->number = job->n_tasks;
    task->from = read_side(L, job, "from");
    task->to = read_side(L, job, "to");
    task->from_path = xstrdup(need_text(L, "from_path"));
    task->to_path = xstrdup(need_text(L, "to_path"));
    task->single = get_boolean(L, "single");
    task->part_size = get_integer(L, "part_size");
    task->concurrency = get_int(L, "concurrency");
    task->selection.min_size = task->selection.max_size = -1;
    task->rate = get_integer(L, "rate");
    task->preserve = true;
    read_retry(L, &task->retry);
    read_keys(L, task);
}

static void read_tasks(lua_State *L, struct job *job)
{
    int n = open_list(L, "tasks");
    job->tasks = xcalloc((size_t)n + 1, sizeof *job->tasks);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        read_task(L, job);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* --- the job -------------------------------------------------------------------------- */

/* [table of event -> function] -> bits */
static uint64_t read_wants(lua_State *L)
{
    uint64_t wants = 0;
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        lua_getfield(L, -1, event_name((enum event_kind)kind));
        if (lua_isfunction(L, -1))
            wants |= UINT64_C(1) << kind;
        lua_pop(L, 1);
    }
    return wants;
}

static void read_handlers(lua_State *L, struct script *script)
{
    lua_getfield(L, -1, "handlers"); /* [0]: the job's; then the tasks' */
    script->wants = xcalloc((size_t)script->job->n_tasks + 1, sizeof *script->wants);
    for (int i = 0; i <= script->job->n_tasks; i++) {
        lua_rawgeti(L, -1, i);
        script->wants[i] = read_wants(L);
        lua_pop(L, 1);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_HANDLERS);
    static const char *const names[][2] = {
        {"providers", SCRIPT_PROVIDERS}, {"running", SCRIPT_JOB}, {"decide", SCRIPT_DECIDE}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(L, -1, names[i][0]);
        lua_setfield(L, LUA_REGISTRYINDEX, names[i][1]);
    }
}

bool value_read_job(lua_State *L, struct script *script, struct err *err)
{
    luaL_checkstack(L, 20, NULL);
    struct job *job = script->job = xcalloc(1, sizeof *job);
    job->name = xstrdup(need_text(L, "name"));
    job->file = xstrdup(script->file);
    job->concurrency = get_int(L, "concurrency");
    job->lanes = get_int(L, "lanes");
    job->workers = get_int(L, "workers");
    job->rate = get_integer(L, "rate");
    job->durability = (enum durability)get_word(L, "durability", durabilities);
    script->hook_timeout_ms = get_integer(L, "hook_timeout");
    if (!read_stores(L, script, err))
        return false;
    read_tasks(L, job);
    read_handlers(L, script);
    return true;
}

static const char *const decisions[] = {"policy", "retry", "skip", "fail",
                                        "defer",  "stop",  "veto", NULL};

void value_read_decision(lua_State *L, struct decision *decision)
{
    const char *reason = get_text(L, "reason");
    decision->kind = (enum decision_kind)get_word(L, "kind", decisions);
    decision->after_ms = get_integer(L, "after");
    decision->part_size = get_integer(L, "part_size");
    decision->refresh_credentials = get_boolean(L, "refresh_credentials");
    size_t len = reason ? strlen(reason) : 0;
    if (len >= sizeof decision->reason)
        len = sizeof decision->reason - 1;
    memcpy(decision->reason, reason ? reason : "", len);
    decision->reason[len] = '\0';
}
