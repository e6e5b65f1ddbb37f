/*
 * struct hooks for a job file.  Events are copied when they are told and delivered at the turn's
 * end, each in a coroutine of its own; whatever a hook does wrong is logged, counted, and answered
 * with the built-in policy.
 */
#include "base/limits.h"
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

    if (event->kind == EVENT_PROGRESS)
        script->n_queued -= queued_drop_progress(&script->queue);
    list_push(&script->queue, item);
    script->n_queued++;
}

/* One resume of a strand, and what came of it. */
struct step {
    struct script *script;
    struct strand *strand;
    enum task_outcome outcome;
    struct decision decision;
    struct err err; /* of FAILED */
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
static bool take_decision(lua_State *L, struct step *step)
{
    const struct queued *item = step->strand->item;

    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return true;
    }
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_DECIDE);
    lua_insert(L, -2);
    lua_pushstring(L, event_name(item->event.kind));
    lua_pushboolean(L, item->ticket != 0);
    if (!vm_call(L, 3, 1, &step->err))
        return false;
    value_read_decision(L, &step->decision);
    lua_pop(L, 1);
    return true;
}

/* False: nobody is to be called. */
static bool make_hook(lua_State *L, struct step *step)
{
    const struct event *event = &step->strand->item->event;

    push_handler(L, event);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    step->strand->timing = timings_find(&step->script->timings, L, -1, step->strand->what);
    step->strand->called = true;
    event_push(L, event, step->script->job->name);
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_JOB);
    task_make(L, step->strand, 2);
    return true;
}

/* [-0, +0]  Tells the handle of a strand how it ended; its weak table forgets handles that nobody
 * holds. */
static void tell_handle(lua_State *L, const struct step *step, const char *status)
{
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_SPAWNED);
    lua_rawgeti(L, -1, (lua_Integer)step->strand->id);
    if (lua_istable(L, -1)) {
        lua_pushstring(L, status);
        lua_setfield(L, -2, "status");
        if (step->err.kind != ERR_NONE) {
            err_push(L, &step->err);
            lua_setfield(L, -2, "error");
        }
    }
    lua_pop(L, 2);
}

static int step_protected(lua_State *L)
{
    struct step *step = lua_touserdata(L, 1);
    struct strand *strand = step->strand;

    luaL_checkstack(L, 20, NULL);
    if (!strand->co && !make_hook(L, step))
        return 0;
    step->outcome = task_resume(L, strand, step->script->hook_timeout_ms, &step->err);
    if (step->outcome == TASK_WAITS)
        return 0;
    if (step->outcome == TASK_ENDED && strand->item && !take_decision(L, step))
        step->outcome = TASK_FAILED;
    if (!strand->item)
        tell_handle(L, step, step->outcome == TASK_ENDED ? "done" : "failed");
    task_drop(L, strand);
    return 0;
}

static int kill_protected(lua_State *L)
{
    struct step *step = lua_touserdata(L, 1);

    luaL_checkstack(L, 20, NULL);
    if (!step->strand->item)
        tell_handle(L, step, "cancelled");
    task_close(L, step->strand, step->script->hook_timeout_ms);
    task_drop(L, step->strand);
    return 0;
}

/* What stands for the answer of a hook that failed.  Nothing is deleted where the one that should
 * have looked could not. */
static bool ends_in_doubt(const struct event *event)
{
    return event->kind == EVENT_BEFORE_DELETE ||
           (event->kind == EVENT_TASK_STARTED && task_deletes(event->task));
}

static enum decision_kind instead(const struct script *script, const struct event *event)
{
    if (ends_in_doubt(event))
        return DECIDE_VETO;
    return script->on_hook_error == ERROR_FAIL_OBJECT ? DECIDE_FAIL : DECIDE_POLICY;
}

/* The policy decides in its place. */
static void stand_in(struct step *step, enum decision_kind kind, const char *why)
{
    const char *event = event_name(step->strand->item->event.kind);
    struct decision *decision = &step->decision;

    *decision = (struct decision){.kind = kind, .after_ms = -1};
    if (kind == DECIDE_VETO)
        snprintf(decision->reason, sizeof decision->reason, "the hook %s failed", event);
    else if (kind == DECIDE_FAIL)
        snprintf(decision->reason, sizeof decision->reason, "the hook %s failed: %.200s", event,
                 why);
}

static void strand_failed(struct script *script, struct step *step)
{
    const struct queued *item = step->strand->item;
    const char *key = item ? item->event.key : NULL, *why = step->err.message;

    log_error("%s%s%s%s: %s", item ? "hook " : "", step->strand->what, key ? " of " : "",
              key ? key : "", why);
    run_hook_failed(script->run);
    if (item)
        stand_in(step, instead(script, &item->event), why);
    if (script->on_hook_error == ERROR_STOP)
        run_stop(script->run, why);
    else if (step->decision.kind == DECIDE_FAIL && !item->ticket && item->event.transfer)
        run_fail(script->run, item->event.transfer, ERR_SCRIPT, step->decision.reason);
}

/* The answer of a hook in few words. */
static void show_answer(char *out, size_t size, const struct step *step)
{
    const struct decision *decision = &step->decision;

    if (step->err.kind != ERR_NONE)
        snprintf(out, size, "error: %s", step->err.message);
    else if (decision->kind == DECIDE_POLICY)
        snprintf(out, size, "nothing");
    else if (decision->kind == DECIDE_RETRY && decision->after_ms >= 0)
        snprintf(out, size, "retry after %g s", (double)decision->after_ms / 1e3);
    else
        snprintf(out, size, "%s%s%s", value_decision_name(decision->kind),
                 decision->reason[0] ? ": " : "", decision->reason);
}

static void count_call(struct script *script, const struct step *step)
{
    const struct strand *strand = step->strand;
    const struct event *event = strand->item ? &strand->item->event : NULL;
    struct timing timing = {.at = strand->timing,
                            .computed_ns = strand->spent_ns,
                            .waited_ns = strand->waited_ms * 1000000};
    char answer[400];

    if (event ? !strand->called : !strand->holds) /* a timer's calls are counted, not itself */
        return;
    if (!event)
        timing.at = timings_named(&script->timings, strand->what);
    answer[0] = '\0';
    if (script->timings.trace)
        show_answer(answer, sizeof answer, step);
    timings_add(&script->timings, &timing, step->outcome == TASK_FAILED, event ? event->key : NULL,
                event ? event->part.number : 0, answer);
}

/* The hook of an object is over; the next one of the same object is told. */
static void end_strand(struct script *script, struct step *step);

static int drop_protected(lua_State *L)
{
    const struct step *step = lua_touserdata(L, 1);

    luaL_checkstack(L, 20, NULL);
    task_drop(L, step->strand);
    return 0;
}

/* The state itself gave out, such as for want of memory. */
static void step_broke(struct step *step, const struct err *err)
{
    struct err ignored = {0}; /* what there is to say is said */

    step->err = *err;
    step->outcome = TASK_FAILED;
    vm_run(step->script->vm, drop_protected, step, &ignored);
}

static void step_strand(struct script *script, struct strand *strand)
{
    struct step step = {.script = script, .strand = strand, .decision.after_ms = -1};
    struct err outer = {0};

    if (strand->since_ms)
        strand->waited_ms += script->now_ms - strand->since_ms;
    script->strands.running = strand;
    if (!vm_run(script->vm, strand->killed ? kill_protected : step_protected, &step, &outer))
        step_broke(&step, &outer);
    script->strands.running = NULL;
    strand->since_ms = script->now_ms;
    if (step.outcome != TASK_WAITS)
        end_strand(script, &step);
}

static void deliver(struct script *script, struct queued *item)
{
    struct strand *before = strand_of_object(&script->strands, queued_object(item));

    if (before) {
        if (item->event.kind == EVENT_PROGRESS)
            script->strands.n_behind -= queued_drop_progress(&before->behind);
        list_push(&before->behind, item);
        script->strands.n_behind++;
        return;
    }
    step_strand(script, strand_new(&script->strands, event_name(item->event.kind), item));
}

/* What the run is told of a hook that has ended. */
static void answer_run(struct script *script, const struct step *step)
{
    const struct queued *item = step->strand->item;

    if (item && item->ticket)
        run_decide(script->run, item->ticket, &step->decision);
    else if (step->decision.kind == DECIDE_STOP)
        run_stop(script->run, step->decision.reason);
}

static void end_strand(struct script *script, struct step *step)
{
    struct strand *strand = step->strand;
    struct queued *behind = strand->behind.head;

    if (step->outcome == TASK_FAILED)
        strand_failed(script, step);
    else if (strand->killed && strand->item)
        stand_in(step, ends_in_doubt(&strand->item->event) ? DECIDE_VETO : DECIDE_POLICY, "");
    answer_run(script, step);
    count_call(script, step);
    list_init(&strand->behind);
    strand_free(&script->strands, strand);
    for (struct queued *next; behind; behind = next) {
        next = behind->next;
        script->strands.n_behind--;
        deliver(script, behind);
    }
}

/* Those that can go on now; what becomes able to meanwhile waits for the next resume. */
static void resume_ready(struct script *script)
{
    struct strand *last = NULL;

    for (struct strand *at = script->strands.ready.head; at; at = at->ready_next)
        last = at;
    for (bool more = last != NULL; more;) {
        struct strand *strand = strand_pop(&script->strands);
        more = strand != last;
        step_strand(script, strand);
    }
}

/* What is told while hooks run waits for the next resume. */
static void deliver_all(struct script *script)
{
    struct queued *item = script->queue.head;

    list_init(&script->queue);
    script->n_queued = 0;
    for (struct queued *next; item; item = next) {
        next = item->next;
        deliver(script, item);
    }
}

static void hooks_resume(void *ctx, struct run *run, int64_t now_ms)
{
    struct script *script = ctx;

    script->run = run;
    script->now_ms = now_ms;
    strands_wake(&script->strands, now_ms);
    resume_ready(script);
    deliver_all(script);
    script->run = NULL;
}

void hooks_kill(struct script *script, struct strand *strand)
{
    if (strand->asks && !strand->killed)
        run_withdraw(script->run, strand->id);
    strand_kill(&script->strands, strand);
}

static void hooks_abandon(void *ctx, struct run *run, int64_t now_ms)
{
    struct script *script = ctx;
    int n = 0;

    hooks_resume(ctx, run, now_ms);
    script->run = run;
    for (struct strand *strand = script->strands.first; strand; strand = strand->next) {
        n += strand->holds && !strand->killed;
        hooks_kill(script, strand);
    }
    if (n)
        log_warn("%s: %d hooks still waited when the run had to end: they are ended",
                 script->job->name, n);
    resume_ready(script);
    script->run = NULL;
}

static void hooks_answer(void *ctx, uint64_t wait, struct op *op)
{
    struct script *script = ctx;
    strand_answer(&script->strands, strand_find(&script->strands, wait), op);
}

static int64_t hooks_wake_ms(void *ctx)
{
    const struct script *script = ctx;
    if (script->strands.ready.head || script->queue.head)
        return 0;
    return script->strands.soonest ? script->strands.soonest->wake_ms : INT64_MAX;
}

static bool hooks_waiting(void *ctx)
{
    const struct script *script = ctx;
    return script->strands.n > 0 || script->queue.head;
}

static bool hooks_busy(void *ctx)
{
    const struct script *script = ctx;
    return script->strands.n + script->strands.n_behind + script->n_queued >= LIMIT_HOOKS_WAITING;
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
    struct script *script = refresh->script;
    struct timing timing = {.at = timings_find(&script->timings, L, -1, "credentials")};
    bool good = task_run(L, 0, 1, script->hook_timeout_ms, "credentials", NULL, &refresh->err);
    timing.computed_ns = script->vm->computed_ns;
    timings_add(&script->timings, &timing, !good, NULL, 0, good ? "new ones" : "error");
    if (good)
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
    hooks->abandon = hooks_abandon;
    hooks->answer = hooks_answer;
    hooks->wake_ms = hooks_wake_ms;
    hooks->waiting = hooks_waiting;
    hooks->busy = hooks_busy;
    hooks->remember = hooks_remember;
    hooks->recall = hooks_recall;
}

void hooks_free(struct script *script)
{
    for (struct queued *item; (item = list_pop(&script->queue));)
        queued_free(item);
    strands_free(&script->strands);
}
