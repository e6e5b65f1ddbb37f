/*
 * Steps of an object that its service copies from bucket to bucket: nothing of it comes here.  In
 * one request up to the provider's limit, above it as an upload whose parts are ranges of the
 * source.
 *
 * Whether a service does it for two given buckets is only known once it was asked.  Where the job
 * leaves the route open, a refusal is remembered, and everything goes through this machine.
 */
#include "transfer/carry.h"
#include "transfer/step.h"
#include "wire/dialect.h"
#include <string.h>

static const struct store *from_store(const struct transfer *t)
{
    return t->item->task->from;
}

static const struct store *to_store(const struct transfer *t)
{
    return t->item->task->to;
}

/* --- which way ------------------------------------------------------------------------ */

/* The host without the bucket in front of it. */
static const char *service_host(const struct store *store)
{
    size_t len = store->bucket ? strlen(store->bucket) : 0;
    bool virtual = !store->bucket_in_path && len && !strncmp(store->host, store->bucket, len);
    return virtual && store->host[len] == '.' ? store->host + len + 1 : store->host;
}

static bool same_keys(const struct store *a, const struct store *b)
{
    const struct credentials *one = a->credentials, *other = b->credentials;
    return one && other && !one->anonymous && !other->anonymous &&
           !strcmp(one->access_key, other->access_key);
}

static bool same_service(const struct store *a, const struct store *b)
{
    return a->kind == b->kind && a->kind != STORE_DIR && a->kind != STORE_WEB &&
           a->https == b->https && !strcmp(service_host(a), service_host(b)) && same_keys(a, b);
}

/* The bit of a source store; 0: of one too many to be remembered. */
static uint64_t store_bit(const struct turn *turn, const struct store *store)
{
    for (int i = 0; i < turn->job->n_stores && i < 64; i++)
        if (turn->job->stores[i].store == store)
            return UINT64_C(1) << i;
    return 0;
}

enum way server_way(const struct task *task, struct turn *turn)
{
    const struct store_state *state = turn_store(turn, task->to);

    if (task->route == ROUTE_RELAY || task->from->kind == STORE_WEB)
        return WAY_RELAY;
    if (task->route == ROUTE_SERVER)
        return WAY_SERVER;
    if (!same_service(task->from, task->to))
        return WAY_RELAY;
    return state && state->no_copy_from & store_bit(turn, task->from) ? WAY_RELAY : WAY_SERVER;
}

/* Of parts that it copied none is given up for a service that denies the next one: for that reason
 * the object fails, and is carried on later. */
bool server_refused(struct transfer *t, const struct err *err, struct turn *turn)
{
    struct store_state *state = turn_store(turn, to_store(t));
    bool denied = t->n_done == 0 && (err->kind == ERR_DENIED || err->status == 501);
    bool refused = denied || err->kind == ERR_INVALID;

    if (t->way != WAY_SERVER || t->item->task->route != ROUTE_AUTO || !refused)
        return false;
    if (state)
        state->no_copy_from |= store_bit(turn, from_store(t));
    t->way = WAY_RELAY;
    return true;
}

/* --- one request ---------------------------------------------------------------------- */

static int64_t part_size_of(const struct transfer *t)
{
    int64_t asked = t->item->part_size ? t->item->part_size : t->item->task->part_size;
    return asked ? asked : LIMIT_COPY_PART;
}

/* Parts of the interrupted run that came through this machine: their row names what they were
 * checked with.  The rest goes the same way, where the job leaves it open. */
static bool was_relayed(const struct transfer *t)
{
    return t->row.upload_id[0] && (t->row.sum_kind != SUM_NONE || t->row.md5_parts);
}

/* Parts that the service copied show that it does so for these two buckets, whatever it said of
 * another object since. */
bool server_carries_on(struct transfer *t)
{
    const struct task *task = t->item->task;
    if (!t->row.upload_id[0] || was_relayed(t) || task->route != ROUTE_AUTO ||
        !same_service(task->from, task->to))
        return false;
    t->way = WAY_SERVER;
    multipart_begin(t, 0);
    return true;
}

static void settle_head(struct transfer *t, struct op *op, struct turn *turn)
{
    if (!source_seen(t, op, turn) || server_carries_on(t))
        return;
    bool refused = server_way(t->item->task, turn) == WAY_RELAY; /* since this began */
    if (refused || (was_relayed(t) && t->item->task->route == ROUTE_AUTO)) {
        t->way = WAY_RELAY;
        relay_begin(t, turn);
        return;
    }
    if (t->row.upload_id[0] || t->info.size > to_store(t)->dialect->copy_max)
        multipart_begin(t, part_size_of(t));
    else
        transfer_go(t, STEP_COPY);
}

static void name_source(const struct transfer *t, struct op *op)
{
    op->in.call.source_bucket = from_store(t)->bucket;
    op->in.call.source_key = t->item->key;
    op->in.call.if_match = t->info.etag[0] ? t->info.etag : NULL;
}

/* The service carries everything itself, unless it is told what to write. */
static struct op *make_copy(struct transfer *t, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_COPY, to_store(t), t->item->target, turn);
    bool replaces = carry_is_asked(t) || !t->item->task->preserve;
    name_source(t, op);
    op->in.call.len = t->info.size;
    op->in.call.attributes = replaces ? t->attributes : NULL;
    return op;
}

static void settle_copy(struct transfer *t, struct op *op, struct turn *turn)
{
    t->target = op->out.answer.info;
    if (server_judge(t, &t->target) == VERDICT_SAME)
        transfer_succeed(t, turn);
    else
        transfer_go(t, STEP_CONFIRM);
}

static bool copy_failed(struct transfer *t, struct op *op, struct turn *turn)
{
    const struct err *err = &op->out.err;

    if (err->kind == ERR_CHANGED) {
        transfer_restart(t, err, turn);
        return true;
    }
    if (err->kind == ERR_INVALID && t->info.size > to_store(t)->dialect->part_min) {
        multipart_begin(t, part_size_of(t)); /* some services copy less at once than others */
        return true;
    }
    if (!server_refused(t, err, turn))
        return false;
    relay_begin(t, turn);
    return true;
}

/* Is the copy the source?  By the sum of the whole, or by an ETag that is an MD5; else only its
 * size is known. */
enum verdict server_judge(struct transfer *t, const struct object_info *info)
{
    t->check = CHECK_SIZE;
    if (t->info.sum_kind != SUM_NONE && info->sum_kind == t->info.sum_kind) {
        t->check = check_of(t->info.sum_kind);
        return info->sum == t->info.sum ? VERDICT_SAME : VERDICT_OTHER;
    }
    if (!t->n_parts && source_etag_is_md5(t) && !strcasecmp(info->etag, t->info.etag)) {
        t->check = CHECK_MD5;
        return VERDICT_SAME;
    }
    return VERDICT_OPEN;
}

/* --- parts ---------------------------------------------------------------------------- */

struct op *server_part(struct transfer *t, uint32_t n, struct span span, struct turn *turn)
{
    struct op *op = transfer_call(t, CALL_PART_COPY, to_store(t), t->item->target, turn);
    name_source(t, op);
    op->in.call.upload_id = t->row.upload_id;
    op->in.call.part_number = (int)n + 1;
    op->in.call.off = span.off;
    op->in.call.len = span.len;
    op->in.call.total = t->info.size;
    return op;
}

static void moved(struct transfer *t, struct turn *turn)
{
    (void)turn;
    transfer_go(t, STEP_COMPLETE);
}

const struct step_def server_steps[STEPS] = {
    [STEP_HEAD] = {source_make_head, settle_head, NULL, EVENT_JOB_STARTED, true, NULL},
    [STEP_COPY] = {make_copy, settle_copy, copy_failed, EVENT_JOB_STARTED, true, NULL},
    [STEP_MOVE] = {NULL, NULL, NULL, EVENT_JOB_STARTED, true, moved},
};
