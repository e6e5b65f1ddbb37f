#include "source/removal.h"
#include "core/retry.h"
#include "journal/sync.h"
#include "transfer/access.h"
#include "transfer/gate.h"
#include "wire/dialect.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES   4
#define FILES_MAX 256 /* of one batch */

struct batch {
    char **key; /* whole keys, or paths below the root */
    int64_t *size;
    int n, cap;
    bool busy;
    int attempt;
    int64_t not_before_ms;
};

struct removal {
    const struct task *task;
    struct batch batch[BATCHES];
    char *last_key; /* of the batches so far */
    bool asking;    /* before_delete was told, and a script decides */
    bool ended;     /* every extra is in a batch, or gone */
};

/* --- the guard ------------------------------------------------------------------------ */

static bool guard(const struct task *task, const struct census *census, int64_t objects,
                  struct err *stop)
{
    const char *name = task->to->name, *path = task->to_path;

    if (task->keeps_empty && census->source_objects == 0)
        return err_set(stop, ERR_INVALID,
                       "nothing is deleted below %s/%s: the source is empty, or nothing of it is "
                       "selected, and all of the target would go (%" PRId64 " objects); if that "
                       "is meant, haul.delete does it",
                       name, path, objects);
    if (task->max_deletes >= 0 && objects > task->max_deletes)
        return err_set(stop, ERR_INVALID,
                       "nothing is deleted below %s/%s: %" PRId64 " objects would go, and "
                       "max_delete is %" PRId64 "; if that is meant, give a larger one",
                       name, path, objects, task->max_deletes);
    if (task->max_deletes < 0 &&
        (double)objects > task->max_delete * (double)census->target_objects)
        return err_set(stop, ERR_INVALID,
                       "nothing is deleted below %s/%s: %" PRId64 " of %" PRId64 " objects would "
                       "go, and max_delete is %g%%; if that is meant, give a larger one",
                       name, path, objects, census->target_objects, task->max_delete * 100);
    return true;
}

static void tell(struct removal *removal, const struct census *census, int64_t objects,
                 int64_t bytes, struct turn *turn)
{
    const struct task *task = removal->task;
    struct queued_event *queued = turn_emit(turn, task, EVENT_BEFORE_DELETE);

    if (!queued)
        return;
    queued->event.removal.objects = objects;
    queued->event.removal.bytes = bytes;
    queued->event.removal.target_objects = census->target_objects;
    queued->event.removal.source_objects = census->source_objects;
    queued->event.bucket = task->to->bucket;
    removal->asking =
        turn->hooks->wants && turn->hooks->wants(turn->hooks->ctx, task, EVENT_BEFORE_DELETE);
    /* No transfer has such a ticket: theirs begin at 1 << 14. */
    if (removal->asking)
        queued->ticket = (uint64_t)task->number;
}

struct removal *removal_new(const struct task *task, const struct census *census, struct turn *turn,
                            struct err *stop)
{
    int64_t objects = 0, bytes = 0;
    struct err err = {0};

    if (!journal_extra_totals(turn->journal, task->number, &objects, &bytes, &err))
        turn_fatal(turn, &err);
    if (objects > 0 && !guard(task, census, objects, stop))
        return NULL;
    struct removal *removal = xcalloc(1, sizeof *removal);
    removal->task = task;
    removal->ended = objects == 0;
    if (objects > 0)
        tell(removal, census, objects, bytes, turn);
    return removal;
}

bool removal_asking(const struct removal *removal)
{
    return removal->asking;
}

void removal_allow(struct removal *removal)
{
    removal->asking = false;
}

/* --- batches -------------------------------------------------------------------------- */

static void batch_clear(struct batch *batch)
{
    for (int i = 0; i < batch->n; i++)
        free(batch->key[i]);
    batch->n = 0;
    batch->attempt = 0;
    batch->not_before_ms = 0;
}

void removal_free(struct removal *removal)
{
    if (!removal)
        return;
    for (int i = 0; i < BATCHES; i++) {
        batch_clear(&removal->batch[i]);
        free(removal->batch[i].key);
        free(removal->batch[i].size);
    }
    free(removal->last_key);
    free(removal);
}

static void batch_add(void *ctx, const char *key, int64_t size)
{
    struct batch *batch = ctx;
    if (batch->n == batch->cap) {
        batch->cap = batch->cap ? batch->cap * 2 : 64;
        batch->key = xrealloc(batch->key, (size_t)batch->cap * sizeof *batch->key);
        batch->size = xrealloc(batch->size, (size_t)batch->cap * sizeof *batch->size);
    }
    batch->key[batch->n] = xstrdup(key);
    batch->size[batch->n++] = size;
}

static int batch_max(const struct removal *removal)
{
    const struct dialect *dialect = removal->task->to->dialect;
    return dialect ? dialect->delete_max : FILES_MAX;
}

/* Keys that no document can name go alone. */
static void split_batch(struct removal *removal, struct batch *batch)
{
    const struct dialect *dialect = removal->task->to->dialect;
    int n = 0;

    if (!dialect)
        return;
    while (n < batch->n && object_api_batchable(dialect, batch->key[n]))
        n++;
    int keep = n ? n : 1;
    for (int i = keep; i < batch->n; i++)
        free(batch->key[i]);
    if (batch->n > keep)
        removal->ended = false;
    batch->n = batch->n < keep ? batch->n : keep;
}

static void fill_batch(struct removal *removal, struct batch *batch, struct turn *turn)
{
    struct err err = {0};

    if (journal_extras_next(turn->journal, removal->task->number, removal->last_key,
                            batch_max(removal), batch_add, batch, &err) < 0)
        turn_fatal(turn, &err);
    removal->ended = batch->n < batch_max(removal);
    split_batch(removal, batch);
    if (!batch->n)
        return;
    free(removal->last_key);
    removal->last_key = xstrdup(batch->key[batch->n - 1]);
}

void removal_fill(struct removal *removal, struct turn *turn)
{
    for (int i = 0; i < BATCHES && !removal->asking && !removal->ended; i++)
        if (removal->batch[i].n == 0)
            fill_batch(removal, &removal->batch[i], turn);
}

/* --- sending -------------------------------------------------------------------------- */

static struct op *make_remove(const struct batch *batch)
{
    struct op *op = op_new(OP_REMOVE);
    op->in.remove = xcalloc((size_t)batch->n, sizeof *op->in.remove);
    op->in.n_items = batch->n;
    for (int i = 0; i < batch->n; i++)
        op->in.remove[i].path = batch->key[i];
    return op;
}

static struct op *make_delete(const struct removal *removal, const struct batch *batch)
{
    struct op *op = op_new(OP_CALL);
    bool many = batch->n > 1 || object_api_batchable(removal->task->to->dialect, batch->key[0]);
    op->in.call.kind = many ? CALL_DELETE_MANY : CALL_DELETE;
    op->in.call.key = many ? NULL : batch->key[0];
    op->in.call.keys = (const char *const *)batch->key;
    op->in.call.n_keys = batch->n;
    return op;
}

static struct op *make_op(struct removal *removal, struct batch *batch, struct turn *turn)
{
    const struct store *store = removal->task->to;
    struct store_state *state = turn_store(turn, store);
    struct op *op = store->kind == STORE_DIR ? make_remove(batch) : make_delete(removal, batch);

    op->owner = batch;
    op->task = (uint32_t)removal->task->number;
    op->in.store = store;
    op->in.path = removal->task->to_path;
    op->in.credentials = store->credentials;
    op->in.skew_ms = state ? state->skew_ms : 0;
    op->in.requests[0] = state ? state->requests : NULL;
    batch->busy = true;
    op->again = batch->attempt++ > 0;
    return op;
}

struct op *removal_next(struct removal *removal, struct turn *turn)
{
    for (int i = 0; i < BATCHES; i++) {
        struct batch *batch = &removal->batch[i];
        if (batch->n && !batch->busy && batch->not_before_ms <= turn->now_ms &&
            gate_open(turn, removal->task->to, batch->attempt > 0))
            return make_op(removal, batch, turn);
    }
    return NULL;
}

int64_t removal_wake_ms(const struct removal *removal)
{
    int64_t wake_ms = INT64_MAX;
    for (int i = 0; i < BATCHES; i++) {
        const struct batch *batch = &removal->batch[i];
        if (batch->n && !batch->busy && batch->not_before_ms < wake_ms)
            wake_ms = batch->not_before_ms;
    }
    return wake_ms;
}

bool removal_owns(const struct removal *removal, const struct op *op)
{
    return removal && op->owner >= (void *)removal->batch &&
           op->owner < (void *)(removal->batch + BATCHES);
}

/* --- taking back ---------------------------------------------------------------------- */

static void tell_object(struct removal *removal, const struct batch *batch, int n,
                        const struct err *failure, struct turn *turn)
{
    struct queued_event *queued =
        turn_emit(turn, removal->task, failure ? EVENT_OBJECT_FAILED : EVENT_OBJECT_DELETED);
    if (!queued)
        return;
    queued->key = xstrdup(batch->key[n]);
    queued->event.bucket = removal->task->to->bucket;
    queued->event.size = batch->size[n];
    queued->event.attempt = batch->attempt;
    if (failure)
        queued->err = *failure;
}

/* What was remembered of the pair goes too; it is kept by the source's key. */
static void forget(struct removal *removal, const char *key, struct turn *turn)
{
    const struct task *task = removal->task;
    struct err err = {0};
    char *source = xasprintf("%s%s", task->from_path, key + strlen(task->to_path));

    if (!journal_extra_drop(turn->journal, task->number, key, &err) ||
        (task->kind == TASK_SYNC &&
         !journal_print_drop(turn->journal, task_scope(task), source, &err)))
        turn_fatal(turn, &err);
    free(source);
}

static void gone(struct removal *removal, const struct batch *batch, int n, struct turn *turn)
{
    turn_count(turn, removal->task, objects_deleted, 1);
    tell_object(removal, batch, n, NULL, turn);
    forget(removal, batch->key[n], turn);
}

static void stays(struct removal *removal, const struct batch *batch, int n,
                  const struct err *failure, struct turn *turn)
{
    turn_count(turn, removal->task, objects_failed, 1);
    tell_object(removal, batch, n, failure, turn);
}

/* What became of the n-th key of a batch whose op was answered. */
static bool item_failed(const struct op *op, int n, struct err *err)
{
    if (op->kind == OP_REMOVE) {
        *err = op->in.remove[n].err;
        return err->kind != ERR_NONE;
    }
    const struct listing *failed = &op->out.answer.listing;
    for (size_t i = 0; i < failed->n; i++)
        if (!strcmp(failed->entry[i].key, op->in.call.keys[n]))
            return !err_set(err, ERR_DENIED, "the store did not delete it: %s",
                            failed->entry[i].etag ? failed->entry[i].etag : "no reason given");
    return false;
}

static void settle_batch(struct removal *removal, struct batch *batch, const struct op *op,
                         struct turn *turn)
{
    for (int i = 0; i < batch->n; i++) {
        struct err err = {0};
        if (item_failed(op, i, &err))
            stays(removal, batch, i, &err, turn);
        else
            gone(removal, batch, i, turn);
    }
    batch_clear(batch);
}

static void batch_failed(struct removal *removal, struct batch *batch, const struct op *op,
                         struct turn *turn)
{
    const struct err *err = &op->out.err;
    int64_t delay_ms;

    if (access_mend(turn, op, batch->attempt)) {
        batch->not_before_ms = 0;
    } else if (retry_again(&removal->task->retry, err, batch->attempt, turn->rng, &delay_ms)) {
        batch->not_before_ms = turn->now_ms + delay_ms;
        turn->totals->retries++;
    } else {
        for (int i = 0; i < batch->n; i++)
            stays(removal, batch, i, err, turn);
        batch_clear(batch);
    }
}

void removal_settle(struct removal *removal, struct op *op, struct turn *turn)
{
    struct batch *batch = op->owner;
    const struct err *err = &op->out.err;

    batch->busy = false;
    if (err->kind == ERR_NONE || (err->kind == ERR_MISSING && op->in.call.kind == CALL_DELETE))
        settle_batch(removal, batch, op, turn);
    else
        batch_failed(removal, batch, op, turn);
    free(op->in.remove);
    op->in.remove = NULL;
}

bool removal_ready(const struct removal *removal)
{
    if (removal->asking)
        return false;
    for (int i = 0; i < BATCHES; i++)
        if (removal->batch[i].n == 0 && !removal->ended)
            return true;
    return removal_over(removal);
}

bool removal_over(const struct removal *removal)
{
    for (int i = 0; i < BATCHES; i++)
        if (removal->batch[i].n)
            return false;
    return !removal->asking && removal->ended;
}
