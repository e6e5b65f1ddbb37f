/* Time, and ops that end after a while in an order that the seed decides. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

struct remote *remote_of(const struct store *store)
{
    return store->kind == STORE_DIR ? NULL : &world.remote[store == &world.store[3]];
}

const struct store *store_of(const struct remote *remote)
{
    return &world.store[remote == &world.remote[0] ? 1 : 3];
}

struct disk *disk_of(const struct store *store)
{
    return &world.disk[store == &world.store[2]];
}

/* --- what stores ask of their world ---------------------------------------------------- */

static int64_t host_now_ns(void *ctx)
{
    (void)ctx;
    return world.now_ns;
}

static struct remote *host_source(void *ctx, struct remote *to, const struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct remote *from = &world.remote[strcmp(call->source_bucket, world.store[1].bucket) != 0];

    (void)ctx;
    if (strcmp(store_of(from)->host, store_of(to)->host) || from == to)
        broken("I8", "'%s' is to be copied by a service that does not have it", call->source_key);
    return world.no_copy ? NULL : from;
}

static bool host_read(void *ctx, const struct op *op, void *data, size_t len)
{
    const struct file *file = fd_file(op->in.fd);

    (void)ctx;
    if (!file || (size_t)op->in.fd_off + len > file->len)
        return false;
    memcpy(data, file->data + op->in.fd_off, len);
    return true;
}

static void host_write(void *ctx, const struct op *op, const void *data, size_t len)
{
    (void)ctx;
    if (fd_file(op->in.fd))
        file_write(fd_file(op->in.fd), op->in.fd_off, data, len);
}

/* A wrong byte that was received shows when the whole is there, and then the whole comes again. */
static bool host_spoil(void *ctx, const struct op *op, uint8_t *data, size_t len)
{
    (void)ctx;
    if (!len || !chance_ppm(world.flip_ppm))
        return false;
    data[rng_below(&world.rng, len)] ^= (uint8_t)(1u << rng_below(&world.rng, 8));
    world.stats.flips++;
    struct goal *goal = op->in.call.kind == CALL_GET ? goal_of_transfer(op->transfer) : NULL;
    if (goal)
        goal->tainted = goal->altered = true;
    world.lost_parts += op->in.call.kind != CALL_GET;
    return true;
}

static void host_naming(void *ctx, const struct op *op, const struct blob *blob, bool doubtful)
{
    (void)ctx;
    watch_name(op->in.store, op->in.call.key, blob, doubtful);
}

const struct remote_host sim_host = {
    .now_ns = host_now_ns,
    .source = host_source,
    .read = host_read,
    .write = host_write,
    .spoil = host_spoil,
    .naming = host_naming,
};

bool op_is_data(const struct op *op)
{
    return op->kind == OP_COPY || (op->kind == OP_CALL && op->in.store->kind != STORE_DIR);
}

/* --- submit --------------------------------------------------------------------------- */

/* Most ops are quick, some are not, and one in fifty takes very long. */
static int64_t draw_delay(void)
{
    int64_t ms = between(1, 20);

    if (chance(8))
        ms += between(20, 300);
    if (chance(50))
        ms += between(300, 10000);
    return ms * 1000000 + between(0, 999999);
}

static void mutate(struct op *op)
{
    if (world.mutant == MUTANT_NO_IF_MATCH) {
        op->in.call.if_match = NULL;
        if (op->in.feed)
            op->in.feed->in.call.if_match = NULL;
    }
    if (world.mutant == MUTANT_NO_LUGGAGE)
        op->in.call.attributes = NULL;
}

/* An object whose parts are sent is not given up, or not any more. */
static void note_sent(const struct op *op)
{
    struct goal *goal = goal_of_transfer(op->transfer);

    if (goal && op->part && op->kind != OP_HASH)
        goal->given_up = false;
}

static void begin_op(struct op *op)
{
    world.stats.ops++;
    if (world.verifying)
        verify_watch_submit(op);
    else
        watch_submit(op);
    moves_watch_submit(op);
    note_sent(op);
    paces_watch_submit(op);
    mutate(op);
    op->out.started_ns = world.now_ns;
}

static void submit(struct io *io, struct op *op)
{
    (void)io;
    if (world.crashed) {
        op->next = world.dead;
        world.dead = op;
        return;
    }
    world.n_data += op_is_data(op);
    for (struct op *one = op; one; one = one->in.also)
        begin_op(one);
    if (world.n_queue == world.cap_queue) {
        world.cap_queue = world.cap_queue ? 2 * world.cap_queue : 64;
        world.queue = xrealloc(world.queue, (size_t)world.cap_queue * sizeof *world.queue);
    }
    world.queue[world.n_queue++] = (struct flight){op, world.now_ns + draw_delay()};
}

/* What ends now, with all that goes along. */
static const struct op *current_set;

/* --- effects -------------------------------------------------------------------------- */

static void note_discard(const struct op *op)
{
    struct goal *goal = goal_of_transfer(op->transfer);

    if (!goal || !op->in.temp)
        return;
    if (op->kind == OP_DISCARD)
        goal->discarded = true;
    else if (op->kind == OP_TEMP || op->kind == OP_SAVE)
        goal->discarded = false;
}

/* Other bytes, or another object, explain what those who had them do next. */
static void taint_fed(const struct op *op, bool flipped)
{
    for (; op; op = op->in.also) {
        struct goal *goal = goal_of_transfer(op->transfer);
        if (goal)
            goal->tainted = true;
        if (goal && flipped)
            goal->altered = true;
    }
}

/* The GET, once for all that it feeds. */
static bool fetch(const struct op *set, struct op *feed)
{
    int64_t flips = world.stats.flips;
    bool effect = true;

    if (!feed->out.ended_ns && !fault_draw(feed, &effect))
        remote_call(remote_of(feed->in.store), feed);
    feed->out.ended_ns = world.now_ns;
    if (world.stats.flips > flips || feed->out.err.kind == ERR_CHANGED)
        taint_fed(set, world.stats.flips > flips);
    return feed->out.err.kind == ERR_NONE;
}

/* What a GET feeds; when that fails, so does this. */
static bool do_fed(struct op *op)
{
    struct op *feed = op->in.feed;

    if (feed->out.err.kind != ERR_NONE || (!feed->out.ended_ns && !fetch(current_set, feed))) {
        op->out.err = feed->out.err;
        op->out.fed_badly = true;
        return false;
    }
    if ((int64_t)feed->out.body.len != op->in.call.len)
        broken("relay", "%lld bytes come where %lld are sent", (long long)feed->out.body.len,
               (long long)op->in.call.len);
    op->in.memory = buf_str(&feed->out.body);
    bool done = remote_call(remote_of(op->in.store), op);
    op->in.memory = NULL;
    world.stats.relayed += done;
    world.stats.fanned += done && op != current_set;
    return done;
}

static void list_from_journal(void *ctx, const struct part_row *row)
{
    struct op *op = ctx;
    struct part_entry entry = {.number = (int)row->n + 1, .size = row->len, .sum = row->sum};

    snprintf(entry.etag, sizeof entry.etag, "%s", row->etag);
    remote_list_part(remote_of(op->in.store), op, &entry);
}

/* The mutant believes the journal and not the store. */
static bool list_mutated(struct remote *remote, struct op *op)
{
    struct goal *goal = goal_of_target(op->in.store, op->in.call.key);
    struct err err = {0};

    return remote_upload_of(remote, op) && goal &&
           journal_parts(world.journal, goal->task->number, goal->key, list_from_journal, op, &err);
}

static void watch_delete(struct remote *remote, const struct op *op)
{
    const struct object *object = remote_find(remote, op->in.call.key);
    const char *only = op->in.call.if_match;

    if (object && (!only || !strcmp(only, object->etag)))
        moves_watch_removal(op->in.store, op->in.call.key);
}

static bool do_call(struct remote *remote, struct op *op)
{
    enum call_kind call = op->in.call.kind;

    if (call == CALL_LIST_PARTS && world.mutant == MUTANT_JOURNAL_PARTS)
        return list_mutated(remote, op);
    if (call == CALL_DELETE)
        watch_delete(remote, op);
    bool done = remote_call(remote, op);
    world.stats.copied += done && (call == CALL_COPY || call == CALL_PART_COPY);
    return done;
}

static bool do_op(struct op *op)
{
    struct remote *remote = op->in.store ? remote_of(op->in.store) : NULL;

    if (op->in.feed)
        return do_fed(op);
    if (remote)
        return do_call(remote, op);
    bool done = disk_op(op->in.store ? disk_of(op->in.store) : &world.disk[0], op);
    if (done)
        note_discard(op);
    return done;
}

static bool is_cancelled(const struct op *op)
{
    return atomic_load(&op->cancel) && op->kind != OP_DISCARD && op->kind != OP_FINISH &&
           !(op->kind == OP_CALL && op->in.call.kind == CALL_ABORT);
}

/* What an op that failed may give back: nothing but its error. */
static void forget_answer(struct op *op)
{
    if (op->out.fd >= 0) {
        struct op close = {.kind = OP_DISCARD, .in = {.fd = op->out.fd, .source_fd = -1}};
        disk_op(&world.disk[0], &close);
    }
    object_answer_free(&op->out.answer);
    memset(&op->out.answer, 0, sizeof op->out.answer);
    buf_free(&op->out.body);
    memset(&op->out.body, 0, sizeof op->out.body);
    op->out.fd = -1;
}

static void mark_known(const struct op *op)
{
    struct upload *upload = remote_upload(remote_of(op->in.store), op->out.answer.upload_id);
    if (upload)
        upload->unknown = false;
}

/* A store whose ETags say nothing cannot tell whether a Complete has happened: all is sent again.
 */
static void taint_opaque(const struct op *op)
{
    struct goal *goal = goal_of_transfer(op->transfer);

    if (goal && op->kind == OP_CALL && op->in.call.kind == CALL_COMPLETE &&
        remote_of(op->in.store)->flavour == REMOTE_S3_OPAQUE)
        goal->tainted = true;
}

/* Does it mean that the object starts over? */
static bool is_given_up(const struct op *op)
{
    enum err_kind kind = op->out.err.kind;
    bool copy = op->kind == OP_CALL && op->in.call.kind == CALL_PART_COPY;
    return kind == ERR_CHANGED || kind == ERR_MISSING ||
           (copy && (kind == ERR_INVALID || kind == ERR_DENIED));
}

static void note_part(const struct op *op)
{
    struct goal *goal = goal_of_transfer(op->transfer);
    bool create = op->kind == OP_CALL && op->in.call.kind == CALL_CREATE;

    if (!goal || op->kind == OP_HASH)
        return;
    if (create || op->kind == OP_TEMP) {
        goal->given_up = false;
        goal->dropped = 0;
    } else if (op->part) {
        goal->came += op->out.err.kind == ERR_NONE;
        goal->given_up =
            goal->given_up || is_given_up(op->in.feed ? op->in.feed : op) || is_given_up(op);
    }
}

void io_begin(void)
{
    for (int i = 0; i < world.n_goals; i++) {
        struct goal *goal = &world.goal[i];
        goal->given_up = false;
        goal->came = goal->dropped = 0;
    }
}

void io_committed(void)
{
    for (int i = 0; i < world.n_goals; i++) {
        struct goal *goal = &world.goal[i];
        goal->dropped += goal->given_up || world.aborted ? goal->came : 0;
        goal->came = 0;
    }
}

int io_parts_unknown(void)
{
    int n = 0;

    for (int i = 0; i < world.n_queue; i++)
        for (const struct op *op = world.queue[i].op; op; op = op->in.also)
            n += op->part && op->kind != OP_HASH;
    for (int i = 0; i < world.n_goals; i++)
        n += world.goal[i].came + world.goal[i].dropped;
    return n;
}

static void end_one(struct op *op)
{
    bool effect = true, fails = fault_draw(op, &effect);
    struct err err = op->out.err;

    if (is_cancelled(op)) {
        fails = true;
        effect = chance(2);
        err_set(&err, ERR_CANCELLED, "cancelled");
    }
    op->out.err = (struct err){0};
    bool done = effect && do_op(op);
    if (fails && (done || !effect)) {
        forget_answer(op);
        op->out.err = err;
        world.stats.lost_answers += done;
        if (done)
            taint_opaque(op);
    } else if (done && op->kind == OP_CALL && op->in.call.kind == CALL_CREATE) {
        mark_known(op);
    }
    note_part(op);
    if (done && op->part && op->kind != OP_HASH)
        world.lost_parts += fails;
    world.list_failed |= fails && op->kind == OP_CALL && op->in.call.kind == CALL_LIST;
    op->out.ended_ns = world.now_ns;
    traced("%s %s part %u -> %s", op_name(op), op->in.call.key ? op->in.call.key : "", op->part,
           err_kind_name(op->out.err.kind));
    hash_text(op_name(op));
    hash_number(op->transfer << 20 | op->part << 4 | (uint64_t)op->out.err.kind);
}

/* Each of a set with the GET that feeds it. */
static void each_of(struct op *op, void (*end)(struct op *op))
{
    struct op *feed = op->in.feed;

    current_set = op;
    for (struct op *one = op; one; one = one->in.also) {
        one->in.feed = feed;
        end(one);
        one->in.feed = one == op ? feed : NULL;
    }
    if (!feed)
        return;
    buf_free(&feed->out.body);
    memset(&feed->out.body, 0, sizeof feed->out.body);
}

static void end_op(struct op *op)
{
    each_of(op, end_one);
    world.n_data -= op_is_data(op);
    for (struct op *one = op; one; one = one->in.also)
        paces_watch_end(one);
}

/* --- collect -------------------------------------------------------------------------- */

static int earliest(void)
{
    int best = -1;

    for (int i = 0; i < world.n_queue; i++)
        if (best < 0 || world.queue[i].due_ns < world.queue[best].due_ns)
            best = i;
    return best;
}

static int64_t due_of(const struct flight *flight)
{
    return is_cancelled(flight->op) ? world.now_ns : flight->due_ns;
}

/* All that are due by now, in the order of their time but with a seeded disorder. */
static struct op *take_due(void)
{
    struct op *head = NULL, **tail = &head;

    for (int at; (at = earliest()) >= 0;) {
        struct flight flight = world.queue[at];
        if (due_of(&flight) > world.now_ns)
            break;
        world.queue[at] = world.queue[--world.n_queue];
        end_op(flight.op);
        flight.op->next = NULL;
        if (head && chance(3)) {
            flight.op->next = head;
            head = flight.op;
        } else {
            *tail = flight.op;
            tail = &flight.op->next;
        }
    }
    return head;
}

static void hurry_cancelled(void)
{
    for (int i = 0; i < world.n_queue; i++)
        if (is_cancelled(world.queue[i].op) && world.queue[i].due_ns > world.now_ns)
            world.queue[i].due_ns = world.now_ns;
}

/* What runs on after the crash is not there any more, but it must come to its end. */
static struct op *take_dead(void)
{
    struct op *all = world.dead;

    for (struct op *op = all; op; op = op->next)
        err_set(&op->out.err, ERR_CANCELLED, "crashed");
    world.dead = NULL;
    return all;
}

static struct op *collect(struct io *io, int64_t wait_ms)
{
    (void)io;
    if (world.crashed) { /* the clock does not stop for it */
        world.now_ns += wait_ms > 0 ? wait_ms * 1000000 : 0;
        return take_dead();
    }
    world.now_ns += 1000;
    hurry_cancelled();
    int at = earliest();
    int64_t until = wait_ms < 0 ? INT64_MAX : world.now_ns + wait_ms * 1000000;
    bool waits = world.n_tickets || world.n_actions || world.paused;
    if (waits && until > world.now_ns + 50 * INT64_C(1000000))
        until = world.now_ns + 50 * INT64_C(1000000);
    int64_t due = at < 0 ? INT64_MAX : world.queue[at].due_ns;
    if (until == INT64_MAX && due == INT64_MAX) {
        broken("liveness", "the run waits for nothing");
        world.crashed = true;
        return NULL;
    }
    int64_t next = due < until ? due : until;
    if (next > world.now_ns)
        world.now_ns = next;
    if (wait_ms && due < until) /* so that some end in the same turn */
        world.now_ns += between(0, 4000000);
    return take_due();
}

static void stop(struct io *io)
{
    (void)io;
}

const struct io_ops sim_io_ops = {submit, collect, stop};

/* --- the end of a run ----------------------------------------------------------------- */

static void free_op(struct op *op)
{
    if (op->kind == OP_FINISH)
        free(op->in.finish);
    op_free(op);
}

static void perhaps(struct op *op)
{
    if (chance(2))
        do_op(op);
}

void io_crash(void)
{
    for (int i = 0; i < world.n_queue; i++) {
        struct op *op = world.queue[i].op;
        each_of(op, perhaps);
    }
}

void io_drop(void)
{
    for (int i = 0; i < world.n_queue; i++)
        free_op(world.queue[i].op);
    world.n_queue = world.n_data = 0;
    paces_forget();
    for (struct op *op = world.dead, *next; op; op = next) {
        next = op->next;
        free_op(op);
    }
    world.dead = NULL;
}
