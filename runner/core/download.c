/* Steps of an object on its way into a directory. */
#include "core/step.h"
#include <string.h>

static bool no_md5(const struct transfer *t)
{
    return !t->info.etag_is_md5 || t->item->task->from->checksum == CHECKSUM_NONE;
}

static struct op *make_head(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, t->item->task->from, t->item->key, turn);
}

static void settle_head(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};

    t->info = op->out.answer.info;
    if (transfer_was_done(t, turn))
        return;
    if (t->row.temp[0] && !transfer_same_source(&t->row, &t->info)) {
        err_set(&err, ERR_CHANGED, "the source has changed since the run that was interrupted");
        transfer_restart(t, &err, turn);
    } else if (t->info.size <= LIMIT_SMALL_BODY) {
        transfer_go(t, STEP_GET);
    } else {
        target_open(t, turn);
    }
}

static struct op *make_get(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_GET, t->item->task->from, t->item->key, turn);
    op->in.call.len = -1;
    op->in.call.total = t->info.size;
    op->in.call.if_match = t->info.etag[0] ? t->info.etag : NULL;
    op->in.memory_max = LIMIT_SMALL_BODY;
    return op;
}

static bool body_is_good(struct transfer *t, const struct object_info *info)
{
    uint8_t md5[MD5_LEN];
    char hex[2 * MD5_LEN + 1];

    t->check = check_of(info->sum_kind);
    if (info->sum_kind != SUM_NONE)
        return sum_update(info->sum_kind, 0, buf_str(&t->body), t->body.len) == info->sum;
    if (no_md5(t))
        return true;
    t->check = CHECK_MD5;
    digest_md5(buf_str(&t->body), t->body.len, md5);
    digest_hex(md5, MD5_LEN, hex);
    return !strncasecmp(t->info.etag + 1, hex, 2 * MD5_LEN);
}

static void settle_get(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct object_info *info = &op->out.answer.info;

    buf_free(&t->body);
    t->body = op->out.body;
    memset(&op->out.body, 0, sizeof op->out.body);
    turn->totals->bytes_moved += op->out.moved;
    if (!t->info.etag[0])
        memcpy(t->info.etag, info->etag, sizeof t->info.etag);
    t->info.etag_is_md5 = info->etag_is_md5;
    if ((int64_t)t->body.len == t->info.size && body_is_good(t, info))
        transfer_go(t, STEP_SAVE);
    else
        transfer_corrupt(t, turn, "the object arrived with another checksum than the store names");
}

static bool get_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_CHANGED)
        return false;
    transfer_restart(t, &op->out.err, turn);
    return true;
}

static void moved(struct transfer *t, struct turn *turn)
{
    parts_combine(t);
    t->check = check_of(t->info.sum_kind);
    if (t->info.sum_kind != SUM_NONE && t->sum != t->info.sum)
        transfer_corrupt(t, turn, "the object arrived with another checksum than the store names");
    else if (t->info.sum_kind == SUM_NONE && !no_md5(t))
        transfer_go(t, STEP_REREAD);
    else
        target_finish(t, turn);
}

const struct step_def download_steps[STEPS] = {
    [STEP_HEAD] = {make_head, settle_head, NULL, EVENT_JOB_STARTED, true, NULL},
    [STEP_GET] = {make_get, settle_get, get_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_MOVE] = {NULL, NULL, NULL, EVENT_JOB_STARTED, true, moved},
};
