/* Steps on local files, shared by every way: sources that are opened, targets that are written
 * beside their final name, and what is cleaned up. */
#include "transfer/carry.h"
#include "transfer/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the source ----------------------------------------------------------------------- */

static int64_t memory_max(const struct transfer *t)
{
    int64_t part_size = t->item->part_size ? t->item->part_size : t->item->task->part_size;
    return part_size && part_size < LIMIT_SMALL_BODY ? part_size : LIMIT_SMALL_BODY;
}

static struct op *make_open(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_OPEN, t->item->task->from, turn);
    op->in.path = t->item->key;
    op->in.memory_max = t->row.upload_id[0] ? 0 : memory_max(t);
    if (t->way == WAY_UPLOAD)
        upload_wishes(t, op, turn);
    return op;
}

static bool gather(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    if (carry_gather(t, NULL, &err))
        return true;
    transfer_give_up(t, &err, turn);
    return false;
}

static void settle_open(struct transfer *t, struct op *op, struct turn *turn)
{
    t->info = op->out.info;
    t->source_fd = op->out.fd;
    if (op->out.fd < 0) {
        buf_free(&t->body);
        t->body = op->out.body;
        memset(&op->out.body, 0, sizeof op->out.body);
    }
    t->sum = op->out.sum;
    memcpy(t->md5, op->out.md5, MD5_LEN);
    memcpy(t->sha256, op->out.sha256, SHA256_LEN);
    if (transfer_was_done(t, turn) || target_is_kept(t, t->info.mtime_ns) || !gather(t, turn))
        return;
    if (!transfer_take_over(t, turn))
        return;
    if (t->way == WAY_UPLOAD)
        upload_opened(t);
    else if (t->source_fd < 0)
        transfer_go(t, STEP_SAVE);
    else
        target_open(t, turn);
}

static struct op *make_stat(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, t->item->task->from, t->item->key, turn);
}

static void settle_stat(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct object_info *now = &op->out.info;
    struct err err = {0};

    if (now->size != t->info.size || now->mtime_ns != t->info.mtime_ns ||
        now->inode != t->info.inode) {
        err_set(&err, ERR_CHANGED, "the source changed while it was sent");
        transfer_restart(t, &err, turn);
    } else if (t->way == WAY_COPY) {
        transfer_go(t, STEP_REREAD);
    } else if (t->n_parts) {
        transfer_go(t, STEP_COMPLETE);
    } else {
        transfer_succeed(t, turn);
    }
}

/* --- the target ----------------------------------------------------------------------- */

/* The name is made from the transfer's own place in this job, so that a crash before the row was
 * written leaves a file that the next try finds and takes over. */
static void name_temp(struct transfer *t, struct turn *turn)
{
    struct buf text = buf_new(LIMIT_KEY * 4);
    uint8_t hash[SHA256_LEN];
    char hex[2 * 16 + 1];

    buf_addf(&text, "%s\n%d\n%s", turn->job->name, t->item->task->number, t->item->target);
    digest_sha256(text.data, text.len, hash);
    digest_hex(hash, 16, hex);
    snprintf(t->row.temp, sizeof t->row.temp, ".haul-%s.part", hex);
    buf_free(&text);
}

static void stream_open(struct transfer *t, struct turn *turn)
{
    if (t->row.temp[0])
        transfer_emit_reason(t, turn, EVENT_RESTARTED,
                             "the server sends no ranges: what was interrupted cannot be resumed");
    t->part_size = 0;
    transfer_go(t, STEP_TEMP);
}

void target_open(struct transfer *t, struct turn *turn)
{
    int64_t asked = t->item->part_size ? t->item->part_size : t->item->task->part_size;
    bool resume = t->row.temp[0] && t->row.part_size > 0;

    if (t->stream) {
        stream_open(t, turn);
        return;
    }
    t->sum_kind = t->info.sum_kind == SUM_NONE ? SUM_CRC64 : t->info.sum_kind;
    t->part_size = resume ? t->row.part_size : plan_part_size(t->info.size, asked, 0, 0);
    parts_make(t);
    if (resume && t->row.sum_kind != t->sum_kind) {
        struct err err = {0};
        err_set(&err, ERR_CHANGED, "the store now names another kind of checksum");
        transfer_restart(t, &err, turn);
        return;
    }
    transfer_go(t, resume ? STEP_RECHECK : STEP_TEMP);
}

void target_finish(struct transfer *t, struct turn *turn)
{
    if (!t->reread && reading_of_file(t)) {
        transfer_go(t, STEP_REREAD);
        return;
    }
    transfer_go(t, STEP_FINISH);
    t->ready_ms = turn->now_ms;
}

static struct op *make_temp(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_TEMP, t->item->task->to, turn);
    name_temp(t, turn);
    op->in.path = t->item->target;
    op->in.temp = t->row.temp;
    op->in.size = t->info.size > 0 ? t->info.size : 0;
    return op;
}

static void settle_temp(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};

    t->target_fd = op->out.fd;
    memcpy(t->row.temp, op->out.temp, sizeof t->row.temp);
    t->row.state = ROW_ACTIVE;
    if (!journal_drop_parts(turn->journal, t->item->task->number, t->item->key, &err))
        turn_fatal(turn, &err);
    transfer_save(t, turn);
    transfer_emit(t, turn, EVENT_TEMP_FILE_CREATED);
    transfer_go(t, t->stream ? STEP_STREAM : STEP_MOVE);
}

static bool temp_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    (void)op;
    (void)turn;
    t->row.temp[0] = '\0'; /* nothing was made */
    return false;
}

struct collect {
    struct transfer *t;
    int n;
};

static void collect_part(void *ctx, const struct part_row *row)
{
    struct collect *all = ctx;
    struct transfer *t = all->t;
    if (row->n >= t->n_parts)
        return;
    struct span span = plan_part(t->info.size, t->part_size, row->n);
    if (row->len != span.len)
        return;
    t->recheck[all->n++] = (struct recheck_item){.off = span.off, .len = span.len, .sum = row->sum};
}

/* Which part an item of the recheck is, from its offset. */
static uint32_t part_at(const struct transfer *t, int64_t off)
{
    return (uint32_t)(off / t->part_size);
}

static struct op *make_recheck(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    struct collect all = {.t = t};
    struct op *op = transfer_op(t, OP_RECHECK, t->item->task->to, turn);

    free(t->recheck);
    t->recheck = xcalloc(t->n_parts, sizeof *t->recheck);
    if (!journal_parts(turn->journal, t->item->task->number, t->item->key, collect_part, &all,
                       &err))
        turn_fatal(turn, &err);
    op->in.path = t->item->target;
    op->in.temp = t->row.temp;
    op->in.size = t->info.size;
    op->in.recheck = t->recheck;
    op->in.n_items = all.n;
    op->in.sum_kind = t->sum_kind;
    return op;
}

static void settle_recheck(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};
    uint32_t n_bad = 0;

    t->target_fd = op->out.fd;
    for (int i = 0; i < op->in.n_items; i++) {
        const struct recheck_item *item = &t->recheck[i];
        uint32_t n = part_at(t, item->off);
        if (item->good) {
            part_done(t, n, NULL, item->sum);
        } else {
            n_bad++;
            journal_drop_part(turn->journal, t->item->task->number, t->item->key, n, &err);
        }
    }
    parts_resumed(t, turn);
    struct queued_event *queued = transfer_emit(t, turn, EVENT_RESUMED);
    if (queued)
        snprintf(queued->reason, sizeof queued->reason,
                 "%u of %u parts are in place, %u were not what the journal says", t->n_done,
                 t->n_parts, n_bad);
    if (err.kind != ERR_NONE)
        turn_fatal(turn, &err);
    transfer_go(t, STEP_MOVE);
}

static void restart_gone(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    err_set(&err, ERR_CHANGED, "the temporary file of the interrupted run is gone");
    t->row.temp[0] = '\0';
    transfer_restart(t, &err, turn);
}

/* When every part had arrived, the rename may have been the last thing the interrupted run did. */
static bool recheck_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING)
        return false;
    if (op->in.n_items != (int)t->n_parts) {
        restart_gone(t, turn);
        return true;
    }
    for (int i = 0; i < op->in.n_items; i++)
        part_done(t, part_at(t, t->recheck[i].off), NULL, t->recheck[i].sum);
    parts_combine(t);
    transfer_go(t, STEP_FIND);
    return true;
}

static struct op *make_find(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_OPEN, t->item->task->to, turn);
    op->in.path = t->item->target;
    return op;
}

static void settle_find(struct transfer *t, struct op *op, struct turn *turn)
{
    t->target_fd = op->out.fd;
    t->target = op->out.info;
    if (op->out.info.size == t->info.size)
        transfer_go(t, STEP_COMPARE);
    else
        restart_gone(t, turn);
}

static bool find_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING && op->out.err.kind != ERR_INVALID)
        return false;
    restart_gone(t, turn);
    return true;
}

/* What is in the file is what came; that it is what the source has is another matter. */
static void reread(struct transfer *t, const struct op *op)
{
    enum check before = t->check < t->source_check ? t->check : t->source_check;
    bool wanted = reading_of_file(t);
    bool known = op->in.want_md5 || t->item->task->from->kind == STORE_DIR || !transfer_moves(t) ||
                 before > CHECK_SIZE;

    t->reread = true;
    t->check = op->in.want_md5 ? CHECK_MD5 : check_of(t->sum_kind);
    t->source_check = known ? CHECKS : before;
    t->reading.done = known && wanted;
}

static struct op *make_compare(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_HASH, t->item->task->to, turn);
    op->in.fd = t->target_fd;
    op->in.call.len = t->info.size;
    op->in.sum_kind = t->sum_kind;
    return op;
}

static void settle_compare(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.sum != t->sum) {
        restart_gone(t, turn);
        return;
    }
    t->row.temp[0] = '\0';
    t->check = t->way == WAY_COPY ? check_of(t->sum_kind) : check_of(t->info.sum_kind);
    if (reading_of_file(t))
        reread(t, op);
    parts_resumed(t, turn);
    transfer_succeed(t, turn);
}

/* Where the store's ETag is all there is, the file has to have that MD5. */
static bool is_reread_by_md5(const struct transfer *t)
{
    return t->way == WAY_DOWNLOAD && !t->saved && t->info.sum_kind == SUM_NONE &&
           source_etag_is_md5(t);
}

/* One that was closed again is opened for it. */
static struct op *open_again(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_RECHECK, t->item->task->to, turn);

    free(t->recheck);
    t->recheck = xcalloc(1, sizeof *t->recheck);
    *t->recheck = (struct recheck_item){.len = t->info.size, .sum = t->sum};
    op->in.path = t->item->target;
    op->in.temp = t->row.temp;
    op->in.size = t->info.size;
    op->in.recheck = t->recheck;
    op->in.n_items = 1;
    op->in.sum_kind = t->sum_kind;
    return op;
}

static struct op *make_reread(struct transfer *t, struct turn *turn)
{
    if (t->target_fd < 0)
        return open_again(t, turn);
    struct op *op = transfer_op(t, OP_HASH, t->item->task->to, turn);
    op->in.fd = t->target_fd;
    op->in.call.len = t->info.size;
    op->in.want_md5 = is_reread_by_md5(t);
    op->in.sum_kind = op->in.want_md5 ? SUM_NONE : t->sum_kind;
    return op;
}

static bool is_as_sent(const struct transfer *t, const struct op *op)
{
    if (op->kind == OP_RECHECK)
        return t->recheck->good;
    return op->in.want_md5 ? etag_is_of(t->info.etag, op->out.md5) : op->out.sum == t->sum;
}

static void settle_reread(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->kind == OP_RECHECK)
        t->target_fd = op->out.fd;
    if (!is_as_sent(t, op)) {
        transfer_corrupt(t, turn, "the file written is not what was sent: its checksum differs");
        return;
    }
    reread(t, op);
    target_finish(t, turn);
}

/* What is to be read back is summed first. */
static void sum_body(struct transfer *t)
{
    if (!reading_of_file(t))
        return;
    t->sum_kind = SUM_CRC64;
    t->sum = sum_update(SUM_CRC64, 0, buf_str(&t->body), t->body.len);
}

static struct op *make_save(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_SAVE, t->item->task->to, turn);
    name_temp(t, turn);
    sum_body(t);
    t->saved = true;
    op->in.path = t->item->target;
    op->in.temp = t->row.temp;
    op->in.memory = buf_str(&t->body);
    op->in.call.len = (int64_t)t->body.len;
    op->in.mtime_ns = t->mtime_ns;
    return op;
}

static void settle_save(struct transfer *t, struct op *op, struct turn *turn)
{
    memcpy(t->row.temp, op->out.temp, sizeof t->row.temp);
    if (t->way == WAY_COPY) {
        t->check = CHECK_SIZE;
        turn_count(turn, t->item->task, bytes_moved, t->info.size);
    }
    buf_free(&t->body);
    t->body = buf_new(LIMIT_SMALL_BODY);
    target_finish(t, turn);
}

/* --- parts between directories -------------------------------------------------------- */

static void copy_moved(struct transfer *t, struct turn *turn)
{
    (void)turn;
    parts_combine(t);
    transfer_go(t, STEP_STAT);
}

/* --- cleaning up ---------------------------------------------------------------------- */

static struct op *make_discard(struct transfer *t, struct turn *turn)
{
    const struct task *task = t->item->task;
    bool source = t->source_fd >= 0;
    struct op *op = transfer_op(t, OP_DISCARD, source ? task->from : task->to, turn);
    op->in.path = source ? t->item->key : t->item->target;
    op->in.fd = source ? t->source_fd : t->target_fd;
    op->in.temp = !source && transfer_drops_temp(t) ? t->row.temp : NULL;
    return op;
}

static void settle_discard(struct transfer *t, struct op *op, struct turn *turn)
{
    (void)turn;
    if (t->source_fd >= 0) {
        t->source_fd = -1;
        return;
    }
    t->target_fd = -1;
    if (op->in.temp)
        t->row.temp[0] = '\0';
}

static bool discard_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};
    if (op->in.temp &&
        !journal_orphan(turn->journal, op->in.store->name, t->item->target, "", op->in.temp, &err))
        turn_fatal(turn, &err);
    settle_discard(t, op, turn);
    return true;
}

const struct step_def file_steps[STEPS] = {
    [STEP_OPEN] = {make_open, settle_open, NULL, EVENT_JOB_STARTED, false, NULL},
    [STEP_STAT] = {make_stat, settle_stat, NULL, EVENT_JOB_STARTED, false, NULL},
    [STEP_TEMP] = {make_temp, settle_temp, temp_failed, EVENT_TEMP_FILE_FAILED, false, NULL},
    [STEP_RECHECK] = {make_recheck, settle_recheck, recheck_failed, EVENT_JOB_STARTED, false, NULL},
    [STEP_FIND] = {make_find, settle_find, find_failed, EVENT_JOB_STARTED, false, NULL},
    [STEP_COMPARE] = {make_compare, settle_compare, NULL, EVENT_JOB_STARTED, false, NULL},
    [STEP_MOVE] = {NULL, NULL, NULL, EVENT_JOB_STARTED, true, copy_moved},
    [STEP_REREAD] = {make_reread, settle_reread, NULL, EVENT_JOB_STARTED, false, NULL},
    [STEP_SAVE] = {make_save, settle_save, NULL, EVENT_TEMP_FILE_FAILED, false, NULL},
    [STEP_DISCARD] = {make_discard, settle_discard, discard_failed, EVENT_JOB_STARTED, false, NULL},
};
