/* What the journal keeps for syncs, as more methods of its object (tests/probe/journal.c). */
#include "journal/sync.h"
#include "probe_journal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- fingerprints --------------------------------------------------------------------- */

static uint64_t scope_at(lua_State *L, int index)
{
    return (uint64_t)luaL_checkinteger(L, index);
}

static int print_put(lua_State *L)
{
    struct fingerprint print = {.size = probe_integer(L, 4, "size", 0),
                                .mtime_ns = probe_integer(L, 4, "mtime_ns", 0),
                                .inode = (uint64_t)probe_integer(L, 4, "inode", 0),
                                .target_size = probe_integer(L, 4, "target_size", 0),
                                .target_mtime_ns = probe_integer(L, 4, "target_mtime_ns", 0)};
    const char *etag = probe_text(L, 4, "etag"), *other = probe_text(L, 4, "target_etag");
    struct err err = {0};

    snprintf(print.etag, sizeof print.etag, "%s", etag ? etag : "");
    snprintf(print.target_etag, sizeof print.target_etag, "%s", other ? other : "");
    return answer(
        L, journal_print_put(self(L), scope_at(L, 2), luaL_checkstring(L, 3), &print, &err), &err);
}

static int print_get(lua_State *L)
{
    struct fingerprint print;
    struct err err = {0};

    if (!journal_print_get(self(L), scope_at(L, 2), luaL_checkstring(L, 3), &print, &err)) {
        if (err.kind != ERR_NONE)
            return probe_failure(L, &err);
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 7);
    set_integer(L, "size", print.size);
    set_integer(L, "mtime_ns", print.mtime_ns);
    set_integer(L, "inode", (int64_t)print.inode);
    set_integer(L, "target_size", print.target_size);
    set_integer(L, "target_mtime_ns", print.target_mtime_ns);
    set_text(L, "etag", print.etag);
    set_text(L, "target_etag", print.target_etag);
    return 1;
}

static int print_drop(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_print_drop(self(L), scope_at(L, 2), luaL_checkstring(L, 3), &err),
                  &err);
}

static int prints_count(lua_State *L)
{
    struct err err = {0};
    int64_t n;
    if (!journal_prints_count(self(L), scope_at(L, 2), &n, &err))
        return probe_failure(L, &err);
    lua_pushinteger(L, n);
    return 1;
}

static void nth_key(char out[64], int64_t n)
{
    snprintf(out, 64, "photos/2026/%05lld/img_%08lld.jpg", (long long)n / 1000, (long long)n);
}

/* prints_fill(scope, first, n): in one turn, with keys and tags of usual length. */
static int prints_fill(lua_State *L)
{
    struct journal *journal = self(L);
    int64_t first = luaL_checkinteger(L, 3), n = luaL_checkinteger(L, 4);
    struct err err = {0};
    bool ok = journal_begin(journal, &err);
    char key[64];

    for (int64_t i = first; ok && i < first + n; i++) {
        struct fingerprint print = {.size = i,
                                    .mtime_ns = INT64_C(1795245980123456789) + i,
                                    .inode = 7000000 + (uint64_t)i,
                                    .target_size = i,
                                    .target_mtime_ns = INT64_C(1795246000000000000) + i};
        snprintf(print.target_etag, sizeof print.target_etag, "\"%032llx\"", (unsigned long long)i);
        nth_key(key, i);
        ok = journal_print_put(journal, scope_at(L, 2), key, &print, &err);
    }
    return answer(L, journal_commit(journal, &err) && ok, &err);
}

/* prints_find(scope, first, n) -> how many of those keys have one, asked one at a time */
static int prints_find(lua_State *L)
{
    struct journal *journal = self(L);
    int64_t first = luaL_checkinteger(L, 3), n = luaL_checkinteger(L, 4), found = 0;
    struct fingerprint print;
    struct err err = {0};
    char key[64];

    for (int64_t i = first; i < first + n; i++) {
        nth_key(key, i);
        found += journal_print_get(journal, scope_at(L, 2), key, &print, &err) && print.size == i;
    }
    lua_pushinteger(L, found);
    return 1;
}

/* prints_walk(scope, first, n, prune) -> the same along a listing of those keys */
static int prints_walk(lua_State *L)
{
    struct journal *journal = self(L);
    struct prints_walk *walk = journal_walk_new(journal, scope_at(L, 2));
    int64_t first = luaL_checkinteger(L, 3), n = luaL_checkinteger(L, 4), found = 0;
    struct fingerprint print;
    struct err err = {0};
    char key[64];

    for (int64_t i = first; i < first + n; i++) {
        if (i % 1000 == 0)
            journal_begin(journal, &err);
        nth_key(key, i);
        found += journal_walk_find(walk, key, &print, &err) && print.size == i;
        if (i % 1000 == 999)
            journal_commit(journal, &err);
    }
    bool ok = journal_walk_end(walk, lua_toboolean(L, 5), &err);
    journal_walk_free(walk);
    if (!journal_commit(journal, &err) || !ok)
        return probe_failure(L, &err);
    lua_pushinteger(L, found);
    return 1;
}

/* walk(scope, keys, prune) -> a list of which keys have one */
static int walk_keys(lua_State *L)
{
    struct prints_walk *walk = journal_walk_new(self(L), scope_at(L, 2));
    struct fingerprint print;
    struct err err = {0};
    bool ok = true;

    lua_newtable(L);
    for (int i = 1; i <= (int)lua_rawlen(L, 3); i++) {
        lua_rawgeti(L, 3, i);
        bool found = journal_walk_find(walk, lua_tostring(L, -1), &print, &err);
        ok = ok && err.kind == ERR_NONE;
        lua_pop(L, 1);
        lua_pushboolean(L, found);
        lua_rawseti(L, -2, i);
    }
    ok = ok && journal_walk_end(walk, lua_toboolean(L, 4), &err);
    journal_walk_free(walk);
    return ok ? 1 : probe_failure(L, &err);
}

/* --- extras and names ----------------------------------------------------------------- */

static int extra_put(lua_State *L)
{
    struct err err = {0};
    return answer(L,
                  journal_extra_put(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3),
                                    luaL_checkinteger(L, 4), &err),
                  &err);
}

static int extra_totals(lua_State *L)
{
    struct err err = {0};
    int64_t objects, bytes;
    if (!journal_extra_totals(self(L), (int)luaL_checkinteger(L, 2), &objects, &bytes, &err))
        return probe_failure(L, &err);
    lua_pushinteger(L, objects);
    lua_pushinteger(L, bytes);
    return 2;
}

static void push_extra(void *ctx, const char *key, int64_t size)
{
    push_key(ctx, key);
    lua_pushinteger(ctx, size);
    lua_rawseti(ctx, -2, (lua_Integer)lua_rawlen(ctx, -2) + 1);
}

/* extras(task, after, max) -> { key, size, key, size, ... } */
static int extras(lua_State *L)
{
    struct err err = {0};
    lua_newtable(L);
    int n = journal_extras_next(self(L), (int)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL),
                                (int)luaL_checkinteger(L, 4), push_extra, L, &err);
    return n < 0 ? probe_failure(L, &err) : 1;
}

static int extra_drop(lua_State *L)
{
    struct err err = {0};
    return answer(
        L, journal_extra_drop(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &err),
        &err);
}

static int extras_clear(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_extras_clear(self(L), (int)luaL_checkinteger(L, 2), &err), &err);
}

/* name_take(task, target, key) -> taken, other */
static int name_take(lua_State *L)
{
    struct err err = {0};
    char other[LIMIT_KEY + 1];
    bool taken;
    if (!journal_name_take(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3),
                           luaL_checkstring(L, 4), other, &taken, &err))
        return probe_failure(L, &err);
    lua_pushboolean(L, taken);
    lua_pushstring(L, other);
    return 2;
}

int luaopen_journal_sync(lua_State *L);
int luaopen_journal_sync(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"print_put", print_put},       {"print_get", print_get},     {"print_drop", print_drop},
        {"prints_count", prints_count}, {"prints_fill", prints_fill}, {"prints_find", prints_find},
        {"prints_walk", prints_walk},   {"walk", walk_keys},          {"extra_put", extra_put},
        {"extra_totals", extra_totals}, {"extras", extras},           {"extra_drop", extra_drop},
        {"extras_clear", extras_clear}, {"name_take", name_take},     {NULL, NULL}};
    luaL_newmetatable(L, "journal");
    luaL_setfuncs(L, methods, 0);
    return 1;
}
