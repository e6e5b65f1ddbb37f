#pragma once
/*
 * A lane: a thread with a curl multi and the only place where sockets are.  It makes one attempt at
 * an op and posts it; it never retries, never decides, never logs.  All functions but lane_turn are
 * for the control thread.
 */
#include "io/inbox.h"
#include "io/io.h"

struct lane;

struct lane_config {
    int n_connections; /* requests in flight in this lane */
    int n_lanes;       /* how many lanes there are */
    int64_t buffer;    /* memory for the buffers of this lane's connections */
};

/* Once before the first lane and once after the last, before there are threads. */
void lane_init(void);
void lane_exit(void);
/* NULL when libcurl has no handle to give. */
struct lane *lane_new(const struct lane_config *config, struct inbox *done);
/* Runs it in a thread of its own. */
void lane_start(struct lane *lane, int n);
/* So many requests may be in flight from now on. */
void lane_widen(struct lane *lane, int n_connections);
void lane_submit(struct lane *lane, struct op *op);
/* Ops submitted and not yet posted. */
int64_t lane_load(const struct lane *lane);
void lane_stats(const struct lane *lane, struct io_stats *stats); /* adds to `stats` */
/* Stops the thread, if there is one, and frees it; nothing may be in flight. */
void lane_free(struct lane *lane);

/* One turn of the loop: starts what may start, moves bytes, posts what ended, and waits for at most
 * `wait_ms` or until `event` (-1: none) is readable. */
void lane_turn(struct lane *lane, int wait_ms, int event);
