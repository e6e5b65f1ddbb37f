/*
 * Uploads in parts, whatever the parts are made from: files, objects of another store, ranges that
 * the service copies itself.
 *
 * What is believed: a part, once the store's ETag and checksum of it agree with what was read; an
 * upload of an earlier run, as far as the store's own list of parts and the journal agree; a
 * Complete, when its answer or a HEAD shows the object that was meant.  Never a 200 alone.
 */
#include "core/retry.h"
#include "transfer/step.h"
#include "wire/dialect.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct store *to_store(const struct transfer *t)
{
    return t->item->task->to;
}

/* --- beginning ------------------------------------------------------------------------ */

void multipart_begin(struct transfer *t, int64_t asked)
{
    const struct dialect *dialect = to_store(t)->dialect;
    bool resume = t->row.upload_id[0] && t->row.part_size > 0;

    if (resume) {
        t->part_size = t->row.part_size;
        t->sum_kind = t->way == WAY_SERVER ? SUM_NONE : t->row.sum_kind;
        t->use_md5 = t->row.md5_parts != 0;
        t->opaque_etags = t->row.md5_parts == MD5_OPAQUE;
    } else {
        t->part_size = plan_part_size(t->info.size, asked, dialect->part_min, dialect->part_max);
    }
    parts_make(t);
    transfer_go(t, resume ? STEP_LIST_PARTS : STEP_CREATE);
}

/* Of the sum that the store was told of when the upload was created. */
static enum sum_kind announced(const struct transfer *t)
{
    return t->way == WAY_UPLOAD && to_store(t)->kind == STORE_S3 ? t->sum_kind : SUM_NONE;
}

static struct op *make_create(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_CREATE, to_store(t), t->item->target, turn);
    if (t->way == WAY_UPLOAD)
        t->sum_kind = upload_sum_kind(t, turn);
    op->in.call.sum_kind = announced(t);
    op->in.call.attributes = t->attributes;
    return op;
}

static void settle_create(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct object_answer *answer = &op->out.answer;
    struct err err = {0};

    if (strlen(answer->upload_id) > LIMIT_UPLOAD_ID) {
        err_set(&err, ERR_SERVER, "the store's upload id is longer than %d bytes", LIMIT_UPLOAD_ID);
        transfer_give_up(t, &err, turn);
        return;
    }
    if (t->way == WAY_UPLOAD)
        upload_created(t, answer->sums_offered, turn);
    snprintf(t->row.upload_id, sizeof t->row.upload_id, "%s", answer->upload_id);
    t->row.state = ROW_ACTIVE;
    if (!journal_drop_parts(turn->journal, t->item->task->number, t->item->key, &err))
        turn_fatal(turn, &err);
    transfer_save(t, turn);
    transfer_emit(t, turn, EVENT_UPLOAD_CREATED);
    transfer_go(t, STEP_MOVE);
}

/* --- an upload of an earlier run ------------------------------------------------------ */

static struct op *make_list_parts(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_LIST_PARTS, to_store(t), t->item->target, turn);
    op->in.call.upload_id = t->row.upload_id;
    op->in.call.token = t->list_token;
    return op;
}

static void append_parts(struct part_list *all, const struct part_list *page)
{
    if (page->n == 0)
        return;
    all->entry = xrealloc(all->entry, (size_t)(all->n + page->n) * sizeof *all->entry);
    memcpy(all->entry + all->n, page->entry, (size_t)page->n * sizeof *page->entry);
    all->n += page->n;
    all->cap = all->n;
}

static const struct part_entry *find_listed(const struct part_list *list, int number)
{
    for (int low = 0, high = list->n; low < high;) {
        int middle = low + (high - low) / 2;
        if (list->entry[middle].number == number)
            return &list->entry[middle];
        if (list->entry[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A part is in place when the journal and the store say the same of it. */
static void believe_part(void *ctx, const struct part_row *row)
{
    struct transfer *t = ctx;
    const struct part_entry *entry = find_listed(&t->listed, (int)row->n + 1);

    if (row->n >= t->n_parts || !entry)
        return;
    struct span span = plan_part(t->info.size, t->part_size, row->n);
    bool same = row->len == span.len && entry->size == span.len && !strcmp(entry->etag, row->etag);
    bool sums =
        entry->sum_kind == SUM_NONE || entry->sum_kind != t->sum_kind || entry->sum == row->sum;
    if (same && sums)
        part_recall(t, row);
}

static void settle_list_parts(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};

    append_parts(&t->listed, &op->out.answer.parts);
    free(t->list_token);
    t->list_token = op->out.answer.next_token;
    op->out.answer.next_token = NULL;
    if (t->list_token) {
        transfer_go(t, STEP_LIST_PARTS);
        return;
    }
    if (!journal_parts(turn->journal, t->item->task->number, t->item->key, believe_part, t, &err))
        turn_fatal(turn, &err);
    parts_resumed(t, turn);
    struct queued_event *queued = transfer_emit(t, turn, EVENT_RESUMED);
    if (queued)
        snprintf(queued->reason, sizeof queued->reason, "%u of %u parts are on the server",
                 t->n_done, t->n_parts);
    transfer_go(t, STEP_MOVE);
}

static void recall_part(void *ctx, const struct part_row *row)
{
    struct transfer *t = ctx;
    if (row->n < t->n_parts && t->parts[row->n].state != PART_DONE)
        part_recall(t, row);
}

/* The upload is gone.  When every part had been sent, its Complete may have been the last thing the
 * interrupted run did. */
static bool list_parts_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};

    if (op->out.err.kind != ERR_MISSING)
        return false;
    if (!journal_parts(turn->journal, t->item->task->number, t->item->key, recall_part, t, &err))
        turn_fatal(turn, &err);
    if (t->n_done == t->n_parts) {
        parts_combine(t);
        parts_resumed(t, turn);
        t->complete_err = op->out.err;
        transfer_go(t, STEP_SETTLE);
    } else {
        err_set(&err, ERR_MISSING, "the upload of the interrupted run has expired on the server");
        transfer_restart(t, &err, turn);
    }
    return true;
}

/* --- complete ------------------------------------------------------------------------- */

static void name_parts(struct transfer *t)
{
    part_list_free(&t->listed);
    t->listed.entry = xcalloc(t->n_parts, sizeof *t->listed.entry);
    t->listed.n = t->listed.cap = (int)t->n_parts;
    for (uint32_t n = 0; n < t->n_parts; n++) {
        struct part_entry *entry = &t->listed.entry[n];
        const struct part *part = &t->parts[n];
        entry->number = (int)n + 1;
        entry->size = plan_part(t->info.size, t->part_size, n).len;
        snprintf(entry->etag, sizeof entry->etag, "%s", part->etag ? part->etag : "");
        entry->sum_kind = announced(t);
        entry->sum = part->sum;
    }
}

static struct op *make_complete(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_COMPLETE, to_store(t), t->item->target, turn);
    parts_combine(t);
    name_parts(t);
    op->in.call.upload_id = t->row.upload_id;
    op->in.call.parts = &t->listed;
    op->in.call.sum_kind = announced(t);
    op->in.call.sum = t->sum;
    t->completes++;
    return op;
}

static bool is_multipart_etag(const char *etag)
{
    return strlen(etag) >= 36 && strspn(etag + 1, "0123456789abcdefABCDEF") == 32 &&
           etag[33] == '-';
}

/* How good the check was that every single part has passed. */
static enum check part_check(const struct transfer *t)
{
    return t->use_md5 ? CHECK_MD5 : check_of(t->sum_kind);
}

/* Is the object that the store describes the one that was sent? */
static enum verdict judge(struct transfer *t, const struct object_info *info)
{
    char expected[LIMIT_ETAG];

    if (t->way == WAY_SERVER) {
        enum verdict verdict = server_judge(t, info);
        if (verdict != VERDICT_OPEN)
            return verdict;
    }
    t->check = part_check(t);
    if (t->sum_kind != SUM_NONE && info->sum_kind == t->sum_kind)
        return info->sum == t->sum ? VERDICT_SAME : VERDICT_OTHER;
    if (to_store(t)->kind != STORE_S3 || !is_multipart_etag(info->etag))
        return VERDICT_OPEN;
    if (t->listed.n != (int)t->n_parts)
        name_parts(t);
    if (!object_api_multipart_etag(&t->listed, expected))
        return VERDICT_OPEN;
    if (!strcasecmp(expected, info->etag))
        return VERDICT_SAME;
    /* Only where every part's ETag was its MD5 does another one mean another object. */
    return t->use_md5 && !t->opaque_etags ? VERDICT_OTHER : VERDICT_OPEN;
}

static void completed(struct transfer *t, struct turn *turn)
{
    transfer_emit(t, turn, EVENT_UPLOAD_COMPLETED);
    t->row.upload_id[0] = '\0'; /* it is an object now */
}

static void settle_complete(struct transfer *t, struct op *op, struct turn *turn)
{
    t->target = op->out.answer.info;
    enum verdict verdict = judge(t, &t->target);
    completed(t, turn);
    bool shown = t->target.etag[0] || t->item->task->kind != TASK_SYNC; /* as listings show it */
    if (verdict == VERDICT_OTHER) {
        transfer_corrupt(t, turn, "the completed object has another checksum than its parts");
    } else if (verdict == VERDICT_SAME && shown) {
        transfer_succeed(t, turn);
    } else if (to_store(t)->checksum == CHECKSUM_NONE && shown) {
        t->check = CHECK_NONE;
        transfer_succeed(t, turn);
    } else {
        transfer_go(t, STEP_CONFIRM);
    }
}

static bool complete_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct err *err = &op->out.err;
    if (err->kind == ERR_INVALID && !strcmp(err->code, "InvalidPart")) {
        transfer_restart(t, err, turn);
        return true;
    }
    if (err->kind != ERR_NETWORK && err->kind != ERR_TIMEOUT && err->kind != ERR_SERVER &&
        err->kind != ERR_MISSING)
        return false;
    t->complete_err = *err;
    transfer_go(t, STEP_SETTLE); /* it may have happened all the same */
    return true;
}

static struct op *make_head(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, to_store(t), t->item->target, turn);
}

/* The Complete did not happen: again, or from scratch where its upload is gone. */
static void complete_again(struct transfer *t, struct turn *turn)
{
    struct err err = t->complete_err;
    int64_t delay_ms;

    if (err.kind == ERR_MISSING) {
        transfer_restart(t, &err, turn);
    } else if (transfer_again(t, &err, NULL, t->completes, turn, &delay_ms)) {
        transfer_go(t, STEP_COMPLETE);
        t->not_before_ms = turn->now_ms + delay_ms;
        turn->totals->retries++;
    } else {
        transfer_give_up(t, &err, turn);
    }
}

/* The object is the one that was meant, but it may have been there before: then the Complete never
 * happened, and the upload is still open. */
static void disown_upload(struct transfer *t, struct turn *turn)
{
    struct err err = {0};
    if (t->complete_err.kind != ERR_MISSING &&
        !journal_orphan(turn->journal, to_store(t)->name, t->item->target, t->row.upload_id, "",
                        &err))
        turn_fatal(turn, &err);
}

static void settle_settle(struct transfer *t, struct op *op, struct turn *turn)
{
    t->target = op->out.answer.info;
    if (t->target.size != t->info.size || judge(t, &t->target) != VERDICT_SAME) {
        complete_again(t, turn);
        return;
    }
    disown_upload(t, turn);
    completed(t, turn);
    transfer_succeed(t, turn);
}

static bool settle_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING)
        return false;
    complete_again(t, turn);
    return true;
}

static void settle_confirm(struct transfer *t, struct op *op, struct turn *turn)
{
    t->target = op->out.answer.info;
    enum verdict verdict = judge(t, &t->target);
    if (t->target.size != t->info.size || verdict == VERDICT_OTHER) {
        transfer_corrupt(t, turn, "the object on the server is not the one that was sent");
        return;
    }
    transfer_succeed(t, turn);
}

/* --- cleaning up ---------------------------------------------------------------------- */

#define ABORT_TRIES 4

static struct op *make_abort(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_ABORT, to_store(t), t->item->target, turn);
    op->in.call.upload_id = t->row.upload_id;
    return op;
}

static void settle_abort(struct transfer *t, struct op *op, struct turn *turn)
{
    (void)op;
    transfer_emit(t, turn, EVENT_UPLOAD_ABORTED);
    t->row.upload_id[0] = '\0';
}

static bool abort_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    struct err err = {0};

    if (op->out.err.kind != ERR_MISSING && t->attempt < ABORT_TRIES) {
        t->not_before_ms =
            turn->now_ms + retry_delay(&t->item->task->retry, &op->out.err, t->attempt, turn->rng);
        return true;
    }
    if (op->out.err.kind != ERR_MISSING &&
        !journal_orphan(turn->journal, to_store(t)->name, t->item->target, t->row.upload_id, "",
                        &err))
        turn_fatal(turn, &err);
    t->row.upload_id[0] = '\0';
    return true;
}

const struct step_def multipart_steps[STEPS] = {
    [STEP_CREATE] = {make_create, settle_create, NULL, EVENT_UPLOAD_CREATE_FAILED, true, NULL},
    [STEP_LIST_PARTS] = {make_list_parts, settle_list_parts, list_parts_failed, EVENT_JOB_STARTED,
                         true, NULL},
    [STEP_COMPLETE] = {make_complete, settle_complete, complete_failed,
                       EVENT_UPLOAD_COMPLETE_FAILED, true, NULL},
    [STEP_SETTLE] = {make_head, settle_settle, settle_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_CONFIRM] = {make_head, settle_confirm, NULL, EVENT_JOB_STARTED, true, NULL},
    [STEP_ABORT] = {make_abort, settle_abort, abort_failed, EVENT_JOB_STARTED, true, NULL},
};
