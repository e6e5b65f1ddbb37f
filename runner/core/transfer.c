/*
 * The machine itself: which step is next, and what follows when one fails.  What each step
 * sends and reads is in upload.c, download.c and file_steps.c; parts are in part.c,
 * ends in outcome.c.
 */
#include "base/log.h"
#include "core/access.h"
#include "core/retry.h"
#include "core/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct step_def *transfer_step_def(const struct transfer *t)
{
    const struct step_def *own = t->way == WAY_UPLOAD     ? upload_steps
                                 : t->way == WAY_DOWNLOAD ? download_steps
                                                          : file_steps;
    return own[t->step].make || own[t->step].moved ? &own[t->step] : &file_steps[t->step];
}

const char *step_name(enum step step)
{
    static const char *const names[STEPS] = {[STEP_OPEN] = "open",
                                             [STEP_HEAD] = "head",
                                             [STEP_GET] = "get",
                                             [STEP_HASH] = "hash",
                                             [STEP_PUT] = "put",
                                             [STEP_CREATE] = "create",
                                             [STEP_LIST_PARTS] = "list_parts",
                                             [STEP_TEMP] = "temp",
                                             [STEP_RECHECK] = "recheck",
                                             [STEP_MOVE] = "move",
                                             [STEP_STAT] = "stat",
                                             [STEP_COMPLETE] = "complete",
                                             [STEP_SETTLE] = "settle",
                                             [STEP_CONFIRM] = "confirm",
                                             [STEP_REREAD] = "reread",
                                             [STEP_SAVE] = "save",
                                             [STEP_FINISH] = "finish",
                                             [STEP_ABORT] = "abort",
                                             [STEP_DISCARD] = "discard",
                                             [STEP_OVER] = "over"};
    return names[step];
}

void item_free(struct item *item)
{
    if (!item)
        return;
    free(item->key);
    free(item->target);
    free(item);
}

/* --- beginning ---------------------------------------------------------------------------- */

static enum way way_of(const struct task *task)
{
    if (task->from->kind != STORE_DIR)
        return WAY_DOWNLOAD;
    return task->to->kind == STORE_DIR ? WAY_COPY : WAY_UPLOAD;
}

static char *local_path(const struct item *item, enum way way)
{
    const struct store *root = way == WAY_UPLOAD ? item->task->from : item->task->to;
    const char *below = way == WAY_UPLOAD ? item->key : item->target;
    return xasprintf("%s/%s", root->root, below);
}

static void load_row(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    memset(&t->row, 0, sizeof t->row);
    if (!journal_get(turn->journal, t->item->task->number, t->item->key, &t->row, &err) &&
        err.kind != ERR_NONE)
        turn_fatal(turn, &err);
}

void transfer_go(struct transfer *t, enum step step)
{
    t->step = step;
    t->attempt = 0;
    t->not_before_ms = 0;
}

/* A small object that was listed needs no HEAD: its GET pins the listed ETag. */
static bool is_small_listed(const struct transfer *t)
{
    const struct object_info *info = &t->item->info;
    return info->size >= 0 && info->size <= LIMIT_SMALL_BODY && info->etag[0];
}

void transfer_begin(struct transfer *t, struct turn *turn)
{
    load_row(t, turn);
    t->sum_kind = SUM_NONE;
    t->use_md5 = t->opaque_etags = false;
    t->completes = 0;
    t->check = CHECK_NONE;
    memset(&t->target, 0, sizeof t->target);
    if (t->item->info.size >= 0 && transfer_was_done(t, turn))
        return;
    if (t->way != WAY_DOWNLOAD) {
        transfer_go(t, STEP_OPEN);
    } else if (is_small_listed(t)) {
        t->info = t->item->info;
        transfer_go(t, STEP_GET);
    } else {
        transfer_go(t, STEP_HEAD);
    }
}

struct transfer *transfer_new(uint64_t id, struct item *item, struct turn *turn)
{
    struct transfer *t = xcalloc(1, sizeof *t);
    t->id = id;
    t->item = item;
    t->way = way_of(item->task);
    t->path = local_path(item, t->way);
    t->source_fd = t->target_fd = -1;
    t->body = buf_new(LIMIT_SMALL_BODY);
    t->tries = 1;
    t->info = item->info;
    transfer_emit(t, turn, EVENT_OBJECT_STARTED);
    transfer_begin(t, turn);
    transfer_move_out(t, turn);
    return t;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    parts_free(t);
    buf_free(&t->body);
    free(t->path);
    item_free(t->item);
    free(t);
}

/* --- events and rows ---------------------------------------------------------------------- */

struct queued_event *transfer_emit(struct transfer *t, struct turn *turn, enum event_kind kind)
{
    const struct task *task = t->item->task;
    struct queued_event *queued = turn_emit(turn, task, kind);
    if (!queued)
        return NULL;
    const struct store *remote = t->way == WAY_UPLOAD ? task->to : task->from;
    struct event *event = &queued->event;
    event->transfer = t->id;
    event->key = t->item->key;
    event->target = t->item->target;
    event->bucket = t->way == WAY_COPY ? NULL : remote->bucket;
    event->path = t->path;
    event->size = t->info.size;
    event->attempt = t->tries;
    queued->upload_id = t->row.upload_id[0] ? xstrdup(t->row.upload_id) : NULL;
    memcpy(queued->temp, t->row.temp, sizeof queued->temp);
    event->check = t->check;
    return queued;
}

void transfer_emit_failure(struct transfer *t, struct turn *turn, enum event_kind kind,
                           const struct err *err, int attempt)
{
    struct queued_event *queued = transfer_emit(t, turn, kind);
    if (!queued)
        return;
    queued->err = *err;
    if (kind == EVENT_THROTTLED)
        queued->event.totals = turn->totals; /* with the limit in force */
    queued->event.attempt = attempt;
}

void transfer_emit_reason(struct transfer *t, struct turn *turn, enum event_kind kind,
                          const char *reason)
{
    struct queued_event *queued = transfer_emit(t, turn, kind);
    if (!queued)
        return;
    snprintf(queued->reason, sizeof queued->reason, "%s", reason);
}

void transfer_put_row(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    t->row.store = t->item->task->to->name;
    t->row.target = t->item->target;
    if (!journal_put(turn->journal, t->item->task->number, t->item->key, &t->row, &err))
        turn_fatal(turn, &err);
}

void transfer_save(struct transfer *t, struct turn *turn)
{
    struct row *row = &t->row;
    row->size = t->info.size;
    row->mtime_ns = t->info.mtime_ns;
    row->inode = t->info.inode;
    memcpy(row->etag, t->info.etag, sizeof row->etag);
    row->part_size = t->part_size;
    row->sum_kind = t->sum_kind;
    row->md5_parts = !t->use_md5 ? 0 : t->opaque_etags ? MD5_OPAQUE : 1;
    transfer_put_row(t, turn);
}

void transfer_drop_parts(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    if (!journal_drop_parts(turn->journal, t->item->task->number, t->item->key, &err))
        turn_fatal(turn, &err);
}

/* --- ops ---------------------------------------------------------------------------------- */

struct op *transfer_op(struct transfer *t, enum op_kind kind, const struct store *store,
                       struct turn *turn)
{
    struct op *op = op_new(kind);
    op->transfer = t->id;
    op->task = (uint32_t)t->item->task->number;
    op->in.store = store;
    op->in.credentials = store->credentials;
    struct store_state *state = turn_store(turn, store);
    if (state) {
        op->in.skew_ms = state->skew_ms;
        op->in.requests[0] = state->requests;
    }
    return op;
}

struct op *transfer_call(struct transfer *t, enum call_kind kind, const struct store *store,
                         const char *key, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_CALL, store, turn);
    op->in.call.kind = kind;
    op->in.call.key = key;
    op->in.call.total = -1;
    op->in.path = key; /* where the store is a directory */
    return op;
}

bool transfer_ready(struct transfer *t, int64_t now_ms, bool *data)
{
    if (t->step == STEP_MOVE && !t->leaving) {
        *data = true;
        return part_ready(t, now_ms);
    }
    if (t->busy || t->asking || t->step == STEP_OVER || t->step == STEP_FINISH ||
        t->step == STEP_MOVE)
        return false;
    *data = transfer_step_def(t)->data;
    return t->not_before_ms <= now_ms;
}

struct op *transfer_next(struct transfer *t, struct turn *turn)
{
    if (t->step == STEP_MOVE)
        return part_next(t, turn);
    struct op *op = transfer_step_def(t)->make(t, turn);
    t->busy = true;
    t->op = op;
    t->attempt++;
    return op;
}

int64_t transfer_wake_ms(struct transfer *t, int64_t now_ms)
{
    if (t->step == STEP_MOVE && !t->leaving)
        return part_wake_ms(t, now_ms);
    if (t->busy || t->asking || t->step == STEP_OVER || t->step == STEP_FINISH)
        return INT64_MAX;
    return t->not_before_ms > now_ms ? t->not_before_ms : INT64_MAX;
}

/* --- failures ----------------------------------------------------------------------------- */

bool transfer_again(struct transfer *t, const struct err *err, const struct op *op, int attempt,
                    struct turn *turn, int64_t *delay_ms)
{
    *delay_ms = 0;
    if (op && access_mend(turn, op, attempt))
        return true;
    return retry_again(&t->item->task->retry, err, attempt, turn->rng, delay_ms);
}

/* The op of a step failed. */
static void step_failed(struct transfer *t, struct op *op, const struct step_def *def,
                        struct turn *turn)
{
    const struct err *err = &op->out.err;
    int64_t delay_ms;

    t->err = *err;
    if (err->kind == ERR_THROTTLED)
        transfer_emit_failure(t, turn, EVENT_THROTTLED, err, t->attempt);
    if (def->event != EVENT_JOB_STARTED)
        transfer_emit_failure(t, turn, def->event, err, t->attempt);
    if (def->failed && def->failed(t, op, turn))
        return;
    if (transfer_again(t, err, op, t->attempt, turn, &delay_ms)) {
        t->not_before_ms = turn->now_ms + delay_ms;
        turn->totals->retries++;
    } else {
        transfer_give_up(t, err, turn);
    }
}

/* --- settling ----------------------------------------------------------------------------- */

static void settle_step(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct step_def *def = transfer_step_def(t);

    t->busy = false;
    t->op = NULL;
    if (op->out.err.kind == ERR_NONE)
        def->settle(t, op, turn);
    else if (t->leaving && t->step != STEP_ABORT && t->step != STEP_DISCARD)
        t->not_before_ms = 0; /* cancelled, or as good as: what it did is found by the next run */
    else
        step_failed(t, op, def, turn);
}

void transfer_settle(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->part)
        part_settle(t, op, turn);
    else
        settle_step(t, op, turn);
    transfer_move_out(t, turn);
}

void transfer_finished(struct transfer *t, const struct finish_item *item, struct turn *turn)
{
    int64_t delay_ms;

    t->busy = false;
    t->target_fd = -1;
    if (item->err.kind == ERR_NONE) {
        transfer_emit(t, turn, EVENT_TEMP_FILE_RENAMED);
        transfer_succeed(t, turn);
    } else {
        t->err = item->err;
        t->attempt++;
        transfer_emit_failure(t, turn, EVENT_RENAME_FAILED, &item->err, t->attempt);
        if (transfer_again(t, &item->err, NULL, t->attempt, turn, &delay_ms) && !item->renamed)
            t->ready_ms = turn->now_ms + delay_ms;
        else
            transfer_give_up(t, &item->err, turn);
    }
    transfer_move_out(t, turn);
}

void transfer_decide(struct transfer *t, int64_t part, const struct decision *decision,
                     struct turn *turn)
{
    if (decision->refresh_credentials) {
        const struct task *task = t->item->task;
        const struct store *remote = t->way == WAY_UPLOAD ? task->to : task->from;
        if (turn_store(turn, remote))
            turn_store(turn, remote)->refresh = true;
    }
    if (part >= 0)
        part_decide(t, (uint32_t)part, decision, turn);
    else if (t->asking)
        transfer_decide_object(t, decision, turn);
    transfer_move_out(t, turn);
}
