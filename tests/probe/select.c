/* Patterns and selections as Lua functions, for the specs alone. */
#include "core/select.h"
#include "base/glob.h"
#include "probe.h"
#include <stdlib.h>

static int glob_probe(lua_State *L)
{
    struct err err = {0};
    if (!glob_check(luaL_checkstring(L, 1), &err))
        return probe_failure(L, &err);
    lua_pushboolean(L, glob_match(lua_tostring(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static char **list_at(lua_State *L, int index, const char *name, int *n)
{
    lua_getfield(L, index, name);
    *n = lua_isnil(L, -1) ? 0 : (int)lua_rawlen(L, -1);
    char **list = xcalloc((size_t)*n + 1, sizeof *list);
    for (int i = 0; i < *n; i++) {
        lua_rawgeti(L, -1, i + 1);
        list[i] = xstrdup(luaL_checkstring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return list;
}

/* passes(rules, key, info) -> true, or false and why; and whether it has to be asked for.  `rules`
 * has the fields of struct selection, and delete, shard and shards. */
static int passes(lua_State *L)
{
    struct task task = {.kind = probe_bool(L, 1, "delete") ? TASK_DELETE : TASK_COPY};
    struct selection *selection = &task.selection;
    struct shard shard = {.index = (int)probe_integer(L, 1, "shard", 0),
                          .count = (int)probe_integer(L, 1, "shards", 0)};
    struct object_info info = {.size = probe_integer(L, 3, "size", -1),
                               .mtime_ns = probe_integer(L, 3, "mtime_ms", 0) * 1000000};
    const char *why = NULL;

    selection->include = list_at(L, 1, "include", &selection->n_include);
    selection->exclude = list_at(L, 1, "exclude", &selection->n_exclude);
    selection->min_size = probe_integer(L, 1, "min_size", -1);
    selection->max_size = probe_integer(L, 1, "max_size", -1);
    selection->since_ms = probe_integer(L, 1, "since_ms", 0);
    selection->until_ms = probe_integer(L, 1, "until_ms", 0);
    lua_pushboolean(L, select_passes(&task, &shard, luaL_checkstring(L, 2), &info, &why));
    lua_pushstring(L, why);
    lua_pushboolean(L, select_asks(&task));
    for (int i = 0; i < selection->n_include; i++)
        free(selection->include[i]);
    for (int i = 0; i < selection->n_exclude; i++)
        free(selection->exclude[i]);
    free(selection->include);
    free(selection->exclude);
    return 3;
}

static int shard_of(lua_State *L)
{
    lua_pushinteger(L, select_shard(luaL_checkstring(L, 1), (int)luaL_checkinteger(L, 2)));
    return 1;
}

/* scope(host, bucket, root, path) of a task that copies from there to itself */
static int scope(lua_State *L)
{
    struct store store = {.host = (char *)luaL_optstring(L, 1, NULL),
                          .bucket = (char *)luaL_optstring(L, 2, NULL),
                          .root = (char *)luaL_optstring(L, 3, NULL)};
    char *path = xstrdup(luaL_checkstring(L, 4));
    struct task task = {.from = &store, .to = &store, .from_path = path, .to_path = path};
    lua_pushinteger(L, (lua_Integer)task_scope(&task));
    free(path);
    return 1;
}

int luaopen_select(lua_State *L);
int luaopen_select(lua_State *L)
{
    static const luaL_Reg functions[] = {{"glob", glob_probe},
                                         {"passes", passes},
                                         {"shard", shard_of},
                                         {"scope", scope},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
