/*
 * The end of a move: the copy is verified and journalled; now the target's own store is asked
 * whether it shows that copy, then the source's whether it still is what was copied, and only then
 * the source goes.  A store that knows conditions is given one; a file is looked at and removed in
 * one step.  Between the look at the source and its removal elsewhere nothing can be done about
 * somebody who writes to it.
 *
 * What a copy was of, and what its target looks like, is remembered as a sync remembers it, so that
 * a run that was cut off in between is carried on without a second copy, and after the same proof.
 */
#include "journal/sync.h"
#include "transfer/step.h"
#include <stdio.h>
#include <string.h>

#define SECOND_MS 1100 /* so that the next one shows in times to the second */

static const struct store *from_store(const struct transfer *t)
{
    return t->item->task->from;
}

static const struct store *to_store(const struct transfer *t)
{
    return t->item->task->to;
}

/* --- memory --------------------------------------------------------------------------- */

static void note(struct transfer *t, const struct object_info *there, struct turn *turn)
{
    struct fingerprint print = {.size = t->info.size,
                                .mtime_ns = t->info.mtime_ns,
                                .inode = t->info.inode,
                                .target_size = t->info.size};
    struct err err = {0};

    proof_write(t, there, t->move.proof);
    memcpy(print.etag, t->info.etag, sizeof print.etag);
    memcpy(print.target_etag, t->move.proof, sizeof print.target_etag);
    if (!journal_print_put(turn->journal, task_scope(t->item->task), t->item->key, &print, &err))
        turn_fatal(turn, &err);
}

static void forget(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    if (!journal_print_drop(turn->journal, task_scope(t->item->task), t->item->key, &err))
        turn_fatal(turn, &err);
}

void move_begin(struct transfer *t, struct turn *turn)
{
    t->move.recalls = t->move.sent = t->move.unproved = false;
    t->move.deletes = 0;
    note(t, &t->target, turn);
    transfer_go(t, STEP_PROVE);
}

bool move_recalls(struct transfer *t, struct turn *turn)
{
    struct fingerprint print;
    struct err err = {0};

    if (!transfer_moves(t) || t->move.unproved || t->row.upload_id[0] || t->row.temp[0])
        return false;
    if (!journal_print_get(turn->journal, task_scope(t->item->task), t->item->key, &print, &err)) {
        if (err.kind != ERR_NONE)
            turn_fatal(turn, &err);
        return false;
    }
    t->move.recalls = true;
    t->move.sent = false;
    t->move.deletes = 0;
    memset(&t->info, 0, sizeof t->info);
    t->info.size = print.size;
    t->info.mtime_ns = print.mtime_ns;
    t->info.inode = print.inode;
    memcpy(t->info.etag, print.etag, sizeof t->info.etag);
    memcpy(t->move.proof, print.target_etag, sizeof t->move.proof);
    transfer_go(t, STEP_PROVE);
    return true;
}

bool move_was_done(struct transfer *t, const struct op *op, struct turn *turn)
{
    bool asks = t->step == STEP_HEAD || t->step == STEP_OPEN || t->step == STEP_GET;

    if (!transfer_moves(t) || t->item->verify || !asks || t->row.state != ROW_DONE ||
        op->out.err.kind != ERR_MISSING)
        return false;
    turn_count(turn, t->item->task, objects_skipped, 1);
    transfer_emit_reason(t, turn, EVENT_OBJECT_SKIPPED, "moved before the run was interrupted");
    transfer_leave_done(t);
    return true;
}

/* --- not proved ----------------------------------------------------------------------- */

/* What an earlier run did is of no use, or what this one did was undone: all of it once more. */
static void start_over(struct transfer *t, const char *why, struct turn *turn)
{
    struct err err = {0};

    t->move.unproved = true;
    err_set(&err, ERR_CHANGED, "%s", why);
    transfer_restart(t, &err, turn);
}

/* --- the target ----------------------------------------------------------------------- */

static struct op *make_prove(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, to_store(t), t->item->target, turn);
}

/* An ETag that came with no answer to the upload is known from here on. */
static bool is_first_look(const struct transfer *t, const struct object_info *there)
{
    return !t->move.recalls && !t->target.etag[0] && there->etag[0] && there->size == t->info.size;
}

static void settle_prove(struct transfer *t, struct op *op, struct turn *turn)
{
    struct object_info there = to_store(t)->kind == STORE_DIR ? op->out.info : op->out.answer.info;

    if (is_first_look(t, &there))
        note(t, &there, turn);
    t->there = there;
    if (proof_holds(t, &there))
        transfer_go(t, from_store(t)->kind == STORE_DIR ? STEP_REMOVE : STEP_PIN);
    else
        start_over(t, "the target is not the copy that was made", turn);
}

static bool prove_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING)
        return false;
    start_over(t, "the copy that was made is not there", turn);
    return true;
}

/* --- the source ----------------------------------------------------------------------- */

static void conclude(struct transfer *t, struct turn *turn)
{
    forget(t, turn);
    t->row.state = ROW_DONE;
    if (t->move.recalls) {
        turn->totals->bytes_resumed += t->info.size;
        memset(&t->row.err, 0, sizeof t->row.err);
        transfer_save(t, turn);
    }
    transfer_conclude(t, turn);
}

static void gone(struct transfer *t, struct turn *turn)
{
    struct queued_event *queued = transfer_emit(t, turn, EVENT_OBJECT_DELETED);

    turn_count(turn, t->item->task, objects_deleted, 1);
    if (queued) {
        snprintf(queued->reason, sizeof queued->reason, "moved");
        queued->event.bucket = from_store(t)->bucket;
        queued->event.target = NULL;
        if (from_store(t)->kind != STORE_DIR || to_store(t)->kind == STORE_DIR)
            queued->event.path = NULL; /* of the target */
    }
    conclude(t, turn);
}

static struct op *make_pin(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, from_store(t), t->item->key, turn);
}

/* Two names of one bucket, as far as can be told: then there is but one object, which is as old as
 * itself.  A copy that is not made in the very second of its source is younger. */
static bool is_one(const struct transfer *t, const struct object_info *here)
{
    const struct store *from = from_store(t), *to = to_store(t);

    return to->kind != STORE_DIR && !strcmp(from->bucket, to->bucket) &&
           !strcmp(t->item->key, t->item->target) && !strcmp(here->etag, t->there.etag) &&
           here->mtime_ns == t->there.mtime_ns;
}

static void part_in_time(struct transfer *t, struct turn *turn)
{
    start_over(t, "source and target look like one and the same object", turn);
    t->retry_ms = turn->now_ms + SECOND_MS;
}

static void settle_pin(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct object_info *here = &op->out.answer.info;

    if (!proof_same_source(&t->info, here))
        start_over(t, "the source changed after it was copied", turn);
    else if (is_one(t, here))
        part_in_time(t, turn);
    else
        transfer_go(t, STEP_REMOVE);
}

static bool pin_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING)
        return false;
    if (t->move.sent)
        gone(t, turn); /* the answer to the delete was lost */
    else
        conclude(t, turn);
    return true;
}

/* --- and it goes ---------------------------------------------------------------------- */

static struct op *remove_file(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_REMOVE, from_store(t), turn);

    t->move.remove = (struct remove_item){.path = t->item->key, .only = &t->info};
    op->in.path = t->item->task->from_path;
    op->in.remove = &t->move.remove;
    op->in.n_items = 1;
    return op;
}

static struct op *make_remove(struct transfer *t, struct turn *turn)
{
    t->move.sent = true;
    t->move.deletes++;
    if (from_store(t)->kind == STORE_DIR)
        return remove_file(t, turn);
    struct op *op = transfer_call(t, CALL_DELETE, from_store(t), t->item->key, turn);
    if (from_store(t)->kind == STORE_S3 && !t->move.plain && t->info.etag[0])
        op->in.call.if_match = t->info.etag;
    return op;
}

/* Again, but from the look at the source on. */
static void remove_again(struct transfer *t, const struct op *op, struct turn *turn)
{
    const struct err err = op->out.err;
    int64_t delay_ms;

    if (!transfer_again(t, &err, op, t->move.deletes, turn, &delay_ms)) {
        transfer_give_up(t, &err, turn);
        return;
    }
    transfer_go(t, from_store(t)->kind == STORE_DIR ? STEP_REMOVE : STEP_PIN);
    t->not_before_ms = turn->now_ms + delay_ms;
    turn->totals->retries++;
}

/* It does not know the condition, or another ETag for it than it tells (Swift, of objects that came
 * in parts).  Whether the source has changed after all is looked at once more. */
static bool is_refused(const struct op *op)
{
    const struct err *err = &op->out.err;
    return op->kind == OP_CALL && op->in.call.if_match &&
           (err->kind == ERR_CHANGED || err->kind == ERR_INVALID || err->status == 501);
}

static bool remove_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (is_refused(op)) {
        t->move.plain = true;
        transfer_go(t, STEP_PIN);
    } else if (op->out.err.kind == ERR_CHANGED) {
        start_over(t, "the source changed after it was copied", turn);
    } else if (op->out.err.kind == ERR_MISSING) {
        gone(t, turn);
    } else {
        remove_again(t, op, turn);
    }
    return true;
}

static void settle_remove(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->kind == OP_REMOVE && t->move.remove.err.kind != ERR_NONE) {
        op->out.err = t->move.remove.err;
        t->err = op->out.err;
        remove_failed(t, op, turn);
        return;
    }
    gone(t, turn);
}

const struct step_def move_steps[STEPS] = {
    [STEP_PROVE] = {make_prove, settle_prove, prove_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_PIN] = {make_pin, settle_pin, pin_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_REMOVE] = {make_remove, settle_remove, remove_failed, EVENT_JOB_STARTED, true, NULL},
};
