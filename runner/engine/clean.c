#include "engine/clean.h"
#include "transfer/gate.h"
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 1000

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

static void free_chores(struct chores *all)
{
    for (int i = 0; i < all->n; i++) {
        free(all->item[i].store);
        free(all->item[i].key);
        free(all->item[i].upload_id);
        free(all->item[i].temp);
    }
    free(all->item);
}

static const struct store *store_named(const struct job *job, const char *name)
{
    for (int i = 0; i < job->n_stores; i++)
        if (!strcmp(job->stores[i].store->name, name))
            return job->stores[i].store;
    return NULL;
}

/* Nothing else is under way, so the next op that ends is this one. */
static struct op *wait_for(struct io *io, struct op *op)
{
    struct op *ended = NULL;
    io_submit(io, op);
    while (!ended)
        ended = io_collect(io, -1);
    return ended;
}

static bool is_gone(const struct op *ended)
{
    return ended->out.err.kind == ERR_NONE || ended->out.err.kind == ERR_MISSING;
}

static bool carry_out(struct io *io, struct op *op)
{
    struct op *ended = wait_for(io, op);
    bool gone = is_gone(ended);
    op_free(ended);
    return gone;
}

static struct op *make_call(const struct store *store, enum call_kind kind)
{
    struct op *op = op_new(OP_CALL);
    op->in.store = store;
    op->in.credentials = store->credentials;
    op->in.call.kind = kind;
    return op;
}

static struct op *make_op(const struct store *store, const struct chore *chore)
{
    bool upload = chore->upload_id[0] != '\0';
    struct op *op = make_call(store, CALL_ABORT);
    op->kind = upload ? OP_CALL : OP_DISCARD;
    op->in.path = chore->key;
    op->in.call.key = chore->key;
    op->in.call.upload_id = chore->upload_id;
    op->in.temp = upload ? NULL : chore->temp;
    return op;
}

static void set_time(const struct run_config *config, struct turn *turn)
{
    turn->now_ms = config->mono_ns(config->clock_ctx) / 1000000;
}

/* A store that asks to slow down is waited for, but not for long. */
static bool wait_for_gate(const struct run_config *config, const struct op *op, struct turn *turn)
{
    const struct store *store = op->kind == OP_CALL ? op->in.store : NULL;

    for (set_time(config, turn); !gate_open(turn, store, false); set_time(config, turn)) {
        int64_t wait_ms = gate_wake_ms(turn) - turn->now_ms;
        if (wait_ms > PATIENCE_MS)
            return false;
        io_collect(config->io, wait_ms); /* nothing is under way: it only waits */
    }
    return true;
}

static bool carry_out_paced(const struct run_config *config, struct op *op, struct turn *turn)
{
    if (!wait_for_gate(config, op, turn)) {
        op_free(op);
        return false;
    }
    gate_pass(turn, op);
    struct op *ended = wait_for(config->io, op);
    set_time(config, turn);
    gate_return(turn, ended, true, config->job->concurrency);
    bool gone = is_gone(ended);
    op_free(ended);
    return gone;
}

static bool try_chore(const struct run_config *config, const struct chore *chore, struct turn *turn)
{
    const struct store *store = store_named(config->job, chore->store);
    if (!store)
        return false;
    struct op *op = make_op(store, chore);
    return turn ? carry_out_paced(config, op, turn) : carry_out(config->io, op);
}

static void do_chore(const struct run_config *config, const struct chore *chore, struct turn *turn,
                     struct clean_result *result)
{
    struct err err = {0};

    if (!try_chore(config, chore, turn)) {
        result->failed++;
        return;
    }
    *(chore->upload_id[0] ? &result->uploads : &result->files) += 1;
    if (!journal_begin(config->journal, &err) ||
        !journal_orphan_gone(config->journal, chore->id, &err) ||
        !journal_commit(config->journal, &err))
        result->failed++;
}

struct clean_result clean_orphans(const struct run_config *config, struct turn *turn)
{
    struct err err = {0};
    struct clean_result result = {0};
    struct chores all = {.job = config->job};

    if (!journal_orphans(config->journal, add_chore, &all, &err))
        result.failed++;
    for (int i = 0; i < all.n; i++)
        do_chore(config, &all.item[i], turn, &result);
    free_chores(&all);
    return result;
}

struct clean_result clean_all(const struct run_config *config, struct turn *turn, struct err *err)
{
    struct journal *journal = config->journal;
    struct clean_result result = {0};
    if (!journal_begin(journal, err) || !journal_forget(journal, err) ||
        !journal_commit(journal, err))
        result.failed++;
    else
        result = clean_orphans(config, turn);
    return result;
}

/* --- uploads of a machine that is lost ------------------------------------------------ */

struct search {
    const struct run_config *config;
    const struct lost_options *options;
    struct chores known; /* what this journal has of its own */
    struct clean_result result;
    char *token, *upload_marker; /* of the next page; NULL: the first */
};

static void add_known(void *ctx, int task, const char *key, const struct row *row)
{
    const struct orphan orphan = {.store = "", .key = key, .upload_id = row->upload_id, .temp = ""};
    (void)task;
    if (row->upload_id[0])
        add_chore(ctx, &orphan);
}

static bool is_known(const struct search *search, const char *upload_id)
{
    for (int i = 0; i < search->known.n; i++)
        if (!strcmp(search->known.item[i].upload_id, upload_id))
            return true;
    return false;
}

static void remove_upload(struct search *search, const struct store *store,
                          const struct list_entry *entry)
{
    const struct lost_options *options = search->options;
    bool gone = false;

    if (!options->dry) {
        struct op *op = make_call(store, CALL_ABORT);
        op->in.call.key = entry->key;
        op->in.call.upload_id = entry->upload_id;
        gone = carry_out(search->config->io, op);
        *(gone ? &search->result.uploads : &search->result.failed) += 1;
    }
    options->each(options->ctx, store, entry, gone);
}

static void look_at_page(struct search *search, const struct task *task,
                         const struct object_answer *answer)
{
    int64_t now_ms =
        answer->date_ms ? answer->date_ms : search->config->wall_ms(search->config->clock_ctx);

    for (size_t i = 0; i < answer->listing.n; i++) {
        const struct list_entry *entry = &answer->listing.entry[i];
        bool named = !task->single || !strcmp(entry->key, task->to_path);
        if (named && entry->mtime_ns && !is_known(search, entry->upload_id) &&
            now_ms - entry->mtime_ns / 1000000 >= search->options->age_ms)
            remove_upload(search, task->to, entry);
    }
}

static void next_page(struct search *search, struct object_answer *answer)
{
    free(search->token);
    free(search->upload_marker);
    search->token = answer->listing.next_token;
    search->upload_marker = answer->listing.next_upload_id;
    answer->listing.next_token = answer->listing.next_upload_id = NULL;
}

static bool search_task(struct search *search, const struct task *task, struct err *err)
{
    bool ok = true;

    for (int page = 0; ok && page < LIMIT_LIST_PAGES && (page == 0 || search->token); page++) {
        struct op *op = make_call(task->to, CALL_LIST_UPLOADS);
        op->in.call.prefix = task->to_path;
        op->in.call.token = search->token;
        op->in.call.upload_marker = search->upload_marker;
        op = wait_for(search->config->io, op);
        ok = op->out.err.kind == ERR_NONE;
        if (ok) {
            look_at_page(search, task, &op->out.answer);
            next_page(search, &op->out.answer);
        } else {
            *err = op->out.err;
            err_wrap(err, "%s", task->to->name);
        }
        op_free(op);
    }
    free(search->token);
    free(search->upload_marker);
    search->token = search->upload_marker = NULL;
    return ok;
}

static bool is_searched(const struct job *job, int number)
{
    const struct task *task = &job->tasks[number];
    for (int i = 0; i < number; i++)
        if (job->tasks[i].to == task->to && !strcmp(job->tasks[i].to_path, task->to_path))
            return true;
    return task->to->kind == STORE_DIR || task->kind == TASK_DELETE;
}

struct clean_result clean_lost(const struct run_config *config, const struct lost_options *options,
                               struct err *err)
{
    struct search search = {.config = config, .options = options};
    const struct job *job = config->job;
    bool ok = journal_each(config->journal, ROW_NONE, add_known, &search.known, err);

    for (int i = 0; ok && i < job->n_tasks; i++)
        ok = is_searched(job, i) || search_task(&search, &job->tasks[i], err);
    free_chores(&search.known);
    return search.result;
}
