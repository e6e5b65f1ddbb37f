#pragma once
/*
 * Bytes on their way from a GET to the PUT or PART that is sent at the same time: a bounded ring.
 * A side that finds it full or empty pauses until the other has moved on.  Made for a pair by the
 * lane that runs both, with memory from a pool of that lane.  Lane thread only.
 *
 * The last byte leaves only after the GET has ended well: whatever is wrong with the source, no
 * store ever has a whole body of it.
 */
#include "io/op.h"

struct exchange;   /* io/exchange.h */
struct relay_ring; /* memory */

/* Rings are kept for the next pair; there are never more than pairs that run at once. */
struct relay_pool {
    struct relay_ring *free;
    size_t size; /* of each */
};

/* For `n_pairs` over all lanes. */
void relay_pool_init(struct relay_pool *pool, int n_pairs);
void relay_pool_free(struct relay_pool *pool);

struct relay {
    struct relay *next;             /* the lane's list */
    struct op *put;                 /* whose `feed` is the GET */
    struct exchange *sink, *source; /* of the PUT and of the GET; NULL: ended */
    struct relay_pool *pool;
    struct relay_ring *ring;
    int64_t in, out; /* bytes that came and went */
    bool ended;      /* the GET ended well */
    struct hasher *md5;
};

struct relay *relay_new(struct op *put, struct relay_pool *pool);
/* Puts sums into put->out and frees it. */
void relay_free(struct relay *relay);

/* How many bytes relay_write takes. */
size_t relay_room(const struct relay *relay);
void relay_write(struct relay *relay, const char *data, size_t len);
/* How many bytes may leave now. */
size_t relay_ready(const struct relay *relay);
/* At most `max` bytes, and no more than are ready. */
size_t relay_read(struct relay *relay, char *out, size_t max);
/* The PUT begins again; false when what it was given is not in the ring any more. */
bool relay_rewind(struct relay *relay);
