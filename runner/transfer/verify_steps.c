/*
 * Steps of an object that is on both sides, to find out whether it is the same: of a verification,
 * and of a sync that compares contents before it sends.
 *
 * Compared is the best that both sides offer: a checksum of the whole that both stores name; where
 * one side is a file, the sum that the other one names, and that the file is read for; the MD5 in
 * an ETag; and else the size, which is then said.
 */
#include "transfer/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_file(const struct store *store)
{
    return store->kind == STORE_DIR;
}

/* --- the verdict ---------------------------------------------------------------------- */

static void same(struct transfer *t, enum check check, struct turn *turn)
{
    char why[64];

    t->check = check;
    if (t->item->verify) {
        transfer_verified(t, NULL, turn);
        return;
    }
    snprintf(why, sizeof why, "the same by %s", check_name(check));
    transfer_skip(t, why);
}

static void differs(struct transfer *t, enum check check, const char *what, struct turn *turn)
{
    t->check = check;
    if (t->item->verify)
        transfer_verified(t, what, turn);
    else
        transfer_send(t);
}

static void judge(struct transfer *t, enum check check, bool equal, struct turn *turn)
{
    char what[64];

    snprintf(what, sizeof what, "the %s differs", check_name(check));
    if (equal)
        same(t, check, turn);
    else
        differs(t, check, what, turn);
}

static bool sizes_agree(struct transfer *t, struct turn *turn)
{
    char what[96];

    if (t->info.size < 0 || t->there.size < 0 || t->info.size == t->there.size)
        return true;
    snprintf(what, sizeof what, "the sizes differ: %lld and %lld bytes", (long long)t->info.size,
             (long long)t->there.size);
    differs(t, CHECK_SIZE, what, turn);
    return false;
}

/* --- which sum ------------------------------------------------------------------------ */

/* Two objects: their stores' own words. */
static void compare_objects(struct transfer *t, struct turn *turn)
{
    const struct object_info *a = &t->info, *b = &t->there;

    if (a->sum_kind != SUM_NONE && a->sum_kind == b->sum_kind)
        judge(t, check_of(a->sum_kind), a->sum == b->sum, turn);
    else if (a->etag_is_md5 && b->etag_is_md5)
        judge(t, CHECK_MD5, !strcasecmp(a->etag, b->etag), turn);
    else
        same(t, CHECK_SIZE, turn);
}

/* A file and an object, or two files: what the files are to be read for. */
static void choose_sum(struct transfer *t, struct turn *turn)
{
    const struct task *task = t->item->task;
    const struct object_info *remote = is_file(task->from) ? &t->there : &t->info;

    if (is_file(task->from) && is_file(task->to)) {
        t->sum_kind = SUM_CRC64;
    } else if (remote->sum_kind != SUM_NONE) {
        t->sum_kind = remote->sum_kind;
    } else if (remote->etag_is_md5) {
        t->use_md5 = true;
    } else {
        same(t, CHECK_SIZE, turn);
        return;
    }
    transfer_go(t, is_file(task->from) ? STEP_HASH : STEP_COMPARE);
}

static void compare(struct transfer *t, struct turn *turn)
{
    const struct task *task = t->item->task;

    if (!sizes_agree(t, turn))
        return;
    if (transfer_moves(t) && t->info.size < 0) {
        t->info.size = t->there.size;
        same(t, CHECK_NONE, turn);
    } else if (t->info.size == 0)
        same(t, CHECK_SIZE, turn); /* which says it all */
    else if (is_file(task->from) || is_file(task->to))
        choose_sum(t, turn);
    else
        compare_objects(t, turn);
}

/* --- both sides ----------------------------------------------------------------------- */

static struct op *make_open(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_OPEN, t->item->task->from, turn);
    op->in.path = t->item->key;
    return op;
}

static void ask_target(struct transfer *t)
{
    transfer_go(t, is_file(t->item->task->to) ? STEP_FIND : STEP_TARGET);
}

static void settle_open(struct transfer *t, struct op *op, struct turn *turn)
{
    (void)turn;
    t->info = op->out.info;
    t->source_fd = op->out.fd;
    ask_target(t);
}

static void settle_head(struct transfer *t, struct op *op, struct turn *turn)
{
    (void)turn;
    t->info = op->out.answer.info;
    ask_target(t);
}

static bool source_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING || !t->item->verify)
        return false;
    if (transfer_moves(t)) { /* as it should be, if the target is there */
        t->info.size = -1;
        ask_target(t);
        return true;
    }
    differs(t, CHECK_NONE, "it is not there any more", turn);
    return true;
}

static struct op *make_target(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, t->item->task->to, t->item->target, turn);
}

static void settle_target(struct transfer *t, struct op *op, struct turn *turn)
{
    t->there = op->out.answer.info;
    compare(t, turn);
}

static struct op *make_find(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_op(t, OP_OPEN, t->item->task->to, turn);
    op->in.path = t->item->target;
    return op;
}

static void settle_find(struct transfer *t, struct op *op, struct turn *turn)
{
    t->there = op->out.info;
    t->target_fd = op->out.fd;
    compare(t, turn);
}

static bool target_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING)
        return false;
    differs(t, CHECK_NONE, "it is not there", turn);
    return true;
}

/* --- reading files -------------------------------------------------------------------- */

static struct op *make_hash_of(struct transfer *t, const struct store *store, int fd, int64_t size,
                               struct turn *turn)
{
    struct op *op = transfer_op(t, OP_HASH, store, turn);
    op->in.fd = fd;
    op->in.call.len = size;
    op->in.sum_kind = t->sum_kind;
    op->in.want_md5 = t->use_md5;
    return op;
}

static struct op *make_hash(struct transfer *t, struct turn *turn)
{
    return make_hash_of(t, t->item->task->from, t->source_fd, t->info.size, turn);
}

static struct op *make_compare(struct transfer *t, struct turn *turn)
{
    return make_hash_of(t, t->item->task->to, t->target_fd, t->there.size, turn);
}

/* A file's sum against what the object's store says. */
static void judge_file(struct transfer *t, const struct op *op, const struct object_info *remote,
                       struct turn *turn)
{
    if (t->use_md5)
        judge(t, CHECK_MD5, etag_is_of(remote->etag, op->out.md5), turn);
    else
        judge(t, check_of(t->sum_kind), op->out.sum == remote->sum, turn);
}

static void settle_hash(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!is_file(t->item->task->to)) {
        judge_file(t, op, &t->there, turn);
        return;
    }
    t->sum = op->out.sum;
    transfer_go(t, STEP_COMPARE);
}

static void settle_compare(struct transfer *t, struct op *op, struct turn *turn)
{
    if (is_file(t->item->task->from))
        judge(t, check_of(t->sum_kind), op->out.sum == t->sum, turn);
    else
        judge_file(t, op, &t->info, turn);
}

const struct step_def verify_steps[STEPS] = {
    [STEP_OPEN] = {make_open, settle_open, source_failed, EVENT_JOB_STARTED, false, NULL},
    [STEP_HEAD] = {source_make_head, settle_head, source_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_TARGET] = {make_target, settle_target, target_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_FIND] = {make_find, settle_find, target_failed, EVENT_JOB_STARTED, false, NULL},
    [STEP_HASH] = {make_hash, settle_hash, NULL, EVENT_JOB_STARTED, false, NULL},
    [STEP_COMPARE] = {make_compare, settle_compare, NULL, EVENT_JOB_STARTED, false, NULL},
};
