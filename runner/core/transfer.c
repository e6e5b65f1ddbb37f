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

static const struct step_def *step_def_of(const struct transfer *t)
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
                                             [STEP_FIND] = "find",
                                             [STEP_COMPARE] = "compare",
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
    if (item->attributes)
        http_fields_free(item->attributes);
    free(item->attributes);
    free(item);
}

/* --- beginning ------------------------------------------------------------------------ */

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

/* A small object that was listed needs no HEAD: its GET pins the listed ETag. */
static bool is_small_listed(const struct transfer *t)
{
    const struct object_info *info = &t->item->info;
    return info->size >= 0 && info->size <= LIMIT_SMALL_BODY && info->etag[0];
}

static void begin(struct transfer *t, struct turn *turn)
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

/* What follows an op or a decision without another op. */
static void follow(struct transfer *t, struct turn *turn)
{
    if (t->step == STEP_MOVE && !t->leaving && t->n_parts && t->n_done == t->n_parts)
        step_def_of(t)->moved(t, turn);
    while (transfer_move_out(t, turn)) {
        begin(t, turn);
        t->not_before_ms = t->retry_ms;
        t->retry_ms = 0;
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
    begin(t, turn);
    follow(t, turn);
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

bool transfer_ready(struct transfer *t, int64_t now_ms, bool *data)
{
    if (t->step == STEP_MOVE && !t->leaving) {
        *data = true;
        return part_ready(t, now_ms);
    }
    if (t->busy || t->asking || t->step == STEP_OVER || t->step == STEP_FINISH ||
        t->step == STEP_MOVE)
        return false;
    *data = step_def_of(t)->data;
    return t->not_before_ms <= now_ms;
}

struct op *transfer_next(struct transfer *t, struct turn *turn)
{
    if (t->step == STEP_MOVE)
        return part_next(t, turn);
    struct op *op = step_def_of(t)->make(t, turn);
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

/* --- failures ------------------------------------------------------------------------- */

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

/* --- settling ------------------------------------------------------------------------- */

static void settle_step(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct step_def *def = step_def_of(t);

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
    follow(t, turn);
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
    follow(t, turn);
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
    follow(t, turn);
}
