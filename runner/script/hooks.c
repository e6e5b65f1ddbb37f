/*
 * struct hooks for a job file.  Events are copied when they are told and delivered at the turn's
 * end, each in a coroutine of its own; whatever a hook does wrong is logged, counted, and answered
 * with the built-in policy.
 */
#include "base/list.h"
#include "base/log.h"
#include "engine/run.h"
#include "script/api.h"
#include "script/dials.h"
#include "script/event_table.h"
#include "script/functions.h"
#include "script/state.h"
#include "script/task.h"
#include "script/value.h"
#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event that owns what it points at. */
struct queued {
    struct queued *next;
    struct event event;
    struct err err;
    struct totals totals;
    uint64_t ticket;
    char *text[8];
    int n_texts;
};

static const char *keep_text(struct queued *item, const char *text)
{
    return text ? (item->text[item->n_texts++] = xstrdup(text)) : NULL;
}

static struct queued *queued_new(const struct event *event, uint64_t ticket)
{
    struct queued *item = xcalloc(1, sizeof *item);
    item->event = *event;
    item->ticket = ticket;
    item->event.key = keep_text(item, event->key);
    item->event.target = keep_text(item, event->target);
    item->event.bucket = keep_text(item, event->bucket);
    item->event.path = keep_text(item, event->path);
    item->event.part.etag = keep_text(item, event->part.etag);
    item->event.reason = keep_text(item, event->reason);
    item->event.upload_id = keep_text(item, event->upload_id);
    item->event.temp = keep_text(item, event->temp);
    if (event->err) {
        item->err = *event->err;
        item->event.err = &item->err;
    }
    if (event->totals) {
        item->totals = *event->totals;
        item->event.totals = &item->totals;
    }
    return item;
}

static void queued_free(struct queued *item)
{
    for (int i = 0; i < item->n_texts; i++)
        free(item->text[i]);
    free(item);
}

static int task_number(const struct task *task)
{
    return task ? task->number : 0;
}

static bool hooks_wants(void *ctx, const struct task *task, enum event_kind kind)
{
    const struct script *script = ctx;
    return script->wants[task_number(task)] >> kind & 1;
}

static void hooks_emit(void *ctx, const struct event *event, uint64_t ticket)
{
    struct script *script = ctx;
    struct queued *item = queued_new(event, ticket);
    list_push(&script->queue, item);
}

struct delivery {
    struct script *script;
    struct queued *item;
    struct decision decision;
    struct timing timing;
    bool called;
    struct err err; /* of the hook; kind NONE: it went well */
};

/* [-0, +1] nil when there is none */
static void push_handler(lua_State *L, const struct event *event)
{
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_HANDLERS);
    lua_rawgeti(L, -1, task_number(event->task));
    lua_pushstring(L, event_name(event->kind));
    lua_rawget(L, -2);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* [-1, +0]  What the hook returned becomes the decision. */
static bool take_decision(lua_State *L, struct delivery *delivery)
{
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return true;
    }
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_DECIDE);
    lua_insert(L, -2);
    lua_pushstring(L, event_name(delivery->item->event.kind));
    lua_pushboolean(L, delivery->item->ticket != 0);
    if (!vm_call(L, 3, 1, &delivery->err))
        return false;
    value_read_decision(L, &delivery->decision);
    lua_pop(L, 1);
    return true;
}

static int deliver_protected(lua_State *L)
{
    struct delivery *delivery = lua_touserdata(L, 1);
    struct script *script = delivery->script;
    luaL_checkstack(L, 20, NULL);
    push_handler(L, &delivery->item->event);
    if (lua_isnil(L, -1))
        return 0;
    delivery->timing.at =
        timings_find(&script->timings, L, -1, event_name(delivery->item->event.kind));
    delivery->called = true;
    event_push(L, &delivery->item->event, script->job->name);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_JOB);
    if (task_run(L, 2, 1, script->hook_timeout_ms, event_name(delivery->item->event.kind),
                 delivery->item->event.key, &delivery->err))
        take_decision(L, delivery);
    return 0;
}

/* What stands for the answer of a hook that failed.  Nothing is deleted where the one that should
 * have looked could not. */
static enum decision_kind instead(const struct script *script, const struct event *event)
{
    if (event->kind == EVENT_BEFORE_DELETE ||
        (event->kind == EVENT_TASK_STARTED && task_deletes(event->task)))
        return DECIDE_VETO;
    return script->on_hook_error == ERROR_FAIL_OBJECT ? DECIDE_FAIL : DECIDE_POLICY;
}

static void hook_failed(struct run *run, struct delivery *delivery)
{
    const struct event *event = &delivery->item->event;
    struct decision *decision = &delivery->decision;

    log_error("hook %s%s%s: %s", event_name(event->kind), event->key ? " of " : "",
              event->key ? event->key : "", delivery->err.message);
    run_hook_failed(run);
    *decision = (struct decision){.kind = instead(delivery->script, event), .after_ms = -1};
    if (decision->kind == DECIDE_VETO)
        snprintf(decision->reason, sizeof decision->reason, "the hook %s failed",
                 event_name(event->kind));
    else if (decision->kind == DECIDE_FAIL)
        snprintf(decision->reason, sizeof decision->reason, "the hook %s failed: %.200s",
                 event_name(event->kind), delivery->err.message);
    if (delivery->script->on_hook_error == ERROR_STOP)
        run_stop(run, delivery->err.message);
    else if (decision->kind == DECIDE_FAIL && !delivery->item->ticket && event->transfer)
        run_fail(run, event->transfer, ERR_SCRIPT, decision->reason);
}

/* The answer of a hook in few words. */
static void show_answer(char *out, size_t size, const struct delivery *delivery)
{
    const struct decision *decision = &delivery->decision;

    if (delivery->err.kind != ERR_NONE)
        snprintf(out, size, "error: %s", delivery->err.message);
    else if (decision->kind == DECIDE_POLICY)
        snprintf(out, size, "nothing");
    else if (decision->kind == DECIDE_RETRY && decision->after_ms >= 0)
        snprintf(out, size, "retry after %g s", (double)decision->after_ms / 1e3);
    else
        snprintf(out, size, "%s%s%s", value_decision_name(decision->kind),
                 decision->reason[0] ? ": " : "", decision->reason);
}

static void count_call(struct script *script, struct delivery *delivery)
{
    const struct event *event = &delivery->item->event;
    char answer[400];

    if (!delivery->called)
        return;
    delivery->timing.computed_ns = script->vm->computed_ns;
    show_answer(answer, sizeof answer, delivery);
    timings_add(&script->timings, &delivery->timing, delivery->err.kind != ERR_NONE, event->key,
                event->part.number, answer);
}

static void deliver(struct script *script, struct run *run, struct queued *item)
{
    struct delivery delivery = {.script = script, .item = item, .decision.after_ms = -1};
    struct err err = {0};
    if (!vm_run(script->vm, deliver_protected, &delivery, &err))
        delivery.err = err;
    count_call(script, &delivery);
    if (delivery.err.kind != ERR_NONE)
        hook_failed(run, &delivery);
    if (item->ticket)
        run_decide(run, item->ticket, &delivery.decision);
    else if (delivery.decision.kind == DECIDE_STOP)
        run_stop(run, delivery.decision.reason);
}

/* What is told while hooks run waits for the next resume. */
static void hooks_resume(void *ctx, struct run *run, int64_t now_ms)
{
    (void)now_ms;
    struct script *script = ctx;
    struct queued *item = script->queue.head;
    list_init(&script->queue);
    script->run = run;
    while (item) {
        struct queued *next = item->next;
        deliver(script, run, item);
        queued_free(item);
        item = next;
    }
    script->run = NULL;
}

struct refresh {
    struct script *script;
    int place; /* in job->stores, from 1 */
    struct credentials *fresh;
    struct err err;
};

static int refresh_protected(lua_State *L)
{
    struct refresh *refresh = lua_touserdata(L, 1);
    luaL_checkstack(L, 20, NULL);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_PROVIDERS);
    lua_rawgeti(L, -1, refresh->place);
    if (!lua_isfunction(L, -1)) {
        err_set(&refresh->err, ERR_AUTH, "the credentials of this store come from no function");
        return 0;
    }
    if (task_run(L, 0, 1, refresh->script->hook_timeout_ms, "credentials", NULL, &refresh->err))
        refresh->fresh = api_credentials_take(L, -1);
    return 0;
}

static int place_of(const struct job *job, const struct store *store)
{
    for (int i = 0; i < job->n_stores; i++)
        if (job->stores[i].store == store)
            return i + 1;
    return 0;
}

static bool hooks_refresh(void *ctx, struct store *store, struct err *err)
{
    struct script *script = ctx;
    struct refresh refresh = {.script = script, .place = place_of(script->job, store)};
    struct err outer = {0};
    if (!vm_run(script->vm, refresh_protected, &refresh, &outer))
        refresh.err = outer;
    if (!refresh.fresh && refresh.err.kind == ERR_NONE)
        err_set(&refresh.err, ERR_AUTH, "the function gave no credentials");
    if (refresh.err.kind == ERR_NONE) {
        script_give(script, store, refresh.fresh);
        return true;
    }
    credentials_free(refresh.fresh);
    return err_set(err, ERR_AUTH, "new credentials for %s: %s", store->name, refresh.err.message);
}

struct keeping {
    struct script *script;
    const char *given;
    bool last;
    char *text; /* what save answered */
    struct err err;
};

/* [-0, +1]  "load" or "save" of SCRIPT_STATE. */
static void push_keeper(lua_State *L, const char *name)
{
    luaL_checkstack(L, 20, NULL);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_STATE);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

static int remember_protected(lua_State *L)
{
    struct keeping *keeping = lua_touserdata(L, 1);
    push_keeper(L, "load");
    lua_pushstring(L, keeping->given);
    task_run(L, 1, 0, keeping->script->hook_timeout_ms, "job.state", NULL, &keeping->err);
    return 0;
}

static int recall_protected(lua_State *L)
{
    struct keeping *keeping = lua_touserdata(L, 1);
    push_keeper(L, "save");
    lua_pushboolean(L, keeping->last);
    if (task_run(L, 1, 1, keeping->script->hook_timeout_ms, "job.state", NULL, &keeping->err))
        keeping->text = xstrdup(lua_tostring(L, -1));
    return 0;
}

static bool keep(struct keeping *keeping, lua_CFunction body, struct err *err)
{
    struct err outer = {0};
    if (!vm_run(keeping->script->vm, body, keeping, &outer))
        keeping->err = outer;
    if (keeping->err.kind == ERR_NONE)
        return true;
    *err = keeping->err;
    return false;
}

static bool hooks_remember(void *ctx, const char *text, struct err *err)
{
    struct keeping keeping = {.script = ctx, .given = text};
    return keep(&keeping, remember_protected, err);
}

static char *hooks_recall(void *ctx, bool last, struct err *err)
{
    struct keeping keeping = {.script = ctx, .last = last};
    keep(&keeping, recall_protected, err);
    return keeping.text;
}

static const struct hook_time *hooks_times(void *ctx, int *n)
{
    const struct script *script = ctx;
    *n = script->timings.n;
    return script->timings.entry;
}

void script_hooks(struct script *script, struct hooks *hooks)
{
    *hooks = (struct hooks){.ctx = script, .times = hooks_times};
    functions_fill(script, hooks);
    dials_fill(script, hooks);
    for (int i = 0; i < script->job->n_stores; i++)
        if (script->job->stores[i].can_refresh)
            hooks->refresh = hooks_refresh;
    uint64_t any = 0;
    for (int i = 0; i <= script->job->n_tasks; i++)
        any |= script->wants[i];
    if (!any)
        return;
    hooks->wants = hooks_wants;
    hooks->emit = hooks_emit;
    hooks->resume = hooks_resume;
    hooks->remember = hooks_remember;
    hooks->recall = hooks_recall;
}

void hooks_free(struct script *script)
{
    for (struct queued *item = script->queue.head; item;) {
        struct queued *next = item->next;
        queued_free(item);
        item = next;
    }
}
