#include "report/event_json.h"
#include <inttypes.h>

static void add_text(struct buf *out, const char *name, const char *text)
{
    if (!text || !text[0])
        return;
    buf_addf(out, ",\"%s\":", name);
    buf_add_json(out, text);
}

static void add_name(struct buf *out, const char *field, const char *name)
{
    if (name && name[0] && buf_addc(out, ','))
        buf_add_json_name(out, field, name);
}

static void add_integer(struct buf *out, const char *name, int64_t number)
{
    buf_addf(out, ",\"%s\":%" PRId64, name, number);
}

static void add_checked(struct buf *out, const struct totals *totals)
{
    const char *comma = "";
    buf_adds(out, ",\"checked\":{");
    for (int check = 0; check < CHECKS; check++) {
        if (!totals->checked[check])
            continue;
        buf_addf(out, "%s\"%s\":%" PRId64, comma, check_name((enum check)check),
                 totals->checked[check]);
        comma = ",";
    }
    buf_addc(out, '}');
}

static void add_hooks(struct buf *out, const struct totals *totals)
{
    buf_adds(out, ",\"hooks\":[");
    for (int i = 0; i < totals->n_hooks; i++) {
        const struct hook_time *hook = &totals->hooks[i];
        buf_addf(out, "%s{\"name\":\"%s\"", i ? "," : "", hook->name);
        add_text(out, "place", hook->place);
        add_integer(out, "calls", hook->calls);
        add_integer(out, "errors", hook->errors);
        buf_addf(out, ",\"computed\":%.6f,\"waited\":%.6f,\"longest\":%.6f}",
                 (double)hook->computed_ns / 1e9, (double)hook->waited_ns / 1e9,
                 (double)hook->longest_ns / 1e9);
    }
    buf_addc(out, ']');
}

void totals_json(struct buf *out, const struct totals *totals, int exit_status)
{
    buf_addf(out, "{\"exit_status\":%d", exit_status);
    add_integer(out, "objects_known", totals->objects_known);
    add_integer(out, "bytes_known", totals->bytes_known);
    buf_addf(out, ",\"listing_done\":%s", totals->listing_done ? "true" : "false");
    add_integer(out, "objects_done", totals->objects_done);
    add_integer(out, "objects_skipped", totals->objects_skipped);
    add_integer(out, "objects_failed", totals->objects_failed);
    add_integer(out, "objects_deleted", totals->objects_deleted);
    add_integer(out, "objects_different", totals->objects_different);
    add_integer(out, "objects_read_back", totals->objects_read_back);
    add_integer(out, "bytes_done", totals->bytes_done);
    add_integer(out, "bytes_moved", totals->bytes_moved);
    add_integer(out, "bytes_resumed", totals->bytes_resumed);
    add_integer(out, "requests", totals->requests);
    add_integer(out, "retries", totals->retries);
    add_integer(out, "part_failures", totals->part_failures);
    add_integer(out, "hook_errors", totals->hook_errors);
    add_integer(out, "in_flight", totals->in_flight);
    add_integer(out, "concurrency", totals->concurrency);
    buf_addf(out, ",\"paused\":%s", totals->paused ? "true" : "false");
    add_integer(out, "rate", totals->rate);
    if (totals->limit >= 0)
        add_integer(out, "limit", totals->limit);
    if (totals->eta_ms >= 0)
        buf_addf(out, ",\"eta\":%.3f", (double)totals->eta_ms / 1e3);
    buf_addf(out, ",\"seconds\":%.3f", totals->seconds);
    add_checked(out, totals);
    if (totals->n_hooks)
        add_hooks(out, totals);
    buf_addc(out, '}');
}

static void add_part(struct buf *out, const struct event *event)
{
    buf_addf(out, ",\"part\":{\"number\":%d", event->part.number);
    add_integer(out, "offset", event->part.offset);
    add_integer(out, "size", event->part.size);
    add_text(out, "etag", event->part.etag);
    if (event->part.has_crc64)
        buf_addf(out, ",\"crc64\":\"%" PRIu64 "\"", event->part.crc64);
    buf_addf(out, ",\"seconds\":%.6f}", event->part.seconds);
}

static void add_error(struct buf *out, const struct event *event)
{
    const struct err *err = event->err;

    buf_adds(out, ",\"error\":{\"kind\":");
    buf_add_json(out, err_kind_name(err->kind));
    add_text(out, "message", err->message);
    if (err->status)
        add_integer(out, "status", err->status);
    add_text(out, "code", err->code);
    add_text(out, "request_id", err->request_id);
    add_text(out, "host_id", err->host_id);
    if (err->retry_after_ms)
        buf_addf(out, ",\"retry_after\":%.3f", (double)err->retry_after_ms / 1e3);
    buf_addf(out, ",\"retryable\":%s}", event_retryable(event) ? "true" : "false");
}

static void add_object(struct buf *out, const struct event *event)
{
    if (event->task)
        add_integer(out, "task", event->task->number);
    add_name(out, "key", event->key);
    add_name(out, "target", event->target);
    add_text(out, "bucket", event->bucket);
    add_name(out, "path", event->path);
    if (event->task && event->size >= 0)
        add_integer(out, "size", event->size);
    if (event->attempt)
        add_integer(out, "attempt", event->attempt);
    add_text(out, "reason", event->reason);
    add_text(out, "upload_id", event->upload_id);
    add_text(out, "temp_file", event->temp);
    if (event->kind == EVENT_VERIFIED || event->kind == EVENT_OBJECT_SUCCEEDED)
        add_text(out, "check", check_name(event->check));
    if (event->read_back && event->kind != EVENT_OBJECT_FAILED)
        buf_adds(out, ",\"read_back\":true");
}

static void add_removal(struct buf *out, const struct event *event)
{
    add_integer(out, "objects", event->removal.objects);
    add_integer(out, "bytes", event->removal.bytes);
    add_integer(out, "target_objects", event->removal.target_objects);
    add_integer(out, "source_objects", event->removal.source_objects);
}

static void add_task(struct buf *out, const struct event *event)
{
    const struct task *task = event->task;

    add_text(out, "kind", task_kind_name(task->kind));
    add_text(out, "from", task->from->name);
    add_name(out, "from_path", task->from_path);
    if (task->kind == TASK_DELETE)
        return;
    add_text(out, "to", task->to->name);
    add_name(out, "to_path", task->to_path);
}

static void add_counts(struct buf *out, const struct task_counts *counts)
{
    add_integer(out, "objects_known", counts->objects_known);
    add_integer(out, "objects_done", counts->objects_done);
    add_integer(out, "objects_skipped", counts->objects_skipped);
    add_integer(out, "objects_failed", counts->objects_failed);
    add_integer(out, "objects_deleted", counts->objects_deleted);
    add_integer(out, "objects_different", counts->objects_different);
    add_integer(out, "bytes_done", counts->bytes_done);
    add_integer(out, "bytes_moved", counts->bytes_moved);
    buf_addf(out, ",\"listing_failed\":%s,\"seconds\":%.3f",
             counts->listing_failed ? "true" : "false", counts->seconds);
}

static void add_pace(struct buf *out, const struct event *event)
{
    buf_addf(out, ",\"pace\":{\"concurrency\":%d,\"requests\":%.3f,\"wait_ms\":%" PRId64 "}",
             event->pace.concurrency, event->pace.requests, event->pace.wait_ms);
}

void event_json(struct buf *out, const struct event *event, const char *job)
{
    buf_adds(out, "{\"event\":");
    buf_add_json(out, event_name(event->kind));
    buf_addf(out, ",\"time\":%.3f", (double)event->time_ms / 1e3);
    add_text(out, "job", job);
    add_object(out, event);
    if (event->part.number)
        add_part(out, event);
    if (event->err)
        add_error(out, event);
    if (event->totals) {
        bool last = event->kind == EVENT_JOB_FINISHED;
        buf_addf(out, ",\"%s\":", last ? "summary" : "progress");
        totals_json(out, event->totals, event->exit_status);
    }
    if (event->kind == EVENT_BEFORE_DELETE)
        add_removal(out, event);
    if (event_is_of_task(event->kind))
        add_task(out, event);
    if (event->kind == EVENT_TASK_FINISHED)
        add_counts(out, &event->counts);
    if (event->kind == EVENT_THROTTLED)
        add_pace(out, event);
    buf_adds(out, "}\n");
}
