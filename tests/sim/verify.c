/*
 * A verification of what a life ended with: of everything as it is, or with one target spoilt
 * behind the journal's back.  It must name that one and no other, and write nothing.
 */
#include "world.h"
#include <stdlib.h>
#include <string.h>

enum harm { HARM_NONE, HARM_BYTE, HARM_LENGTH, HARM_GONE, HARMS };

static struct {
    struct goal *victim;
    enum harm harm;
    int n_same, n_different;
} life;

/* --- spoiling ------------------------------------------------------------------------- */

static struct blob *spoil(const struct blob *blob)
{
    size_t len = blob->len + (life.harm == HARM_LENGTH);
    struct blob *other = blob_new(NULL, len);

    memset(other->data, 7, len);
    memcpy(other->data, blob->data, blob->len);
    if (life.harm == HARM_BYTE)
        other->data[rng_below(&world.rng, len)] ^= 0x20;
    return other;
}

static void spoil_file(struct file *file, const struct blob *other)
{
    if (life.harm == HARM_GONE)
        disk_unlink(&world.disk[1], file);
    else
        file_set(file, other);
}

static void draw_harm(void)
{
    life.harm = world.n_goals ? (enum harm)rng_below(&world.rng, HARMS) : HARM_NONE;
    life.victim = NULL;
    life.n_same = life.n_different = 0;
    if (life.harm == HARM_NONE)
        return;
    struct goal *goal = &world.goal[rng_below(&world.rng, (uint64_t)world.n_goals)];
    struct blob *now = goal_content(goal);
    if (life.harm == HARM_BYTE && now->len == 0)
        life.harm = HARM_LENGTH;
    struct blob *other = spoil(now);
    struct remote *remote = remote_of(goal->task->to);
    life.victim = goal;
    if (!remote)
        spoil_file(disk_find(&world.disk[1], goal->target), other);
    else if (life.harm == HARM_GONE)
        remote_drop(remote, goal->target);
    else
        put_object(remote, goal->target, blob_keep(other), chance(2));
    blob_drop(other);
    blob_drop(now);
}

/* --- what is told --------------------------------------------------------------------- */

static void watch_verdict(const struct goal *goal, const struct event *event)
{
    bool spoilt = goal == life.victim, same = event->kind == EVENT_VERIFIED;

    world.stats.verified++;
    life.n_same += same;
    life.n_different += !same;
    if (!same && !spoilt)
        broken("I18", "%s is called different: %s", goal->key, event->err->message);
    if (same && spoilt && (life.harm != HARM_BYTE || event->check > CHECK_SIZE))
        broken("I18", "%s is called the same by %s", goal->key, check_name(event->check));
}

static void watch(void *ctx, const struct event *event)
{
    const struct goal *goal = event->task && event->key ? goal_of(event->task, event->key) : NULL;

    (void)ctx;
    traced("verification: %s %s %s", event_name(event->kind), event->key ? event->key : "",
           event->err ? event->err->message : "");
    hash_text(event_name(event->kind));
    if (event->kind == EVENT_VERIFIED || event->kind == EVENT_VERIFY_FAILED)
        watch_verdict(goal, event);
    else if (event->kind != EVENT_JOB_STARTED && event->kind != EVENT_JOB_FINISHED)
        broken("I18", "a verification tells of %s", event_name(event->kind));
}

void verify_watch_submit(const struct op *op)
{
    enum call_kind call = op->in.call.kind;
    bool reads = op->kind == OP_OPEN || op->kind == OP_HASH || op->kind == OP_DISCARD ||
                 (op->kind == OP_CALL && (call == CALL_HEAD || call == CALL_LIST));

    /* What a power loss brought back of an object that is gone is tidied up first. */
    if (!op->transfer && (op->kind == OP_DISCARD || call == CALL_ABORT))
        return;
    if (!reads || (op->kind == OP_DISCARD && op->in.temp && op->in.temp[0]))
        broken("I18", "a verification sends a %s", op_name(op));
}

void verify_all(struct run_config config)
{
    draw_harm();
    config.journal = world.journal;
    config.hooks = (struct hooks){0};
    config.verify = true;
    config.observer = watch;
    world.verifying = true;
    world.run = run_new(&config);
    for (int turns = 0; turns < 10000 && run_turn(world.run); turns++)
        ;
    int status = run_exit_status(world.run);
    run_free(world.run);
    world.verifying = false;
    int n = 0;
    for (int i = 0; i < world.n_goals; i++)
        n += !goal_is_gone(&world.goal[i]);
    if (!world.failure[0] && life.n_same + life.n_different != n)
        broken("I18", "%d objects were verified of %d", life.n_same + life.n_different, n);
    if (status != (life.n_different ? 5 : 0))
        broken("I18", "exit status %d with %d that differ", status, life.n_different);
    if (fd_count())
        broken("I12", "%d descriptors are left by a verification", fd_count());
}
