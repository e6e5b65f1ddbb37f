/* The journal as a Lua object, for the specs alone. */
#include "journal/journal.h"
#include "probe_journal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const hows[] = {"new", "carry_on", "damaged"};

/* open(dir, fingerprint, fresh, readonly) -> journal, how; without a directory, one that nobody
 * will find again */
static int open_journal(lua_State *L)
{
    struct err err = {0};
    enum journal_opened how = JOURNAL_NEW;
    const char *dir = luaL_optstring(L, 1, NULL);
    struct journal *journal = !dir ? journal_scratch(&err)
                              : lua_toboolean(L, 4)
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

static int note_whole(lua_State *L)
{
    struct err err = {0};
    return answer(L, journal_note_whole(self(L), &err), &err);
}

static int is_whole(lua_State *L)
{
    struct err err = {0};
    bool whole;
    if (!journal_is_whole(self(L), &whole, &err))
        return probe_failure(L, &err);
    lua_pushboolean(L, whole);
    return 1;
}

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

/* failed(task, after, max) -> keys */
static int failed(lua_State *L)
{
    struct err err = {0};
    lua_newtable(L);
    int n = journal_failed_next(self(L), (int)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL),
                                (int)luaL_checkinteger(L, 4), push_key, L, &err);
    return n < 0 ? probe_failure(L, &err) : 1;
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
                                       {"note_whole", note_whole},
                                       {"is_whole", is_whole},
                                       {"history", history},
                                       {"state_get", state_get},
                                       {"state_put", state_put},
                                       {"failed", failed},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", open_journal}, {NULL, NULL}};

    luaL_newmetatable(L, "journal");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
