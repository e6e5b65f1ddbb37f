/*
 * What has the target's name already: asked for where the task overwrites not everything, and no
 * listing told.  An upload or a temporary file of an earlier run was decided on back then.
 */
#include "transfer/carry.h"
#include "transfer/step.h"
#include <string.h>

bool target_is_kept(struct transfer *t, int64_t mtime_ns)
{
    enum overwrite overwrite = t->item->task->overwrite;
    int64_t there_ns = t->there.mtime_ns;

    if (t->leaving || !t->there_known || t->there.size < 0)
        return false;
    if (overwrite == OVERWRITE_NEVER) {
        transfer_skip(t, "the target exists");
        return true;
    }
    if (overwrite != OVERWRITE_NEWER || !mtime_ns || mtime_ns > there_ns)
        return false;
    transfer_skip(t, mtime_ns == there_ns ? "the target is as new" : "the target is newer");
    return true;
}

bool target_is_asked(struct transfer *t)
{
    const struct item *item = t->item;

    if (item->task->overwrite == OVERWRITE_ALWAYS || t->row.upload_id[0] || t->row.temp[0])
        return false;
    if (!t->there_known && (item->has_target || item->task->kind == TASK_SYNC)) {
        t->there = item->target_info;
        t->there.size = item->has_target ? t->there.size : -1;
        t->there_known = true;
    }
    return !t->there_known;
}

static struct op *make_target(struct transfer *t, struct turn *turn)
{
    return transfer_call(t, CALL_HEAD, t->item->task->to, t->item->target, turn);
}

static void settle_target(struct transfer *t, struct op *op, struct turn *turn)
{
    bool file = t->item->task->to->kind == STORE_DIR;

    t->there = file ? op->out.info : op->out.answer.info;
    t->there.mtime_ns = carry_mtime(&t->there, file ? NULL : op->out.answer.attributes);
    t->there_known = true;
    transfer_begin(t, turn);
}

static bool target_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    if (op->out.err.kind != ERR_MISSING)
        return false;
    t->there.size = -1;
    t->there_known = true;
    transfer_begin(t, turn);
    return true;
}

const struct step_def target_steps[STEPS] = {
    [STEP_TARGET] = {make_target, settle_target, target_failed, EVENT_JOB_STARTED, true, NULL},
};
