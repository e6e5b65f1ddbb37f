#pragma once
/*
 * A turn for commands that look and change nothing: the parts of the engine that ask stores can be
 * used in it, one op at a time.  Owned by the command, on the control thread.
 */
#include "commands/workspace.h"
#include "transfer/turn.h"

struct inspect {
    struct workspace *ws;
    const struct options *options;
    struct turn turn;
    struct totals totals;
    struct rng rng;
    struct hooks hooks; /* the functions of the job file; no events */
};

/* The workspace is started; `journal` may be NULL, and is only read. */
void inspect_begin(struct inspect *inspect, struct workspace *ws, const struct options *options,
                   struct journal *journal);
void inspect_end(struct inspect *inspect);
/* Sends the op and waits until it has ended; the caller frees what comes back. */
struct op *inspect_wait(struct inspect *inspect, struct op *op);
/* Before something is asked of the turn: looks at the clock. */
void inspect_tick(struct inspect *inspect);
/* Nothing can be sent before `wake_ms` of the turn's clock. */
void inspect_pause(struct inspect *inspect, int64_t wake_ms);
/* What an object, or a file, is now.  False with the reason. */
bool inspect_head(struct inspect *inspect, const struct store *store, const char *key,
                  struct object_info *info, struct err *err);
