/* runner/wire for the specs: addresses, HTTP values, requests and replies. */
#include "fields.h"
#include "wire/dialect.h"
#include "wire/failure.h"
#include "wire/object_api.h"
#include "wire/sign_v4.h"
#include "wire/url.h"
#include <stdlib.h>
#include <string.h>

int luaopen_wire(lua_State *L);

/* --- addresses and HTTP values -------------------------------------------------------- */

static int encode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct buf out = buf_new(FIELDS_MAX);
    url_encode(&out, text, len, lua_toboolean(L, 2));
    lua_pushlstring(L, buf_str(&out), out.len);
    buf_free(&out);
    return 1;
}

static int decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct buf out = buf_new(FIELDS_MAX);
    bool ok = url_decode(&out, text, len, lua_toboolean(L, 2));
    lua_pushlstring(L, buf_str(&out), out.len);
    buf_free(&out);
    return ok ? 1 : 0;
}

static int endpoint(lua_State *L)
{
    struct endpoint e;
    struct err err = {0};
    if (!url_endpoint(luaL_checkstring(L, 1), &e, &err))
        return probe_failure(L, &err);
    lua_newtable(L);
    set_bool(L, "https", e.https);
    set_text(L, "host", e.host);
    set_integer(L, "port", e.port);
    set_bool(L, "numeric", e.numeric);
    return 1;
}

static int content_range(lua_State *L)
{
    int64_t first, last, total;
    if (!http_content_range(luaL_checkstring(L, 1), &first, &last, &total))
        return 0;
    lua_pushinteger(L, first);
    lua_pushinteger(L, last);
    lua_pushinteger(L, total);
    return 3;
}

static int integer(lua_State *L)
{
    int64_t number;
    if (!http_integer(luaL_checkstring(L, 1), luaL_optinteger(L, 2, INT64_MAX), &number))
        return 0;
    lua_pushinteger(L, number);
    return 1;
}

static int date(lua_State *L)
{
    int64_t ms;
    if (!http_date(luaL_checkstring(L, 1), &ms))
        return 0;
    lua_pushinteger(L, ms);
    return 1;
}

static int show_date(lua_State *L)
{
    char rfc1123[32], compact[17];
    http_date_text(luaL_checkinteger(L, 1), rfc1123);
    sign_v4_datetime(luaL_checkinteger(L, 1), compact);
    lua_pushstring(L, rfc1123);
    lua_pushstring(L, compact);
    return 2;
}

/* fields(max, {{name, value}, ...}): which of them a set of fields takes. */
static int fields(lua_State *L)
{
    struct http_fields set;
    http_fields_init(&set, (size_t)luaL_checkinteger(L, 1));
    lua_newtable(L);
    for (int i = 1; lua_rawgeti(L, 2, i) == LUA_TTABLE; i++) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        bool ok = http_fields_addf(&set, lua_tostring(L, -2), "%s", lua_tostring(L, -1));
        lua_pop(L, 3);
        lua_pushboolean(L, ok);
        lua_rawseti(L, -2, i);
    }
    lua_settop(L, 3);
    http_fields_free(&set);
    return 1;
}

/* --- stores --------------------------------------------------------------------------- */

static enum store_kind kind_of(const char *name)
{
    return strcmp(name, "oss") == 0   ? STORE_OSS
           : strcmp(name, "tos") == 0 ? STORE_TOS
           : strcmp(name, "s3") == 0  ? STORE_S3
           : strcmp(name, "web") == 0 ? STORE_WEB
                                      : STORE_DIR;
}

/* A resolved store from the table at `index`, whose "kind" and options are given there. */
static struct store *get_store(lua_State *L, int index, struct err *err)
{
    static const char *const modes[] = {"auto", "virtual", "path", "cname"};
    struct store *store = xcalloc(1, sizeof *store);
    const char *addressing = probe_text(L, index, "addressing");
    store->kind = kind_of(probe_text(L, index, "kind"));
    http_fields_init(&store->headers, FIELDS_MAX);
    get_fields(L, index, "store_headers", &store->headers);
    store->sign_payload = probe_bool(L, index, "sign_payload");
    struct store_options options = {
        .bucket = probe_text(L, index, "bucket"),
        .region = probe_text(L, index, "region"),
        .endpoint = probe_text(L, index, "endpoint"),
        .sign_v1 = probe_bool(L, index, "sign_v1"),
    };
    for (int i = 0; addressing && i < 4; i++)
        if (strcmp(addressing, modes[i]) == 0)
            options.addressing = (enum addressing)i;
    if (store_resolve(store, &options, err))
        return store;
    store_free(store);
    return NULL;
}

static int resolve(lua_State *L)
{
    struct err err = {0};
    struct store *store = get_store(L, 1, &err);
    if (!store)
        return probe_failure(L, &err);
    lua_newtable(L);
    set_text(L, "host", store->host);
    set_text(L, "region", store->region);
    set_text(L, "name", store->name);
    set_bool(L, "https", store->https);
    set_bool(L, "in_path", store->bucket_in_path);
    set_text(L, "base", store->base);
    store_free(store);
    return 1;
}

/* --- calls ---------------------------------------------------------------------------- */

struct held { /* what a call borrows */
    struct part_list parts;
    struct http_fields attributes;
    const char *keys[1100];
};

static void get_parts(lua_State *L, int index, struct held *held)
{
    lua_getfield(L, index, "parts");
    int n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
    held->parts.entry = xcalloc((size_t)n + 1, sizeof *held->parts.entry);
    held->parts.n = held->parts.cap = n;
    for (int i = 0; i < n; i++) {
        struct part_entry *entry = &held->parts.entry[i];
        lua_rawgeti(L, -1, i + 1);
        int at = lua_gettop(L);
        entry->number = (int)probe_integer(L, at, "number", i + 1);
        entry->size = probe_integer(L, at, "size", 0);
        snprintf(entry->etag, sizeof entry->etag, "%s", probe_text(L, at, "etag"));
        if (probe_text(L, at, "crc32c")) {
            entry->sum_kind = SUM_CRC32C;
            entry->sum = strtoull(probe_text(L, at, "crc32c"), NULL, 16);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static int get_keys(lua_State *L, int index, struct held *held)
{
    int n = 0, top = lua_gettop(L);
    lua_getfield(L, index, "keys");
    while (lua_istable(L, top + 1) && n < 1100 && lua_rawgeti(L, top + 1, n + 1) == LUA_TSTRING) {
        held->keys[n++] = lua_tostring(L, -1);
        lua_settop(L, top + 1);
    }
    lua_settop(L, top);
    return n;
}

static void get_call(lua_State *L, int index, struct object_call *call, struct held *held)
{
    const char *name = probe_text(L, index, "call");
    *call = (struct object_call){0};
    while (call->kind < CALL_KINDS && strcmp(call_name(call->kind), name) != 0)
        call->kind++;
    call->key = probe_text(L, index, "key");
    call->off = probe_integer(L, index, "off", 0);
    call->len = probe_integer(L, index, "len", 0);
    call->total = probe_integer(L, index, "total", -1);
    call->if_match = probe_text(L, index, "if_match");
    call->unmodified_ns = probe_integer(L, index, "unmodified_ns", 0);
    call->source_bucket = probe_text(L, index, "source_bucket");
    call->source_key = probe_text(L, index, "source_key");
    call->delimiter = probe_text(L, index, "delimiter");
    call->upload_id = probe_text(L, index, "upload_id");
    call->part_number = (int)probe_integer(L, index, "part_number", 0);
    call->prefix = probe_text(L, index, "prefix");
    call->token = probe_text(L, index, "token");
    call->upload_marker = probe_text(L, index, "upload_marker");
    call->start_after = probe_text(L, index, "start_after");
    call->max_keys = (int)probe_integer(L, index, "max_keys", 0);
    if (probe_text(L, index, "crc32c")) {
        call->sum_kind = SUM_CRC32C;
        call->sum = strtoull(probe_text(L, index, "crc32c"), NULL, 16);
    }
    const char *md5 = probe_text(L, index, "md5"), *sha256 = probe_text(L, index, "sha256");
    call->has_md5 = md5 && digest_unhex(md5, MD5_LEN, call->md5);
    call->has_sha256 = sha256 && digest_unhex(sha256, SHA256_LEN, call->sha256);
    http_fields_init(&held->attributes, FIELDS_MAX);
    get_fields(L, index, "attributes", &held->attributes);
    lua_getfield(L, index, "attributes");
    call->attributes = lua_isnil(L, -1) ? NULL : &held->attributes;
    lua_pop(L, 1);
    get_parts(L, index, held);
    call->parts = &held->parts;
    call->n_keys = get_keys(L, index, held);
    call->keys = held->keys;
}

static void held_free(struct held *held)
{
    part_list_free(&held->parts);
    http_fields_free(&held->attributes);
}

static void push_request(lua_State *L, const struct http_request *request)
{
    lua_newtable(L);
    set_text(L, "method", http_method_name(request->method));
    set_buf(L, "path", &request->path);
    set_buf(L, "target", &request->target);
    set_buf(L, "body", &request->body);
    set_integer(L, "body_len", request->body_len);
    set_fields(L, "headers", &request->headers);
    set_fields(L, "query", &request->query);
}

/* build(store, call[, credentials]): the request, signed at credentials.now_ms. */
static int build(lua_State *L)
{
    static struct held held;
    struct err err = {0};
    struct object_call call;
    struct http_request request;
    struct store *store = get_store(L, 1, &err);
    if (!store)
        return probe_failure(L, &err);
    get_call(L, 2, &call, &held);
    http_request_init(&request);
    bool ok = object_api_build(store, &call, &request, &err);
    if (ok && lua_istable(L, 3)) {
        struct credentials *keys =
            credentials_new(probe_text(L, 3, "access_key"), probe_text(L, 3, "secret_key"),
                            probe_text(L, 3, "token"), 0);
        ok = object_api_sign(store, &call, keys, probe_integer(L, 3, "now_ms", 0), &request, &err);
        credentials_free(keys);
    }
    if (ok)
        push_request(L, &request);
    http_request_free(&request);
    held_free(&held);
    store_free(store);
    return ok ? 1 : probe_failure(L, &err);
}

static void get_reply(lua_State *L, int index, struct http_reply *reply)
{
    http_reply_init(reply);
    reply->status = (int)probe_integer(L, index, "status", 200);
    get_fields(L, index, "headers", &reply->headers);
    lua_getfield(L, index, "body");
    size_t len;
    const char *body = lua_tolstring(L, -1, &len);
    if (body)
        buf_add(&reply->body, body, len);
    lua_pop(L, 1);
}

static void push_listing(lua_State *L, const struct listing *listing)
{
    lua_createtable(L, (int)listing->n, 2);
    for (size_t i = 0; i < listing->n; i++) {
        const struct list_entry *entry = &listing->entry[i];
        lua_newtable(L);
        set_text(L, "key", entry->key);
        set_integer(L, "size", entry->size);
        set_integer(L, "mtime_ns", entry->mtime_ns);
        set_text(L, "etag", entry->etag);
        set_text(L, "upload_id", entry->upload_id);
        if (entry->special)
            set_text(L, "special", (char[2]){(char)entry->special, 0});
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_createtable(L, (int)listing->n_prefixes, 0);
    for (size_t i = 0; i < listing->n_prefixes; i++) {
        lua_pushstring(L, listing->prefix[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "prefixes");
    set_text(L, "next_token", listing->next_token);
    set_text(L, "next_upload_id", listing->next_upload_id);
}

static void push_parts(lua_State *L, const struct part_list *parts)
{
    lua_createtable(L, parts->n, 0);
    for (int i = 0; i < parts->n; i++) {
        lua_newtable(L);
        set_integer(L, "number", parts->entry[i].number);
        set_integer(L, "size", parts->entry[i].size);
        set_text(L, "etag", parts->entry[i].etag);
        set_text(L, "sum_kind", sum_name(parts->entry[i].sum_kind));
        set_hex(L, "sum", parts->entry[i].sum);
        lua_rawseti(L, -2, i + 1);
    }
}

static void push_answer(lua_State *L, const struct object_answer *answer)
{
    const struct object_info *info = &answer->info;
    lua_newtable(L);
    set_integer(L, "size", info->size);
    set_integer(L, "mtime_ns", info->mtime_ns);
    set_text(L, "etag", info->etag);
    set_text(L, "sum_kind", sum_name(info->sum_kind));
    set_hex(L, "sum", info->sum);
    set_bool(L, "etag_is_md5", info->etag_is_md5);
    set_text(L, "content_type", info->content_type);
    set_bool(L, "ranges", info->ranges);
    if (answer->attributes)
        set_fields(L, "attributes", answer->attributes);
    set_text(L, "upload_id", answer->upload_id);
    set_bool(L, "sums_offered", answer->sums_offered);
    set_text(L, "next_token", answer->next_token);
    set_text(L, "request_id", answer->request_id);
    set_integer(L, "date_ms", answer->date_ms);
    push_listing(L, &answer->listing);
    lua_setfield(L, -2, "listing");
    push_parts(L, &answer->parts);
    lua_setfield(L, -2, "parts");
}

/* read(store, call, reply): the answer, or nil and the error. */
static int read_reply(lua_State *L)
{
    static struct held held;
    struct err err = {0};
    struct object_call call;
    struct http_reply reply;
    struct object_answer answer;
    struct store *store = get_store(L, 1, &err);
    if (!store)
        return probe_failure(L, &err);
    get_call(L, 2, &call, &held);
    get_reply(L, 3, &reply);
    bool ok = object_api_read(store, &call, &reply, &answer, &err);
    if (ok)
        push_answer(L, &answer);
    object_answer_free(&answer);
    http_reply_free(&reply);
    held_free(&held);
    store_free(store);
    return ok ? 1 : probe_failure(L, &err);
}

/* takes_body(call, reply) */
static int takes_body(lua_State *L)
{
    static struct held held;
    struct err err = {0};
    struct object_call call;
    struct http_reply reply;
    get_call(L, 1, &call, &held);
    get_reply(L, 2, &reply);
    bool ok = object_api_takes_body(&call, &reply, &err);
    http_reply_free(&reply);
    held_free(&held);
    if (!ok)
        return probe_failure(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

static int classify(lua_State *L)
{
    struct err err = {0};
    failure_classify((int)luaL_checkinteger(L, 1), luaL_checkstring(L, 2), &err);
    lua_pushstring(L, err_kind_name(err.kind));
    lua_pushboolean(L, err.final);
    return 2;
}

static int batchable(lua_State *L)
{
    bool json = lua_toboolean(L, 2);
    const struct dialect *dialect = dialect_of(json ? STORE_TOS : STORE_S3);
    lua_pushboolean(L, object_api_batchable(dialect, luaL_checkstring(L, 1)));
    return 1;
}

static int multipart_etag(lua_State *L)
{
    static struct held held;
    char etag[LIMIT_ETAG];
    get_parts(L, 1, &held);
    bool ok = object_api_multipart_etag(&held.parts, etag);
    part_list_free(&held.parts);
    lua_pushstring(L, ok ? etag : NULL);
    return 1;
}

int luaopen_wire(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode", encode},
        {"decode", decode},
        {"endpoint", endpoint},
        {"content_range", content_range},
        {"integer", integer},
        {"date", date},
        {"show_date", show_date},
        {"fields", fields},
        {"resolve", resolve},
        {"build", build},
        {"read", read_reply},
        {"takes_body", takes_body},
        {"classify", classify},
        {"batchable", batchable},
        {"multipart_etag", multipart_etag},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
