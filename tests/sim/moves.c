/*
 * Moves: a source is removed only when its target has its bytes, and safely; a copy that was proved
 * is not made again; and in the end the sources are gone.
 */
#include "world.h"
#include <stdlib.h>
#include <string.h>

bool goal_moves(const struct goal *goal)
{
    return goal->task->kind == TASK_MOVE;
}

/* NULL: it is not there. */
static struct blob *source_now(const struct goal *goal)
{
    if (goal->task->from->kind != STORE_DIR) {
        struct object *object = remote_find(remote_of(goal->task->from), goal->key);
        return object ? blob_keep(object->blob) : NULL;
    }
    struct file *file = disk_find(&world.disk[0], goal->key);
    return file ? blob_new(file->data, file->len) : NULL;
}

bool goal_is_gone(const struct goal *goal)
{
    struct blob *now = goal_moves(goal) ? source_now(goal) : NULL;
    bool gone = goal_moves(goal) && !now;

    blob_drop(now);
    return gone;
}

static bool is_copied(const struct goal *goal)
{
    struct blob *here = source_now(goal), *there = goal_content(goal);
    bool same = here && there && blob_same(here, there);

    blob_drop(here);
    blob_drop(there);
    return same;
}

/* Would it be there after a power loss? */
static bool is_safe(const struct goal *goal)
{
    if (goal->task->to->kind != STORE_DIR)
        return true;
    const struct file *file = disk_find(&world.disk[1], goal->target);
    return file && !file->dirty && file->name_safe;
}

void moves_watch_removal(const struct store *from, const char *key)
{
    const struct goal *goal = goal_of_source(from, key);

    world.stats.moved++;
    if (!goal || !goal_moves(goal))
        broken("I19", "%s is removed, which nobody asked for", key);
    else if (!is_copied(goal))
        broken("I19", "%s is removed, and its target does not have its bytes", key);
    else if (!is_safe(goal))
        broken("I19", "%s is removed, and its target is not safe yet", key);
}

void moves_begin(struct goal *goal, const struct row *row, bool differs)
{
    goal->was_copied = goal_moves(goal) && row->state == ROW_DONE && !differs && !world.power &&
                       !world.hurt && is_copied(goal);
}

/* Does it send, or make room for, what the target has already? */
static bool is_copying(const struct op *op)
{
    enum call_kind call = op->in.call.kind;

    return op->kind == OP_TEMP || op->kind == OP_SAVE || op->kind == OP_COPY ||
           (op->kind == OP_CALL && (call == CALL_PUT || call == CALL_CREATE || call == CALL_COPY));
}

void moves_watch_submit(const struct op *op)
{
    const struct goal *goal = goal_of_transfer(op->transfer);

    if (!goal || !goal->was_copied || goal->tainted || goal->decisions)
        return;
    world.stats.proofs += op->kind == OP_REMOVE || op->in.call.kind == CALL_DELETE;
    if (is_copying(op))
        broken("I20", "%s is copied again, and its copy was there and proved", goal->key);
}

void moves_spoil(struct goal *goal)
{
    struct remote *remote = remote_of(goal->task->to);
    struct blob *now = goal_is_gone(goal) ? NULL : goal_content(goal);

    if (!now)
        return;
    struct blob *other = blob_make(rng_next(&world.rng) | 1, now->len + 1);
    goal->tainted = true;
    world.stats.spoilt++;
    struct file *file = remote ? NULL : disk_find(&world.disk[1], goal->target);
    if (remote && chance(2))
        remote_drop(remote, goal->target);
    else if (remote)
        put_object(remote, goal->target, blob_keep(other), chance(2));
    else if (chance(2))
        disk_unlink(&world.disk[1], file);
    else
        file_set(file, other);
    blob_drop(other);
    blob_drop(now);
}

void moves_check_all(void)
{
    for (int i = 0; i < world.n_goals; i++)
        if (goal_moves(&world.goal[i]) && !goal_is_gone(&world.goal[i]))
            broken("I19", "in the end %s is still there", world.goal[i].key);
}
