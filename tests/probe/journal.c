/* The journal as a Lua object, for the specs alone. */
#include "core/journal.h"
#include "core/journal_sync.h"
#include "probe.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const hows[] = {"new", "carry_on", "damaged"};

static void set_integer(lua_State *L, const char *name, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static struct journal *self(lua_State *L)
{
    struct journal **box = luaL_checkudata(L, 1, "journal");
    luaL_argcheck(L, *box, 1, "closed");
    return *box;
}

static int answer(lua_State *L, bool ok, const struct err *err)
{
    if (!ok)
        return probe_failure(L, err);
    lua_pushboolean(L, true);
    return 1;
}

/* open(dir, fingerprint, fresh, readonly) -> journal, how */
static int open_journal(lua_State *L)
{
    struct err err = {0};
    enum journal_opened how = JOURNAL_NEW;
    const char *dir = luaL_checkstring(L, 1);
    struct journal *journal = lua_toboolean(L, 4)
                                  ? journal_open_readonly(dir, &err)
                                  : journal_open(dir, (uint64_t)luaL_optinteger(L, 2, 1),
                                                 lua_toboolean(L, 3), &how, &err);

    if (!journal)
        return probe_failure(L, &err);
    *(struct journal **)lua_newuserdatauv(L, sizeof journal, 0) = journal;
    luaL_setmetatable(L, "journal");
    lua_pushstring(L, hows[how]);
    return 2;
}

static int close_journal(lua_State *L)
{
    struct journal **box = luaL_checkudata(L, 1, "journal");
    journal_close(*box);
    *box = NULL;
    return 0;
}

static int begin(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_begin(self(L), &err), &err);
}

static int commit(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_commit(self(L), &err), &err);
}

/* put(task, key, row) */
static int put(lua_State *L)
{
    struct row row = {.state = (enum row_state)probe_integer(L, 4, "state", ROW_ACTIVE),
                      .size = probe_integer(L, 4, "size", 0),
                      .part_size = probe_integer(L, 4, "part_size", 0),
                      .source_sum_kind = (enum sum_kind)probe_integer(L, 4, "source_sum_kind", 0),
                      .store = probe_text(L, 4, "store"),
                      .target = probe_text(L, 4, "target")};
    const char *upload_id = probe_text(L, 4, "upload_id"), *temp = probe_text(L, 4, "temp");
    struct err err = {0};

    snprintf(row.upload_id, sizeof row.upload_id, "%s", upload_id ? upload_id : "");
    snprintf(row.temp, sizeof row.temp, "%s", temp ? temp : "");
    return answer(
        L, journal_put(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &row, &err),
        &err);
}

static void push_row(lua_State *L, const struct row *row)
{
    lua_createtable(L, 0, 5);
    set_integer(L, "state", row->state);
    set_integer(L, "size", row->size);
    set_integer(L, "part_size", row->part_size);
    set_integer(L, "source_sum_kind", row->source_sum_kind);
    set_text(L, "upload_id", row->upload_id);
    set_text(L, "temp", row->temp);
}

static int get(lua_State *L)
{
    struct err err = {0};
    struct row row;

    if (journal_get(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &row, &err))
        push_row(L, &row);
    else if (err.kind != ERR_NONE)
        return probe_failure(L, &err);
    else
        lua_pushnil(L);
    return 1;
}

/* put_parts(task, key, first, n, relayed): parts first .. first + n - 1, in one turn */
static int put_parts(lua_State *L)
{
    struct journal *journal = self(L);
    int64_t first = luaL_checkinteger(L, 4), n = luaL_checkinteger(L, 5);
    bool relayed = lua_toboolean(L, 6);
    struct err err = {0};
    bool ok = journal_begin(journal, &err);

    for (int64_t i = first; ok && i < first + n; i++) {
        struct part_row row = {.n = (uint32_t)i,
                               .len = 8 << 20,
                               .sum = (uint64_t)i * 7919,
                               .source_sum = (uint64_t)i * 104729 * (uint64_t)relayed};
        snprintf(row.etag, sizeof row.etag, "\"%032llx\"", (unsigned long long)i);
        ok = journal_put_part(journal, (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &row,
                              &err);
    }
    return answer(L, journal_commit(journal, &err) && ok, &err);
}

struct part_count {
    int64_t whole, relayed;
};

static void count_part(void *ctx, const struct part_row *part)
{
    struct part_count *count = ctx;
    count->whole += part->sum == (uint64_t)part->n * 7919;
    count->relayed += part->source_sum == (uint64_t)part->n * 104729 && part->n > 0;
}

/* How many parts are whole; and of how many the source's sum is. */
static int parts(lua_State *L)
{
    struct err err = {0};
    struct part_count count = {0};

    if (!journal_parts(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), count_part,
                       &count, &err))
        return probe_failure(L, &err);
    lua_pushinteger(L, count.whole);
    lua_pushinteger(L, count.relayed);
    return 2;
}

static int drop_parts(lua_State *L)
{
    struct err err = {0};
    bool ok =
        journal_drop_parts(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &err);
    return answer(L, ok, &err);
}

static int orphan(lua_State *L)
{
    struct err err = {0};
    bool ok = journal_orphan(self(L), luaL_checkstring(L, 2), luaL_checkstring(L, 3),
                             luaL_checkstring(L, 4), luaL_checkstring(L, 5), &err);
    return answer(L, ok, &err);
}

static void push_orphan(void *ctx, const struct orphan *orphan)
{
    lua_State *L = ctx;
    lua_createtable(L, 0, 5);
    set_integer(L, "id", orphan->id);
    set_text(L, "store", orphan->store);
    set_text(L, "key", orphan->key);
    set_text(L, "upload_id", orphan->upload_id);
    set_text(L, "temp", orphan->temp);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static int orphans(lua_State *L)
{
    struct err err = {0};

    lua_newtable(L);
    if (journal_orphans(self(L), push_orphan, L, &err))
        return 1;
    return probe_failure(L, &err);
}

static int orphan_gone(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_orphan_gone(self(L), luaL_checkinteger(L, 2), &err), &err);
}

static int finish(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_finish_run(self(L), &err), &err);
}

static int forget(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_forget(self(L), &err), &err);
}

static int summary(lua_State *L)
{
    struct journal_summary s;
    struct err err = {0};

    if (!journal_summary(self(L), &s, &err))
        return probe_failure(L, &err);
    lua_newtable(L);
    set_integer(L, "run", s.run);
    set_integer(L, "done", s.done);
    set_integer(L, "failed", s.failed);
    set_integer(L, "active", s.active);
    set_integer(L, "uploads", s.uploads);
    set_integer(L, "orphans", s.orphans);
    set_integer(L, "skipped", s.skipped);
    set_integer(L, "resumable_bytes", s.resumable_bytes);
    lua_pushboolean(L, s.finished);
    lua_setfield(L, -2, "finished");
    return 1;
}

static int checkpoint(lua_State *L)
{
    journal_checkpoint(self(L));
    return 0;
}

static int log_bytes(lua_State *L)
{
    lua_pushinteger(L, journal_log_bytes(self(L)));
    return 1;
}

/* --- runs and scripts ----------------------------------------------------------------- */

/* note_end(exit_status, now_ms, totals) */
static int note_end(lua_State *L)
{
    struct totals totals = {.objects_done = probe_integer(L, 4, "done", 0),
                            .objects_skipped = probe_integer(L, 4, "skipped", 0),
                            .objects_failed = probe_integer(L, 4, "failed", 0),
                            .objects_deleted = probe_integer(L, 4, "deleted", 0),
                            .bytes_done = probe_integer(L, 4, "bytes", 0)};
    struct err err = {0};
    return answer(L,
                  journal_note_end(self(L), (int)luaL_checkinteger(L, 2), luaL_checkinteger(L, 3),
                                   &totals, &err),
                  &err);
}

static void push_past(void *ctx, const struct journal_past *past)
{
    lua_State *L = ctx;
    lua_createtable(L, 0, 9);
    set_integer(L, "run", past->run);
    set_integer(L, "started_ms", past->started_ms);
    set_integer(L, "ended_ms", past->ended_ms);
    set_integer(L, "exit_status", past->exit_status);
    set_integer(L, "done", past->done);
    set_integer(L, "skipped", past->skipped);
    set_integer(L, "failed", past->failed);
    set_integer(L, "deleted", past->deleted);
    set_integer(L, "bytes", past->bytes);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static int history(lua_State *L)
{
    struct err err = {0};
    lua_newtable(L);
    return journal_history(self(L), push_past, L, &err) ? 1 : probe_failure(L, &err);
}

static int state_get(lua_State *L)
{
    struct err err = {0};
    char *text = journal_state_get(self(L), &err);
    if (!text && err.kind != ERR_NONE)
        return probe_failure(L, &err);
    lua_pushstring(L, text);
    free(text);
    return 1;
}

static int state_put(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_state_put(self(L), luaL_checkstring(L, 2), &err), &err);
}

static void push_key(void *ctx, const char *key)
{
    lua_State *L = ctx;
    lua_pushstring(L, key);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* failed(task, after, max) -> keys */
static int failed(lua_State *L)
{
    struct err err = {0};
    lua_newtable(L);
    int n = journal_failed_next(self(L), (int)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL),
                                (int)luaL_checkinteger(L, 4), push_key, L, &err);
    return n < 0 ? probe_failure(L, &err) : 1;
}

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

int luaopen_journal(lua_State *L);
int luaopen_journal(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", close_journal},
                                       {"__gc", close_journal},
                                       {"begin", begin},
                                       {"commit", commit},
                                       {"checkpoint", checkpoint},
                                       {"log_bytes", log_bytes},
                                       {"put", put},
                                       {"get", get},
                                       {"put_parts", put_parts},
                                       {"parts", parts},
                                       {"drop_parts", drop_parts},
                                       {"orphan", orphan},
                                       {"orphans", orphans},
                                       {"orphan_gone", orphan_gone},
                                       {"finish", finish},
                                       {"forget", forget},
                                       {"summary", summary},
                                       {"note_end", note_end},
                                       {"history", history},
                                       {"state_get", state_get},
                                       {"state_put", state_put},
                                       {"failed", failed},
                                       {"print_put", print_put},
                                       {"print_get", print_get},
                                       {"print_drop", print_drop},
                                       {"prints_count", prints_count},
                                       {"prints_fill", prints_fill},
                                       {"prints_find", prints_find},
                                       {"prints_walk", prints_walk},
                                       {"walk", walk_keys},
                                       {"extra_put", extra_put},
                                       {"extra_totals", extra_totals},
                                       {"extras", extras},
                                       {"extra_drop", extra_drop},
                                       {"extras_clear", extras_clear},
                                       {"name_take", name_take},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", open_journal}, {NULL, NULL}};

    luaL_newmetatable(L, "journal");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
