/*
 * What a store that asks to slow down may expect (I18): nothing comes before the time it named, and
 * never more at once than the last `throttled` event said, and one more for each second since.
 */
#include "world.h"
#include <limits.h>
#include <string.h>

static struct {
    int64_t held_ms; /* nothing may come before */
    int in_flight;
    int told; /* may be in flight, ... */
    int64_t told_ms;
} stores[2];

static int64_t now_ms(void)
{
    return world.now_ns / 1000000;
}

void paces_forget(void)
{
    memset(stores, 0, sizeof stores);
    paces_free();
}

void paces_free(void)
{
    stores[0].told = stores[1].told = INT_MAX;
}

static bool is_request(const struct op *op)
{
    return op && op->kind == OP_CALL && op->in.store->kind != STORE_DIR;
}

static void sent(const struct op *op)
{
    int i = remote_of(op->in.store) == &world.remote[1];
    int64_t since_ms = now_ms() - stores[i].told_ms;

    stores[i].in_flight++;
    if (stores[i].told < INT_MAX && stores[i].told + since_ms / 1000 >= world.concurrency)
        stores[i].told = INT_MAX; /* it may be free by now */
    if (now_ms() < stores[i].held_ms)
        broken("I18", "%s goes to %s %d ms before it may", op_name(op), op->in.store->name,
               (int)(stores[i].held_ms - now_ms()));
    if (stores[i].told < INT_MAX && stores[i].in_flight > stores[i].told + since_ms / 1000)
        broken("I18", "%d requests are under way to %s, which was to have %d", stores[i].in_flight,
               op->in.store->name, stores[i].told);
}

void paces_watch_submit(const struct op *op)
{
    if (is_request(op))
        sent(op);
    if (is_request(op->in.feed))
        sent(op->in.feed);
}

static void came_back(struct op *op)
{
    int i = remote_of(op->in.store) == &world.remote[1];
    struct err *err = &op->out.err;

    stores[i].in_flight--;
    if (err->kind != ERR_THROTTLED || op->out.fed_badly)
        return;
    world.stats.held += err->retry_after_ms > 0;
    if (err->retry_after_ms && now_ms() + err->retry_after_ms > stores[i].held_ms)
        stores[i].held_ms = now_ms() + err->retry_after_ms;
    if (world.mutant == MUTANT_DEAF)
        err->retry_after_ms = 0;
}

void paces_watch_end(struct op *op)
{
    if (is_request(op))
        came_back(op);
    if (is_request(op->in.feed))
        came_back(op->in.feed);
}

void paces_watch_event(const struct event *event)
{
    int i = !strcmp(event->bucket, world.store[3].bucket);

    stores[i].told = event->pace.concurrency + (event->pace.wait_ms > 0);
    stores[i].told_ms = now_ms();
    if (event->pace.concurrency < 1 || event->pace.requests < 1)
        broken("I18", "%s is told to get nothing", event->bucket);
}
