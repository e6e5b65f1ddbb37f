#include "commands/inspect.h"
#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

void inspect_begin(struct inspect *inspect, struct workspace *ws, const struct options *options,
                   struct journal *journal)
{
    const struct job *job = ws->job;
    const struct hooks *all = &ws->config.hooks;

    memset(inspect, 0, sizeof *inspect);
    inspect->ws = ws;
    inspect->options = options;
    inspect->hooks = (struct hooks){.ctx = all->ctx,
                                    .map = all->map,
                                    .compare = all->compare,
                                    .yield = all->yield,
                                    .settle = all->settle};
    rng_seed(&inspect->rng, 1);
    inspect->turn = (struct turn){.wall_ms = clock_wall_ms(),
                                  .job = job,
                                  .journal = journal,
                                  .rng = &inspect->rng,
                                  .hooks = &inspect->hooks,
                                  .totals = &inspect->totals};
    inspect_tick(inspect);
    inspect->turn.stores = xcalloc((size_t)job->n_stores + 1, sizeof *inspect->turn.stores);
    for (int i = 0; i < job->n_stores; i++)
        inspect->turn.stores[i].store = job->stores[i].store;
}

void inspect_end(struct inspect *inspect)
{
    free(inspect->turn.stores);
}

struct op *inspect_wait(struct inspect *inspect, struct op *op)
{
    struct op *ended = NULL;

    io_submit(inspect->ws->io, op);
    while (!ended)
        ended = io_collect(inspect->ws->io, -1);
    return ended;
}

void inspect_tick(struct inspect *inspect)
{
    inspect->turn.now_ms = clock_mono_ns() / 1000000;
}

void inspect_pause(struct inspect *inspect, int64_t wake_ms)
{
    inspect_tick(inspect);
    if (wake_ms != INT64_MAX && wake_ms > inspect->turn.now_ms)
        io_collect(inspect->ws->io, wake_ms - inspect->turn.now_ms);
    inspect_tick(inspect);
}

bool inspect_head(struct inspect *inspect, const struct store *store, const char *key,
                  struct object_info *info, struct err *err)
{
    struct op *op = op_new(OP_CALL);

    op->in.store = store;
    op->in.credentials = store->credentials;
    op->in.call.kind = CALL_HEAD;
    op->in.call.key = op->in.path = key;
    op->in.call.total = -1;
    op = inspect_wait(inspect, op);
    *err = op->out.err;
    *info = store->kind == STORE_DIR ? op->out.info : op->out.answer.info;
    op_free(op);
    return err->kind == ERR_NONE;
}
