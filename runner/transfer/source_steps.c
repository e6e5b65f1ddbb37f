/*
 * Steps of an object that is read from a store: asked for, and fetched whole when it is small.  And
 * what pins it: whoever reads ranges of an object reads one and the same object.
 */
#include "transfer/carry.h"
#include "transfer/step.h"
#include "wire/dialect.h"
#include <string.h>

static const struct store *from_store(const struct transfer *t)
{
    return t->item->task->from;
}

/* --- one and the same ----------------------------------------------------------------- */

/* A weak ETag says that two answers mean the same, not that they are the same bytes. */
static const char *source_pin(const struct transfer *t)
{
    const char *etag = t->info.etag;
    return etag[0] && strncmp(etag, "W/", 2) ? etag : NULL;
}

struct op *source_get(struct transfer *t, struct span span, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_GET, from_store(t), t->item->key, turn);
    op->in.call.off = span.off;
    op->in.call.len = span.len;
    op->in.call.total = t->info.size;
    op->in.call.if_match = source_pin(t);
    if (from_store(t)->kind == STORE_WEB && !op->in.call.if_match)
        op->in.call.unmodified_ns = t->info.mtime_ns;
    return op;
}

bool source_without_ranges(struct transfer *t, struct op *op)
{
    const struct op *get = transfer_blamed(op);
    bool ranged = get->kind == OP_CALL && get->in.call.kind == CALL_GET && get->in.call.len >= 0;
    if (from_store(t)->kind != STORE_WEB || !ranged || get->out.err.status != 200)
        return false;
    t->stream = true;
    err_set(&op->out.err, ERR_CHANGED, "the server sends no ranges: all comes as one stream");
    return true;
}

/* --- HEAD ----------------------------------------------------------------------------- */

/* Where HEAD is refused, the answer to a GET of one byte says the same. */
struct op *source_make_head(struct transfer *t, struct turn *turn)
{
    struct op *op =
        transfer_call(t, t->head_refused ? CALL_GET : CALL_HEAD, from_store(t), t->item->key, turn);
    if (t->head_refused) {
        op->in.call.len = 1;
        op->in.memory_max = 1;
    }
    return op;
}

static bool carry(struct transfer *t, const struct http_fields *attributes, struct turn *turn)
{
    struct err err = {0};
    if (carry_gather(t, attributes, &err))
        return true;
    transfer_give_up(t, &err, turn);
    return false;
}

bool source_seen(struct transfer *t, struct op *op, struct turn *turn)
{
    t->info = op->out.answer.info;
    t->stream =
        t->stream || t->info.size < 0 || (from_store(t)->kind == STORE_WEB && !t->info.ranges);
    if (transfer_was_done(t, turn) ||
        target_is_kept(t, carry_mtime(&t->info, op->out.answer.attributes)))
        return false;
    return transfer_take_over(t, turn) && carry(t, op->out.answer.attributes, turn);
}

bool source_head_failed(struct transfer *t, const struct op *op, struct turn *turn)
{
    const struct err *err = &op->out.err;
    bool refused = err->status == 403 || err->status == 405 || err->status == 501;

    if (from_store(t)->kind != STORE_WEB)
        return false;
    if (!t->head_refused && refused) {
        t->head_refused = true;
        transfer_go(t, STEP_HEAD);
        return true;
    }
    bool whole = t->head_refused && (err->status == 200 || err->status == 416);
    if (!whole)
        return false;
    memset(&t->info, 0, sizeof t->info);
    t->info.size = -1;
    t->stream = true;
    return carry(t, NULL, turn) || t->leaving;
}

/* --- a small object, into memory ------------------------------------------------------ */

struct op *source_make_small(struct transfer *t, struct turn *turn)
{
    struct op *op = source_get(t, (struct span){.off = 0, .len = -1}, turn);
    op->in.memory_max = LIMIT_SMALL_BODY;
    return op;
}

bool source_etag_is_md5(const struct transfer *t)
{
    return t->info.etag_is_md5 && from_store(t)->checksum != CHECKSUM_NONE;
}

static bool body_is_good(struct transfer *t, const struct object_info *info)
{
    uint8_t md5[MD5_LEN];
    char hex[2 * MD5_LEN + 1];

    t->source_check = check_of(info->sum_kind);
    if (info->sum_kind != SUM_NONE)
        return sum_update(info->sum_kind, 0, buf_str(&t->body), t->body.len) == info->sum;
    if (!source_etag_is_md5(t))
        return true;
    t->source_check = CHECK_MD5;
    digest_md5(buf_str(&t->body), t->body.len, md5);
    digest_hex(md5, MD5_LEN, hex);
    return !strncasecmp(t->info.etag + 1, hex, 2 * MD5_LEN);
}

/* An object that was listed and never asked for is known from here on. */
static bool take_answer(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct object_info *info = &op->out.answer.info;
    bool asked = t->attributes || t->mtime_ns;

    if (!t->info.etag[0])
        memcpy(t->info.etag, info->etag, sizeof t->info.etag);
    if (t->info.size < 0)
        t->info.size = (int64_t)t->body.len;
    t->info.etag_is_md5 = info->etag_is_md5;
    return asked || carry(t, op->out.answer.attributes, turn);
}

bool source_got_small(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct object_info *info = &op->out.answer.info;

    buf_free(&t->body);
    t->body = op->out.body;
    memset(&op->out.body, 0, sizeof op->out.body);
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    if (!take_answer(t, op, turn))
        return false;
    if ((int64_t)t->body.len == t->info.size && body_is_good(t, info))
        return true;
    transfer_corrupt(t, turn, "the object arrived with another checksum than the store names");
    return false;
}

bool source_get_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    if (op->out.err.kind != ERR_CHANGED)
        return false;
    transfer_restart(t, &op->out.err, turn);
    return true;
}
