/*
 * Disks in memory.  What was written is safe only after a sync of the file, and a name only after a
 * sync of its directory; a power loss takes back a seeded share of the rest.
 */
#include "world.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FD_FIRST 1000000 /* far from real ones: closing one by mistake does nothing */
#define FD_MAX   4096
#define BLOCK    512 /* what a power loss keeps or loses as one */
#define PAGE     7   /* entries of a page of a walk */

static struct file *fds[FD_MAX];

/* --- files ---------------------------------------------------------------------------- */

static void file_drop(struct file *file)
{
    if (!file || --file->refs)
        return;
    file_drop(file->replaced);
    free(file->path);
    free(file->old_path);
    free(file->data);
    free(file->safe);
    free(file);
}

struct file *disk_find(struct disk *disk, const char *path)
{
    for (int i = 0; i < disk->n_files; i++)
        if (!strcmp(disk->file[i]->path, path))
            return disk->file[i];
    return NULL;
}

static void disk_add(struct disk *disk, struct file *file)
{
    if (disk->n_files == disk->cap_files) {
        disk->cap_files = disk->cap_files ? 2 * disk->cap_files : 16;
        disk->file = xrealloc(disk->file, (size_t)disk->cap_files * sizeof(struct file *));
    }
    int at = disk->n_files++;
    while (at > 0 && strcmp(disk->file[at - 1]->path, file->path) > 0) {
        disk->file[at] = disk->file[at - 1];
        at--;
    }
    disk->file[at] = file;
}

struct file *disk_create(struct disk *disk, const char *path)
{
    struct file *file = xcalloc(1, sizeof *file);

    file->refs = 1;
    file->path = xstrdup(path);
    file->inode = ++disk->inodes;
    file->mtime_ns = world.now_ns;
    disk_add(disk, file);
    return file;
}

/* Out of the directory; the reference of the name is the caller's now. */
static void disk_remove(struct disk *disk, struct file *file)
{
    int at = 0;

    while (disk->file[at] != file)
        at++;
    memmove(disk->file + at, disk->file + at + 1,
            (size_t)(--disk->n_files - at) * sizeof(struct file *));
}

void disk_unlink(struct disk *disk, struct file *file)
{
    disk_remove(disk, file);
    free(file->path);
    file->path = NULL;
    file_drop(file);
}

static void file_resize(struct file *file, size_t len)
{
    file->data = xrealloc(file->data, len + 1);
    if (len > file->len)
        memset(file->data + file->len, 0, len - file->len);
    file->len = len;
    file->dirty = true;
}

static void file_sync(struct file *file)
{
    if (!file->dirty)
        return;
    file->safe = xrealloc(file->safe, file->len + 1);
    if (file->len)
        memcpy(file->safe, file->data, file->len);
    file->safe_len = file->len;
    file->dirty = false;
}

void file_set(struct file *file, const struct blob *blob)
{
    file_resize(file, blob->len);
    memcpy(file->data, blob->data, blob->len);
    file_sync(file);
    file->name_safe = true;
    file->mtime_ns = ++world.now_ns;
}

void file_write(struct file *file, int64_t off, const void *data, size_t len)
{
    size_t end = (size_t)off + len;

    if (end > file->len)
        file_resize(file, end);
    if (len)
        memcpy(file->data + off, data, len);
    file->dirty = true;
    file->mtime_ns = world.now_ns;
}

bool path_is_temp(const char *path)
{
    const char *slash = strrchr(path, '/');
    return !strncmp(slash ? slash + 1 : path, ".haul-", 6);
}

/* --- descriptors ---------------------------------------------------------------------- */

struct file *fd_file(int fd)
{
    return fd >= FD_FIRST && fd < FD_FIRST + FD_MAX ? fds[fd - FD_FIRST] : NULL;
}

static int fd_open(struct file *file)
{
    for (int i = 0; i < FD_MAX; i++) {
        if (fds[i])
            continue;
        fds[i] = file;
        file->refs++;
        return FD_FIRST + i;
    }
    broken("I12", "descriptors are leaked");
    return -1;
}

static void fd_close(int fd)
{
    if (fd < 0)
        return;
    if (!fd_file(fd)) {
        broken("I12", "descriptor %d is closed twice", fd);
        return;
    }
    file_drop(fds[fd - FD_FIRST]);
    fds[fd - FD_FIRST] = NULL;
}

int fd_count(void)
{
    int n = 0;

    for (int i = 0; i < FD_MAX; i++)
        n += fds[i] != NULL;
    return n;
}

/* --- crashes -------------------------------------------------------------------------- */

/* Each block that was not synced is there or not, whichever way the disk had it. */
static void lose_blocks(struct file *file)
{
    size_t longer = file->len > file->safe_len ? file->len : file->safe_len;
    size_t len = chance(2) ? file->len : file->safe_len;
    uint8_t *mixed = xcalloc(1, longer + 1);

    for (size_t off = 0; off < longer; off += BLOCK) {
        bool new = chance(2);
        const uint8_t *from = new ? file->data : file->safe;
        size_t have = new ? file->len : file->safe_len;
        if (off < have)
            memcpy(mixed + off, from + off, have - off < BLOCK ? have - off : BLOCK);
    }
    free(file->data);
    file->data = mixed;
    file->len = len;
    file->dirty = true;
    file_sync(file);
}

static void undo_rename(struct disk *disk, struct file *file)
{
    struct file *replaced = file->replaced;

    disk_remove(disk, file);
    free(file->path);
    file->path = file->old_path;
    file->old_path = NULL;
    file->replaced = NULL;
    disk_add(disk, file);
    if (replaced)
        disk_add(disk, replaced);
}

static void settle_name(struct file *file)
{
    free(file->old_path);
    file->old_path = NULL;
    file_drop(file->replaced);
    file->replaced = NULL;
    file->name_safe = true;
}

static void lose_power(struct disk *disk)
{
    int n = disk->n_files;
    struct file **all = xcalloc((size_t)n + 1, sizeof(struct file *));

    if (n)
        memcpy(all, disk->file, (size_t)n * sizeof(struct file *));
    for (int i = 0; i < n; i++) {
        struct file *file = all[i];
        if (file->dirty)
            lose_blocks(file);
        if (file->old_path && chance(2))
            undo_rename(disk, file);
        else if (!file->name_safe && !file->old_path && chance(2))
            disk_unlink(disk, file);
    }
    free(all);
    for (int i = 0; i < disk->n_files; i++)
        settle_name(disk->file[i]);
}

void disk_crash(struct disk *disk, bool power)
{
    for (int i = 0; i < FD_MAX; i++)
        if (fds[i])
            fd_close(FD_FIRST + i);
    if (power)
        lose_power(disk);
}

void disk_free(struct disk *disk)
{
    while (disk->n_files) {
        struct file *file = disk->file[--disk->n_files];
        file_drop(file);
    }
    free(disk->file);
    memset(disk, 0, sizeof *disk);
}

/* --- ops on sources ------------------------------------------------------------------- */

static bool missing(struct op *op, const char *path)
{
    return err_sys(&op->out.err, ENOENT, "cannot open '%s'", path);
}

static void describe(const struct file *file, struct object_info *info)
{
    info->size = (int64_t)file->len;
    info->mtime_ns = file->mtime_ns;
    info->inode = file->inode;
    info->device = 1;
}

static void sum_range(struct op *op, const uint8_t *data, size_t len)
{
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, 0, data, len);
    if (op->in.want_md5)
        digest_md5(data, len, op->out.md5);
    if (op->in.want_sha256)
        digest_sha256(data, len, op->out.sha256);
    op->out.moved = (int64_t)len;
}

static bool open_source(struct disk *disk, struct op *op)
{
    struct file *file = disk_find(disk, op->in.path);

    if (!file)
        return missing(op, op->in.path);
    describe(file, &op->out.info);
    if ((int64_t)file->len > op->in.memory_max) {
        op->out.fd = fd_open(file);
        return true;
    }
    char *copy = xmalloc(file->len + 1);
    if (file->len)
        memcpy(copy, file->data, file->len);
    copy[file->len] = 0;
    op->out.body =
        (struct buf){.data = copy, .len = file->len, .cap = file->len + 1, .max = file->len};
    sum_range(op, (uint8_t *)copy, file->len);
    return true;
}

static bool hash(struct op *op)
{
    struct file *file = fd_file(op->in.fd);
    size_t off = (size_t)op->in.fd_off, len = (size_t)op->in.call.len;

    if (!file || off + len > file->len)
        return err_set(&op->out.err, ERR_CHANGED, "the file became shorter");
    sum_range(op, file->data + off, len);
    return true;
}

static bool list(struct disk *disk, struct op *op)
{
    struct listing *page = &op->out.answer.listing;
    char **last = (char **)op->in.walk;
    const char *prefix = op->in.call.prefix;

    for (int i = 0; i < disk->n_files; i++) {
        const struct file *file = disk->file[i];
        if (strncmp(file->path, prefix, strlen(prefix)) || path_is_temp(file->path) ||
            (*last && strcmp(file->path, *last) <= 0))
            continue;
        if (page->n == PAGE) {
            page->next_token = xstrdup("more");
            break;
        }
        page->entry = xrealloc(page->entry, (page->n + 1) * sizeof *page->entry);
        page->entry[page->n++] = (struct list_entry){.key = xstrdup(file->path),
                                                     .size = (int64_t)file->len,
                                                     .mtime_ns = file->mtime_ns,
                                                     .etag = xstrdup("")};
    }
    if (page->n) {
        free(*last);
        *last = xstrdup(page->entry[page->n - 1].key);
    }
    return true;
}

static bool call(struct disk *disk, struct op *op)
{
    if (op->in.call.kind == CALL_LIST)
        return list(disk, op);
    struct file *file = disk_find(disk, op->in.path);
    if (!file)
        return missing(op, op->in.path);
    describe(file, &op->out.info);
    describe(file, &op->out.answer.info);
    return true;
}

/* --- ops on targets ------------------------------------------------------------------- */

static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    return xasprintf("%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name);
}

static struct file *make_temp(struct disk *disk, struct op *op)
{
    if (op->in.temp && op->in.temp[0])
        snprintf(op->out.temp, sizeof op->out.temp, "%s", op->in.temp);
    else
        snprintf(op->out.temp, sizeof op->out.temp, ".haul-%032llx.part",
                 (unsigned long long)rng_next(&world.rng));
    watch_name(op->in.store, op->in.path, NULL, true);
    char *path = beside(op->in.path, op->out.temp);
    struct file *file = disk_find(disk, path);
    if (file)
        disk_unlink(disk, file);
    file = disk_create(disk, path);
    free(path);
    return file;
}

static bool temp(struct disk *disk, struct op *op)
{
    struct file *file = make_temp(disk, op);

    file_resize(file, (size_t)op->in.size);
    op->out.fd = fd_open(file);
    return true;
}

static bool save(struct disk *disk, struct op *op)
{
    struct file *file = make_temp(disk, op);

    file_write(file, 0, op->in.memory, (size_t)op->in.call.len);
    if (op->in.mtime_ns)
        file->mtime_ns = op->in.mtime_ns;
    sum_range(op, op->in.memory, (size_t)op->in.call.len);
    return true;
}

static bool is_good(const struct file *file, const struct recheck_item *item, enum sum_kind kind)
{
    return item->off >= 0 && (size_t)(item->off + item->len) <= file->len &&
           sum_update(kind, 0, file->data + item->off, (size_t)item->len) == item->sum;
}

static bool recheck(struct disk *disk, struct op *op)
{
    char *path = beside(op->in.path, op->in.temp);
    struct file *file = disk_find(disk, path);

    free(path);
    if (!file)
        return missing(op, op->in.temp);
    bool same = file->len == (size_t)op->in.size;
    for (int i = 0; i < op->in.n_items; i++)
        op->in.recheck[i].good = same && is_good(file, &op->in.recheck[i], op->in.sum_kind);
    if (!same)
        file_resize(file, (size_t)op->in.size);
    op->out.fd = fd_open(file);
    return true;
}

static bool copy(struct op *op)
{
    struct file *from = fd_file(op->in.source_fd), *to = fd_file(op->in.fd);
    size_t len = (size_t)op->in.call.len, off = (size_t)op->in.call.off;

    if (!from || !to || off + len > from->len)
        return err_set(&op->out.err, ERR_CHANGED, "the file became shorter");
    sum_range(op, from->data + off, len);
    file_write(to, op->in.fd_off, from->data + off, len);
    struct goal *goal = goal_of_transfer(op->transfer);
    if (len && goal &&
        chance_ppm(world.flip_ppm)) { /* a disk that does not hold what it was given */
        goal->tainted = goal->altered = true;
        to->data[(size_t)op->in.fd_off + rng_below(&world.rng, len)] ^= 1;
        world.stats.flips++;
    }
    return true;
}

static void rename_to(struct disk *disk, struct file *file, const char *path)
{
    struct file *old = disk_find(disk, path);

    disk_remove(disk, file);
    if (old)
        disk_remove(disk, old);
    free(file->old_path);
    file->old_path = file->path;
    file->path = xstrdup(path);
    file_drop(file->replaced);
    file->replaced = old;
    disk_add(disk, file);
}

static void watch_rename(struct op *op, const struct finish_item *item, const struct file *file)
{
    struct blob *now = blob_new(file->data, file->len);

    watch_name(op->in.store, item->path, now, false);
    blob_drop(now);
}

static void finish_one(struct disk *disk, struct op *op, struct finish_item *item)
{
    char *path = beside(item->path, item->temp);
    struct file *file = disk_find(disk, path);

    free(path);
    item->err = (struct err){0};
    item->renamed = false;
    if (item->fd >= 0)
        fd_close(item->fd);
    item->fd = -1;
    if (!file) {
        err_sys(&item->err, ENOENT, "cannot rename '%s'", item->temp);
        return;
    }
    if (op->in.sync)
        file_sync(file);
    if (chance_ppm(world.fault_ppm / 4)) {
        err_sys(&item->err, EIO, "cannot rename '%s'", item->temp);
        world.stats.faults[ERR_DISK]++;
        return;
    }
    watch_rename(op, item, file);
    rename_to(disk, file, item->path);
    item->renamed = true;
    if (item->mtime_ns)
        file->mtime_ns = item->mtime_ns;
    if (item->want_info)
        describe(file, &item->info);
    if (op->in.sync)
        settle_name(file);
}

static bool finish(struct disk *disk, struct op *op)
{
    bool ok = true;

    for (int i = 0; i < op->in.n_items; i++) {
        finish_one(disk, op, &op->in.finish[i]);
        if (op->in.finish[i].err.kind != ERR_NONE && ok) {
            op->out.err = op->in.finish[i].err;
            ok = false;
        }
    }
    return ok;
}

static bool discard(struct disk *disk, struct op *op)
{
    fd_close(op->in.fd);
    if (!op->in.temp || !op->in.temp[0])
        return true;
    char *path = beside(op->in.path, op->in.temp);
    struct file *file = disk_find(disk, path);
    if (!path_is_temp(path))
        broken("I8", "'%s' is discarded and is no temporary file", path);
    else if (file)
        disk_unlink(disk, file);
    free(path);
    return true;
}

static bool is_still(const struct file *file, const struct object_info *was)
{
    return (int64_t)file->len == was->size && file->mtime_ns == was->mtime_ns &&
           file->inode == was->inode;
}

static bool remove_all(struct disk *disk, struct op *op)
{
    for (int i = 0; i < op->in.n_items; i++) {
        struct remove_item *item = &op->in.remove[i];
        struct file *file = disk_find(disk, item->path);
        item->err = (struct err){0};
        if (file && item->only && !is_still(file, item->only)) {
            err_set(&item->err, ERR_CHANGED, "not the file that was copied");
        } else if (file) {
            moves_watch_removal(op->in.store, item->path);
            disk_unlink(disk, file);
        }
    }
    return true;
}

bool disk_op(struct disk *disk, struct op *op)
{
    switch (op->kind) {
    case OP_CALL:
        return call(disk, op);
    case OP_OPEN:
        return open_source(disk, op);
    case OP_HASH:
        return hash(op);
    case OP_TEMP:
        return temp(disk, op);
    case OP_RECHECK:
        return recheck(disk, op);
    case OP_COPY:
        return copy(op);
    case OP_SAVE:
        return save(disk, op);
    case OP_FINISH:
        return finish(disk, op);
    case OP_DISCARD:
        return discard(disk, op);
    case OP_REMOVE:
        return remove_all(disk, op);
    default:
        return err_set(&op->out.err, ERR_BUG, "no such op");
    }
}
