/*
 * Steps of an object on its way from one remote store to another, through memory and never over a
 * disk.  What moves is a pair: a PUT or a PART whose body is a GET.
 *
 * Both sides are checked.  Parts are summed in the kind that the source names for the whole object,
 * and in the kind that the target answers; where those are two kinds, in both.
 */
#include "core/retry.h"
#include "transfer/step.h"
#include "wire/dialect.h"
#include <string.h>

static const struct store *from_store(const struct transfer *t)
{
    return t->item->task->from;
}

static const struct store *to_store(const struct transfer *t)
{
    return t->item->task->to;
}

/* --- what is to be summed ------------------------------------------------------------- */

/* No checksum can be sent ahead of a body that is still to come: S3 is held to its ETags. */
static void choose_sums(struct transfer *t)
{
    bool s3 = to_store(t)->kind == STORE_S3;
    t->source_sum_kind = t->info.sum_kind;
    t->sum_kind = s3 ? SUM_NONE : SUM_CRC64;
    t->use_md5 = s3 && to_store(t)->checksum != CHECKSUM_NONE;
    t->source_check = check_of(t->info.sum_kind);
}

/* A GET that feeds `op`. */
static void feed(struct transfer *t, struct op *op, struct span span, bool md5, struct turn *turn)
{
    op->in.call.len = span.len >= 0 ? span.len : t->info.size;
    op->in.sum_kind = t->sum_kind;
    op->in.want_md5 = md5;
    op->in.feed = source_get(t, span, turn);
    op->in.feed->part = op->part;
    op->in.feed->in.sum_kind = t->source_sum_kind;
}

static uint64_t source_sum_of(const struct transfer *t, const struct op *op)
{
    return t->source_sum_kind == SUM_NONE ? 0 : op->in.feed->out.sum;
}

/* --- beginning ------------------------------------------------------------------------ */

static void refuse_stream(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    err_set(&err, ERR_INVALID,
            "the server of %s sends no ranges, and the object is larger than one request can carry:"
            " take it into a directory first",
            from_store(t)->name);
    err.final = true;
    transfer_give_up(t, &err, turn);
}

/* Parts that were checked against another sum are of no use here. */
static void carry_on(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    bool same = t->row.source_sum_kind == t->source_sum_kind && t->row.sum_kind == t->sum_kind &&
                (t->row.md5_parts != 0) == t->use_md5;
    if (same) {
        multipart_begin(t, 0);
        return;
    }
    if (server_carries_on(t))
        return;
    err_set(&err, ERR_CHANGED, "the interrupted run checked its parts in another way");
    transfer_restart(t, &err, turn);
}

void relay_begin(struct transfer *t, struct turn *turn)
{
    int64_t asked = t->item->part_size ? t->item->part_size : t->item->task->part_size;
    int64_t small = asked && asked < LIMIT_SMALL_BODY ? asked : LIMIT_SMALL_BODY;
    int64_t single = asked ? asked : LIMIT_SINGLE_PUT;

    choose_sums(t);
    if (t->row.upload_id[0])
        carry_on(t, turn);
    else if (t->info.size <= small)
        transfer_go(t, STEP_GET);
    else if (t->stream && t->info.size > to_store(t)->dialect->single_max)
        refuse_stream(t, turn);
    else if (t->stream || t->info.size <= single)
        transfer_go(t, STEP_PUT);
    else
        multipart_begin(t, asked);
}

static void settle_head(struct transfer *t, struct op *op, struct turn *turn)
{
    if (source_seen(t, op, turn))
        relay_begin(t, turn);
}

static bool head_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!source_head_failed(t, op, turn))
        return false;
    if (t->stream && !t->leaving)
        relay_begin(t, turn);
    return true;
}

/* --- in one request ------------------------------------------------------------------- */

static void settle_get(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!source_got_small(t, op, turn))
        return;
    upload_sum_body(t, turn);
    transfer_go(t, STEP_PUT);
}

/* What has no length can only be sent once all of it is here. */
static bool get_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};
    if (t->info.size >= 0 || !op->out.body.full)
        return source_get_failed(t, op, turn);
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    err_set(&err, ERR_INVALID,
            "the server of %s tells no length, and the object is larger than the %d bytes that are"
            " kept in memory: take it into a directory first",
            from_store(t)->name, LIMIT_SMALL_BODY);
    err.final = true;
    transfer_give_up(t, &err, turn);
    return true;
}

static bool is_in_memory(const struct transfer *t)
{
    return t->info.size == 0 || t->body.len > 0;
}

static struct op *make_put(struct transfer *t, struct turn *turn)
{
    if (is_in_memory(t))
        return upload_make_put(t, turn);
    struct op *op = transfer_call(t, CALL_PUT, to_store(t), t->item->target, turn);
    op->in.call.attributes = t->attributes;
    feed(t, op, (struct span){.off = 0, .len = -1}, t->use_md5 || source_etag_is_md5(t), turn);
    return op;
}

/* Is what came what the source has? */
static bool source_is_good(struct transfer *t, const struct op *op)
{
    if (t->source_sum_kind != SUM_NONE)
        return source_sum_of(t, op) == t->info.sum;
    if (!source_etag_is_md5(t))
        return true;
    t->source_check = CHECK_MD5;
    return etag_is_of(t->info.etag, op->out.md5);
}

/* Is what the store took what came? */
static bool target_is_good(struct transfer *t, const struct op *op)
{
    const struct object_info *info = &op->out.answer.info;

    t->check = CHECK_SIZE;
    if (t->sum_kind != SUM_NONE && info->sum_kind == t->sum_kind) {
        t->check = check_of(t->sum_kind);
        return info->sum == op->out.sum;
    }
    if (t->use_md5 && info->etag_is_md5) {
        t->check = CHECK_MD5;
        return etag_is_of(info->etag, op->out.md5);
    }
    return true;
}

static void settle_put(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!op->in.feed) {
        upload_settle_put(t, op, turn);
        return;
    }
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    t->target = op->out.answer.info;
    t->sum = op->out.sum;
    if (!source_is_good(t, op))
        transfer_corrupt(t, turn, "the object arrived with another checksum than the store names");
    else if (!target_is_good(t, op))
        transfer_corrupt(t, turn, "the store holds the object with another checksum");
    else
        transfer_succeed(t, turn);
}

static bool put_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    return source_get_failed(t, op, turn);
}

/* --- parts ---------------------------------------------------------------------------- */

struct op *relay_part(struct transfer *t, uint32_t n, struct span span, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_PART, to_store(t), t->item->target, turn);
    op->in.call.upload_id = t->row.upload_id;
    op->in.call.part_number = (int)n + 1;
    feed(t, op, span, t->use_md5, turn);
    return op;
}

bool relay_agrees(struct transfer *t, uint32_t n, struct op *op, struct turn *turn)
{
    const struct object_info *info = &op->out.answer.info;

    if (t->sum_kind != SUM_NONE && info->sum_kind == t->sum_kind && info->sum != op->out.sum)
        return err_set(&op->out.err, ERR_CORRUPT, "part %u arrived with another checksum", n + 1);
    if (t->use_md5 && info->etag_is_md5 && !etag_is_of(info->etag, op->out.md5))
        return err_set(&op->out.err, ERR_CORRUPT, "part %u arrived with another MD5", n + 1);
    if (t->use_md5 && !info->etag_is_md5 && !t->opaque_etags) {
        t->opaque_etags = true;
        transfer_save(t, turn);
    }
    t->parts[n].source_sum = source_sum_of(t, op);
    return true;
}

static void moved(struct transfer *t, struct turn *turn)
{
    if (t->info.sum_kind != SUM_NONE && parts_source_sum(t) != t->info.sum)
        transfer_corrupt(t, turn, "the object arrived with another checksum than the store names");
    else
        transfer_go(t, STEP_COMPLETE);
}

const struct step_def relay_steps[STEPS] = {
    [STEP_HEAD] = {source_make_head, settle_head, head_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_GET] = {source_make_small, settle_get, get_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_PUT] = {make_put, settle_put, put_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_MOVE] = {NULL, NULL, NULL, EVENT_JOB_STARTED, true, moved},
};
