#pragma once
/* A job as a Lua table, field by field.  For the specs alone. */
#include "core/job.h"
#include "script/dials.h"
#include <lauxlib.h>

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_int(lua_State *L, const char *name, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void push_remote(lua_State *L, const struct store *store)
{
    const struct credentials *keys = store->credentials;
    set_text(L, "bucket", store->bucket);
    set_text(L, "region", store->region);
    set_text(L, "host", store->host);
    set_int(L, "https", store->https);
    set_int(L, "bucket_in_path", store->bucket_in_path);
    set_int(L, "sign_v1", store->sign_v1);
    set_int(L, "checksum", store->checksum);
    set_int(L, "connect_timeout", store->connect_timeout_ms);
    set_int(L, "stall_timeout", store->stall_timeout_ms);
    set_text(L, "proxy", store->proxy);
    set_text(L, "header", http_fields_get(&store->headers, "x-extra"));
    if (!keys)
        return;
    set_text(L, "access_key", keys->access_key);
    set_text(L, "secret_key", keys->secret_key);
    set_text(L, "token", keys->token);
    set_int(L, "expires", keys->expires_ms);
    set_int(L, "anonymous", keys->anonymous);
}

static void push_store(lua_State *L, const struct job_store *entry)
{
    lua_newtable(L);
    set_int(L, "kind", entry->store->kind);
    set_text(L, "name", entry->store->name);
    set_text(L, "root", entry->store->root);
    set_int(L, "read_rate", entry->read_rate);
    set_int(L, "write_rate", entry->write_rate);
    set_int(L, "request_rate", entry->request_rate);
    set_int(L, "can_refresh", entry->can_refresh);
    if (entry->store->kind != STORE_DIR)
        push_remote(L, entry->store);
}

static void set_texts(lua_State *L, const char *name, char **texts, int n)
{
    if (!texts)
        return;
    lua_newtable(L);
    for (int i = 0; i < n; i++) {
        lua_pushstring(L, texts[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, name);
}

/* [-0, +1]  "name=text" of each, in order. */
static void push_fields(lua_State *L, const struct http_fields *fields)
{
    struct buf out = buf_new(1 << 16);
    for (int i = 0; fields && i < fields->n; i++)
        buf_addf(&out, "%s%s=%s", i ? " " : "", http_fields_name(fields, i),
                 http_fields_value(fields, i));
    lua_pushstring(L, buf_str(&out));
    buf_free(&out);
}

static void push_rules(lua_State *L, const struct task *task)
{
    const struct selection *selection = &task->selection;
    set_texts(L, "include", selection->include, selection->n_include);
    set_texts(L, "exclude", selection->exclude, selection->n_exclude);
    set_int(L, "min_size", selection->min_size);
    set_int(L, "max_size", selection->max_size);
    set_int(L, "since", selection->since_ms);
    set_int(L, "before", selection->until_ms);
    set_int(L, "kind", task->kind);
    set_int(L, "overwrite", task->overwrite);
    set_int(L, "compare", task->compare);
    set_int(L, "conflict", task->conflict);
    set_int(L, "route", task->route);
    set_int(L, "remove", task->remove);
    set_int(L, "preserve", task->preserve);
    set_int(L, "keeps_empty", task->keeps_empty);
    set_int(L, "max_deletes", task->max_deletes);
    lua_pushnumber(L, task->max_delete);
    lua_setfield(L, -2, "max_delete");
    set_texts(L, "splits", task->splits, task->n_splits);
    set_int(L, "functions", task->functions);
    set_int(L, "is_also", task->is_also);
    set_int(L, "also", task->also ? task->also->number : 0);
    push_fields(L, task->attributes);
    lua_setfield(L, -2, "attributes");
}

static void push_rules_of_retry(lua_State *L, const struct retry_policy *retry)
{
    lua_newtable(L);
    for (int kind = 1; kind < ERR_KIND_COUNT; kind++) {
        const struct retry_rule *rule = &retry->rule[kind];
        lua_newtable(L);
        set_int(L, "attempts", rule->attempts);
        set_int(L, "base", rule->base_ms);
        set_int(L, "cap", rule->cap_ms);
        set_int(L, "jitter", rule->jitter);
        set_int(L, "backoff", rule->backoff);
        lua_setfield(L, -2, err_kind_name((enum err_kind)kind));
    }
    lua_setfield(L, -2, "retry");
}

static void push_task(lua_State *L, const struct task *task)
{
    lua_newtable(L);
    push_rules(L, task);
    set_text(L, "from", task->from->name);
    set_text(L, "to", task->to->name);
    set_text(L, "from_path", task->from_path);
    set_text(L, "to_path", task->to_path);
    set_int(L, "single", task->single);
    set_int(L, "part_size", task->part_size);
    set_int(L, "concurrency", task->concurrency);
    set_int(L, "rate", task->rate);
    push_rules_of_retry(L, &task->retry);
    set_int(L, "retry_on", task->retry.on);
    set_texts(L, "keys", task->keys, task->n_keys);
}

static void push_dial(lua_State *L, const struct dial *dial)
{
    lua_newtable(L);
    set_text(L, "kind", dial_kinds[dial->kind]);
    set_int(L, "index", dial->index);
    set_int(L, "call", dial->call);
    set_int(L, "otherwise", dial->schedule.otherwise);
    for (int i = 0; i < dial->schedule.n; i++) {
        const struct schedule_span *span = &dial->schedule.span[i];
        lua_pushfstring(L, "%d %d-%d %I", (int)span->days, span->from_min, span->to_min,
                        (LUAI_UACINT)span->value);
        lua_rawseti(L, -2, i + 1);
    }
}

static void push_job(lua_State *L, const struct job *job)
{
    lua_newtable(L);
    set_text(L, "name", job->name);
    set_text(L, "file", job->file);
    set_int(L, "concurrency", job->concurrency);
    set_int(L, "lanes", job->lanes);
    set_int(L, "workers", job->workers);
    set_int(L, "rate", job->rate);
    set_int(L, "durability", job->durability);
    set_int(L, "overlap", job->overlap);
    set_int(L, "window", job->window.set);
    set_int(L, "window_from", job->window.from_min);
    set_int(L, "window_to", job->window.to_min);
    lua_pushnumber(L, job->breaker.share);
    lua_setfield(L, -2, "breaker_share");
    set_int(L, "breaker_count", job->breaker.count);
    set_int(L, "breaker_of", job->breaker.of);
    lua_newtable(L);
    for (int i = 0; i < job->n_stores; i++) {
        push_store(L, &job->stores[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "stores");
    lua_newtable(L);
    for (int i = 0; i < job->n_tasks; i++) {
        push_task(L, &job->tasks[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "tasks");
    lua_newtable(L);
    for (int i = 0; i < job->n_dials; i++) {
        push_dial(L, &job->dials[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "dials");
}
