/* Time: ops are under way for a while, which the seed, their size and their buckets decide, and end
 * one after another; where nothing happens the clock jumps. */
#include "io/throttle.h"
#include "world/inside.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_NS    10000 /* of a turn: time never stands still */
#define REAL_MAX_S 60    /* of a run, outside */
#define BUCKETS    3

void world_break(struct world *world, const struct err *err)
{
    if (world->broken.kind == ERR_NONE)
        world->broken = *err;
    world->over = true;
}

/* --- submit --------------------------------------------------------------------------- */

/* Bytes that the op moves; of a whole object as many as it has now. */
static int64_t length_of(struct world *world, const struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct remote *remote = world_remote_of(world, op->in.store);

    if (op->kind == OP_COPY)
        return call->len;
    if (op->kind != OP_CALL || !remote)
        return 0;
    if (call->kind == CALL_PUT || call->kind == CALL_PART)
        return call->len;
    if (call->kind != CALL_GET)
        return 0;
    const struct object *object = remote_find(remote, call->key);
    return call->len >= 0 ? call->len : object ? (int64_t)object->blob->len : 0;
}

static bool is_local(const struct op *op)
{
    return op->kind != OP_HTTP && op->kind != OP_EXEC &&
           (op->kind != OP_CALL || op->in.store->kind == STORE_DIR);
}

/* A disk is a hundred times as quick as a network. */
static int64_t duration_ns(struct world *world, const struct op *op)
{
    const struct world_config *config = &world->config;
    int64_t latency_ns = config->latency_ms * 1000000;
    int64_t ns = latency_ns / 2 + (int64_t)rng_below(&world->rng, (uint64_t)latency_ns + 1);

    ns += (int64_t)((double)length_of(world, op) * 1e9 / (double)config->bandwidth);
    return is_local(op) ? ns / 100 : ns;
}

/* What fed and feeds: each pays for itself. */
static const struct op *payer(const struct op *first, int n)
{
    const struct op *op = first;

    if (n == 0)
        return first->in.feed;
    while (op && --n > 0)
        op = op->in.also;
    return op;
}

static void submit(struct io *io, struct op *op)
{
    struct world *world = (struct world *)io;
    struct flight flight = {.op = op, .due_ns = world->now_ns};

    for (int i = 0; i < LIMIT_FAN + 2; i++) {
        const struct op *one = payer(op, i);
        flight.unpaid[i] = one ? length_of(world, one) : 0;
    }
    for (struct op *one = op; one; one = one->in.also)
        one->out.started_ns = world->now_ns;
    if (op->in.feed)
        op->in.feed->out.started_ns = world->now_ns;
    if (world->n_flights == world->cap_flights) {
        world->cap_flights = world->cap_flights ? 2 * world->cap_flights : 64;
        world->flight = xrealloc(world->flight, (size_t)world->cap_flights * sizeof *world->flight);
    }
    world->flight[world->n_flights++] = flight;
}

/* --- buckets -------------------------------------------------------------------------- */

/* Nanoseconds until it may begin; 0: it has. */
static int64_t begin(struct world *world, struct flight *flight)
{
    int64_t wait_ns = 0;

    for (int i = 0; i < LIMIT_FAN + 2; i++) {
        const struct op *op = payer(flight->op, i);
        int64_t one = op ? bucket_wait_ns(op->in.requests, BUCKETS, world->now_ns) : 0;
        wait_ns = one > wait_ns ? one : wait_ns;
    }
    if (wait_ns)
        return wait_ns;
    for (int i = 0; i < LIMIT_FAN + 2; i++) {
        const struct op *op = payer(flight->op, i);
        if (op)
            bucket_take(op->in.requests, BUCKETS, 1, world->now_ns);
    }
    flight->begun = true;
    return 0;
}

/* Nanoseconds until more can be paid; 0: all is. */
static int64_t pay(struct world *world, struct flight *flight)
{
    int64_t wait_ns = 0;

    for (int i = 0; i < LIMIT_FAN + 2; i++) {
        const struct op *op = payer(flight->op, i);
        int64_t *unpaid = &flight->unpaid[i];
        if (!op || !*unpaid)
            continue;
        int64_t now = bucket_available(op->in.bytes, BUCKETS, *unpaid, world->now_ns);
        bucket_take(op->in.bytes, BUCKETS, now, world->now_ns);
        *unpaid -= now;
        if (!*unpaid)
            continue;
        int64_t one = bucket_wait_for_ns(op->in.bytes, BUCKETS, *unpaid, world->now_ns);
        one = one > 0 ? one : 1000;
        wait_ns = one > wait_ns ? one : wait_ns;
    }
    return wait_ns;
}

static bool is_hurried(const struct op *op)
{
    for (; op; op = op->in.also)
        if (!atomic_load(&op->cancel))
            return false;
    return true;
}

/* Is its time over?  Else it is due later than now. */
static bool is_done(struct world *world, struct flight *flight)
{
    int64_t wait_ns;

    if (is_hurried(flight->op))
        return true;
    if (!flight->begun) {
        wait_ns = begin(world, flight);
        flight->due_ns = world->now_ns +
                         (wait_ns ? wait_ns
                                  : duration_ns(world, payer(flight->op, 0) ? payer(flight->op, 0)
                                                                            : flight->op));
        return false;
    }
    wait_ns = pay(world, flight);
    flight->due_ns = world->now_ns + wait_ns;
    return !wait_ns;
}

/* --- collect -------------------------------------------------------------------------- */

static int earliest(const struct world *world)
{
    int best = -1;

    for (int i = 0; i < world->n_flights; i++)
        if (best < 0 || world->flight[i].due_ns < world->flight[best].due_ns)
            best = i;
    return best;
}

/* Of two that are due at once, the one that was sent first. */
static void take_out(struct world *world, int at)
{
    memmove(world->flight + at, world->flight + at + 1,
            (size_t)(--world->n_flights - at) * sizeof *world->flight);
}

static void hurry_cancelled(struct world *world)
{
    for (int i = 0; i < world->n_flights; i++)
        if (is_hurried(world->flight[i].op) && world->flight[i].due_ns > world->now_ns)
            world->flight[i].due_ns = world->now_ns;
}

/* All that end by now, in the order of their time. */
static struct op *take_due(struct world *world)
{
    struct op *head = NULL, **tail = &head;

    for (int at; !world->over && (at = earliest(world)) >= 0;) {
        if (world->flight[at].due_ns > world->now_ns)
            break;
        if (!is_done(world, &world->flight[at]))
            continue;
        struct op *op = world->flight[at].op;
        if (!world_carry_out(world, op)) {
            world->result->crashed = world->over = true;
            break; /* it stays under way, for ever */
        }
        take_out(world, at);
        op->next = NULL;
        *tail = op;
        tail = &op->next;
    }
    return head;
}

/* Nothing is there any more that could answer; who waits for it must come to an end. */
static struct op *take_all(struct world *world)
{
    struct op *head = NULL;

    while (world->n_flights) {
        struct op *op = world->flight[--world->n_flights].op;
        err_set(&op->out.err, ERR_CANCELLED, "the process is no more");
        op->next = head;
        head = op;
    }
    return head;
}

static int64_t real_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec;
}

static void check_end(struct world *world)
{
    struct err err = {0};
    int64_t ran_ms = (world->now_ns - world->began_ns) / 1000000;

    if (!world->real_s)
        world->real_s = real_seconds();
    if (ran_ms > world->config.limit_ms)
        err_set(&err, ERR_TIMEOUT,
                "the run has no end: it went on for %lld hours of the world's "
                "time (limit says how long it may)",
                (long long)(ran_ms / 3600000));
    else if (real_seconds() - world->real_s > REAL_MAX_S)
        err_set(&err, ERR_TIMEOUT, "the run has no end: it took a minute of real time");
    if (err.kind != ERR_NONE)
        world_break(world, &err);
}

/* Moves the clock to what comes next, at most to `until_ns`. */
static void move_on(struct world *world, int64_t until_ns)
{
    struct err err = {0};
    int at = earliest(world);
    int64_t due_ns = at < 0 ? INT64_MAX : world->flight[at].due_ns;
    int64_t next_ns = due_ns < until_ns ? due_ns : until_ns;

    if (next_ns == INT64_MAX) {
        err_set(&err, ERR_TIMEOUT, "the run waits for something that never comes");
        world_break(world, &err);
    } else if (next_ns > world->now_ns) {
        world->now_ns = next_ns;
    }
}

static struct op *collect(struct io *io, int64_t wait_ms)
{
    struct world *world = (struct world *)io;
    struct op *ended = NULL;

    world->now_ns += TICK_NS;
    check_end(world);
    if (world->over) {
        world->now_ns += wait_ms > 0 ? wait_ms * 1000000 : 0;
        return take_all(world);
    }
    hurry_cancelled(world);
    int64_t until_ns = wait_ms < 0 ? INT64_MAX : world->now_ns + wait_ms * 1000000;
    for (;;) {
        move_on(world, until_ns);
        ended = take_due(world);
        if (ended || world->over || world->now_ns >= until_ns)
            return ended;
    }
}

static void stop(struct io *io)
{
    (void)io;
}

const struct io_ops world_io_ops = {submit, collect, stop};
