#include "io/relay.h"
#include <stdlib.h>
#include <string.h>

struct relay *relay_new(struct op *put)
{
    struct relay *relay = xcalloc(1, sizeof *relay);

    relay->put = put;
    relay->ring = xmalloc(LIMIT_RELAY);
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
    free(relay->ring);
    free(relay);
}

size_t relay_room(const struct relay *relay)
{
    return LIMIT_RELAY - relay->n;
}

void relay_write(struct relay *relay, const char *data, size_t len)
{
    size_t end = (relay->at + relay->n) % LIMIT_RELAY;
    size_t first = LIMIT_RELAY - end < len ? LIMIT_RELAY - end : len;

    memcpy(relay->ring + end, data, first);
    memcpy(relay->ring, data + first, len - first);
    relay->n += len;
}

size_t relay_read(struct relay *relay, char *out, size_t max)
{
    size_t len = relay->n < max ? relay->n : max;
    size_t first = LIMIT_RELAY - relay->at < len ? LIMIT_RELAY - relay->at : len;

    memcpy(out, relay->ring + relay->at, first);
    memcpy(out + first, relay->ring, len - first);
    relay->at = (relay->at + len) % LIMIT_RELAY;
    relay->n -= len;
    if (relay->md5)
        hasher_add(relay->md5, out, len);
    return len;
}

bool relay_feeds(const struct relay *relay)
{
    return relay->n > 0 || relay->ended;
}

bool relay_takes(const struct relay *relay)
{
    return relay->n <= LIMIT_RELAY / 2;
}
