#include "io/remove.h"
#include "io/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directories above `path` that are empty now; `keep` bytes of it stay whatever they are. */
static void remove_empty(const struct store *store, const char *path, size_t keep)
{
    char *dir = xstrdup(path);
    struct err ignored = {0};
    const char *name;
    bool gone = true;

    for (char *slash = strrchr(dir, '/'); gone && slash; slash = strrchr(dir, '/')) {
        *slash = '\0';
        if ((size_t)(slash - dir) < keep)
            break;
        int fd = file_parent(store, dir, false, &name, &ignored);
        gone = fd >= 0 && !unlinkat(fd, name, AT_REMOVEDIR);
        if (fd >= 0)
            close(fd);
    }
    free(dir);
}

static bool is_still(const struct stat *st, const struct object_info *was)
{
    int64_t mtime_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
    return st->st_size == was->size && mtime_ns == was->mtime_ns && st->st_ino == was->inode;
}

static bool remove_file(int dir, const char *name, struct remove_item *item)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT || file_err(&item->err, errno, "stat", item->path);
    if (!S_ISREG(st.st_mode))
        return err_set(&item->err, ERR_CHANGED, "'%.200s' is no regular file any more", item->path);
    if (item->only && !is_still(&st, item->only))
        return err_set(&item->err, ERR_CHANGED, "'%.200s' is not the file that was copied",
                       item->path);
    if (!unlinkat(dir, name, 0) || errno == ENOENT)
        return true;
    return file_err(&item->err, errno, "remove", item->path);
}

static bool remove_one(struct op *op, struct remove_item *item, size_t keep)
{
    const char *name;

    item->err = (struct err){0};
    if (!file_path_ok(item->path, &item->err))
        return false;
    int dir = file_parent(op->in.store, item->path, false, &name, &item->err);
    if (dir < 0) {
        if (item->err.kind == ERR_MISSING)
            item->err.kind = ERR_NONE;
        return item->err.kind == ERR_NONE;
    }
    bool ok = remove_file(dir, name, item);
    close(dir);
    if (ok)
        remove_empty(op->in.store, item->path, keep);
    return ok;
}

bool remove_all(struct op *op)
{
    const char *slash = op->in.path ? strrchr(op->in.path, '/') : NULL;
    size_t keep = slash ? (size_t)(slash - op->in.path) + 1 : 0;

    /* A failure is the item's own: the others are gone all the same. */
    for (int i = 0; i < op->in.n_items; i++)
        remove_one(op, &op->in.remove[i], keep);
    return true;
}
