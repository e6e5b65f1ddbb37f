/* Plans, retries and the journal as Lua functions, for the specs alone. */
#include "core/journal.h"
#include "core/plan.h"
#include "core/retry.h"
#include "probe.h"
#include <stdlib.h>
#include <string.h>

/* --- plan and retry ------------------------------------------------------------------- */

static int part_size(lua_State *L)
{
    lua_pushinteger(L, plan_part_size(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2),
                                      luaL_checkinteger(L, 3), luaL_checkinteger(L, 4)));
    return 1;
}

static int part_count(lua_State *L)
{
    lua_pushinteger(L, plan_part_count(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2)));
    return 1;
}

static int part(lua_State *L)
{
    struct span span = plan_part(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2),
                                 (uint32_t)luaL_checkinteger(L, 3));
    lua_pushinteger(L, span.off);
    lua_pushinteger(L, span.len);
    return 2;
}

/* again(policy, error, attempt, seed) -> boolean, delay_ms */
static int again(lua_State *L)
{
    struct retry_policy policy = {.attempts = (int)probe_integer(L, 1, "attempts", 5),
                                  .base_ms = probe_integer(L, 1, "base_ms", 100),
                                  .cap_ms = probe_integer(L, 1, "cap_ms", 20000),
                                  .jitter =
                                      probe_bool(L, 1, "no_jitter") ? JITTER_NONE : JITTER_FULL,
                                  .on = (uint32_t)probe_integer(L, 1, "on", 1 << ERR_NETWORK)};
    struct err err = {.kind = ERR_NETWORK,
                      .retry_after_ms = (int)probe_integer(L, 2, "retry_after_ms", 0),
                      .final = probe_bool(L, 2, "final")};
    const char *kind = probe_text(L, 2, "kind");
    struct rng rng;
    int64_t delay_ms = -1;

    if (kind)
        err_kind_parse(kind, &err.kind);
    rng_seed(&rng, (uint64_t)luaL_checkinteger(L, 4));
    lua_pushboolean(L, retry_again(&policy, &err, (int)luaL_checkinteger(L, 3), &rng, &delay_ms));
    lua_pushinteger(L, delay_ms);
    return 2;
}

/* --- journal -------------------------------------------------------------------------- */

static const char *const hows[] = {"new", "carry_on", "damaged"};

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

static int checkpoint(lua_State *L)
{
    journal_checkpoint(self(L));
    return 0;
}

/* put(task, key, row) */
static int put(lua_State *L)
{
    struct row row = {.state = (enum row_state)probe_integer(L, 4, "state", ROW_ACTIVE),
                      .size = probe_integer(L, 4, "size", 0),
                      .part_size = probe_integer(L, 4, "part_size", 0),
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
    lua_pushinteger(L, row->state);
    lua_setfield(L, -2, "state");
    lua_pushinteger(L, row->size);
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, row->part_size);
    lua_setfield(L, -2, "part_size");
    lua_pushstring(L, row->upload_id);
    lua_setfield(L, -2, "upload_id");
    lua_pushstring(L, row->temp);
    lua_setfield(L, -2, "temp");
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

/* put_parts(task, key, first, n): parts first .. first + n - 1, in one turn */
static int put_parts(lua_State *L)
{
    struct journal *journal = self(L);
    int64_t first = luaL_checkinteger(L, 4), n = luaL_checkinteger(L, 5);
    struct err err = {0};
    bool ok = journal_begin(journal, &err);

    for (int64_t i = first; ok && i < first + n; i++) {
        struct part_row row = {.n = (uint32_t)i, .len = 8 << 20, .sum = (uint64_t)i * 7919};
        snprintf(row.etag, sizeof row.etag, "\"%032llx\"", (unsigned long long)i);
        ok = journal_put_part(journal, (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &row,
                              &err);
    }
    return answer(L, journal_commit(journal, &err) && ok, &err);
}

static void count_part(void *ctx, const struct part_row *part)
{
    int64_t *n = ctx;
    *n += part->sum == (uint64_t)part->n * 7919;
}

/* How many parts there are, all of them whole. */
static int parts(lua_State *L)
{
    struct err err = {0};
    int64_t n = 0;

    if (!journal_parts(self(L), (int)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), count_part,
                       &n, &err))
        return probe_failure(L, &err);
    lua_pushinteger(L, n);
    return 1;
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
    lua_pushinteger(L, orphan->id);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, orphan->store);
    lua_setfield(L, -2, "store");
    lua_pushstring(L, orphan->key);
    lua_setfield(L, -2, "key");
    lua_pushstring(L, orphan->upload_id);
    lua_setfield(L, -2, "upload_id");
    lua_pushstring(L, orphan->temp);
    lua_setfield(L, -2, "temp");
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
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {{"run", s.run},         {"done", s.done},
                  {"failed", s.failed},   {"active", s.active},
                  {"uploads", s.uploads}, {"orphans", s.orphans},
                  {"skipped", s.skipped}, {"resumable_bytes", s.resumable_bytes}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushboolean(L, s.finished);
    lua_setfield(L, -2, "finished");
    return 1;
}

int luaopen_core_units(lua_State *L);
int luaopen_core_units(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", close_journal},
                                       {"begin", begin},
                                       {"commit", commit},
                                       {"put", put},
                                       {"get", get},
                                       {"put_parts", put_parts},
                                       {"parts", parts},
                                       {"orphan", orphan},
                                       {"orphans", orphans},
                                       {"finish", finish},
                                       {"forget", forget},
                                       {"orphan_gone", orphan_gone},
                                       {"summary", summary},
                                       {"__gc", close_journal},
                                       {"drop_parts", drop_parts},
                                       {"checkpoint", checkpoint},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"part_size", part_size}, {"part_count", part_count}, {"part", part},
        {"again", again},         {"journal", open_journal},  {NULL, NULL}};

    luaL_newmetatable(L, "journal");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
