#pragma once
/*
 * The bytes of one transfer between a socket and where they live: a file, memory, or nowhere.
 * Received bytes are gathered in blocks from a pool, so that a file gets few, aligned writes and
 * the checksum runs over bytes that are still in the cache.  Lane thread only.
 */
#include "io/op.h"

struct relay; /* io/relay.h */

struct block {
    struct block *next;
    char data[128 << 10];
};

/* Blocks are kept for the next transfer; there are never more than transfers that receive. */
struct block_pool {
    struct block *free;
};

void block_pool_free(struct block_pool *pool);

struct body {
    struct op *op;
    struct block_pool *pool;
    struct block *block; /* being filled; NULL: none needed now */
    size_t n;            /* bytes in it */
    const char *memory;  /* of a body that is sent from memory */
    int64_t len;         /* of a body that is sent; -1: there is none */
    struct relay *relay; /* received for, or sent from, the others of a set; NULL: no set */
};

/* `small` holds the body of a call that carries a document; unused for object data. */
void body_start(struct body *body, struct op *op, struct block_pool *pool, const struct buf *small,
                int64_t len, struct relay *relay);

/* Received object data; false with `err` when it cannot be kept. */
bool body_put(struct body *body, const char *data, size_t len, struct err *err);
/* All of it is here: writes what is left. */
bool body_end(struct body *body, struct err *err);
/* Forgets what is gathered. */
void body_drop(struct body *body);

/* Up to `max` bytes of what is sent next; 0: the end; -1 with `err`. */
int64_t body_get(struct body *body, char *out, int64_t max, struct err *err);
/* What is left to send. */
int64_t body_left(const struct body *body);
/* Sending begins again; false when what was sent is not at hand any more. */
bool body_rewind(struct body *body);
