/* What all steps share: moving on, events, rows, ops, and whether to try again. */
#include "transfer/step.h"
#include "core/retry.h"
#include "transfer/access.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void transfer_go(struct transfer *t, enum step step)
{
    t->step = step;
    t->attempt = 0;
    t->not_before_ms = 0;
}

/* --- events and rows ------------------------------------------------------------------ */

struct queued_event *transfer_emit(struct transfer *t, struct turn *turn, enum event_kind kind)
{
    const struct task *task = t->item->task;
    struct queued_event *queued = turn_emit(turn, task, kind);
    if (!queued)
        return NULL;
    const struct store *remote = task->to->kind == STORE_DIR ? task->from : task->to;
    struct event *event = &queued->event;
    event->transfer = t->id;
    event->key = t->item->key;
    event->target = t->item->target;
    event->bucket = remote->bucket;
    event->path = t->path;
    event->size = t->info.size;
    event->attempt = t->tries;
    queued->upload_id = t->row.upload_id[0] ? xstrdup(t->row.upload_id) : NULL;
    memcpy(queued->temp, t->row.temp, sizeof queued->temp);
    event->check = t->check;
    event->read_back = t->reading.done;
    return queued;
}

void transfer_emit_failure(struct transfer *t, struct turn *turn, enum event_kind kind,
                           const struct err *err, int attempt)
{
    struct queued_event *queued = transfer_emit(t, turn, kind);
    if (!queued)
        return;
    queued->err = *err;
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

static uint64_t target_sum(const struct transfer *t)
{
    return sum_update(SUM_CRC64, 0, t->item->target, strlen(t->item->target));
}

bool transfer_for_target(const struct transfer *t)
{
    return !t->row.target_sum || t->row.target_sum == target_sum(t);
}

static void let_go(struct transfer *t, struct turn *turn)
{
    struct err err = {0};

    if (!journal_orphan_row(turn->journal, t->item->task->number, t->item->key, &err) ||
        !journal_drop_parts(turn->journal, t->item->task->number, t->item->key, &err))
        turn_fatal(turn, &err);
    t->row.upload_id[0] = t->row.temp[0] = '\0';
    t->row.part_size = 0;
    transfer_emit_reason(t, turn, EVENT_RESTARTED,
                         "it had another name on the other side in the run that was interrupted");
}

bool transfer_take_over(struct transfer *t, struct turn *turn)
{
    struct err err = {0};

    if (!t->row.upload_id[0] && !t->row.temp[0])
        return true;
    if (!transfer_for_target(t)) {
        let_go(t, turn);
        return true;
    }
    if (transfer_same_source(&t->row, &t->info))
        return true;
    err_set(&err, ERR_CHANGED, "the source has changed since the run that was interrupted");
    transfer_restart(t, &err, turn);
    return false;
}

void transfer_put_row(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    t->row.store = t->item->task->to->name;
    t->row.target = t->item->target;
    t->row.is_named = t->item->is_named;
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
    row->source_sum_kind = t->source_sum_kind;
    row->md5_parts = !t->use_md5 ? 0 : t->opaque_etags ? MD5_OPAQUE : 1;
    transfer_put_row(t, turn);
}

void transfer_drop_parts(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    if (!journal_drop_parts(turn->journal, t->item->task->number, t->item->key, &err))
        turn_fatal(turn, &err);
}

/* --- ops ------------------------------------------------------------------------------ */

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

const struct op *transfer_blamed(const struct op *op)
{
    return op->out.fed_badly ? op->in.feed : op;
}

bool transfer_again(struct transfer *t, const struct err *err, const struct op *op, int attempt,
                    struct turn *turn, int64_t *delay_ms)
{
    *delay_ms = 0;
    if (op && access_mend(turn, transfer_blamed(op), attempt))
        return true;
    return retry_again(&t->item->task->retry, err, attempt, turn->rng, delay_ms);
}
