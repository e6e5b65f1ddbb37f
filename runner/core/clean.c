#include "core/clean.h"
#include <stdlib.h>
#include <string.h>

/* A copy of what is to be removed: rows cannot be changed while they are being read. */
struct chore {
    int64_t id; /* of the orphan */
    char *store, *key, *upload_id, *temp;
};

struct chores {
    struct chore *item;
    int n, cap;
    const struct job *job;
};

static void add_chore(void *ctx, const struct orphan *orphan)
{
    struct chores *all = ctx;
    if (all->n == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 16;
        all->item = xrealloc(all->item, (size_t)all->cap * sizeof *all->item);
    }
    all->item[all->n++] = (struct chore){orphan->id, xstrdup(orphan->store), xstrdup(orphan->key),
                                         xstrdup(orphan->upload_id), xstrdup(orphan->temp)};
}

static const struct store *store_named(const struct job *job, const char *name)
{
    for (int i = 0; i < job->n_stores; i++)
        if (!strcmp(job->stores[i].store->name, name))
            return job->stores[i].store;
    return NULL;
}

/* Nothing else is under way, so the next op that ends is this one. */
static bool carry_out(struct io *io, struct op *op)
{
    struct op *ended = NULL;
    io_submit(io, op);
    while (!ended)
        ended = io_collect(io, -1);
    bool gone = ended->out.err.kind == ERR_NONE || ended->out.err.kind == ERR_MISSING;
    op_free(ended);
    return gone;
}

static struct op *make_op(const struct store *store, const struct chore *chore)
{
    bool upload = chore->upload_id[0] != '\0';
    struct op *op = op_new(upload ? OP_CALL : OP_DISCARD);
    op->in.store = store;
    op->in.credentials = store->credentials;
    op->in.path = chore->key;
    op->in.call.kind = CALL_ABORT;
    op->in.call.key = chore->key;
    op->in.call.upload_id = chore->upload_id;
    op->in.temp = upload ? NULL : chore->temp;
    return op;
}

static void do_chore(const struct run_config *config, const struct chore *chore,
                     struct clean_result *result)
{
    struct err err = {0};
    const struct store *store = store_named(config->job, chore->store);

    if (!store || !carry_out(config->io, make_op(store, chore))) {
        result->failed++;
        return;
    }
    *(chore->upload_id[0] ? &result->uploads : &result->files) += 1;
    if (!journal_begin(config->journal, &err) ||
        !journal_orphan_gone(config->journal, chore->id, &err) ||
        !journal_commit(config->journal, &err))
        result->failed++;
}

struct clean_result clean_orphans(const struct run_config *config)
{
    struct err err = {0};
    struct clean_result result = {0};
    struct chores all = {.job = config->job};

    if (!journal_orphans(config->journal, add_chore, &all, &err))
        result.failed++;
    for (int i = 0; i < all.n; i++) {
        struct chore *chore = &all.item[i];
        do_chore(config, chore, &result);
        free(chore->store);
        free(chore->key);
        free(chore->upload_id);
        free(chore->temp);
    }
    free(all.item);
    return result;
}

struct clean_result clean_all(const struct run_config *config, struct err *err)
{
    struct journal *journal = config->journal;
    struct clean_result result = {0};
    if (!journal_begin(journal, err) || !journal_forget(journal, err) ||
        !journal_commit(journal, err))
        result.failed++;
    else
        result = clean_orphans(config);
    return result;
}
