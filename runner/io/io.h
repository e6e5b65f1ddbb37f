#pragma once
/*
 * The set of lanes and workers behind one interface, so that the engine never knows whether bytes
 * move over sockets or inside a simulator.  Control thread only.
 */
#include "io/op.h"

struct io;

struct io_ops {
    /* Takes ownership of the op until collect gives it back. */
    void (*submit)(struct io *io, struct op *op);
    /* The ops that ended, linked by `next`, in the order they ended; NULL if none did within
     * `wait_ms` (0: do not wait; -1: until something happens).  io_wake ends the wait early. */
    struct op *(*collect)(struct io *io, int64_t wait_ms);
    /* Stops every thread; nothing may be in flight. */
    void (*stop)(struct io *io);
};

struct io {
    const struct io_ops *ops;
};

struct io_config {
    int n_lanes; /* 0: the lane runs inside collect, and so do the workers */
    int n_workers;
    int n_connections; /* requests in flight over all lanes; a relay (op.in.feed) is two, in one
                          lane, and one more for each that goes along (op.in.also), so a job that
                          relays wants a multiple of its concurrency.  With fewer it is only slower:
                          a lane begins all of a set or nothing, and one that is larger than its
                          share when nothing else runs. */
    int64_t buffer;    /* memory for receive and send buffers, over all connections */
};

/* Counters that lanes keep and control reads; no locks, never exact to the byte at one instant. */
struct io_stats {
    int64_t received, sent;     /* bytes of bodies */
    int64_t requests, connects; /* connects: new connections */
    int64_t paused;             /* transfers held by a throttle now */
};

/* The real one: lanes and workers, started. */
struct io *io_new(const struct io_config *config);
void io_stats(struct io *io, struct io_stats *stats);
/* Ends a wait in collect; async-signal-safe. */
void io_wake(struct io *io);
/* n_connections of the config from now on; those beyond end as they would. */
void io_widen(struct io *io, int n_connections);
/* A wait in collect also ends when `fd` is readable, until the caller has read what is there. Once;
 * fd must be open as long as io is used. */
bool io_watch(struct io *io, int fd);
/* The version of the library that speaks HTTP. */
const char *io_library(void);
/* Stops the threads and frees it. */
void io_free(struct io *io);

/* Closes what io keeps of a store (the descriptor of a directory's root); nothing of the store may
 * be in flight.  To be called before store_free. */
void io_close_store(struct store *store);

#define io_submit(io, op)       ((io)->ops->submit((io), (op)))
#define io_collect(io, wait_ms) ((io)->ops->collect((io), (wait_ms)))
