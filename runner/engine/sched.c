#include "engine/sched.h"
#include "base/fault.h"
#include "base/list.h"
#include "transfer/fan.h"
#include "transfer/gate.h"
#include <stdlib.h>
#include <string.h>

void sched_init(struct sched *sched, struct io *io, const struct job *job)
{
    memset(sched, 0, sizeof *sched);
    sched->io = io;
    sched->concurrency = job->concurrency;
    sched->workers = job->workers > 0 ? job->workers : 1;
    list_init(&sched->deferred);
}

void sched_free(struct sched *sched)
{
    sched_bury(sched);
    for (struct transfer *t = sched->head, *next; t; t = next) {
        next = t->next;
        transfer_free(t);
    }
    for (struct item *item; (item = list_pop(&sched->deferred));)
        item_free(item);
    loads_free(&sched->loads);
}

/* --- the tasks ------------------------------------------------------------------------ */

int sched_n_open(const struct sched *sched, const struct task *task)
{
    const struct load *load = loads_of(&sched->loads, task);
    return load ? load->n_open : 0;
}

static bool is_of(const struct item *item, const struct task *task)
{
    return task_first(item->task) == task;
}

bool sched_is_done(const struct sched *sched, const struct task *task)
{
    for (const struct item *item = sched->deferred.head; item; item = item->next)
        if (is_of(item, task))
            return false;
    return sched_n_open(sched, task) == 0;
}

struct item *sched_take_deferred(struct sched *sched, const struct task *task)
{
    struct item **at = &sched->deferred.head, *item;

    while ((item = *at) && !is_of(item, task))
        at = &item->next;
    if (!item)
        return NULL;
    *at = item->next;
    if (!*at)
        sched->deferred.tail = at;
    item->next = NULL;
    return item;
}

/* --- the open ones -------------------------------------------------------------------- */

static struct transfer **chain_of(const struct sched *sched, uint64_t id)
{
    return (struct transfer **)&sched->table[id % SCHED_TABLE];
}

struct transfer *sched_find(const struct sched *sched, uint64_t id)
{
    struct transfer *t = *chain_of(sched, id);
    while (t && t->id != id)
        t = t->chain;
    return t;
}

/* Only what is named can be named twice. */
bool sched_is_open(const struct sched *sched, const struct item *item)
{
    const struct task *task = item->task;

    if (!task->keys && !(task->functions & TASK_YIELDS))
        return false;
    for (const struct transfer *t = sched->head; t; t = t->next)
        if (t->item->task == task && !strcmp(t->item->key, item->key))
            return true;
    return false;
}

static void push_open(struct sched *sched, struct transfer *t)
{
    t->next = NULL;
    t->prev = sched->tail;
    *(sched->tail ? &sched->tail->next : &sched->head) = t;
    sched->tail = t;
}

static void pull_open(struct sched *sched, struct transfer *t)
{
    *(t->prev ? &t->prev->next : &sched->head) = t->next;
    *(t->next ? &t->next->prev : &sched->tail) = t->prev;
}

void sched_open(struct sched *sched, struct item *item, struct turn *turn)
{
    struct transfer *t = transfer_new(++sched->last_id, item, turn);
    struct transfer **chain = chain_of(sched, t->id);

    t->chain = *chain;
    *chain = t;
    push_open(sched, t);
    sched->n_open++;
    loads_of(&sched->loads, item->task)->n_open++;
}

static void unlink_open(struct sched *sched, struct transfer *t)
{
    struct transfer **chain = chain_of(sched, t->id);

    while (*chain != t)
        chain = &(*chain)->chain;
    *chain = t->chain;
    pull_open(sched, t);
    sched->n_open--;
    loads_of(&sched->loads, t->item->task)->n_open--;
}

static void retire(struct sched *sched, struct transfer *t)
{
    unlink_open(sched, t);
    if (t->defer) {
        t->item->deferred = true;
        struct item *again = xcalloc(1, sizeof *again);
        *again = *t->item;
        again->fan = NULL;
        again->key = xstrdup(t->item->key);
        again->target = xstrdup(t->item->target);
        t->item->attributes = NULL; /* they move to the new one */
        list_push(&sched->deferred, again);
    }
    t->next = sched->ended;
    sched->ended = t;
}

void sched_drop_deferred(struct sched *sched, const struct err *err, struct turn *turn)
{
    for (struct item *item; (item = list_pop(&sched->deferred)); item_free(item)) {
        struct queued_event *queued = turn_emit(turn, item->task, EVENT_OBJECT_FAILED);
        if (!queued)
            continue;
        queued->key = xstrdup(item->key);
        queued->err = *err;
    }
}

void sched_retire(struct sched *sched)
{
    sched->n_finishing = 0;
    for (int i = 0; i < sched->loads.n; i++)
        sched->loads.item[i].n_finishing = 0;
    for (struct transfer *t = sched->head, *next; t; t = next) {
        next = t->next;
        if (t->step == STEP_OVER) {
            retire(sched, t);
        } else if (t->step == STEP_FINISH) {
            sched->n_finishing++;
            loads_of(&sched->loads, t->item->task)->n_finishing++;
        }
    }
}

void sched_bury(struct sched *sched)
{
    for (struct transfer *t = sched->ended, *next; t; t = next) {
        next = t->next;
        transfer_free(t);
    }
    sched->ended = NULL;
}

/* --- sending -------------------------------------------------------------------------- */

/* Ops on stores and copies hold a slot of the job's concurrency; the rest is quick work on files.
 */
static bool is_data(const struct op *op)
{
    return op->kind == OP_COPY || (op->kind == OP_CALL && op->in.store->kind != STORE_DIR);
}

/* Of the task whose op it is; NULL: of none that runs. */
static struct load *load_of_op(const struct sched *sched, const struct op *op,
                               const struct turn *turn)
{
    return op->task ? loads_of(&sched->loads, &turn->job->tasks[op->task - 1]) : NULL;
}

/* An op of that kind was sent, or came back. */
static void count(struct sched *sched, const struct op *op, int change, const struct turn *turn)
{
    struct load *load = load_of_op(sched, op, turn);

    if (op->aside)
        sched->n_aside += change;
    else if (!is_data(op))
        sched->n_work += change;
    else
        sched->n_data += change;
    if (load && is_data(op))
        load->n_data += change;
}

static void attach_limits(struct sched *sched, struct op *op, struct turn *turn)
{
    const struct store_state *state = op->in.store ? turn_store(turn, op->in.store) : NULL;
    enum call_kind call = op->in.call.kind;
    bool get = op->kind == OP_CALL && call == CALL_GET;
    bool put = op->kind == OP_CALL && (call == CALL_PUT || call == CALL_PART);

    if (!get && !put && op->kind != OP_COPY)
        return;
    op->in.bytes[0] = sched->job_bytes;
    op->in.bytes[1] = state ? (put ? state->write : state->read) : NULL;
    op->in.bytes[2] = op->task ? sched->task_bytes[op->task - 1] : NULL;
    /* A pair pays the job's and the task's limit once, and each side its own store's. */
    struct op *feed = op->in.feed;
    const struct store_state *from = feed ? turn_store(turn, feed->in.store) : NULL;
    if (feed)
        feed->in.bytes[1] = from ? from->read : NULL;
}

static void charge(struct sched *sched, struct op *op, struct turn *turn)
{
    attach_limits(sched, op, turn);
    if (is_data(op))
        turn->totals->requests += (op->kind == OP_CALL) + (op->in.feed != NULL);
    gate_pass(turn, op);
}

/* A set is one: what is counted is what is read. */
static void send(struct sched *sched, struct op *op, const struct turn *turn)
{
    count(sched, op, 1, turn);
    (void)FAULT(op_submitted);
    io_submit(sched->io, op);
}

void sched_submit(struct sched *sched, struct op *op, struct turn *turn)
{
    charge(sched, op, turn);
    send(sched, op, turn);
}

static int work_max(const struct sched *sched)
{
    return sched->workers * 4;
}

/* A task may have a limit of its own; `share` is one that others set it. */
static bool data_full(const struct sched *sched, const struct transfer *t, int share)
{
    const struct load *load = loads_of(&sched->loads, t->item->task);
    int own = t->item->task->concurrency;

    return sched->n_data >= sched->concurrency || load->n_data >= share ||
           (own > 0 && load->n_data >= own);
}

static bool may_send(const struct sched *sched, const struct transfer *t, const struct wish *wish,
                     int share, struct turn *turn)
{
    if (sched->n_work >= work_max(sched) || (wish->data && data_full(sched, t, share)))
        return false;
    return gate_open(turn, wish->from, wish->again) && gate_open(turn, wish->to, wish->again);
}

/* What of other targets the same bytes are for goes along. */
static void gather(struct sched *sched, const struct transfer *t, struct op *op, struct turn *turn)
{
    struct op **last = &op->in.also;

    for (struct transfer *s = NULL; (s = fan_next(t, s));) {
        bool open = gate_open(turn, s->item->task->to, false);
        struct op *more = open ? fan_join(s, t, op, turn) : NULL;
        if (!more)
            continue;
        charge(sched, more, turn);
        *last = more;
        last = &more->in.also;
    }
}

/* Sends what one transfer has ready; true: something was. */
static bool send_ready(struct sched *sched, struct transfer *t, int share, struct turn *turn)
{
    struct wish wish;
    bool sent = false;

    while (transfer_ready(t, turn->now_ms, &wish) && may_send(sched, t, &wish, share, turn)) {
        struct op *op = transfer_next(t, turn);
        if (!op)
            break;
        op->again = wish.again;
        charge(sched, op, turn);
        if (op->in.feed)
            gather(sched, t, op, turn);
        send(sched, op, turn);
        sent = true;
    }
    return sent;
}

/* --- groups of files that get their names together ------------------------------------ */

static bool waits_for_group(const struct transfer *t, const struct turn *turn)
{
    return t->step == STEP_FINISH && !t->busy && !t->leaving && t->ready_ms <= turn->now_ms;
}

static int group_size(const struct sched *sched, const struct turn *turn, int64_t *oldest_ms)
{
    int n = 0;
    for (struct transfer *t = sched->head; t && n < LIMIT_SYNC_GROUP; t = t->next) {
        if (!waits_for_group(t, turn))
            continue;
        n++;
        if (t->ready_ms < *oldest_ms)
            *oldest_ms = t->ready_ms;
    }
    return n;
}

static void add_to_group(struct finish_item *item, struct transfer *t)
{
    item->transfer = t->id;
    item->root = t->item->task->to;
    item->path = t->item->target;
    item->temp = t->row.temp;
    item->fd = t->target_fd;
    item->mtime_ns = t->mtime_ns;
    item->want_info = t->item->task->kind == TASK_SYNC || t->item->task->kind == TASK_MOVE;
    t->busy = true;
}

static void send_group(struct sched *sched, int n, struct turn *turn)
{
    struct op *op = op_new(OP_FINISH);
    op->in.finish = xcalloc((size_t)n, sizeof *op->in.finish);
    op->in.sync = turn->job->durability != DURABLE_NONE;
    for (struct transfer *t = sched->head; t && op->in.n_items < n; t = t->next)
        if (waits_for_group(t, turn)) {
            op->in.store = t->item->task->to;
            /* No source goes before its copy is safe. */
            op->in.sync = op->in.sync || t->item->task->kind == TASK_MOVE;
            add_to_group(&op->in.finish[op->in.n_items++], t);
        }
    sched_submit(sched, op, turn);
}

/* Small files wait a moment for others, so that one sync serves many. */
static void send_groups(struct sched *sched, struct turn *turn)
{
    int64_t oldest_ms = INT64_MAX;
    int n = group_size(sched, turn, &oldest_ms);
    bool quiet = sched->n_data == 0 && sched->n_work == 0;
    bool each = turn->job->durability != DURABLE_GROUP;

    for (; each && n > 0; n--)
        send_group(sched, 1, turn);
    if (n > 0 && (n >= LIMIT_SYNC_GROUP || quiet || turn->now_ms - oldest_ms >= LIMIT_SYNC_WAIT_MS))
        send_group(sched, n, turn);
}

/* Of one task, up to its share. */
static bool send_share(struct sched *sched, const struct task *task, struct turn *turn,
                       bool only_leaving)
{
    bool sent = false;

    for (struct transfer *t = sched->head; t; t = t->next)
        if (is_of(t->item, task) && (t->leaving || !only_leaving))
            sent =
                send_ready(sched, t, loads_share(&sched->loads, sched->concurrency), turn) || sent;
    return sent;
}

/* Whoever sent last is the last one to be served the next time. */
static void send_shares(struct sched *sched, struct turn *turn, bool only_leaving)
{
    int last = -1;

    for (int i = 0; i < sched->loads.n; i++) {
        int n = (sched->loads.turn_of + i) % sched->loads.n;
        if (send_share(sched, sched->loads.item[n].task, turn, only_leaving))
            last = n;
    }
    if (last >= 0)
        sched->loads.turn_of = last + 1;
}

void sched_dispatch(struct sched *sched, struct turn *turn, bool only_leaving)
{
    if (sched->loads.n > 1)
        send_shares(sched, turn, only_leaving);
    for (struct transfer *t = sched->head; t; t = t->next)
        if (t->leaving || !only_leaving)
            send_ready(sched, t, sched->concurrency, turn);
    send_groups(sched, turn);
}

/* Has the task nothing open that waits for a slot? */
static bool is_served(const struct sched *sched, const struct task *task, const struct turn *turn)
{
    struct wish wish;

    for (struct transfer *t = sched->head; t; t = t->next)
        if (is_of(t->item, task) && !t->leaving && transfer_ready(t, turn->now_ms, &wish))
            return false;
    return true;
}

bool sched_has_room(struct sched *sched, const struct task *task, bool yields,
                    const struct turn *turn)
{
    const struct load *load = loads_of(&sched->loads, task);
    int share = loads_share(&sched->loads, sched->concurrency);
    bool below = sched->loads.n > 1 && load->n_data < share && !yields;
    int n_open = below ? load->n_open - load->n_finishing : sched->n_open - sched->n_finishing;

    if (sched->n_finishing >= 2 * LIMIT_SYNC_GROUP)
        return false;
    if (!below && sched->n_data >= sched->concurrency)
        return false;
    if (n_open >= (below ? share : sched->concurrency) + work_max(sched))
        return false;
    return is_served(sched, task, turn);
}

/* --- taking back ---------------------------------------------------------------------- */

static void settle_group(struct sched *sched, struct op *op, struct turn *turn)
{
    for (int i = 0; i < op->in.n_items; i++) {
        struct transfer *t = sched_find(sched, op->in.finish[i].transfer);
        if (t)
            transfer_finished(t, &op->in.finish[i], turn);
    }
    free(op->in.finish);
    op_free(op);
}

/* `refused`: the op, or what feeds it, that its store was slowed down by. */
static void tell_throttled(const struct op *op, const struct op *refused, const struct transfer *t,
                           struct turn *turn)
{
    const struct task *task = op->task ? &turn->job->tasks[op->task - 1] : NULL;
    const struct pace *pace = &turn_store(turn, refused->in.store)->pace;
    struct queued_event *queued = turn_emit(turn, task, EVENT_THROTTLED);
    if (!queued)
        return;
    struct event *event = &queued->event;
    queued->err = refused->out.err;
    event->transfer = op->transfer;
    event->key = t ? t->item->key : NULL;
    event->target = t ? t->item->target : NULL;
    event->path = t ? t->path : NULL;
    event->size = t ? t->info.size : -1;
    event->attempt = !t ? 0 : op->part ? t->parts[op->part - 1].attempt : t->attempt;
    event->bucket = refused->in.store->bucket;
    event->pace.concurrency = pace_concurrency(pace);
    event->pace.requests = pace->rate;
    event->pace.wait_ms = pace_wait_ms(pace, turn->now_ms);
}

/* A store that is asked once at a time must not refuse the same object again and again until its
 * attempts are used up, while the others wait untried. */
static void step_back(struct sched *sched, struct transfer *t)
{
    pull_open(sched, t);
    push_open(sched, t);
}

static struct transfer *settle_gate(struct sched *sched, const struct op *op, bool first,
                                    struct turn *turn)
{
    struct transfer *t = op->transfer ? sched_find(sched, op->transfer) : NULL;
    const struct op *refused = gate_return(turn, op, first, sched->concurrency);

    if (refused)
        tell_throttled(op, refused, t, turn);
    if (t && op->out.err.kind == ERR_THROTTLED)
        step_back(sched, t);
    return t;
}

/* What went along, each with the GET that fed it. */
static void settle_also(struct sched *sched, const struct op *op, struct turn *turn)
{
    for (struct op *more = op->in.also; more; more = more->in.also) {
        more->in.feed = op->in.feed;
        struct transfer *t = settle_gate(sched, more, false, turn);
        if (t)
            transfer_settle(t, more, turn);
        more->in.feed = NULL;
    }
}

/* A small object that came: those who waited for it get it too. */
static void settle_copies(struct sched *sched, struct transfer *t, struct op *op, struct turn *turn)
{
    struct op *copies = NULL, *next;

    if (op->kind == OP_CALL && op->in.call.kind == CALL_GET && op->out.err.kind == ERR_NONE)
        for (struct transfer *s = NULL; (s = fan_next(t, s));) {
            struct op *copy = fan_copy(s, t, op, turn);
            if (!copy)
                continue;
            copy->next = copies;
            copies = copy;
        }
    transfer_settle(t, op, turn);
    for (; copies; copies = next) {
        next = copies->next;
        transfer_settle(sched_find(sched, copies->transfer), copies, turn);
        op_free(copies);
    }
}

struct op *sched_settle(struct sched *sched, struct op *op, struct turn *turn)
{
    count(sched, op, -1, turn);
    (void)FAULT(op_collected);
    if (op->kind == OP_FINISH) {
        settle_group(sched, op, turn);
        return NULL;
    }
    struct transfer *t = settle_gate(sched, op, true, turn);
    if (!op->transfer)
        return op;
    if (t)
        settle_copies(sched, t, op, turn);
    settle_also(sched, op, turn);
    op_free(op);
    return NULL;
}

int64_t sched_wake_ms(const struct sched *sched, int64_t now_ms)
{
    int64_t wake_ms = INT64_MAX;
    for (struct transfer *t = sched->head; t; t = t->next) {
        int64_t mine = transfer_wake_ms(t, now_ms);
        if (t->step == STEP_FINISH && !t->busy)
            mine = (t->ready_ms > now_ms ? t->ready_ms : t->ready_ms + LIMIT_SYNC_WAIT_MS);
        if (mine > now_ms && mine < wake_ms)
            wake_ms = mine;
    }
    return wake_ms;
}
