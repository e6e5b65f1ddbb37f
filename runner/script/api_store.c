/*
 * haul.core.run: what a hook may ask of a store.  Each function takes the number of the store and
 * what waits ("store:head at x.lua:12"), and gives what came of it, or nil and the error as a
 * table.
 */
#include "engine/run.h"
#include "io/mime.h"
#include "io/walk.h"
#include "script/api.h"
#include "script/event_table.h"
#include "script/object.h"
#include "script/value.h"
#include "script/wait.h"
#include "wire/dialect.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES "haul.attributes"
#define LISTER     "haul.lister"

static const struct store *check_store(lua_State *L)
{
    const struct script *script = vm_of(L)->owner;
    lua_Integer place = luaL_checkinteger(L, 1);

    luaL_argcheck(L, place >= 1 && place <= script->job->n_stores, 1, "no store");
    wait_check(L, luaL_checkstring(L, 2));
    return script->job->stores[place - 1].store;
}

/* An op on the object that is the third argument, which the caller's stack keeps. */
static struct op *make_call(lua_State *L, enum call_kind kind)
{
    const struct store *store = check_store(L);
    const char *key = luaL_checkstring(L, 3);
    struct op *op = op_new(OP_CALL);

    op->in.store = store;
    op->in.call.kind = kind;
    op->in.call.key = op->in.path = key;
    op->in.call.len = op->in.call.total = -1;
    return op;
}

/* -> nil, error; false when there is none */
static bool push_failure(lua_State *L, const struct op *op)
{
    if (op->out.err.kind == ERR_NONE)
        return false;
    lua_pushnil(L);
    err_push(L, &op->out.err);
    return true;
}

/* --- objects -------------------------------------------------------------------------- */

static void push_object(lua_State *L, const struct op *op)
{
    const struct object_answer *answer = &op->out.answer;
    const struct knowledge known = {
        .has = KNOW_HEAD, .info = answer->info, .attributes = answer->attributes};
    const struct object_view view = {
        .key = op->in.call.key, .store = op->in.store, .info = &answer->info, .known = &known};

    object_push_known(L, &view);
}

static int push_head(lua_State *L, struct op *op)
{
    if (push_failure(L, op))
        return 2;
    push_object(L, op);
    return 1;
}

/* store, what, key -> object */
static int api_head(lua_State *L)
{
    return wait_for_call(L, make_call(L, CALL_HEAD), push_head);
}

static int push_body(lua_State *L, struct op *op)
{
    if (push_failure(L, op))
        return 2;
    lua_pushlstring(L, buf_str(&op->out.body), op->out.body.len);
    push_object(L, op);
    return 2;
}

/* store, what, key, the most bytes -> bytes, object */
static int api_get(lua_State *L)
{
    int64_t max = luaL_checkinteger(L, 4);
    luaL_argcheck(L, max >= 1 && max <= LIMIT_SINGLE_PUT, 4, "out of range");
    struct op *op = make_call(L, CALL_GET);

    op->in.memory_max = max;
    return wait_for_call(L, op, push_body);
}

static int push_etag(lua_State *L, struct op *op)
{
    if (push_failure(L, op))
        return 2;
    lua_pushstring(L, op->out.answer.info.etag);
    return 1;
}

static int free_attributes(lua_State *L)
{
    struct http_fields **box = luaL_checkudata(L, 1, ATTRIBUTES);

    attributes_free(*box);
    *box = NULL;
    return 0;
}

/* [-0, +1]  The list of { name, text } at `index`; what is pushed owns them. */
static struct http_fields *keep_attributes(lua_State *L, int index)
{
    struct http_fields **box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = NULL;
    luaL_setmetatable(L, ATTRIBUTES);
    lua_pushvalue(L, index);
    *box = value_attributes(L);
    lua_pop(L, 1);
    return *box;
}

/* The store checks what arrives against these. */
static void add_sums(struct object_call *call, const struct store *store, const void *bytes)
{
    call->has_md5 = true;
    digest_md5(bytes, (size_t)call->len, call->md5);
    call->has_sha256 = store->sign_payload;
    if (call->has_sha256)
        digest_sha256(bytes, (size_t)call->len, call->sha256);
}

/* store, what, key, bytes, attributes -> etag */
static int api_put(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 4, &len);
    luaL_argcheck(L, len <= LIMIT_SINGLE_PUT, 4, "too long");
    const struct http_fields *attributes = keep_attributes(L, 5);
    struct op *op = make_call(L, CALL_PUT);

    op->in.memory = bytes;
    op->in.call.len = (int64_t)len;
    op->in.call.attributes = attributes;
    if (op->in.store->kind != STORE_DIR)
        add_sums(&op->in.call, op->in.store, bytes);
    return wait_for_call(L, op, push_etag);
}

/* name -> the content type that it stands for */
static int api_content_type(lua_State *L)
{
    lua_pushstring(L, mime_type(luaL_checkstring(L, 1)));
    return 1;
}

static int push_done(lua_State *L, struct op *op)
{
    if (push_failure(L, op))
        return 2;
    lua_pushboolean(L, 1);
    return 1;
}

/* store, what, key -> true, also when there was none */
static int api_delete(lua_State *L)
{
    return wait_for_call(L, make_call(L, CALL_DELETE), push_done);
}

/* --- tags ----------------------------------------------------------------------------- */

/* store, what, key, attributes: all of its tags -> true */
static int api_put_tags(lua_State *L)
{
    const struct http_fields *attributes = keep_attributes(L, 4);
    struct op *op = make_call(L, CALL_PUT_TAGS);

    op->in.call.attributes = attributes;
    return wait_for_call(L, op, push_done);
}

static int push_tags(lua_State *L, struct op *op)
{
    const struct http_fields *attributes = op->out.answer.attributes;

    if (push_failure(L, op))
        return 2;
    object_push_tags(L, attributes ? http_fields_get(attributes, "tags") : NULL);
    return 1;
}

/* store, what, key -> tags */
static int api_get_tags(lua_State *L)
{
    return wait_for_call(L, make_call(L, CALL_GET_TAGS), push_tags);
}

/* --- listing -------------------------------------------------------------------------- */

/* Where a listing stands. */
struct lister {
    struct walk *walk; /* of a directory */
    char *prefix, *token;
    bool ended;
};

static int free_lister(lua_State *L)
{
    struct lister *lister = luaL_checkudata(L, 1, LISTER);

    if (lister->walk)
        walk_free(lister->walk);
    free(lister->prefix);
    free(lister->token);
    *lister = (struct lister){.ended = true};
    return 0;
}

/* prefix -> where a listing stands */
static int api_lister(lua_State *L)
{
    const char *prefix = luaL_checkstring(L, 1);
    struct lister *lister = lua_newuserdatauv(L, sizeof *lister, 0);

    *lister = (struct lister){0};
    luaL_setmetatable(L, LISTER);
    lister->prefix = xstrdup(prefix);
    return 1;
}

static void push_entry(lua_State *L, const struct list_entry *entry)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, entry->key);
    lua_setfield(L, -2, "key");
    lua_pushinteger(L, entry->size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, (double)entry->mtime_ns / 1e9);
    lua_setfield(L, -2, "mtime");
    if (entry->etag && *entry->etag) {
        lua_pushstring(L, entry->etag);
        lua_setfield(L, -2, "etag");
    }
}

/* What cannot be read is no end of a listing; what is no file is none of it. */
static bool is_whole(const struct listing *listing, struct err *err)
{
    for (size_t i = 0; i < listing->n; i++)
        if (listing->entry[i].special == 'u')
            return err_set(err, ERR_DENIED, "the directory '%.200s' cannot be read",
                           listing->entry[i].key);
    return true;
}

/* The next page goes on where this one ends; a token that comes again would never do so. */
static bool go_on(struct lister *lister, struct listing *listing, struct err *err)
{
    char *token = listing->next_token;

    if (token && !lister->walk && lister->token && !strcmp(token, lister->token))
        return err_set(err, ERR_SERVER, "the listing does not go on: its token came twice");
    free(lister->token);
    lister->token = token;
    listing->next_token = NULL;
    lister->ended = !token;
    return true;
}

static int push_page(lua_State *L, struct op *op)
{
    struct lister *lister = luaL_checkudata(L, 3, LISTER);
    struct listing *listing = &op->out.answer.listing;
    struct err *err = &op->out.err;
    int n = 0;

    if (err->kind == ERR_NONE && is_whole(listing, err))
        go_on(lister, listing, err);
    if (push_failure(L, op))
        return 2;
    lua_createtable(L, (int)listing->n, 0);
    for (size_t i = 0; i < listing->n; i++) {
        if (listing->entry[i].special)
            continue;
        push_entry(L, &listing->entry[i]);
        lua_rawseti(L, -2, ++n);
    }
    lua_pushboolean(L, lister->ended);
    return 2;
}

/* store, what, where the listing stands -> list of objects, whether they are the last */
static int api_page(lua_State *L)
{
    const struct store *store = check_store(L);
    struct lister *lister = luaL_checkudata(L, 3, LISTER);
    bool files = store->kind == STORE_DIR;
    struct op *op = op_new(OP_CALL);

    if (files && !lister->walk)
        lister->walk = walk_new(store, lister->prefix);
    op->in.store = store;
    op->in.call.kind = CALL_LIST;
    op->in.call.len = op->in.call.total = -1;
    op->in.call.prefix = lister->prefix;
    op->in.call.token = lister->token;
    op->in.walk = lister->walk;
    return files ? wait_for_op(L, op, push_page) : wait_for_call(L, op, push_page);
}

/* --- all of them ---------------------------------------------------------------------- */

static const luaL_Reg store_functions[] = {
    {"content_type", api_content_type},
    {"delete", api_delete},
    {"get", api_get},
    {"get_tags", api_get_tags},
    {"head", api_head},
    {"lister", api_lister},
    {"page", api_page},
    {"put", api_put},
    {"put_tags", api_put_tags},
    {NULL, NULL},
};

static void make_class(lua_State *L, const char *name, lua_CFunction collect)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void api_store_add(lua_State *L)
{
    make_class(L, ATTRIBUTES, free_attributes);
    make_class(L, LISTER, free_lister);
    luaL_setfuncs(L, store_functions, 0);
}
