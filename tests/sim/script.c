/* A script that decides what follows a failure, some turns after it was asked, or some time. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

static bool wants(void *ctx, const struct task *task, enum event_kind kind)
{
    (void)ctx;
    return task && world.hooked && (kind == EVENT_PART_FAILED || kind == EVENT_OBJECT_FAILED);
}

static void emit(void *ctx, const struct event *event, uint64_t ticket)
{
    (void)ctx;
    if (!ticket || world.crashed || world.n_tickets == 256)
        return;
    world.ticket[world.n_tickets].ticket = ticket;
    world.ticket[world.n_tickets].due_ms =
        world.now_ns / 1000000 + (chance(4) ? between(0, 20000) : 0);
    world.ticket[world.n_tickets].goal = goal_of(event->task, event->key);
    world.ticket[world.n_tickets++].turns = (int)between(0, 5);
}

static struct decision draw_decision(struct goal *goal)
{
    struct decision decision = {.after_ms = chance(2) ? -1 : between(0, 500)};

    decision.kind = (enum decision_kind)rng_below(&world.rng, DECIDE_STOP + (chance(10) ? 1 : 0));
    if (decision.kind == DECIDE_RETRY && chance(5))
        decision.part_size = goal->task->part_size * between(1, 3);
    snprintf(decision.reason, sizeof decision.reason, "decided");
    if (goal->decisions++ > 8)
        decision.kind = DECIDE_FAIL;
    if (decision.kind == DECIDE_STOP)
        world.interrupted = true;
    goal->given_up = true;
    goal_forget_told(goal);
    world.stats.decisions++;
    return decision;
}

static void resume(void *ctx, struct run *run, int64_t now_ms)
{
    (void)ctx;
    for (int i = 0; i < world.n_tickets && !world.crashed;) {
        if (world.ticket[i].turns-- > 0 || world.ticket[i].due_ms > now_ms) {
            i++;
            continue;
        }
        struct decision decision = draw_decision(world.ticket[i].goal);
        run_decide(run, world.ticket[i].ticket, &decision);
        world.ticket[i] = world.ticket[--world.n_tickets];
    }
}

/* What is not decided when the run has to end is the policy's. */
static void abandon(void *ctx, struct run *run, int64_t now_ms)
{
    resume(ctx, run, now_ms);
    while (world.n_tickets && !world.crashed) {
        const struct decision decision = {.after_ms = -1};
        run_decide(run, world.ticket[--world.n_tickets].ticket, &decision);
    }
}

static int64_t wake_ms(void *ctx)
{
    int64_t wake_ms = INT64_MAX;

    (void)ctx;
    for (int i = 0; i < world.n_tickets; i++) {
        int64_t mine = world.ticket[i].turns > 0 ? 0 : world.ticket[i].due_ms;
        wake_ms = mine < wake_ms ? mine : wake_ms;
    }
    return wake_ms;
}

static bool waiting(void *ctx)
{
    (void)ctx;
    return world.n_tickets > 0;
}

static bool busy(void *ctx)
{
    return waiting(ctx) && chance(4);
}

struct hooks watch_hooks(void)
{
    struct hooks hooks = {0};

    if (world.hooked)
        hooks = (struct hooks){.wants = wants,
                               .emit = emit,
                               .resume = resume,
                               .abandon = abandon,
                               .wake_ms = wake_ms,
                               .waiting = waiting,
                               .busy = busy};
    return hooks;
}
