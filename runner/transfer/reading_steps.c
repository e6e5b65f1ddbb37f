/*
 * Reading a target object back: in pieces, which nobody keeps, summed on the way, and compared with
 * the sum of its source.  That is what its store names, or what was summed while it was read; where
 * there is neither, or a source that is to be removed rests on nothing better, the source is read
 * once more.  (A file is read back before it gets its name: STEP_REREAD.)
 */
#include "transfer/step.h"
#include <string.h>

static bool is_weak(const struct transfer *t)
{
    return t->check <= CHECK_SIZE || t->source_check <= CHECK_SIZE;
}

/* Is that what the task wants, or what a removal of the source needs? */
static bool is_wanted(const struct transfer *t)
{
    return t->info.size > 0 && !t->reading.done &&
           (t->item->full || (transfer_moves(t) && is_weak(t)));
}

bool reading_of_file(const struct transfer *t)
{
    return is_wanted(t) && t->item->task->to->kind == STORE_DIR;
}

/* --- what is to be compared ----------------------------------------------------------- */

static void take_sum(struct transfer *t, enum sum_kind kind, uint64_t sum)
{
    t->reading.kind = kind;
    t->reading.here = sum;
    t->reading.here_known = true;
}

static void choose_sum(struct transfer *t)
{
    bool in_memory = t->source_fd < 0 && (int64_t)t->body.len == t->info.size;
    bool read_here = t->item->task->from->kind == STORE_DIR || !transfer_moves(t);

    t->reading.kind = SUM_CRC64;
    if (t->info.sum_kind != SUM_NONE)
        take_sum(t, t->info.sum_kind, t->info.sum);
    else if (read_here && in_memory)
        take_sum(t, SUM_CRC64, sum_update(SUM_CRC64, 0, buf_str(&t->body), (size_t)t->info.size));
    else if (read_here && t->sum_kind != SUM_NONE && t->way != WAY_SERVER)
        take_sum(t, t->sum_kind, t->sum);
}

bool reading_begins(struct transfer *t, struct turn *turn)
{
    (void)turn;
    if (!is_wanted(t))
        return false;
    memset(&t->reading, 0, sizeof t->reading);
    if (t->item->task->to->kind == STORE_DIR) { /* it was read, but not what it came from */
        t->reading.kind = t->sum_kind;
        t->reading.there = t->sum;
        transfer_go(t, STEP_READ_AGAIN);
    } else {
        choose_sum(t);
        transfer_go(t, STEP_READ_BACK);
    }
    return true;
}

static void compare(struct transfer *t, struct turn *turn)
{
    if (t->reading.here != t->reading.there) {
        transfer_corrupt(t, turn, "the target was read back and is not what its source is");
        return;
    }
    t->reading.done = true;
    t->check = t->source_check = check_of(t->reading.kind);
    transfer_succeed(t, turn);
}

/* --- pieces --------------------------------------------------------------------------- */

static struct span next_piece(const struct transfer *t)
{
    int64_t left = t->info.size - t->reading.off;
    return (struct span){.off = t->reading.off,
                         .len = left < LIMIT_READ_BACK ? left : LIMIT_READ_BACK};
}

/* True: that was the last one. */
static bool add_piece(struct transfer *t, uint64_t *sum, const struct op *op, enum step step,
                      struct turn *turn)
{
    struct span span = next_piece(t);

    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    *sum = sum_combine(t->reading.kind, *sum, op->out.sum, span.len);
    t->reading.off += span.len;
    if (t->reading.off == t->info.size)
        return true;
    transfer_go(t, step);
    return false;
}

static struct op *make_back(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_GET, t->item->task->to, t->item->target, turn);
    struct span span = next_piece(t);

    op->in.call.off = span.off;
    op->in.call.len = span.len;
    op->in.call.total = t->info.size;
    op->in.call.if_match = t->target.etag[0] ? t->target.etag : NULL;
    op->in.sum_kind = t->reading.kind;
    return op;
}

static void settle_back(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!add_piece(t, &t->reading.there, op, STEP_READ_BACK, turn))
        return;
    t->reading.off = 0;
    if (t->reading.here_known)
        compare(t, turn);
    else
        transfer_go(t, STEP_READ_AGAIN);
}

static bool back_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    if (op->out.err.kind != ERR_CHANGED && op->out.err.kind != ERR_MISSING)
        return false;
    transfer_restart(t, &op->out.err, turn);
    return true;
}

static struct op *make_again(struct transfer *t, struct turn *turn)
{
    const struct store *from = t->item->task->from;

    if (from->kind != STORE_DIR) {
        struct op *get = source_get(t, next_piece(t), turn);
        get->in.sum_kind = t->reading.kind;
        return get;
    }
    struct op *op = transfer_op(t, OP_HASH, from, turn);
    op->in.fd = t->source_fd;
    op->in.call.len = t->info.size;
    op->in.sum_kind = t->reading.kind;
    return op;
}

static void settle_again(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->kind == OP_HASH)
        t->reading.here = op->out.sum;
    else if (!add_piece(t, &t->reading.here, op, STEP_READ_AGAIN, turn))
        return;
    compare(t, turn);
}

static bool again_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    return source_get_failed(t, op, turn);
}

const struct step_def reading_steps[STEPS] = {
    [STEP_READ_BACK] = {make_back, settle_back, back_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_READ_AGAIN] = {make_again, settle_again, again_failed, EVENT_JOB_STARTED, true, NULL},
};
