/* What goes wrong: drawn for every op, and between runs. */
#include "world.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- of ops --------------------------------------------------------------------------- */

struct fault {
    enum err_kind kind;
    int status;
    const char *code;
    bool final;
    bool effect; /* may have happened all the same */
    bool taints; /* explains that parts are sent again */
};

static const struct fault remote_faults[] = {
    {ERR_NETWORK, 0, "", false, true, false},
    {ERR_NETWORK, 0, "", false, true, false},
    {ERR_TIMEOUT, 0, "", false, true, false},
    {ERR_THROTTLED, 503, "SlowDown", false, false, false},
    {ERR_SERVER, 500, "InternalError", false, true, false},
    {ERR_SERVER, 200, "InternalError", false, true, false},
    {ERR_AUTH, 403, "RequestTimeTooSkewed", false, false, false},
    {ERR_AUTH, 403, "ExpiredToken", false, false, false},
    {ERR_AUTH, 403, "SignatureDoesNotMatch", true, false, false},
    {ERR_DENIED, 403, "AccessDenied", true, false, false},
    {ERR_MISSING, 404, "NoSuchUpload", false, false, true},
    {ERR_CHANGED, 412, "PreconditionFailed", false, false, true},
    {ERR_CORRUPT, 206, "", false, false, false},
    {ERR_INVALID, 400, "InvalidArgument", true, false, true},
};

static const struct fault disk_faults[] = {
    {ERR_DISK, EIO, "", false, false, false},
    {ERR_DISK, EIO, "", false, false, false},
    {ERR_DISK, ENOSPC, "ENOSPC", true, false, false},
    {ERR_DENIED, EACCES, "", true, false, false},
};

static const struct fault too_fast = {ERR_THROTTLED, 503, "SlowDown", false, false, false};

#define N(array) (sizeof(array) / sizeof *(array))

static struct goal *goal_of_op(const struct op *op)
{
    const char *name = op->kind == OP_CALL ? op->in.call.key : op->in.path;
    struct goal *goal = goal_of_transfer(op->transfer);

    if (!goal && name && op->in.store)
        goal = goal_of_target(op->in.store, name);
    if (!goal && name && op->in.store)
        goal = goal_of_source(op->in.store, name);
    return goal;
}

static bool fill(struct op *op, const struct fault *fault)
{
    struct err *err = &op->out.err;

    if (fault->kind == ERR_DISK || fault->status == EACCES)
        err_sys(err, fault->status, "the disk fails");
    else
        err_set(err, fault->kind, "a fault of the store");
    if (err->kind != ERR_DISK)
        err->status = fault->status == EACCES ? 0 : fault->status;
    snprintf(err->code, sizeof err->code, "%s", fault->code);
    err->final = err->final || fault->final;
    if (fault->kind == ERR_THROTTLED && chance(2))
        err->retry_after_ms = (int)between(1, 3000);
    if (fault->kind == ERR_AUTH)
        op->out.answer.date_ms = world.now_ns / 1000000;
    world.stats.faults[fault->kind]++;
    return true;
}

/* A body that stopped on its way has left some of its bytes. */
static void leave_some(struct op *op)
{
    struct object *object = remote_find(remote_of(op->in.store), op->in.call.key);
    struct file *file = fd_file(op->in.fd);
    int64_t len = op->in.call.len;

    if (!object || !file || op->in.call.off + len > (int64_t)object->blob->len)
        return;
    len = between(0, len);
    file_write(file, op->in.fd_off, object->blob->data + op->in.call.off, (size_t)len);
    op->out.moved = len;
}

static void expire(struct upload *upload)
{
    if (!upload)
        return;
    for (int n = 0; n < upload->n_parts; n++)
        blob_drop(upload->part[n].blob);
    free(upload->part);
    upload->part = NULL;
    upload->n_parts = 0;
    upload->open = false;
}

static bool fits(const struct op *op, const struct fault *fault)
{
    enum call_kind call = op->in.call.kind;

    if (fault->kind == ERR_MISSING)
        return call == CALL_PART || call == CALL_PART_COPY || call == CALL_COMPLETE;
    if (fault->kind == ERR_CHANGED)
        return call == CALL_GET || call == CALL_COPY || call == CALL_PART_COPY;
    if (fault->kind == ERR_CORRUPT)
        return call == CALL_GET || call == CALL_PART || call == CALL_PUT;
    return true;
}

/* Where a delete knows no condition, nothing can be done about a change just before it. */
static bool is_blind(const struct op *op)
{
    return op->kind == OP_CALL && op->in.call.kind == CALL_DELETE && !op->in.call.if_match;
}

static bool looks_at_target(const struct goal *goal, const struct op *op)
{
    return op->kind == OP_CALL && op->in.call.kind == CALL_HEAD && op->in.store == goal->task->to &&
           !strcmp(op->in.call.key, goal->target);
}

bool fault_draw(struct op *op, bool *effect)
{
    struct goal *goal = goal_of_op(op);
    bool remote = op->kind == OP_CALL && op->in.store->kind != STORE_DIR;
    const struct fault *fault = remote ? &remote_faults[rng_below(&world.rng, N(remote_faults))]
                                       : &disk_faults[rng_below(&world.rng, N(disk_faults))];

    if (goal && chance_ppm(world.change_ppm) && !is_blind(op))
        fault_change_source(goal);
    if (goal && goal_moves(goal) && looks_at_target(goal, op) && chance_ppm(4 * world.change_ppm))
        moves_spoil(goal);
    if (remote && chance_ppm(world.flood_ppm)) {
        *effect = false;
        return fill(op, &too_fast);
    }
    if (!chance_ppm(world.fault_ppm) || op->kind == OP_FINISH || op->kind == OP_DISCARD)
        return false;
    if (!remote && fault->status == ENOSPC && !(world.full && op->kind != OP_HASH))
        return false;
    if (remote && !fits(op, fault))
        return false;
    *effect = fault->effect && chance(2);
    if (goal && fault->taints)
        goal->tainted = true;
    if (remote && fault->kind == ERR_MISSING)
        expire(remote_upload(remote_of(op->in.store), op->in.call.upload_id)); /* no lies */
    if (remote && op->in.call.kind == CALL_GET && !*effect && op->in.fd >= 0)
        leave_some(op);
    return fill(op, fault);
}

/* --- of sources ----------------------------------------------------------------------- */

static void add_version(struct goal *goal, struct blob *blob)
{
    goal->version[goal->n_versions++] = blob;
    goal->tainted = true;
    world.stats.changes++;
}

static void change_object(struct goal *goal, struct blob *blob)
{
    put_object(remote_of(goal->task->from), goal->key, blob_keep(blob), chance(2));
}

/* Written over in place, or put in place of the old one. */
static void change_file(struct goal *goal, const struct blob *blob)
{
    struct disk *disk = &world.disk[0];
    struct file *file = disk_find(disk, goal->key);

    if (file && chance(2)) {
        disk_unlink(disk, file);
        file = NULL;
    }
    if (!file)
        file = disk_create(disk, goal->key);
    file_set(file, blob);
}

void fault_change_source(struct goal *goal)
{
    const struct blob *now = goal->version[goal->n_versions - 1];
    size_t len = now->len;

    if (goal->n_versions == (int)N(goal->version) || goal_is_gone(goal))
        return;
    if (chance(3))
        len = (size_t)between(0, (int64_t)len + 100);
    struct blob *blob = blob_make(rng_next(&world.rng) | 1, len);
    if (goal->task->from->kind == STORE_DIR)
        change_file(goal, blob);
    else
        change_object(goal, blob);
    for (int i = 0; i < world.n_goals; i++) /* it may have several targets */
        if (world.goal[i].task->from == goal->task->from && !strcmp(world.goal[i].key, goal->key))
            add_version(&world.goal[i], blob_keep(blob));
    blob_drop(blob);
}

/* --- between runs --------------------------------------------------------------------- */

static void lose_part(struct upload *upload, struct goal *goal)
{
    int n = (int)rng_below(&world.rng, (uint64_t)upload->n_parts);

    blob_drop(upload->part[n].blob);
    upload->part[n].blob = NULL;
    if (goal)
        goal->altered = true;
    if (goal && goal->had && n < (int)goal->n_had)
        goal->had[n] = 0;
    world.stats.lost_uploads++;
}

static void hurt_upload(struct remote *remote, struct upload *upload)
{
    struct goal *goal = goal_of_target(store_of(remote), upload->key);

    if (chance(3) || !upload->n_parts) {
        expire(upload);
        if (goal)
            goal->tainted = true;
        world.stats.lost_uploads++;
    } else {
        lose_part(upload, goal);
    }
}

static struct goal *goal_of_temp(const char *path)
{
    for (int i = 0; i < world.n_goals; i++) {
        struct goal *goal = &world.goal[i];
        struct row row;
        struct err err;
        size_t dir = strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path + 1) : 0;
        if (journal_get(world.journal, goal->task->number, goal->key, &row, &err) && row.temp[0] &&
            !strcmp(row.temp, path + dir))
            return goal;
    }
    return NULL;
}

static void hurt_temp(struct file *file)
{
    struct goal *goal = goal_of_temp(file->path);

    if (goal)
        goal->tainted = goal->altered = true;
    if (chance(3)) {
        disk_unlink(&world.disk[1], file);
    } else if (file->len && chance(2)) {
        file->data[rng_below(&world.rng, file->len)] ^= 0x40;
        file->dirty = true;
    } else {
        file->len = (size_t)between(0, (int64_t)file->len);
        file->dirty = true;
    }
}

void fault_between_runs(void)
{
    for (int i = 0; i < world.n_goals; i++)
        if (chance(10))
            fault_change_source(&world.goal[i]);
    for (int i = 0; i < world.n_goals; i++)
        if (goal_moves(&world.goal[i]) && chance(4))
            moves_spoil(&world.goal[i]);
    for (struct remote *remote = world.remote; remote < world.remote + 2; remote++)
        for (int i = 0; i < remote->n_uploads; i++)
            if (remote->upload[i].open && chance(6))
                hurt_upload(remote, &remote->upload[i]);
    for (int i = world.disk[1].n_files - 1; i >= 0; i--)
        if (path_is_temp(world.disk[1].file[i]->path) && chance(4))
            hurt_temp(world.disk[1].file[i]);
}

/* --- of the journal ------------------------------------------------------------------- */

static void flip_bytes(const char *path)
{
    FILE *file = fopen(path, "r+b");

    if (!file)
        return;
    fseek(file, 0, SEEK_END);
    long len = ftell(file);
    for (int64_t n = between(1, 20); len > 0 && n > 0; n--) {
        long at = (long)rng_below(&world.rng, (uint64_t)len);
        fseek(file, at, SEEK_SET);
        int c = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(c ^ (1 << rng_below(&world.rng, 8)), file);
    }
    fclose(file);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    if (!file)
        return;
    fputs(text, file);
    fclose(file);
}

void fault_damage_journal(void)
{
    char path[128], log[160];

    snprintf(path, sizeof path, "%s/journal.db", world.dir);
    snprintf(log, sizeof log, "%s-wal", path);
    switch (rng_below(&world.rng, 6)) {
    case 0:
        flip_bytes(path);
        break;
    case 1:
        flip_bytes(log);
        break;
    case 2:
        (void)!truncate(path, between(0, 20000));
        break;
    case 3:
        (void)!truncate(log, between(0, 20000));
        break;
    case 4:
        unlink(path);
        break;
    default:
        write_text(path, "this was never a journal\n");
        break;
    }
    world.damaged = world.hurt = true;
    world.stats.damages++;
}
