/*
 * Steps of a file on its way into a store, and of a body in memory, whoever brought it there.
 * Which checks a store does is learned here.
 */
#include "core/retry.h"
#include "transfer/carry.h"
#include "transfer/step.h"
#include <string.h>

static const struct store *to_store(const struct transfer *t)
{
    return t->item->task->to;
}

/* --- which checks this store does ----------------------------------------------------- */

/* Is a CRC32C to be sent?  In AUTO until the store has shown that it does not know it. */
static bool sends_crc(const struct transfer *t, struct turn *turn)
{
    const struct store *store = to_store(t);
    const struct store_state *state = turn_store(turn, store);
    if (store->kind != STORE_S3)
        return false;
    if (store->checksum == CHECKSUM_AUTO)
        return !state || !state->checksums_known || state->checksums;
    return store->checksum == CHECKSUM_CRC32C;
}

static bool sends_md5(const struct transfer *t, struct turn *turn)
{
    const struct store *store = to_store(t);
    const struct store_state *state = turn_store(turn, store);
    if (store->kind != STORE_S3)
        return false;
    if (store->checksum == CHECKSUM_AUTO)
        return !state || !state->checksums_known || !state->checksums;
    return store->checksum == CHECKSUM_MD5;
}

static void learn(const struct transfer *t, bool offered, struct turn *turn)
{
    struct store_state *state = turn_store(turn, to_store(t));
    if (!state || to_store(t)->checksum != CHECKSUM_AUTO)
        return;
    state->checksums_known = true;
    state->checksums = offered;
}

enum sum_kind upload_sum_kind(const struct transfer *t, struct turn *turn)
{
    if (to_store(t)->kind != STORE_S3)
        return SUM_CRC64;
    return sends_crc(t, turn) ? SUM_CRC32C : SUM_NONE;
}

void upload_wishes(struct transfer *t, struct op *op, struct turn *turn)
{
    t->sum_kind = upload_sum_kind(t, turn);
    t->use_md5 = sends_md5(t, turn);
    op->in.sum_kind = t->sum_kind;
    op->in.want_md5 = t->use_md5;
    op->in.want_sha256 = to_store(t)->sign_payload;
}

void upload_created(struct transfer *t, bool sums_offered, struct turn *turn)
{
    if (t->sum_kind == SUM_CRC32C) {
        learn(t, sums_offered, turn);
        if (!sums_offered && to_store(t)->checksum == CHECKSUM_AUTO)
            t->sum_kind = SUM_NONE;
    }
    t->use_md5 = t->sum_kind == SUM_NONE && sends_md5(t, turn);
}

void upload_sum_body(struct transfer *t, struct turn *turn)
{
    const char *body = buf_str(&t->body);

    t->sum_kind = upload_sum_kind(t, turn);
    t->use_md5 = sends_md5(t, turn);
    t->sum = t->sum_kind == SUM_NONE ? 0 : sum_update(t->sum_kind, 0, body, t->body.len);
    if (t->use_md5)
        digest_md5(body, t->body.len, t->md5);
    if (to_store(t)->sign_payload)
        digest_sha256(body, t->body.len, t->sha256);
}

/* --- one request ---------------------------------------------------------------------- */

static bool needs_hash(const struct transfer *t)
{
    const struct store *store = to_store(t);
    return store->kind == STORE_S3 &&
           (t->use_md5 || t->sum_kind != SUM_NONE || store->sign_payload);
}

void upload_opened(struct transfer *t)
{
    int64_t asked = t->item->part_size ? t->item->part_size : t->item->task->part_size;
    int64_t single_max = asked ? asked : LIMIT_SINGLE_PUT;

    if (t->source_fd < 0 && !t->row.upload_id[0])
        transfer_go(t, STEP_PUT);
    else if (t->info.size <= single_max && !t->row.upload_id[0])
        transfer_go(t, needs_hash(t) ? STEP_HASH : STEP_PUT);
    else
        multipart_begin(t, asked);
}

static struct op *make_hash(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_HASH, t->item->task->from, turn);
    op->in.fd = t->source_fd;
    op->in.call.len = t->info.size;
    upload_wishes(t, op, turn);
    return op;
}

static void settle_hash(struct transfer *t, struct op *op, struct turn *turn)
{
    (void)turn;
    t->sum = op->out.sum;
    memcpy(t->md5, op->out.md5, MD5_LEN);
    memcpy(t->sha256, op->out.sha256, SHA256_LEN);
    transfer_go(t, STEP_PUT);
}

struct op *upload_make_put(struct transfer *t, struct turn *turn)
{
    const struct store *store = to_store(t);
    struct op *op = transfer_call(t, CALL_PUT, store, t->item->target, turn);
    struct object_call *call = &op->in.call;

    call->len = t->info.size;
    call->attributes = t->attributes;
    op->in.fd = t->source_fd;
    op->in.memory = t->source_fd < 0 ? buf_str(&t->body) : NULL;
    op->in.sum_kind = t->sum_kind;
    if (store->kind != STORE_S3)
        return op;
    call->sum_kind = t->sum_kind;
    call->sum = t->sum;
    call->has_md5 = t->use_md5;
    memcpy(call->md5, t->md5, MD5_LEN);
    call->has_sha256 = store->sign_payload;
    memcpy(call->sha256, t->sha256, SHA256_LEN);
    return op;
}

static bool put_is_good(struct transfer *t, const struct op *op)
{
    const struct object_info *info = &op->out.answer.info;
    uint64_t sum = t->source_fd < 0 || to_store(t)->kind == STORE_S3 ? t->sum : op->out.sum;

    t->sum = sum;
    t->check = CHECK_SIZE;
    if (t->sum_kind != SUM_NONE && info->sum_kind == t->sum_kind) {
        t->check = check_of(t->sum_kind);
        return info->sum == sum;
    }
    if (to_store(t)->kind == STORE_S3 && t->use_md5)
        t->check = CHECK_MD5; /* the store compared it with Content-MD5 */
    return true;
}

void upload_settle_put(struct transfer *t, struct op *op, struct turn *turn)
{
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    t->target = op->out.answer.info;
    if (t->sum_kind == SUM_CRC32C)
        learn(t, op->out.answer.sums_offered, turn);
    if (!put_is_good(t, op))
        transfer_corrupt(t, turn, "the store holds the object with another checksum");
    else if (t->source_fd >= 0)
        transfer_go(t, STEP_STAT);
    else
        transfer_succeed(t, turn);
}

static bool put_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    if (op->out.err.kind != ERR_CHANGED)
        return false;
    transfer_restart(t, &op->out.err, turn);
    return true;
}

static void moved(struct transfer *t, struct turn *turn)
{
    (void)turn;
    transfer_go(t, STEP_STAT);
}

const struct step_def upload_steps[STEPS] = {
    [STEP_HASH] = {make_hash, settle_hash, put_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_PUT] = {upload_make_put, upload_settle_put, put_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_MOVE] = {NULL, NULL, NULL, EVENT_JOB_STARTED, true, moved},
};
