#include "engine/probe.h"
#include "core/retry.h"
#include "io/walk.h"
#include "transfer/access.h"
#include <stdlib.h>
#include <string.h>

#define TRIES 3

struct probe {
    const struct run_config *config;
    struct rng rng;
};

static int64_t now_ms(const struct probe *probe)
{
    return probe->config->mono_ns(probe->config->clock_ctx) / 1000000;
}

static struct op *ask(const struct probe *probe, const struct op *question)
{
    struct op *op = op_new(question->kind), *ended = NULL;
    op->in = question->in;
    io_submit(probe->config->io, op);
    while (!ended)
        ended = io_collect(probe->config->io, -1);
    return ended;
}

static void pause_for(const struct probe *probe, int64_t ms)
{
    int64_t end_ms = now_ms(probe) + ms;
    for (int64_t left = ms; left > 0; left = end_ms - now_ms(probe))
        io_collect(probe->config->io, left);
}

/* Asks until there is an answer that will not change by asking again. */
static bool settled(struct probe *probe, const struct task *task, struct op *question,
                    struct err *err)
{
    int64_t delay_ms;

    for (int attempt = 1;; attempt++) {
        struct op *op = ask(probe, question);
        int64_t wall_ms = probe->config->wall_ms(probe->config->clock_ctx), skew_ms = 0;
        bool skewed = attempt == 1 && access_skewed(op, wall_ms, &skew_ms);
        *err = op->out.err;
        op_free(op);
        if (err->kind == ERR_NONE)
            return true;
        question->in.skew_ms = skew_ms;
        if (skewed)
            continue;
        if (attempt == TRIES || !retry_again(&task->retry, err, attempt, &probe->rng, &delay_ms))
            return false;
        pause_for(probe, delay_ms);
    }
}

static struct op *question_for(const struct store *store, enum call_kind kind)
{
    struct op *op = op_new(OP_CALL);
    op->in.store = store;
    op->in.credentials = store->credentials;
    op->in.call.kind = kind;
    op->in.call.total = -1;
    op->in.call.max_keys = 1;
    return op;
}

/* What has failed is no failure for what is to be done; always true. */
static bool forgive(struct err *err)
{
    *err = (struct err){0};
    return true;
}

/* May this bucket be listed, or at least: is the request understood as ours?  Keys that may only
 * read or only write objects are common, so a refusal to list is no failure where nothing is to be
 * listed. */
static bool reach_bucket(struct probe *probe, const struct task *task, const struct store *store,
                         const char *prefix, bool listed, struct err *err)
{
    struct op *question = question_for(store, CALL_LIST);
    question->in.call.prefix = prefix;
    bool ok =
        settled(probe, task, question, err) || (err->kind == ERR_DENIED && !listed && forgive(err));
    op_free(question);
    return ok || err_wrap(err, "%s cannot be reached", store->name);
}

/* A web server that refuses a HEAD may still answer a GET. */
static bool reach_object(struct probe *probe, const struct task *task, struct err *err)
{
    struct op *question = question_for(task->from, CALL_HEAD);
    question->in.call.key = question->in.path = task->from_path;
    bool ok = settled(probe, task, question, err);
    bool denied = err->kind == ERR_DENIED && task->from->kind != STORE_DIR;
    bool head_only = err->status && err->kind != ERR_MISSING && task->from->kind == STORE_WEB;
    op_free(question);
    return ok || ((denied || head_only) && forgive(err)) ||
           err_wrap(err, "%s/%s", task->from->name, task->from_path);
}

/* A directory that is not there lists as an empty one, like a prefix of a bucket; but here it can
 * be told, and is a mistake more often than not. */
static bool prefix_exists(struct probe *probe, const struct task *task, struct op *question,
                          struct err *err)
{
    size_t len = strlen(task->from_path);
    char *path = xstrndup(task->from_path, len ? len - 1 : 0);
    question->in.call.kind = CALL_HEAD;
    question->in.path = path;
    bool ok = len == 0 || settled(probe, task, question, err) ||
              (err->kind != ERR_MISSING && forgive(err));
    free(path);
    return ok;
}

static bool reach_directory(struct probe *probe, const struct task *task, struct err *err)
{
    struct op *question = question_for(task->from, CALL_LIST);
    question->in.walk = walk_new(task->from, task->from_path);
    question->in.call.prefix = task->from_path;
    bool ok = settled(probe, task, question, err);
    walk_free(question->in.walk);
    question->in.walk = NULL;
    ok = ok && prefix_exists(probe, task, question, err);
    op_free(question);
    return ok || err_wrap(err, "%s", task->from->name);
}

static bool reach_source(struct probe *probe, const struct task *task, struct err *err)
{
    bool listed = !task->single && !task->keys;
    bool bucket = task->from->kind != STORE_DIR && task->from->kind != STORE_WEB;
    if (bucket &&
        !reach_bucket(probe, task, task->from, listed ? task->from_path : "", listed, err))
        return false;
    if (task->single)
        return reach_object(probe, task, err);
    return task->from->kind != STORE_DIR || reach_directory(probe, task, err);
}

bool probe_stores(const struct run_config *config, struct err *err)
{
    struct probe probe = {.config = config};

    rng_seed(&probe.rng, config->seed);
    for (int i = 0; i < config->job->n_tasks; i++) {
        const struct task *task = &config->job->tasks[i];
        if (!reach_source(&probe, task, err))
            return false;
        if (task->to->kind != STORE_DIR &&
            !reach_bucket(&probe, task, task->to, task->to_path, false, err))
            return false;
    }
    return true;
}

static bool write_beside(const struct probe *probe, const struct task *task, struct err *err)
{
    char *path = task->single && task->to_path[0] && task->to_path[strlen(task->to_path) - 1] != '/'
                     ? xstrdup(task->to_path)
                     : xasprintf("%sprobe", task->to_path);
    struct op *question = op_new(OP_TEMP);
    question->in.store = task->to;
    question->in.path = path;
    struct op *temp = ask(probe, question);
    *err = temp->out.err;
    question->kind = OP_DISCARD;
    question->in.fd = temp->out.fd;
    question->in.temp = temp->out.temp;
    if (err->kind == ERR_NONE)
        op_free(ask(probe, question));
    op_free(temp);
    op_free(question);
    free(path);
    return err->kind == ERR_NONE || err_wrap(err, "%s", task->to->name);
}

bool probe_targets(const struct run_config *config, struct err *err)
{
    const struct probe probe = {.config = config};
    for (int i = 0; i < config->job->n_tasks; i++)
        if (config->job->tasks[i].to->kind == STORE_DIR &&
            !write_beside(&probe, &config->job->tasks[i], err))
            return false;
    return true;
}
