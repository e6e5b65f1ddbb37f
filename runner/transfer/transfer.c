/*
 * The machine itself: which step is next, and what follows when one fails.  What each step
 * sends and reads is in upload.c, download.c, relay.c, server_copy.c, verify_steps.c, and, shared
 * by several, in source_steps.c, target_steps.c, multipart.c and file_steps.c; parts are in part.c,
 * ends in outcome.c.
 */
#include "base/log.h"
#include "core/retry.h"
#include "transfer/access.h"
#include "transfer/carry.h"
#include "transfer/fan.h"
#include "transfer/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct step_def *step_def_of(const struct transfer *t)
{
    static const struct step_def *const tables[][6] = {
        [WAY_UPLOAD] = {upload_steps, multipart_steps, file_steps, target_steps, reading_steps,
                        move_steps},
        [WAY_DOWNLOAD] = {download_steps, file_steps, target_steps, reading_steps, move_steps},
        [WAY_COPY] = {file_steps, target_steps, reading_steps, move_steps},
        [WAY_RELAY] = {relay_steps, multipart_steps, target_steps, file_steps, reading_steps,
                       move_steps},
        [WAY_SERVER] = {server_steps, multipart_steps, target_steps, file_steps, reading_steps,
                        move_steps},
        [WAY_VERIFY] = {verify_steps, file_steps, move_steps},
    };
    const struct step_def *const *table = tables[t->way];
    while (!(*table)[t->step].make && !(*table)[t->step].moved)
        table++;
    return &(*table)[t->step];
}

const char *step_name(enum step step)
{
    static const char *const names[STEPS] = {[STEP_OPEN] = "open",
                                             [STEP_HEAD] = "head",
                                             [STEP_TARGET] = "target",
                                             [STEP_GET] = "get",
                                             [STEP_HASH] = "hash",
                                             [STEP_PUT] = "put",
                                             [STEP_COPY] = "copy",
                                             [STEP_CREATE] = "create",
                                             [STEP_LIST_PARTS] = "list_parts",
                                             [STEP_TEMP] = "temp",
                                             [STEP_RECHECK] = "recheck",
                                             [STEP_FIND] = "find",
                                             [STEP_COMPARE] = "compare",
                                             [STEP_MOVE] = "move",
                                             [STEP_STREAM] = "stream",
                                             [STEP_STAT] = "stat",
                                             [STEP_COMPLETE] = "complete",
                                             [STEP_SETTLE] = "settle",
                                             [STEP_CONFIRM] = "confirm",
                                             [STEP_REREAD] = "reread",
                                             [STEP_SAVE] = "save",
                                             [STEP_FINISH] = "finish",
                                             [STEP_ABORT] = "abort",
                                             [STEP_DISCARD] = "discard",
                                             [STEP_READ_BACK] = "read_back",
                                             [STEP_READ_AGAIN] = "read_again",
                                             [STEP_PROVE] = "prove",
                                             [STEP_PIN] = "pin",
                                             [STEP_REMOVE] = "remove",
                                             [STEP_OVER] = "over"};
    return names[step];
}

void item_free(struct item *item)
{
    if (!item)
        return;
    fan_leave(item);
    free(item->key);
    free(item->target);
    if (item->attributes)
        http_fields_free(item->attributes);
    free(item->attributes);
    knowledge_free(&item->known);
    free(item);
}

/* --- beginning ------------------------------------------------------------------------ */

enum way transfer_way_of(const struct task *task, struct turn *turn)
{
    bool from = task->from->kind != STORE_DIR, to = task->to->kind != STORE_DIR;
    if (from && to)
        return server_way(task, turn);
    return from ? WAY_DOWNLOAD : to ? WAY_UPLOAD : WAY_COPY;
}

/* NULL: no file is part of it.  Between directories it is the target's. */
static char *local_path(const struct item *item)
{
    const struct task *task = item->task;
    if (task->to->kind == STORE_DIR)
        return xasprintf("%s/%s", task->to->root, item->target);
    return task->from->kind == STORE_DIR ? xasprintf("%s/%s", task->from->root, item->key) : NULL;
}

static void load_row(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    memset(&t->row, 0, sizeof t->row);
    if (!journal_get(turn->journal, t->item->task->number, t->item->key, &t->row, &err) &&
        err.kind != ERR_NONE)
        turn_fatal(turn, &err);
}

/* A small object that was listed needs no HEAD: its GET pins the listed ETag.  But only a HEAD
 * tells when an object was made, where that decides. */
static bool is_small_listed(const struct transfer *t)
{
    const struct task *task = t->item->task;
    const struct object_info *info = &t->item->info;
    int64_t asked = t->item->part_size ? t->item->part_size : task->part_size;
    int64_t most =
        t->way == WAY_RELAY && asked && asked < LIMIT_SMALL_BODY ? asked : LIMIT_SMALL_BODY;
    return info->size >= 0 && info->size <= most && info->etag[0] && !t->row.upload_id[0] &&
           task->overwrite != OVERWRITE_NEWER;
}

/* A sync by content compares before it sends; what an earlier run began to send differed then. */
static bool is_compared_first(const struct transfer *t)
{
    const struct task *task = t->item->task;
    bool by_content = task->compare == COMPARE_ETAG || task->compare == COMPARE_CHECKSUM;
    return task->kind == TASK_SYNC && by_content && t->item->has_target && !t->compared &&
           !t->row.upload_id[0] && !t->row.temp[0];
}

static void forget_source(struct transfer *t)
{
    t->sum_kind = t->source_sum_kind = SUM_NONE;
    t->use_md5 = t->opaque_etags = t->saved = false;
    t->completes = 0;
    t->reread = false;
    memset(&t->reading, 0, sizeof t->reading);
    t->check = CHECK_NONE;
    t->source_check = CHECKS;
    t->mtime_ns = 0;
    carry_free(t);
    memset(&t->target, 0, sizeof t->target);
}

static void take_first_step(struct transfer *t)
{
    if (t->item->task->from->kind == STORE_DIR) {
        transfer_go(t, STEP_OPEN);
    } else if (t->way != WAY_SERVER && t->way != WAY_VERIFY && is_small_listed(t)) {
        t->info = t->item->info;
        transfer_go(t, STEP_GET);
    } else {
        transfer_go(t, STEP_HEAD);
    }
}

void transfer_begin(struct transfer *t, struct turn *turn)
{
    forget_source(t);
    if (t->item->verify) {
        take_first_step(t);
        return;
    }
    load_row(t, turn);
    if (move_recalls(t, turn) || (t->item->info.size >= 0 && transfer_was_done(t, turn)))
        return;
    if (target_is_asked(t)) {
        transfer_go(t, STEP_TARGET);
        return;
    }
    if (t->item->info.size >= 0 && target_is_kept(t, t->item->info.mtime_ns))
        return;
    if (t->there_known && t->item->task->overwrite == OVERWRITE_NEVER && target_is_kept(t, 0))
        return;
    if (is_compared_first(t))
        t->way = WAY_VERIFY;
    else if (t->way == WAY_VERIFY)
        t->way = transfer_way_of(t->item->task, turn);
    take_first_step(t);
}

/* A function of the job file had the object asked for: that answer is used, once.  Has the object
 * changed since, its ETag tells. */
static void use_known(struct transfer *t, struct turn *turn)
{
    struct knowledge *known = &t->item->known;

    if (t->step != STEP_HEAD || t->leaving || t->item->verify || !(known->has & KNOW_HEAD))
        return;
    struct op *op = source_make_head(t, turn);
    op->out.answer.info = known->info;
    op->out.answer.attributes = known->attributes;
    known->attributes = NULL;
    known->has &= ~(unsigned)KNOW_HEAD;
    step_def_of(t)->settle(t, op, turn);
    op_free(op);
}

/* What follows an op or a decision without another op. */
static void follow(struct transfer *t, struct turn *turn)
{
    use_known(t, turn);
    if (t->step == STEP_MOVE && !t->leaving && t->n_parts && t->n_done == t->n_parts)
        step_def_of(t)->moved(t, turn);
    while (transfer_move_out(t, turn)) {
        transfer_begin(t, turn);
        t->not_before_ms = t->retry_ms;
        t->retry_ms = 0;
    }
}

struct transfer *transfer_new(uint64_t id, struct item *item, struct turn *turn)
{
    struct transfer *t = xcalloc(1, sizeof *t);
    t->id = id;
    t->item = item;
    t->way = item->verify ? WAY_VERIFY : transfer_way_of(item->task, turn);
    t->path = local_path(item);
    t->source_fd = t->target_fd = -1;
    t->body = buf_new(LIMIT_SMALL_BODY);
    t->tries = 1;
    t->info = item->info;
    fan_opened(t);
    if (!item->verify)
        transfer_emit(t, turn, EVENT_OBJECT_STARTED);
    transfer_begin(t, turn);
    follow(t, turn);
    return t;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    parts_free(t);
    buf_free(&t->body);
    carry_free(t);
    free(t->path);
    item_free(t->item);
    free(t);
}

/* Whom the next op asks. */
static void name_sides(const struct transfer *t, struct wish *wish)
{
    bool source = t->step == STEP_HEAD || t->step == STEP_GET || t->step == STEP_STREAM ||
                  t->step == STEP_READ_AGAIN || t->step == STEP_PIN || t->step == STEP_REMOVE;
    bool relay = transfer_put_is_fed(t) || (t->way == WAY_RELAY && t->step == STEP_MOVE);

    if (t->step == STEP_MOVE)
        source = t->way == WAY_DOWNLOAD;
    wish->from = source || relay ? t->item->task->from : NULL;
    wish->to = source || !wish->data ? NULL : t->item->task->to;
}

bool transfer_ready(struct transfer *t, int64_t now_ms, struct wish *wish)
{
    *wish = (struct wish){.data = true, .again = t->attempt > 0};
    if (t->step == STEP_MOVE && !t->leaving) {
        name_sides(t, wish);
        return part_ready(t, now_ms, &wish->again) && !fan_waits(t);
    }
    if (t->busy || t->asking || t->step == STEP_OVER || t->step == STEP_FINISH ||
        t->step == STEP_MOVE)
        return false;
    wish->data = step_def_of(t)->data;
    name_sides(t, wish);
    return t->not_before_ms <= now_ms && !fan_waits(t);
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

    if (move_was_done(t, op, turn))
        return;
    t->err = *err;
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
    if (transfer_blamed(op) != op)
        op->out.err = transfer_blamed(op)->out.err;
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
        t->target = item->info;
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
        const struct store *sides[] = {t->item->task->from, t->item->task->to};
        for (int i = 0; i < 2; i++)
            if (sides[i]->kind != STORE_DIR && turn_store(turn, sides[i]))
                turn_store(turn, sides[i])->refresh = true;
    }
    if (part >= 0)
        part_decide(t, (uint32_t)part, decision, turn);
    else if (t->asking)
        transfer_decide_object(t, decision, turn);
    follow(t, turn);
}

void transfer_fail(struct transfer *t, const struct err *err, struct turn *turn)
{
    if (t->step == STEP_OVER)
        return;
    transfer_give_up(t, err, turn);
    follow(t, turn);
}
