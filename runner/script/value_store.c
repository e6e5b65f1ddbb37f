#include "base/limits.h"
#include "script/api.h"
#include "script/field.h"
#include "script/value.h"
#include <lauxlib.h>
#include <stdlib.h>

static const char *const store_kinds[] = {"dir", "s3", "oss", "tos", "web", NULL};
static const char *const addressings[] = {"auto", "virtual", "path", "cname", NULL};
static const char *const checksums[] = {"auto", "crc32c", "md5", "none", NULL};

static void read_headers(lua_State *L, struct store *store)
{
    http_fields_init(&store->headers, LIMIT_METADATA);
    int n = field_list(L, "headers");
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        if (!http_fields_add(&store->headers, field_need_text(L, "name"),
                             field_need_text(L, "value")))
            luaL_error(L, "internal: field 'headers' does not fit");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_remote(lua_State *L, struct store *store)
{
    store->checksum = (enum checksum_mode)field_word(L, "checksum", checksums);
    store->sign_payload = field_boolean(L, "sign_payload");
    store->ca_file = xstrdup(field_text(L, "ca"));
    store->proxy = xstrdup(field_text(L, "proxy"));
    store->user_agent = xstrdup(field_text(L, "user_agent"));
    store->connect_timeout_ms = field_int(L, "connect_timeout");
    store->stall_timeout_ms = field_int(L, "stall_timeout");
    read_headers(L, store);
}

/* Errors of wire/ name the option; the store's constructor and its line are added here. */
static bool resolve(lua_State *L, struct store *store, struct err *err)
{
    struct store_options options = {
        .bucket = field_text(L, "bucket"),
        .region = field_text(L, "region"),
        .endpoint = field_text(L, "endpoint"),
        .addressing = (enum addressing)field_word(L, "addressing", addressings),
        .sign_v1 = field_boolean(L, "sign_v1"),
    };
    struct err fault = {0};
    if (store_resolve(store, &options, &fault))
        return true;
    return err_set(err, fault.kind == ERR_NONE ? ERR_INVALID : fault.kind, "haul.%s: %.200s at %s",
                   field_need_text(L, "kind"), fault.message, field_need_text(L, "where"));
}

/* [-1, +0]  The credentials userdata on top goes to the store. */
static void take_credentials(lua_State *L, struct script *script, struct store *store)
{
    lua_getfield(L, -1, "credentials");
    script_give(script, store, api_credentials_take(L, -1));
    lua_pop(L, 1);
}

bool value_read_store(lua_State *L, struct script *script, struct err *err)
{
    struct job *job = script->job;
    struct job_store *entry = &job->stores[job->n_stores++];
    struct store *store = entry->store = xcalloc(1, sizeof *store);
    http_fields_init(&store->headers, 0);
    store->kind = (enum store_kind)field_word(L, "kind", store_kinds);
    store->name = xstrdup(field_need_text(L, "name"));
    entry->read_rate = field_integer(L, "read_rate");
    entry->write_rate = field_integer(L, "write_rate");
    entry->request_rate = field_integer(L, "requests");
    entry->can_refresh = field_boolean(L, "can_refresh");
    if (store->kind == STORE_DIR) {
        store->root = xstrdup(field_need_text(L, "root"));
        store->follows_links = field_boolean(L, "follows_links");
        return true;
    }
    read_remote(L, store);
    if (!resolve(L, store, err))
        return false;
    take_credentials(L, script, store);
    return true;
}
