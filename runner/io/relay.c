#include "io/relay.h"
#include <stdlib.h>
#include <string.h>

struct relay_ring {
    struct relay_ring *next;
    char data[];
};

void relay_pool_init(struct relay_pool *pool, int n_pairs)
{
    size_t share = LIMIT_RELAYS / (size_t)(n_pairs > 0 ? n_pairs : 1);

    pool->free = NULL;
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

    if (!ring)
        return xmalloc(sizeof *ring + pool->size);
    pool->free = ring->next;
    return ring;
}

struct relay *relay_new(struct op *put, struct relay_pool *pool)
{
    struct relay *relay = xcalloc(1, sizeof *relay);

    relay->put = put;
    relay->pool = pool;
    relay->ring = ring_take(pool);
    if (put->in.want_md5)
        relay->md5 = hasher_new(true);
    return relay;
}

void relay_free(struct relay *relay)
{
    struct op *put = relay->put;

    /* One pass over the bytes gave both, where they are of one kind. */
    if (put->in.sum_kind == put->in.feed->in.sum_kind)
        put->out.sum = put->in.feed->out.sum;
    if (relay->md5)
        hasher_end(relay->md5, put->out.md5);
    relay->ring->next = relay->pool->free;
    relay->pool->free = relay->ring;
    free(relay);
}

static size_t held(const struct relay *relay)
{
    return (size_t)(relay->in - relay->out);
}

size_t relay_room(const struct relay *relay)
{
    return relay->pool->size - held(relay);
}

/* Where in the ring the byte at `off` is, and how many of `len` follow it without a break. */
static char *place(const struct relay *relay, int64_t off, size_t len, size_t *run)
{
    size_t at = (size_t)off % relay->pool->size, left = relay->pool->size - at;

    *run = left < len ? left : len;
    return relay->ring->data + at;
}

void relay_write(struct relay *relay, const char *data, size_t len)
{
    size_t run;
    char *at = place(relay, relay->in, len, &run);

    memcpy(at, data, run);
    memcpy(relay->ring->data, data + run, len - run);
    relay->in += (int64_t)len;
}

size_t relay_ready(const struct relay *relay)
{
    bool last = relay->in >= relay->put->in.call.len && !relay->ended;

    return held(relay) - (last && held(relay) ? 1 : 0);
}

size_t relay_read(struct relay *relay, char *out, size_t max)
{
    size_t ready = relay_ready(relay), len = ready < max ? ready : max, run;
    const char *at = place(relay, relay->out, len, &run);

    memcpy(out, at, run);
    memcpy(out + run, relay->ring->data, len - run);
    relay->out += (int64_t)len;
    if (relay->md5)
        hasher_add(relay->md5, out, len);
    return len;
}

bool relay_rewind(struct relay *relay)
{
    uint8_t ignored[MD5_LEN];

    if (relay->in > (int64_t)relay->pool->size)
        return false;
    relay->out = 0;
    if (relay->md5) {
        hasher_end(relay->md5, ignored);
        relay->md5 = hasher_new(true);
    }
    return true;
}
