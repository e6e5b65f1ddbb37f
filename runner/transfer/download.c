/* Steps of an object on its way into a directory. */
#include "transfer/step.h"
#include <string.h>

static void after_head(struct transfer *t, struct turn *turn)
{
    /* What an interrupted stream left has no parts. */
    bool streamed = t->row.temp[0] && t->row.part_size == 0 && t->info.size > LIMIT_SMALL_BODY;
    t->stream = t->stream || (streamed && t->item->task->from->kind == STORE_WEB);
    if (t->info.size >= 0 && t->info.size <= LIMIT_SMALL_BODY)
        transfer_go(t, STEP_GET);
    else
        target_open(t, turn);
}

static void settle_head(struct transfer *t, struct op *op, struct turn *turn)
{
    if (source_seen(t, op, turn))
        after_head(t, turn);
}

static bool head_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!source_head_failed(t, op, turn))
        return false;
    if (t->stream && !t->leaving)
        after_head(t, turn);
    return true;
}

static void settle_get(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!source_got_small(t, op, turn))
        return;
    t->check = t->source_check;
    transfer_go(t, STEP_SAVE);
}

/* --- a stream ------------------------------------------------------------------------- */

static struct op *make_stream(struct transfer *t, struct turn *turn)
{
    struct op *op = source_get(t, (struct span){.off = 0, .len = -1}, turn);
    op->in.fd = t->target_fd;
    op->in.sum_kind = t->sum_kind = SUM_CRC64;
    return op;
}

static void settle_stream(struct transfer *t, struct op *op, struct turn *turn)
{
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    t->sum = op->out.sum;
    t->check = t->info.size < 0 ? CHECK_NONE : CHECK_SIZE;
    if (t->info.size < 0)
        t->info.size = op->out.moved;
    if (op->out.moved != t->info.size)
        transfer_corrupt(t, turn, "the object arrived with another length than the server named");
    else
        target_finish(t, turn);
}

static void moved(struct transfer *t, struct turn *turn)
{
    parts_combine(t);
    t->check = check_of(t->info.sum_kind);
    if (t->info.sum_kind != SUM_NONE && t->sum != t->info.sum)
        transfer_corrupt(t, turn, "the object arrived with another checksum than the store names");
    else if (t->info.sum_kind == SUM_NONE && source_etag_is_md5(t))
        transfer_go(t, STEP_REREAD);
    else
        target_finish(t, turn);
}

const struct step_def download_steps[STEPS] = {
    [STEP_HEAD] = {source_make_head, settle_head, head_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_GET] = {source_make_small, settle_get, source_get_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_STREAM] = {make_stream, settle_stream, source_get_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_MOVE] = {NULL, NULL, NULL, EVENT_JOB_STARTED, true, moved},
};
