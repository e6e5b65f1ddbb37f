#include "base/limits.h"
#include "script/field.h"
#include "script/value.h"
#include <lauxlib.h>
#include <stdlib.h>

static const char *const task_kinds[] = {"copy", "sync", "delete", "move", NULL};
static const char *const overwrites[] = {"always", "never", "newer", NULL};
static const char *const compares[] = {"fingerprint", "size",   "time", "etag",
                                       "checksum",    "script", NULL};
static const char *const conflicts[] = {"error", "skip", "rename", "script", NULL};
static const char *const verifies[] = {"auto", "full", NULL};
static const char *const routes[] = {"auto", "server", "relay", NULL};

void value_read_rule(lua_State *L, struct retry_rule *rule)
{
    static const char *const backoffs[] = {"exponential", "linear", "fixed", NULL};
    static const char *const jitters[] = {"full", "none", "equal", "decorrelated", NULL};

    rule->attempts = field_int(L, "attempts");
    rule->base_ms = field_integer(L, "base");
    rule->cap_ms = field_integer(L, "cap");
    rule->backoff = (enum backoff)field_word(L, "backoff", backoffs);
    rule->jitter = (enum jitter)field_word(L, "jitter", jitters);
}

void value_read_retry(lua_State *L, struct retry_policy *retry)
{
    lua_getfield(L, -1, "retry");
    field_list(L, "rules");
    for (int kind = 1; kind < ERR_KIND_COUNT; kind++) {
        field_list(L, err_kind_name((enum err_kind)kind));
        value_read_rule(L, &retry->rule[kind]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    int n = field_list(L, "on");
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

static const struct store *read_side(lua_State *L, const struct job *job, const char *name)
{
    int place = field_int(L, name);
    if (place < 1 || place > job->n_stores)
        luaL_error(L, "internal: field '%s' is no store", name);
    return job->stores[place - 1].store;
}

static void read_selection(lua_State *L, struct selection *selection)
{
    selection->include = field_texts(L, "include", &selection->n_include);
    selection->exclude = field_texts(L, "exclude", &selection->n_exclude);
    selection->min_size = field_integer(L, "min_size");
    selection->max_size = field_integer(L, "max_size");
    selection->since_ms = field_integer(L, "since");
    selection->until_ms = field_integer(L, "until_");
}

/* A list of { name, text }, as the one on top of the stack; NULL when it is empty or no table. */
struct http_fields *value_attributes(lua_State *L)
{
    size_t n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    if (!n)
        return NULL;
    struct http_fields *fields = xcalloc(1, sizeof *fields);
    http_fields_init(fields, LIMIT_METADATA);
    bool fits = true;
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        fits = fits && lua_tostring(L, -2) && lua_tostring(L, -1) &&
               http_fields_add(fields, lua_tostring(L, -2), lua_tostring(L, -1));
        lua_pop(L, 3);
    }
    if (fits)
        return fields;
    http_fields_free(fields);
    free(fields);
    luaL_error(L, "headers, metadata and tags together are more than %d bytes", LIMIT_METADATA);
    return NULL;
}

static void read_attributes(lua_State *L, struct task *task)
{
    lua_getfield(L, -1, "attributes");
    task->attributes = value_attributes(L);
    lua_pop(L, 1);
    task->preserve = field_boolean(L, "preserve");
}

/* Which functions there are; the functions themselves stay in Lua. */
static unsigned read_functions(lua_State *L)
{
    static const struct {
        const char *name;
        unsigned bit;
    } bits[] = {{"map", TASK_MAPS},
                {"compare", TASK_COMPARES},
                {"yield", TASK_YIELDS},
                {"settle", TASK_SETTLES},
                {"renames", TASK_RENAMES}};
    unsigned found = 0;

    lua_getfield(L, -1, "functions");
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (field_boolean(L, bits[i].name))
            found |= bits[i].bit;
    lua_pop(L, 1);
    return found;
}

static void read_rules(lua_State *L, struct task *task)
{
    task->kind = (enum task_kind)field_word(L, "kind", task_kinds);
    task->overwrite = (enum overwrite)field_word(L, "overwrite", overwrites);
    task->compare = (enum compare)field_word(L, "compare", compares);
    task->conflict = (enum conflict)field_word(L, "conflict", conflicts);
    task->route = (enum route)field_word(L, "route", routes);
    task->verify = (enum verify)field_word(L, "verify", verifies);
    task->priority = field_number(L, "priority");
    task->remove = field_boolean(L, "remove");
    task->max_delete = field_number(L, "max_delete");
    task->max_deletes = field_integer(L, "max_deletes");
    task->keeps_empty = field_boolean(L, "keeps_empty");
}

void value_read_task(lua_State *L, struct job *job)
{
    struct task *task = &job->tasks[job->n_tasks++];
    task->number = job->n_tasks;
    task->group = field_int(L, "group");
    task->from = read_side(L, job, "from");
    task->to = read_side(L, job, "to");
    task->from_path = xstrdup(field_need_text(L, "from_path"));
    task->to_path = xstrdup(field_need_text(L, "to_path"));
    task->single = field_boolean(L, "single");
    task->keys = field_texts(L, "keys", &task->n_keys);
    task->splits = field_texts(L, "splits", &task->n_splits);
    task->part_size = field_integer(L, "part_size");
    task->concurrency = field_int(L, "concurrency");
    task->rate = field_integer(L, "rate");
    task->is_also = field_boolean(L, "is_also");
    value_read_retry(L, &task->retry);
    read_selection(L, &task->selection);
    read_attributes(L, task);
    read_rules(L, task);
    task->functions = read_functions(L);
    if (task->is_also)
        task[-1].also = task;
}
