/* The parts of a transfer: which goes next, what each sends, what follows its end. */
#include "core/retry.h"
#include "transfer/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which goes next ------------------------------------------------------------------ */

/* The first part that may go now; n_parts: none. */
static uint32_t find_ready(struct transfer *t, int64_t now_ms)
{
    while (t->cursor < t->n_parts && t->parts[t->cursor].state != PART_WAITING)
        t->cursor++;
    for (uint32_t n = t->cursor; n < t->n_parts; n++)
        if (t->parts[n].state == PART_WAITING && t->parts[n].not_before_ms <= now_ms)
            return n;
    return t->n_parts;
}

bool part_ready(struct transfer *t, int64_t now_ms, bool *again)
{
    if (t->n_done + t->n_moving + t->n_asking >= t->n_parts)
        return false;
    uint32_t n = find_ready(t, now_ms);
    *again = n < t->n_parts && t->parts[n].attempt > 0;
    return n < t->n_parts;
}

int64_t part_wake_ms(struct transfer *t, int64_t now_ms)
{
    if (t->backoff_ms > now_ms)
        return t->backoff_ms;
    int64_t wake_ms = INT64_MAX;
    for (uint32_t n = t->cursor; t->backoff_ms && n < t->n_parts; n++) {
        int64_t mine = t->parts[n].not_before_ms;
        if (t->parts[n].state == PART_WAITING && mine > now_ms && mine < wake_ms)
            wake_ms = mine;
    }
    t->backoff_ms = wake_ms == INT64_MAX ? 0 : wake_ms;
    return wake_ms;
}

static void wait_again(struct transfer *t, uint32_t n, int64_t not_before_ms)
{
    t->parts[n].state = PART_WAITING;
    t->parts[n].not_before_ms = not_before_ms;
    if (n < t->cursor)
        t->cursor = n;
    if (not_before_ms && (!t->backoff_ms || not_before_ms < t->backoff_ms))
        t->backoff_ms = not_before_ms;
}

/* --- what is sent --------------------------------------------------------------------- */

/* A sum that has to be in the request's head must be known before the body is sent. */
static bool needs_hash(const struct transfer *t)
{
    const struct store *to = t->item->task->to;
    return t->way == WAY_UPLOAD && to->kind == STORE_S3 &&
           (t->use_md5 || t->sum_kind != SUM_NONE || to->sign_payload);
}

static struct op *make_hash(struct transfer *t, struct span span, struct turn *turn)
{
    const struct store *to = t->item->task->to;
    struct op *op = transfer_op(t, OP_HASH, t->item->task->from, turn);
    op->in.fd = t->source_fd;
    op->in.fd_off = span.off;
    op->in.call.len = span.len;
    op->in.sum_kind = t->sum_kind;
    op->in.want_md5 = t->use_md5;
    op->in.want_sha256 = to->sign_payload;
    return op;
}

static struct op *make_upload(struct transfer *t, uint32_t n, struct span span, struct turn *turn)
{
    const struct store *to = t->item->task->to;
    const struct part *part = &t->parts[n];
    struct op *op = transfer_call(t, CALL_PART, to, t->item->target, turn);
    struct object_call *call = &op->in.call;
    call->upload_id = t->row.upload_id;
    call->part_number = (int)n + 1;
    call->len = span.len;
    op->in.fd = t->source_fd;
    op->in.fd_off = span.off;
    op->in.sum_kind = t->sum_kind;
    if (!needs_hash(t))
        return op;
    call->sum_kind = t->sum_kind;
    call->sum = part->sum;
    call->has_md5 = t->use_md5;
    memcpy(call->md5, part->md5, MD5_LEN);
    call->has_sha256 = part->sha256 != NULL;
    if (part->sha256)
        memcpy(call->sha256, part->sha256, SHA256_LEN);
    return op;
}

static struct op *make_download(struct transfer *t, struct span span, struct turn *turn)
{
    struct op *op = source_get(t, span, turn);
    op->in.fd = t->target_fd;
    op->in.fd_off = span.off;
    op->in.sum_kind = t->sum_kind;
    return op;
}

static struct op *make_copy(struct transfer *t, struct span span, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_COPY, t->item->task->from, turn);
    op->in.call.off = span.off;
    op->in.call.len = span.len;
    op->in.source_fd = t->source_fd;
    op->in.fd = t->target_fd;
    op->in.fd_off = span.off;
    op->in.sum_kind = t->sum_kind;
    return op;
}

static struct op *make_part(struct transfer *t, uint32_t n, struct turn *turn)
{
    struct span span = part_span(t, n);
    switch (t->way) {
    case WAY_DOWNLOAD:
        return make_download(t, span, turn);
    case WAY_COPY:
        return make_copy(t, span, turn);
    case WAY_RELAY:
        return relay_part(t, n, span, turn);
    case WAY_SERVER:
        return server_part(t, n, span, turn);
    default:
        return make_upload(t, n, span, turn);
    }
}

static struct op *take(struct transfer *t, uint32_t n, struct turn *turn)
{
    struct part *part = &t->parts[n];
    bool hash = needs_hash(t) && !part->hashed;
    struct op *op = hash ? make_hash(t, part_span(t, n), turn) : make_part(t, n, turn);
    part->state = hash ? PART_HASHING : PART_MOVING;
    part->attempt += hash ? 0 : 1;
    part->op = op;
    op->part = n + 1;
    t->n_moving++;
    return op;
}

struct op *part_next(struct transfer *t, struct turn *turn)
{
    uint32_t n = find_ready(t, turn->now_ms);
    return n < t->n_parts ? take(t, n, turn) : NULL;
}

struct op *part_join(struct transfer *t, uint32_t n, struct turn *turn)
{
    const struct part *part = &t->parts[n];
    bool fresh = n < t->n_parts && part->state == PART_WAITING && part->attempt == 0;
    return fresh && part->not_before_ms <= turn->now_ms ? take(t, n, turn) : NULL;
}

/* --- what follows --------------------------------------------------------------------- */

static struct queued_event *emit(struct transfer *t, uint32_t n, enum event_kind kind,
                                 double seconds, struct turn *turn)
{
    struct queued_event *queued = transfer_emit(t, turn, kind);
    if (!queued)
        return NULL;
    const struct part *part = &t->parts[n];
    struct span span = part_span(t, n);
    struct event *event = &queued->event;
    event->part.number = (int)n + 1;
    event->part.offset = span.off;
    event->part.size = span.len;
    event->part.seconds = seconds;
    event->part.has_crc64 = t->sum_kind == SUM_CRC64 && part->state == PART_DONE;
    event->part.crc64 = part->sum;
    event->attempt = part->attempt;
    snprintf(queued->etag, sizeof queued->etag, "%s", part->etag ? part->etag : "");
    return queued;
}

static double seconds_of(const struct op *op)
{
    return (double)(op->out.ended_ns - op->out.started_ns) / 1e9;
}

static void emit_failure(struct transfer *t, uint32_t n, enum event_kind kind, const struct op *op,
                         bool ask, struct turn *turn)
{
    struct queued_event *queued = emit(t, n, kind, seconds_of(op), turn);
    if (!queued)
        return;
    queued->err = op->out.err;
    if (ask)
        queued->ticket = t->id << 14 | (n + 1);
}

static void save(struct transfer *t, uint32_t n, struct turn *turn)
{
    struct err err = {0};
    struct part_row row = {.n = n,
                           .len = part_span(t, n).len,
                           .sum = t->parts[n].sum,
                           .source_sum = t->parts[n].source_sum};
    if (t->parts[n].etag)
        snprintf(row.etag, sizeof row.etag, "%s", t->parts[n].etag);
    if (!journal_put_part(turn->journal, t->item->task->number, t->item->key, &row, &err))
        turn_fatal(turn, &err);
}

/* Does what the store says of a part agree with what was read from the file? */
static bool upload_agrees(struct transfer *t, uint32_t n, struct op *op, struct turn *turn)
{
    const struct object_info *info = &op->out.answer.info;
    if (t->sum_kind != SUM_NONE && info->sum_kind == t->sum_kind && info->sum != op->out.sum)
        return err_set(&op->out.err, ERR_CORRUPT, "part %u arrived with another checksum", n + 1);
    if (needs_hash(t) && t->sum_kind != SUM_NONE && op->out.sum != t->parts[n].sum)
        return err_set(&op->out.err, ERR_CHANGED, "the file changed while it was read");
    /* The store has compared Content-MD5; an ETag that is no MD5 only means that the ETag of the
     * whole cannot be foretold. */
    if (t->use_md5 && !t->opaque_etags && !etag_is_of(info->etag, t->parts[n].md5)) {
        t->opaque_etags = true;
        transfer_save(t, turn);
    }
    return true;
}

/* Does what came back show that the part is in place? */
static bool agrees(struct transfer *t, uint32_t n, struct op *op, struct turn *turn)
{
    switch (t->way) {
    case WAY_UPLOAD:
        return upload_agrees(t, n, op, turn);
    case WAY_RELAY:
        return relay_agrees(t, n, op, turn);
    default:
        return true;
    }
}

static void moved(struct transfer *t, uint32_t n, struct op *op, struct turn *turn)
{
    bool remote = transfer_to_remote(t);
    part_done(t, n, remote ? op->out.answer.info.etag : NULL, op->out.sum);
    turn_count(turn, t->item->task, bytes_done, part_span(t, n).len);
    save(t, n, turn);
    emit(t, n, EVENT_PART_SUCCEEDED, seconds_of(op), turn);
}

static void again_or_give_up(struct transfer *t, uint32_t n, const struct err *err,
                             const struct op *op, struct turn *turn)
{
    int64_t delay_ms;
    if (transfer_again(t, err, op, t->parts[n].attempt, turn, &delay_ms)) {
        wait_again(t, n, turn->now_ms + delay_ms);
        turn->totals->retries++;
        return;
    }
    wait_again(t, n, 0);
    transfer_give_up(t, err, turn);
}

/* Some failures are about the object and not about the part. */
static bool is_restart(const struct transfer *t, const struct op *op)
{
    enum err_kind kind = op->out.err.kind;
    bool source = transfer_blamed(op) != op; /* it is the source that is missing */
    return kind == ERR_CHANGED || (transfer_to_remote(t) && !source && kind == ERR_MISSING);
}

static void failed(struct transfer *t, uint32_t n, struct op *op, struct turn *turn)
{
    const struct err *err = &op->out.err;
    turn->totals->part_failures++;
    t->err = *err;
    bool restart =
        source_without_ranges(t, op) || is_restart(t, op) || server_refused(t, err, turn);
    bool ask = !restart && turn->hooks->wants &&
               turn->hooks->wants(turn->hooks->ctx, t->item->task, EVENT_PART_FAILED);
    emit_failure(t, n, EVENT_PART_FAILED, op, ask, turn);
    if (restart) {
        wait_again(t, n, 0);
        transfer_restart(t, err, turn);
    } else if (ask) {
        t->parts[n].state = PART_ASKING;
        t->n_asking++;
    } else {
        again_or_give_up(t, n, err, op, turn);
    }
}

static void settle_hash(struct transfer *t, uint32_t n, struct op *op, struct turn *turn)
{
    struct part *part = &t->parts[n];
    wait_again(t, n, 0);
    if (op->out.err.kind != ERR_NONE) {
        if (!t->leaving)
            failed(t, n, op, turn);
        return;
    }
    part->hashed = true;
    part->sum = op->out.sum;
    memcpy(part->md5, op->out.md5, MD5_LEN);
    if (op->in.want_sha256) {
        part->sha256 = part->sha256 ? part->sha256 : xmalloc(SHA256_LEN);
        memcpy(part->sha256, op->out.sha256, SHA256_LEN);
    }
}

void part_settle(struct transfer *t, struct op *op, struct turn *turn)
{
    uint32_t n = op->part - 1;
    struct part *part = &t->parts[n];

    t->n_moving--;
    part->op = NULL;
    if (part->state == PART_HASHING) {
        settle_hash(t, n, op, turn);
        return;
    }
    turn_count(turn, t->item->task, bytes_moved, op->out.moved);
    bool wanted = !t->leaving || t->keep;
    if (op->out.err.kind == ERR_NONE && wanted && agrees(t, n, op, turn)) {
        moved(t, n, op, turn);
    } else if (t->leaving) {
        wait_again(t, n, 0);
        emit_failure(t, n, EVENT_PART_ABORTED, op, false, turn);
    } else {
        failed(t, n, op, turn);
    }
}

void part_decide(struct transfer *t, uint32_t n, const struct decision *decision, struct turn *turn)
{
    if (n >= t->n_parts || t->parts[n].state != PART_ASKING)
        return;
    struct part *part = &t->parts[n];
    t->n_asking--;
    wait_again(t, n, 0);
    if (t->leaving)
        return;
    if (decision->kind == DECIDE_POLICY) {
        again_or_give_up(t, n, &t->err, NULL, turn);
    } else if (decision->kind == DECIDE_RETRY && decision->part_size <= 0) {
        int64_t wait_ms = decision->after_ms;
        if (wait_ms < 0)
            wait_ms = retry_delay(&t->item->task->retry, &t->err, part->attempt, turn->rng);
        wait_again(t, n, turn->now_ms + wait_ms);
        turn->totals->retries++;
    } else {
        transfer_obey(t, decision, turn);
    }
}
