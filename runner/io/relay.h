#pragma once
/*
 * Bytes on their way from a GET to the PUTs or PARTs that are sent at the same time: a bounded
 * ring, with one place to read for each of them.  A side that finds it full or empty pauses until
 * another has moved on; room is what the slowest leaves.  Made for a set (op.in.also; most often a
 * pair) by the lane that runs all of it, with memory from a pool of that lane.  Lane thread only.
 *
 * The last byte leaves only after the GET has ended well: whatever is wrong with the source, no
 * store ever has a whole body of it.
 */
#include "io/op.h"

struct exchange;   /* io/exchange.h */
struct relay_ring; /* memory */

/* Rings are kept for the next set; there are never more than sets that run at once. */
struct relay_pool {
    struct relay_ring *free;
    size_t size; /* of those taken from now on */
};

/* For `n_pairs` over all lanes, of a pool that is zeroed or was in use: rings that are in use keep
 * their size. */
void relay_pool_size(struct relay_pool *pool, int n_pairs);
void relay_pool_free(struct relay_pool *pool);

struct relay_sink {
    struct op *op;
    struct exchange *exchange; /* NULL: ended, or not begun */
    int64_t out;               /* bytes that went */
};

struct relay {
    struct relay *next;      /* the lane's list */
    struct op *put;          /* whose `feed` is the GET; the first sink's */
    struct exchange *source; /* NULL: ended */
    struct relay_sink sink[LIMIT_FAN];
    int n_sinks;
    struct relay_pool *pool;
    struct relay_ring *ring;
    int64_t in; /* bytes that came */
    bool ended; /* the GET ended well */
    /* Every kind is summed once, however many ask for it. */
    struct hasher *md5; /* NULL: nobody wants it */
    uint64_t sum[SUM_KINDS];
    bool wants[SUM_KINDS]; /* beside the one that the GET sums */
};

/* How many go into a set: the GET and its sinks. */
int relay_set_size(const struct op *put);

struct relay *relay_new(struct op *put, struct relay_pool *pool);
/* Puts sums into `out` of each sink and frees it. */
void relay_free(struct relay *relay);

struct relay_sink *relay_sink(struct relay *relay, const struct op *op);
/* Has any sink not ended? */
bool relay_is_wanted(const struct relay *relay);

/* How many bytes relay_write takes. */
size_t relay_room(const struct relay *relay);
void relay_write(struct relay *relay, const char *data, size_t len);
/* How many bytes may leave now, for `op`. */
size_t relay_ready(struct relay *relay, const struct op *op);
/* At most `max` bytes, and no more than are ready. */
size_t relay_read(struct relay *relay, const struct op *op, char *out, size_t max);
/* The sink begins again; false when what it was given is not in the ring any more. */
bool relay_rewind(struct relay *relay, const struct op *op);
