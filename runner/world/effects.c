/* What an op does to its world, and which rules it meets on the way. */
#include "world/inside.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what stores ask of their world ---------------------------------------------------- */

static int64_t host_now_ns(void *ctx)
{
    return world_wall_ms(ctx) * 1000000;
}

static struct remote *host_source(void *ctx, struct remote *to, const struct op *op)
{
    struct world *world = ctx;
    char *name = xasprintf("%s://%s", to->dialect->name, op->in.call.source_bucket);
    struct remote *from = world_store(world, name, false, NULL);

    free(name);
    return from;
}

static bool host_read(void *ctx, const struct op *op, void *data, size_t len)
{
    (void)ctx;
    for (size_t done = 0; done < len;) {
        ssize_t n =
            pread(op->in.fd, (char *)data + done, len - done, (off_t)op->in.fd_off + (off_t)done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void host_write(void *ctx, const struct op *op, const void *data, size_t len)
{
    struct world *world = ctx;
    struct err err = {0};

    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(op->in.fd, (const char *)data + done, len - done,
                           (off_t)op->in.fd_off + (off_t)done);
        if (n < 0) {
            err_sys(&err, errno, "the world's directory cannot be written");
            world_break(world, &err);
            return;
        }
        done += (size_t)n;
    }
}

static bool host_spoil(void *ctx, const struct op *op, uint8_t *data, size_t len)
{
    struct world *world = ctx;
    bool spoils = world->spoils && len;

    (void)op;
    if (spoils)
        data[len / 2] ^= 1;
    world->spoils = NULL;
    return spoils;
}

static void host_naming(void *ctx, const struct op *op, const struct blob *blob, bool doubtful)
{
    (void)ctx;
    (void)op;
    (void)blob;
    (void)doubtful;
}

const struct remote_host world_hosts = {
    .now_ns = host_now_ns,
    .source = host_source,
    .read = host_read,
    .write = host_write,
    .spoil = host_spoil,
    .naming = host_naming,
};

/* --- open files ----------------------------------------------------------------------- */

static struct opened *opened_find(const struct world *world, int fd)
{
    for (int i = 0; fd >= 0 && i < world->n_opened; i++)
        if (world->opened[i].fd == fd)
            return &world->opened[i];
    return NULL;
}

static void opened_add(struct world *world, const struct op *op)
{
    if (op->out.fd < 0)
        return;
    if (world->n_opened == world->cap_opened) {
        world->cap_opened = world->cap_opened ? 2 * world->cap_opened : 16;
        world->opened = xrealloc(world->opened, (size_t)world->cap_opened * sizeof *world->opened);
    }
    world->opened[world->n_opened++] =
        (struct opened){op->out.fd, op->in.store, xstrdup(op->in.path ? op->in.path : "")};
}

static void opened_forget(struct world *world, int fd)
{
    struct opened *opened = opened_find(world, fd);

    if (!opened)
        return;
    free(opened->path);
    *opened = world->opened[--world->n_opened];
}

/* --- rules ---------------------------------------------------------------------------- */

static struct deed deed_in(const struct world *world, const struct store *store, const char *name,
                           const char *key, uint32_t part)
{
    struct deed deed = {.op = name, .key = key, .part = part};

    if (!store)
        return deed;
    deed.store = store->name;
    deed.bucket = store->bucket;
    if (store->kind == STORE_DIR)
        deed.root = store->root + strlen(world->dir) + strlen(WORLD_FILES);
    return deed;
}

static uint32_t part_of(const struct op *op)
{
    bool numbered = op->in.call.kind == CALL_PART || op->in.call.kind == CALL_PART_COPY;
    return op->kind == OP_CALL && numbered ? (uint32_t)op->in.call.part_number : op->part;
}

static const char *key_of(const struct op *op)
{
    if (op->kind != OP_CALL)
        return op->in.path;
    return op->in.call.key ? op->in.call.key : op->in.call.prefix;
}

/* Ops of several things at once meet rules for each of them. */
static bool is_many(const struct op *op)
{
    return op->kind == OP_FINISH || op->kind == OP_REMOVE ||
           (op->kind == OP_CALL && op->in.call.kind == CALL_DELETE_MANY);
}

/* What is met by the op itself, else by the file that its bytes are read from or written to. */
static const struct rule *meet(struct world *world, const struct op *op)
{
    const struct opened *file = opened_find(world, op->in.fd);
    const struct store *store = op->in.store ? op->in.store : file ? file->store : NULL;
    const char *key = key_of(op) ? key_of(op) : file ? file->path : NULL;
    struct deed deed = deed_in(world, store, rule_name(op), key, part_of(op));
    bool remote = op->kind == OP_CALL && op->in.store->kind != STORE_DIR;

    if (op->kind == OP_DISCARD || is_many(op))
        return NULL;
    const struct rule *rule = rules_meet(&world->rules, &deed);
    if (rule || !remote || !file)
        return rule;
    deed = deed_in(world, file->store, op->in.call.kind == CALL_GET ? "write" : "read", file->path,
                   part_of(op));
    return rules_meet(&world->rules, &deed);
}

static const struct rule *meet_one(struct world *world, const struct op *op,
                                   const struct store *store, const char *key)
{
    const struct deed deed = deed_in(world, store, rule_name(op), key, 0);
    return rules_meet(&world->rules, &deed);
}

/* --- directories ---------------------------------------------------------------------- */

/* The workers' own code, in this thread.  Its bytes are paid for already, and nothing here has to
 * survive a power loss. */
static bool work(struct world *world, struct op *op)
{
    struct bucket *bytes[3] = {op->in.bytes[0], op->in.bytes[1], op->in.bytes[2]};
    int64_t started_ns = op->out.started_ns;

    memset(op->in.bytes, 0, sizeof op->in.bytes);
    op->in.sync = false;
    workers_submit(world->workers, op);
    workers_step(world->workers);
    inbox_take(&world->done);
    memcpy(op->in.bytes, bytes, sizeof bytes);
    op->out.started_ns = started_ns;
    return op->out.err.kind == ERR_NONE;
}

/* Which of a group meet a rule: they fail alone, while the others go on. */
struct group {
    const struct rule **rule; /* of each; NULL: it goes on */
    int n;
};

static void group_meet(struct world *world, struct group *group, int i, const struct op *op,
                       const struct store *store, const char *key, bool *dies)
{
    group->rule[i] = meet_one(world, op, store, key);
    *dies = *dies || (group->rule[i] && group->rule[i]->crash);
}

static struct group group_new(int n)
{
    return (struct group){.rule = xcalloc((size_t)n + 1, sizeof(void *)), .n = n};
}

static bool finish_good(struct world *world, struct op *op, const struct group *group)
{
    struct finish_item *all = op->in.finish, *good = xcalloc((size_t)group->n + 1, sizeof *good);
    int n = 0;

    for (int i = 0; i < group->n; i++)
        if (!group->rule[i])
            good[n++] = all[i];
    op->in.finish = good;
    op->in.n_items = n;
    bool ok = !n || work(world, op);
    for (int i = 0, k = 0; i < group->n; i++)
        if (!group->rule[i])
            all[i] = good[k++];
    op->in.finish = all;
    op->in.n_items = group->n;
    free(good);
    return ok;
}

static bool finish(struct world *world, struct op *op, bool *dies)
{
    struct group group = group_new(op->in.n_items);
    const struct rule *first = NULL;

    for (int i = 0; i < group.n; i++) {
        struct finish_item *item = &op->in.finish[i];
        group_meet(world, &group, i, op, item->root, item->path, dies);
        opened_forget(world, item->fd);
        if (!group.rule[i])
            continue;
        if (item->fd >= 0)
            close(item->fd);
        item->fd = -1;
        item->err = group.rule[i]->err;
        first = first ? first : group.rule[i];
    }
    bool ok = *dies || finish_good(world, op, &group);
    if (ok && first)
        op->out.err = first->err;
    free(group.rule);
    return ok && !first;
}

static bool remove_files(struct world *world, struct op *op, bool *dies)
{
    struct remove_item *all = op->in.remove;
    struct group group = group_new(op->in.n_items);
    struct remove_item *good = xcalloc((size_t)group.n + 1, sizeof *good);
    int n = 0;

    for (int i = 0; i < group.n; i++) {
        group_meet(world, &group, i, op, op->in.store, all[i].path, dies);
        if (group.rule[i])
            all[i].err = group.rule[i]->err;
        else
            good[n++] = all[i];
    }
    op->in.remove = good;
    op->in.n_items = n;
    bool ok = *dies || !n || work(world, op);
    for (int i = 0, k = 0; i < group.n; i++)
        if (!group.rule[i])
            all[i] = good[k++];
    op->in.remove = all;
    op->in.n_items = group.n;
    free(good);
    free(group.rule);
    return ok;
}

static bool do_local(struct world *world, struct op *op, bool *dies)
{
    if (op->kind == OP_FINISH)
        return finish(world, op, dies);
    if (op->kind == OP_REMOVE)
        return remove_files(world, op, dies);
    if (op->kind == OP_DISCARD)
        opened_forget(world, op->in.fd);
    bool ok = work(world, op);
    opened_add(world, op);
    return ok;
}

/* --- stores --------------------------------------------------------------------------- */

static void add_failed(struct listing *failed, const char *key, const struct rule *rule)
{
    failed->entry = xrealloc(failed->entry, (failed->n + 1) * sizeof *failed->entry);
    failed->entry[failed->n++] =
        (struct list_entry){.key = xstrdup(key), .etag = xstrdup(rule->err.code)};
}

static bool delete_many(struct world *world, struct remote *remote, struct op *op, bool *dies)
{
    const char *const *all = op->in.call.keys;
    int n = op->in.call.n_keys, n_good = 0;
    const char **good = xcalloc((size_t)n + 1, sizeof(char *));

    for (int i = 0; i < n; i++) {
        const struct rule *rule = meet_one(world, op, op->in.store, all[i]);
        *dies = *dies || (rule && rule->crash);
        if (rule)
            add_failed(&op->out.answer.listing, all[i], rule);
        else
            good[n_good++] = all[i];
    }
    op->in.call.keys = good;
    op->in.call.n_keys = n_good;
    bool ok = *dies || remote_call(remote, op);
    op->in.call.keys = all;
    op->in.call.n_keys = n;
    free(good);
    return ok;
}

static bool do_effect(struct world *world, struct op *op, bool *dies)
{
    struct remote *remote = world_remote_of(world, op->in.store);
    struct err err = {0};

    op->out.err = (struct err){0};
    if (op->kind == OP_HTTP || op->kind == OP_EXEC) {
        if (!world->host->answer(world->host->ctx, op, &err))
            world_break(world, &err);
        return op->out.err.kind == ERR_NONE;
    }
    if (!remote)
        return do_local(world, op, dies);
    if (op->in.call.kind == CALL_DELETE_MANY)
        return delete_many(world, remote, op, dies);
    return remote_call(remote, op);
}

static void note_request(struct world *world, const struct op *op)
{
    struct world_result *result = world->result;

    if (op->kind != OP_CALL || op->in.store->kind == STORE_DIR)
        return;
    if (result->n_requests == result->cap_requests) {
        result->cap_requests = result->cap_requests ? 2 * result->cap_requests : 64;
        result->request = xrealloc(result->request, result->cap_requests * sizeof *result->request);
    }
    result->request[result->n_requests++] =
        (struct world_request){.store = xstrdup(op->in.store->name),
                               .key = xstrdup(key_of(op)),
                               .op = rule_name(op),
                               .part = part_of(op),
                               .size = op->out.moved,
                               .wall_ms = world_wall_ms(world),
                               .err = op->out.err};
}

/* --- one op --------------------------------------------------------------------------- */

/* An op that failed gives back nothing but its error. */
static void forget_answer(struct world *world, struct op *op)
{
    if (op->out.fd >= 0) {
        opened_forget(world, op->out.fd);
        close(op->out.fd);
        op->out.fd = -1;
    }
    object_answer_free(&op->out.answer);
    memset(&op->out.answer, 0, sizeof op->out.answer);
    buf_free(&op->out.body);
    memset(&op->out.body, 0, sizeof op->out.body);
    op->out.moved = 0;
}

static void sign_answer(struct world *world, struct op *op)
{
    if (op->kind != OP_CALL || op->in.store->kind == STORE_DIR)
        return;
    snprintf(op->out.answer.request_id, sizeof op->out.answer.request_id, "W%06lld",
             (long long)++world->counter);
    op->out.answer.date_ms = world_wall_ms(world);
    if (op->out.err.kind != ERR_NONE && op->out.err.status)
        memcpy(op->out.err.request_id, op->out.answer.request_id, sizeof op->out.answer.request_id);
}

/* With what a rule makes of it; false: the process dies. */
static bool end_one(struct world *world, struct op *op,
                    bool (*effect)(struct world *world, struct op *op, bool *dies))
{
    const struct rule *met = meet(world, op);
    bool spoils = met && met->err.kind == ERR_CORRUPT && op->kind == OP_CALL;
    bool dies = met && met->crash;

    world->spoils = spoils ? met : NULL;
    if (!met || met->lost || spoils)
        effect(world, op, &dies);
    world->spoils = NULL;
    if (met && !spoils) {
        forget_answer(world, op);
        op->out.err = met->err;
    }
    sign_answer(world, op);
    op->out.ended_ns = world->now_ns;
    note_request(world, op);
    return !dies;
}

static bool is_cancelled(const struct op *op)
{
    bool always = op->kind == OP_FINISH || op->kind == OP_DISCARD ||
                  (op->kind == OP_CALL && op->in.call.kind == CALL_ABORT);
    return !always && atomic_load(&op->cancel);
}

static void cancel(struct world *world, struct op *op)
{
    err_set(&op->out.err, ERR_CANCELLED, "%s cancelled", op_name(op));
    op->out.ended_ns = world->now_ns;
}

/* --- sets ----------------------------------------------------------------------------- */

/* A PUT or PART with the body that the GET brought. */
static bool do_fed(struct world *world, struct op *op, bool *dies)
{
    struct op *feed = op->in.feed;

    (void)dies;
    if (feed->out.err.kind != ERR_NONE) {
        op->out.err = feed->out.err;
        op->out.fed_badly = true;
        return false;
    }
    op->out.err = (struct err){0};
    op->in.memory = buf_str(&feed->out.body);
    bool ok = remote_call(world_remote_of(world, op->in.store), op);
    op->in.memory = NULL;
    return ok;
}

static bool carry_out_set(struct world *world, struct op *first)
{
    struct op *feed = first->in.feed;
    bool lives = is_cancelled(first) && !first->in.also ? true : end_one(world, feed, do_effect);

    for (struct op *op = first; op && lives; op = op->in.also) {
        op->in.feed = feed;
        if (is_cancelled(op))
            cancel(world, op);
        else
            lives = end_one(world, op, do_fed);
        op->in.feed = op == first ? feed : NULL;
    }
    buf_free(&feed->out.body);
    memset(&feed->out.body, 0, sizeof feed->out.body);
    return lives;
}

bool world_carry_out(struct world *world, struct op *op)
{
    if (op->in.feed)
        return carry_out_set(world, op);
    if (!is_cancelled(op))
        return end_one(world, op, do_effect);
    cancel(world, op);
    return true;
}

void world_drop(struct world *world)
{
    for (int i = 0; i < world->n_flights; i++) {
        struct op *op = world->flight[i].op;
        if (op->kind == OP_FINISH)
            free(op->in.finish);
        if (op->kind == OP_REMOVE && !op->transfer) /* that of a move is part of its transfer */
            free(op->in.remove);
        op_free(op);
    }
    world->n_flights = 0;
    while (world->n_opened) {
        close(world->opened[0].fd);
        opened_forget(world, world->opened[0].fd);
    }
}
