#include "io/relay.h"
#include <stdlib.h>
#include <string.h>

struct relay_ring {
    struct relay_ring *next;
    size_t size;
    char data[];
};

void relay_pool_size(struct relay_pool *pool, int n_pairs)
{
    size_t share = LIMIT_RELAYS / (size_t)(n_pairs > 0 ? n_pairs : 1);

    relay_pool_free(pool);
    pool->size = share > LIMIT_RELAY       ? LIMIT_RELAY
                 : share < LIMIT_RELAY_MIN ? LIMIT_RELAY_MIN
                                           : share;
}

void relay_pool_free(struct relay_pool *pool)
{
    while (pool->free) {
        struct relay_ring *ring = pool->free;
        pool->free = ring->next;
        free(ring);
    }
}

static struct relay_ring *ring_take(struct relay_pool *pool)
{
    struct relay_ring *ring = pool->free;

    if (ring) {
        pool->free = ring->next;
        return ring;
    }
    ring = xmalloc(sizeof *ring + pool->size);
    ring->size = pool->size;
    return ring;
}

int relay_set_size(const struct op *put)
{
    int n = 2;

    for (const struct op *op = put->in.also; op; op = op->in.also)
        n++;
    return n;
}

static void add_sink(struct relay *relay, struct op *op)
{
    enum sum_kind kind = op->in.sum_kind;

    relay->sink[relay->n_sinks++].op = op;
    if (op->in.want_md5 && !relay->md5)
        relay->md5 = hasher_new(true);
    if (kind != SUM_NONE && kind != relay->put->in.feed->in.sum_kind)
        relay->wants[kind] = true;
}

struct relay *relay_new(struct op *put, struct relay_pool *pool)
{
    struct relay *relay = xcalloc(1, sizeof *relay);

    relay->put = put;
    relay->pool = pool;
    relay->ring = ring_take(pool);
    for (struct op *op = put; op && relay->n_sinks < LIMIT_FAN; op = op->in.also)
        add_sink(relay, op);
    return relay;
}

static void tell_sums(const struct relay *relay, struct op *op, const uint8_t md5[MD5_LEN])
{
    enum sum_kind kind = op->in.sum_kind;

    if (op->in.want_md5)
        memcpy(op->out.md5, md5, MD5_LEN);
    if (kind != SUM_NONE)
        op->out.sum = relay->wants[kind] ? relay->sum[kind] : relay->put->in.feed->out.sum;
}

void relay_free(struct relay *relay)
{
    uint8_t md5[MD5_LEN] = {0};

    if (relay->md5)
        hasher_end(relay->md5, md5);
    for (int i = 0; i < relay->n_sinks; i++)
        tell_sums(relay, relay->sink[i].op, md5);
    if (relay->ring->size == relay->pool->size) {
        relay->ring->next = relay->pool->free;
        relay->pool->free = relay->ring;
    } else {
        free(relay->ring);
    }
    free(relay);
}

struct relay_sink *relay_sink(struct relay *relay, const struct op *op)
{
    struct relay_sink *sink = relay->sink;

    while (sink->op != op)
        sink++;
    return sink;
}

bool relay_is_wanted(const struct relay *relay)
{
    for (int i = 0; i < relay->n_sinks; i++)
        if (relay->sink[i].exchange)
            return true;
    return false;
}

static size_t held(const struct relay *relay, const struct relay_sink *sink)
{
    return (size_t)(relay->in - sink->out);
}

size_t relay_room(const struct relay *relay)
{
    size_t most = 0;

    for (int i = 0; i < relay->n_sinks; i++)
        if (relay->sink[i].exchange && held(relay, &relay->sink[i]) > most)
            most = held(relay, &relay->sink[i]);
    return relay->ring->size - most;
}

/* Where in the ring the byte at `off` is, and how many of `len` follow it without a break. */
static char *place(const struct relay *relay, int64_t off, size_t len, size_t *run)
{
    size_t at = (size_t)off % relay->ring->size, left = relay->ring->size - at;

    *run = left < len ? left : len;
    return relay->ring->data + at;
}

static void add_sums(struct relay *relay, const char *data, size_t len)
{
    if (relay->md5)
        hasher_add(relay->md5, data, len);
    for (int kind = 0; kind < SUM_KINDS; kind++)
        if (relay->wants[kind])
            relay->sum[kind] = sum_update((enum sum_kind)kind, relay->sum[kind], data, len);
}

void relay_write(struct relay *relay, const char *data, size_t len)
{
    size_t run;
    char *at = place(relay, relay->in, len, &run);

    memcpy(at, data, run);
    memcpy(relay->ring->data, data + run, len - run);
    relay->in += (int64_t)len;
    add_sums(relay, data, len);
}

static size_t ready(const struct relay *relay, const struct relay_sink *sink)
{
    bool last = relay->in >= relay->put->in.call.len && !relay->ended;

    return held(relay, sink) - (last && held(relay, sink) ? 1 : 0);
}

size_t relay_ready(struct relay *relay, const struct op *op)
{
    return ready(relay, relay_sink(relay, op));
}

size_t relay_read(struct relay *relay, const struct op *op, char *out, size_t max)
{
    struct relay_sink *sink = relay_sink(relay, op);
    size_t most = ready(relay, sink), len = most < max ? most : max, run;
    const char *at = place(relay, sink->out, len, &run);

    memcpy(out, at, run);
    memcpy(out + run, relay->ring->data, len - run);
    sink->out += (int64_t)len;
    return len;
}

bool relay_rewind(struct relay *relay, const struct op *op)
{
    if (relay->in > (int64_t)relay->ring->size)
        return false;
    relay_sink(relay, op)->out = 0;
    return true;
}
