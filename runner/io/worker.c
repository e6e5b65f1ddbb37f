#include "io/worker.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/copy.h"
#include "io/exec.h"
#include "io/file.h"
#include "io/finish.h"
#include "io/remove.h"
#include "io/small.h"
#include "io/temp.h"
#include "io/thread.h"
#include "io/walk.h"
#include <stdio.h>
#include <stdlib.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t more; /* an op came, or stop was set */
    struct {
        struct op *head, **tail;
    } queue;
    bool stop;
    struct inbox *done; /* where ops go */
    int n;
    pthread_t thread[];
};

static bool call(struct op *op)
{
    switch (op->in.call.kind) {
    case CALL_HEAD:
        return file_head(op);
    case CALL_GET:
        return small_get(op);
    case CALL_PUT:
        return small_put(op);
    case CALL_DELETE:
        return small_delete(op);
    case CALL_LIST:
        return walk_page(op->in.walk, &op->out.answer.listing, op->in.call.max_keys, &op->out.err);
    default:
        return err_set(&op->out.err, ERR_BUG, "%s on a directory", op_name(op));
    }
}

static bool command(struct op *op)
{
    return exec_run(op->in.exec, &op->cancel, &op->out.err);
}

static bool run(struct op *op)
{
    static bool (*const job[OP_KINDS])(struct op *) = {
        [OP_CALL] = call,
        [OP_OPEN] = file_take_in,
        [OP_HASH] = copy_hash,
        [OP_TEMP] = temp_create,
        [OP_COPY] = copy_range,
        [OP_SAVE] = temp_save,
        [OP_RECHECK] = temp_recheck,
        [OP_FINISH] = finish_all,
        [OP_DISCARD] = temp_discard,
        [OP_REMOVE] = remove_all,
        [OP_EXEC] = command,
    };

    /* These free what the op holds, so they run even when nobody waits for them any more. */
    bool always = op->kind == OP_FINISH || op->kind == OP_DISCARD;
    if (!always && atomic_load_explicit(&op->cancel, memory_order_relaxed))
        return err_set(&op->out.err, ERR_CANCELLED, "%s cancelled", op_name(op));
    return job[op->kind](op);
}

static void work(struct workers *workers, struct op *op)
{
    op->out.started_ns = clock_mono_ns();
    if (run(op))
        op->out.err.kind = ERR_NONE;
    op->out.ended_ns = clock_mono_ns();
    inbox_post(workers->done, op);
}

static struct op *next(struct workers *workers, bool wait)
{
    struct op *op;

    pthread_mutex_lock(&workers->lock);
    while (!(op = list_pop(&workers->queue)) && wait && !workers->stop)
        pthread_cond_wait(&workers->more, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    return op;
}

static void *loop(void *arg)
{
    struct workers *workers = arg;
    struct op *op;

    while ((op = next(workers, true)))
        work(workers, op);
    return NULL;
}

bool workers_step(struct workers *workers)
{
    struct op *op = next(workers, false);

    if (op)
        work(workers, op);
    return op != NULL;
}

struct workers *workers_new(int n, struct inbox *done)
{
    struct workers *workers = xcalloc(1, sizeof *workers + (size_t)n * sizeof(pthread_t));

    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->more, NULL);
    list_init(&workers->queue);
    workers->done = done;
    workers->n = n;
    for (int i = 0; i < n; i++)
        thread_start(&workers->thread[i], loop, workers, "haul-worker", i);
    return workers;
}

void workers_submit(struct workers *workers, struct op *op)
{
    pthread_mutex_lock(&workers->lock);
    list_push(&workers->queue, op);
    pthread_cond_signal(&workers->more);
    pthread_mutex_unlock(&workers->lock);
}

void workers_free(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->stop = true;
    pthread_cond_broadcast(&workers->more);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->n; i++)
        pthread_join(workers->thread[i], NULL);
    pthread_cond_destroy(&workers->more);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
