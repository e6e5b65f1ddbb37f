/*
 * How a transfer ends: done, given up, put aside by a script, or kept because the run ends.
 *
 * transfer_succeed ends what is in place; everything else goes through `leaving`: nothing new is
 * started, ops under way are cancelled, and once all are back transfer_move_out tells what failed,
 * waits for a script's decision, cleans up as far as it should, and ends or begins again.
 */
#include "base/fault.h"
#include "core/retry.h"
#include "journal/sync.h"
#include "transfer/step.h"
#include <stdio.h>
#include <string.h>

#define RESTARTS_MAX 5
#define OTHER_PARTS  "the script asked for parts of another size"

static bool is_disk_full(const struct err *err)
{
    static const char *const codes[] = {"ENOSPC", "EDQUOT", "EROFS"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (err->kind == ERR_DISK && !strcmp(err->code, codes[i]))
            return true;
    return false;
}

static void start_leaving(struct transfer *t)
{
    t->leaving = true;
    if (t->busy && t->op)
        atomic_store(&t->op->cancel, true);
    parts_cancel(t);
}

void transfer_give_up(struct transfer *t, const struct err *err, struct turn *turn)
{
    if (t->leaving)
        return;
    if (is_disk_full(err))
        turn_fatal(turn, err);
    t->err = *err;
    t->keep = true;
    t->failing = true;
    t->outcome = ROW_FAILED;
    start_leaving(t);
}

void transfer_restart(struct transfer *t, const struct err *why, struct turn *turn)
{
    if (t->leaving)
        return;
    if (++t->restarts > RESTARTS_MAX) {
        transfer_give_up(t, why, turn);
        return;
    }
    transfer_emit_reason(t, turn, EVENT_RESTARTED, why->message);
    t->err = *why;
    t->again = true;
    t->keep = false;
    t->item->info.size = -1; /* what was listed is not true any more; its size was counted */
    t->counted = true;
    start_leaving(t);
}

void transfer_corrupt(struct transfer *t, struct turn *turn, const char *what)
{
    struct err err = {0};
    err_set(&err, ERR_CORRUPT, "%s", what);
    transfer_emit_failure(t, turn, EVENT_VERIFY_FAILED, &err, t->tries);
    transfer_restart(t, &err, turn);
}

void transfer_leave(struct transfer *t, const struct err *err, bool clean, struct turn *turn)
{
    t->asking = false;
    t->unasked = true;
    bool ends_well = t->outcome == ROW_DONE || t->outcome == ROW_SKIPPED;
    if (t->step == STEP_OVER || (t->leaving && !t->again && ends_well))
        return;
    if (!t->leaving || t->again || t->defer || t->keep == clean) {
        t->err = *err;
        t->failing = t->failing || !t->leaving || t->again || t->defer;
        t->again = t->defer = false;
        t->keep = !clean;
        t->outcome = ROW_ACTIVE;
        start_leaving(t);
    }
    transfer_move_out(t, turn);
}

/* --- leaving -------------------------------------------------------------------------- */

static void tell_failed(struct transfer *t, struct turn *turn)
{
    t->failing = false;
    struct queued_event *queued = transfer_emit(t, turn, EVENT_OBJECT_FAILED);
    if (!queued)
        return;
    queued->err = t->err;
    bool ask = t->outcome == ROW_FAILED && !t->unasked && turn->fatal.kind == ERR_NONE &&
               turn->hooks->wants &&
               turn->hooks->wants(turn->hooks->ctx, t->item->task, EVENT_OBJECT_FAILED);
    if (ask) {
        t->asking = true;
        queued->ticket = t->id << 14;
    }
}

static void note_end(struct transfer *t, struct turn *turn)
{
    if (t->item->verify) { /* nothing was done that a later run could build on */
        if (!t->different && !t->defer)
            turn_count(turn, t->item->task, objects_failed, t->outcome == ROW_FAILED);
        return;
    }
    t->row.state = t->outcome;
    t->row.err = t->err;
    if (t->row.upload_id[0] || t->row.temp[0])
        transfer_put_row(t, turn); /* what is to be resumed stays as it was written */
    else if (t->outcome != ROW_ACTIVE)
        transfer_save(t, turn);
    if (t->outcome == ROW_FAILED && !t->defer)
        turn_count(turn, t->item->task, objects_failed, 1);
    if (t->outcome == ROW_SKIPPED) {
        turn_count(turn, t->item->task, objects_skipped, 1);
        transfer_emit_reason(t, turn, EVENT_OBJECT_SKIPPED, t->reason);
    }
}

/* What was to be saved is dropped also when that failed: a try before this one, which ended in a
 * crash, may have left a file of that name. */
bool transfer_drops_temp(const struct transfer *t)
{
    return t->row.temp[0] && (!t->keep || t->saved);
}

/* The clean-up is through: end, or (true) once more. */
static bool leave_ended(struct transfer *t, struct turn *turn)
{
    if (t->again || t->defer || !t->keep)
        parts_uncount(t, turn); /* they are lost, or will be found in place again */
    parts_free(t);
    buf_clear(&t->body);
    t->leaving = false;
    if (!t->keep && t->row.state != ROW_NONE) {
        t->row.upload_id[0] = t->row.temp[0] = '\0';
        t->row.state = ROW_NONE;
        transfer_drop_parts(t, turn);
        transfer_put_row(t, turn);
    }
    if (t->again) {
        t->again = t->keep = false;
        return true;
    }
    t->step = STEP_OVER;
    if (t->outcome != ROW_DONE)
        note_end(t, turn);
    return false;
}

bool transfer_move_out(struct transfer *t, struct turn *turn)
{
    if (!t->leaving || !transfer_idle(t))
        return false;
    if (t->failing)
        tell_failed(t, turn);
    if (t->asking)
        return false;
    if (!t->keep && t->row.upload_id[0])
        transfer_go(t, STEP_ABORT);
    else if (t->source_fd >= 0 || t->target_fd >= 0 || transfer_drops_temp(t))
        transfer_go(t, STEP_DISCARD);
    else
        return leave_ended(t, turn);
    return false;
}

static int64_t wait_of(const struct transfer *t, const struct decision *decision, int attempt,
                       struct turn *turn)
{
    if (decision->after_ms >= 0)
        return decision->after_ms;
    return retry_delay(&t->item->task->retry, &t->err, attempt, turn->rng);
}

void transfer_decide_object(struct transfer *t, const struct decision *decision, struct turn *turn)
{
    t->asking = false;
    switch (decision->kind) {
    case DECIDE_RETRY:
        t->again = true;
        t->tries++;
        t->retry_ms = turn->now_ms + wait_of(t, decision, t->tries, turn);
        if (decision->part_size > 0) {
            t->item->part_size = decision->part_size;
            t->keep = false;
            transfer_emit_reason(t, turn, EVENT_RESTARTED, OTHER_PARTS);
        }
        break;
    case DECIDE_SKIP:
        t->outcome = ROW_SKIPPED;
        t->keep = false;
        snprintf(t->reason, sizeof t->reason, "%s", decision->reason);
        break;
    case DECIDE_DEFER:
        t->defer = !t->item->deferred;
        break;
    case DECIDE_STOP:
        err_set(&turn->stop, ERR_CANCELLED, "%s", decision->reason);
        break;
    case DECIDE_FAIL:
        if (decision->reason[0])
            snprintf(t->err.message, sizeof t->err.message, "%s", decision->reason);
        break;
    case DECIDE_POLICY:
    case DECIDE_VETO:
        break;
    }
}

/* --- ends ----------------------------------------------------------------------------- */

bool transfer_same_source(const struct row *row, const struct object_info *info)
{
    if (row->size != info->size)
        return false;
    if (row->etag[0] || info->etag[0])
        return !strcmp(row->etag, info->etag);
    return row->mtime_ns == info->mtime_ns &&
           (!row->inode || !info->inode || row->inode == info->inode);
}

/* A script gave the object up without calling it a failure. */
static void put_aside(struct transfer *t, const struct decision *decision)
{
    t->outcome = decision->kind == DECIDE_SKIP ? ROW_SKIPPED : ROW_ACTIVE;
    t->defer = decision->kind == DECIDE_DEFER;
    t->keep = t->defer;
    snprintf(t->reason, sizeof t->reason, "%s", decision->reason);
    start_leaving(t);
}

void transfer_obey(struct transfer *t, const struct decision *decision, struct turn *turn)
{
    struct err err = t->err;

    switch (decision->kind) {
    case DECIDE_RETRY:
        t->item->part_size = decision->part_size;
        t->again = true;
        transfer_emit_reason(t, turn, EVENT_RESTARTED, OTHER_PARTS);
        start_leaving(t);
        break;
    case DECIDE_SKIP:
        put_aside(t, decision);
        break;
    case DECIDE_DEFER:
        if (t->item->deferred)
            transfer_give_up(t, &err, turn);
        else
            put_aside(t, decision);
        break;
    case DECIDE_STOP:
        err_set(&turn->stop, ERR_CANCELLED, "%s", decision->reason);
        break;
    case DECIDE_FAIL:
        if (decision->reason[0])
            snprintf(err.message, sizeof err.message, "%s", decision->reason);
        transfer_give_up(t, &err, turn);
        break;
    case DECIDE_POLICY:
    case DECIDE_VETO:
        break;
    }
}

void transfer_skip(struct transfer *t, const char *why)
{
    snprintf(t->reason, sizeof t->reason, "%s", why);
    t->outcome = ROW_SKIPPED;
    t->keep = true;
    start_leaving(t);
}

/* A sync that listed both sides just now sends what differs, whatever was sent before. */
static bool is_listed_pair(const struct task *task)
{
    return task->kind == TASK_SYNC && !task->single && !task->keys &&
           !(task->functions & TASK_YIELDS);
}

void transfer_leave_done(struct transfer *t)
{
    t->outcome = ROW_DONE;
    t->failing = t->again = false;
    t->keep = true;
    start_leaving(t);
}

bool transfer_was_done(struct transfer *t, struct turn *turn)
{
    if (t->leaving || t->row.state != ROW_DONE || transfer_moves(t) ||
        is_listed_pair(t->item->task) || !transfer_same_source(&t->row, &t->info) ||
        !transfer_for_target(t))
        return false;
    if (t->item->task->kind == TASK_SYNC) /* it was compared, and is not what was sent any more */
        return false;
    turn_count(turn, t->item->task, objects_skipped, 1);
    turn->totals->bytes_resumed += t->info.size;
    turn_count(turn, t->item->task, bytes_done, t->info.size);
    transfer_emit_reason(t, turn, EVENT_OBJECT_SKIPPED, "done before the run was interrupted");
    transfer_leave_done(t);
    return true;
}

void transfer_send(struct transfer *t)
{
    t->compared = t->again = true;
    t->keep = true;
    start_leaving(t);
}

void transfer_verified(struct transfer *t, const char *what, struct turn *turn)
{
    struct err err = {0};

    t->different = what != NULL;
    if (what) {
        err_set(&err, ERR_CORRUPT, "%s", what);
        t->err = err;
        turn_count(turn, t->item->task, objects_different, 1);
        transfer_emit_failure(t, turn, EVENT_VERIFY_FAILED, &err, t->tries);
    } else {
        transfer_emit(t, turn, EVENT_VERIFIED);
        turn_count(turn, t->item->task, objects_done, 1);
        turn->totals->checked[t->check]++;
        turn_count(turn, t->item->task, bytes_done, t->info.size);
    }
    t->outcome = what ? ROW_FAILED : ROW_DONE;
    t->keep = true;
    start_leaving(t);
}

/* Both sides as their listings will show them, so that the next sync need not ask. */
static void remember(struct transfer *t, struct turn *turn)
{
    const struct task *task = t->item->task;
    struct fingerprint print = {.size = t->info.size,
                                .mtime_ns = t->info.mtime_ns,
                                .inode = t->info.inode,
                                .target_size = t->info.size};
    struct err err = {0};

    if (task->kind != TASK_SYNC || task->compare != COMPARE_FINGERPRINT)
        return;
    if (task->to->kind == STORE_DIR)
        print.target_mtime_ns = t->target.mtime_ns;
    memcpy(print.etag, t->info.etag, sizeof print.etag);
    memcpy(print.target_etag, t->target.etag, sizeof print.target_etag);
    if (!journal_print_put(turn->journal, task_scope(task), t->item->key, &print, &err))
        turn_fatal(turn, &err);
}

void transfer_succeed(struct transfer *t, struct turn *turn)
{
    if (reading_begins(t, turn))
        return;
    if (t->source_check < t->check)
        t->check = t->source_check; /* end to end is no more than its weaker half */
    (void)FAULT(object_done);
    t->row.state = ROW_DONE;
    transfer_emit(t, turn, EVENT_VERIFIED);
    t->row.upload_id[0] = t->row.temp[0] = '\0';
    memset(&t->row.err, 0, sizeof t->row.err);
    transfer_save(t, turn);
    remember(t, turn);
    if (t->n_parts)
        transfer_drop_parts(t, turn);
    if (transfer_moves(t))
        move_begin(t, turn);
    else
        transfer_conclude(t, turn);
}

void transfer_conclude(struct transfer *t, struct turn *turn)
{
    const struct task *task = t->item->task;

    transfer_emit(t, turn, EVENT_OBJECT_SUCCEEDED);
    if (!t->n_parts)
        turn_count(turn, task, bytes_done, t->info.size);
    turn_count(turn, task, objects_done, 1);
    turn->totals->checked[t->check]++;
    turn->totals->objects_read_back += t->reading.done;
    transfer_leave_done(t);
}
