#include "script/event_table.h"
#include "script/api.h"
#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, int64_t number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double number)
{
    lua_pushnumber(L, number);
    lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool truth)
{
    lua_pushboolean(L, truth);
    lua_setfield(L, -2, name);
}

static void push_checked(lua_State *L, const struct totals *totals)
{
    lua_newtable(L);
    for (int i = 0; i < CHECKS; i++)
        if (totals->checked[i] > 0)
            set_integer(L, check_name((enum check)i), totals->checked[i]);
}

#define TOTALS_COUNTS(X) \
    X(objects_known)     \
    X(bytes_known)       \
    X(objects_done)      \
    X(objects_skipped)   \
    X(objects_failed)    \
    X(objects_deleted)   \
    X(objects_different) \
    X(objects_read_back) \
    X(bytes_done)        \
    X(bytes_moved)       \
    X(bytes_resumed)     \
    X(requests)          \
    X(retries)           \
    X(part_failures)     \
    X(hook_errors)       \
    X(in_flight)         \
    X(concurrency)       \
    X(rate)

static void push_hooks(lua_State *L, const struct totals *totals)
{
    lua_createtable(L, totals->n_hooks, 0);
    for (int i = 0; i < totals->n_hooks; i++) {
        const struct hook_time *hook = &totals->hooks[i];
        lua_createtable(L, 0, 7);
        set_text(L, "name", hook->name);
        set_text(L, "place", hook->place);
        set_integer(L, "calls", hook->calls);
        set_integer(L, "errors", hook->errors);
        set_number(L, "computed", (double)hook->computed_ns / 1e9);
        set_number(L, "waited", (double)hook->waited_ns / 1e9);
        set_number(L, "longest", (double)hook->longest_ns / 1e9);
        lua_rawseti(L, -2, i + 1);
    }
}

void totals_push(lua_State *L, const struct totals *totals)
{
    lua_createtable(L, 0, 24);
#define X(name) set_integer(L, #name, totals->name);
    TOTALS_COUNTS(X)
#undef X
    set_boolean(L, "listing_done", totals->listing_done);
    set_boolean(L, "paused", totals->paused);
    set_number(L, "seconds", totals->seconds);
    if (totals->limit >= 0)
        set_integer(L, "limit", totals->limit);
    if (totals->eta_ms >= 0)
        set_number(L, "eta", (double)totals->eta_ms / 1e3);
    push_checked(L, totals);
    lua_setfield(L, -2, "checked");
}

static void set_part(lua_State *L, const struct event *event)
{
    lua_createtable(L, 0, 6);
    set_integer(L, "number", event->part.number);
    set_integer(L, "offset", event->part.offset);
    set_integer(L, "size", event->part.size);
    set_text(L, "etag", event->part.etag);
    if (event->part.has_crc64) { /* as text: beyond what a Lua integer shows unsigned */
        char digits[24];
        snprintf(digits, sizeof digits, "%" PRIu64, event->part.crc64);
        set_text(L, "crc64", digits);
    }
    set_number(L, "seconds", event->part.seconds);
    lua_setfield(L, -2, "part");
}

void err_push(lua_State *L, const struct err *err)
{
    lua_createtable(L, 0, 7);
    set_text(L, "kind", err_kind_name(err->kind));
    set_text(L, "message", err->message);
    if (err->status)
        set_integer(L, "status", err->status);
    set_text(L, "code", err->code);
    set_text(L, "request_id", err->request_id);
    set_text(L, "host_id", err->host_id);
    if (err->retry_after_ms)
        set_number(L, "retry_after", (double)err->retry_after_ms / 1e3);
}

static void set_error(lua_State *L, const struct event *event)
{
    err_push(L, event->err);
    set_boolean(L, "retryable", event_retryable(event));
    lua_setfield(L, -2, "error");
}

static void set_object(lua_State *L, const struct event *event)
{
    if (event->task)
        set_integer(L, "task", event->task->number);
    set_text(L, "key", event->key);
    set_text(L, "target", event->target);
    set_text(L, "bucket", event->bucket);
    set_text(L, "path", event->path);
    if (event->task && event->size >= 0)
        set_integer(L, "size", event->size);
    if (event->attempt > 0)
        set_integer(L, "attempt", event->attempt);
    set_text(L, "reason", event->reason);
    set_text(L, "upload_id", event->upload_id);
    set_text(L, "temp_file", event->temp);
}

static void set_removal(lua_State *L, const struct event *event)
{
    set_integer(L, "objects", event->removal.objects);
    set_integer(L, "bytes", event->removal.bytes);
    set_integer(L, "target_objects", event->removal.target_objects);
    set_integer(L, "source_objects", event->removal.source_objects);
}

static void set_task(lua_State *L, const struct event *event)
{
    const struct task *task = event->task;

    set_text(L, "kind", task_kind_name(task->kind));
    set_text(L, "from", task->from->name);
    set_text(L, "from_path", task->from_path);
    if (task->kind == TASK_DELETE)
        return;
    set_text(L, "to", task->to->name);
    set_text(L, "to_path", task->to_path);
}

#define TASK_COUNTS(X)   \
    X(objects_known)     \
    X(objects_done)      \
    X(objects_skipped)   \
    X(objects_failed)    \
    X(objects_deleted)   \
    X(objects_different) \
    X(bytes_done)        \
    X(bytes_moved)

static void set_counts(lua_State *L, const struct task_counts *counts)
{
#define X(name) set_integer(L, #name, counts->name);
    TASK_COUNTS(X)
#undef X
    set_boolean(L, "listing_failed", counts->listing_failed);
    set_number(L, "seconds", counts->seconds);
}

static void set_pace(lua_State *L, const struct event *event)
{
    lua_createtable(L, 0, 3);
    set_integer(L, "concurrency", event->pace.concurrency);
    set_number(L, "requests", event->pace.requests);
    set_integer(L, "wait_ms", event->pace.wait_ms);
    lua_setfield(L, -2, "pace");
}

static bool names_check(enum event_kind kind)
{
    return kind == EVENT_VERIFIED || kind == EVENT_VERIFY_FAILED || kind == EVENT_OBJECT_SUCCEEDED;
}

static void set_totals(lua_State *L, const struct event *event)
{
    totals_push(L, event->totals);
    if (event->kind == EVENT_JOB_FINISHED) {
        set_integer(L, "exit_status", event->exit_status);
        push_hooks(L, event->totals);
        lua_setfield(L, -2, "hooks");
    }
    lua_setfield(L, -2, event->kind == EVENT_JOB_FINISHED ? "summary" : "progress");
}

void event_push(lua_State *L, const struct event *event, const char *job)
{
    lua_createtable(L, 0, 16);
    set_text(L, "event", event_name(event->kind));
    set_number(L, "time", (double)event->time_ms / 1e3);
    set_text(L, "job", job);
    set_object(L, event);
    if (event->part.number > 0)
        set_part(L, event);
    if (event->err)
        set_error(L, event);
    if (names_check(event->kind))
        set_text(L, "check", check_name(event->check));
    if (names_check(event->kind) && event->read_back)
        set_boolean(L, "read_back", true);
    if (event->totals)
        set_totals(L, event);
    if (event->kind == EVENT_BEFORE_DELETE)
        set_removal(L, event);
    if (event_is_of_task(event->kind))
        set_task(L, event);
    if (event->kind == EVENT_TASK_FINISHED)
        set_counts(L, &event->counts);
    if (event->kind == EVENT_THROTTLED)
        set_pace(L, event);
    if (event->transfer)
        api_transfer_set(L, event->transfer);
}
