#include "io/finish.h"
#include "base/fault.h"
#include "io/file.h"
#include "io/temp.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The order is what makes it safe: mode and time, then the bytes durable, then the rename, then the
 * directory durable.  Many files share the dear steps: one syncfs for all bytes of a file system,
 * one fsync a directory.
 */
struct place { /* a directory that items go to */
    int fd;
    dev_t device;
    const struct store *root;
    const char *path; /* of the first item found in it */
    size_t len;       /* of the directory's part of `path` */
    struct err err;   /* what failed for all in it */
};

struct finish {
    struct op *op;
    struct place *place;
    int n_places;
    int *place_of; /* of each item; -1: none */
};

static size_t dir_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

static bool is_place(const struct place *place, const struct finish_item *item, size_t len)
{
    return place->root == item->root && place->len == len && !memcmp(place->path, item->path, len);
}

static int place_open(struct finish *all, struct finish_item *item)
{
    struct place *place = &all->place[all->n_places];
    const char *name;
    struct stat st;

    *place = (struct place){.root = item->root, .path = item->path};
    place->fd = file_parent(item->root, item->path, false, &name, &item->err);
    if (place->fd < 0)
        return -1;
    place->len = dir_len(item->path);
    if (fstat(place->fd, &st)) {
        err_sys(&item->err, errno, "cannot stat the directory of '%.200s'", item->path);
        close(place->fd);
        return -1;
    }
    place->device = st.st_dev;
    return all->n_places++;
}

static int place_find(struct finish *all, struct finish_item *item)
{
    size_t len = dir_len(item->path);

    for (int i = all->n_places; i-- > 0;) {
        if (is_place(&all->place[i], item, len))
            return i;
    }
    return place_open(all, item);
}

static bool file_sync(int fd, struct err *err)
{
    if (FAULT(file_fsync))
        return err_sys(err, EIO, "cannot make a file durable");
    return !fsync(fd) || err_sys(err, errno, "cannot make a file durable");
}

/* Files that SAVE closed have their mode and time already, so most need no descriptor here. */
static bool needs_open(const struct finish_item *item, const struct stat *st, bool sync)
{
    return sync || item->mtime_ns || (st->st_mode & 07777) != file_mode();
}

static bool reopen(const struct place *place, struct finish_item *item, bool sync)
{
    struct stat st;

    if (fstatat(place->fd, item->temp, &st, AT_SYMLINK_NOFOLLOW))
        return file_err(&item->err, errno, "stat", item->temp);
    if (!S_ISREG(st.st_mode))
        return err_set(&item->err, ERR_CHANGED, "'%s' is no file any more", item->temp);
    if (!needs_open(item, &st, sync))
        return true;
    item->fd = openat(place->fd, item->temp, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    return item->fd >= 0 || file_err(&item->err, errno, "open", item->temp);
}

/* Mode, time, and for a single file its bytes; closed afterwards. */
static bool settle(const struct place *place, struct finish_item *item, bool sync)
{
    bool ok = true;

    if (item->fd < 0)
        ok = reopen(place, item, sync);
    if (item->fd < 0)
        return ok;
    ok = ok && temp_dress(item->fd, item->mtime_ns, &item->err) &&
         (!sync || file_sync(item->fd, &item->err));
    if (close(item->fd) && ok)
        ok = err_sys(&item->err, errno, "cannot write '%.200s'", item->path);
    item->fd = -1;
    return ok;
}

/* One syncfs for each file system that items went to; a failure is every item's there. */
static void sync_file_systems(struct finish *all)
{
    for (int i = 0; i < all->n_places; i++) {
        struct place *place = &all->place[i];
        const struct place *same = NULL;
        for (int k = 0; k < i && !same; k++)
            same = all->place[k].device == place->device ? &all->place[k] : NULL;
        if (same)
            place->err = same->err;
        else if (FAULT(file_fsync))
            err_sys(&place->err, EIO, "cannot make files durable");
        else if (syncfs(place->fd))
            err_sys(&place->err, errno, "cannot make files durable");
    }
}

static bool rename_one(const struct place *place, struct finish_item *item)
{
    const char *slash = strrchr(item->path, '/'), *name = slash ? slash + 1 : item->path;
    struct stat st;

    if (FAULT(file_rename))
        return err_sys(&item->err, EIO, "cannot rename to '%.200s'", item->path);
    if (renameat(place->fd, item->temp, place->fd, name))
        return file_err(&item->err, errno, "rename to", item->path);
    item->renamed = true;
    if (item->want_info && !fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW))
        file_info(&st, &item->info);
    return true;
}

/* The directory and all above it up to the root: any of them may be new.  One that is durable
 * already costs next to nothing. */
static bool sync_upwards(struct place *place)
{
    bool ok = file_sync(place->fd, &place->err);

    for (size_t len = place->len; ok && len;) {
        char *dir = xstrndup(place->path, len);
        const char *name;
        int fd = file_parent(place->root, dir, false, &name, &place->err);
        ok = fd >= 0 && file_sync(fd, &place->err);
        if (fd >= 0)
            close(fd);
        len = dir_len(dir);
        free(dir);
    }
    return ok;
}

static void settle_items(struct finish *all, bool sync_each)
{
    struct op *op = all->op;

    for (int i = 0; i < op->in.n_items; i++) {
        struct finish_item *item = &op->in.finish[i];
        item->err = (struct err){0};
        item->renamed = false;
        all->place_of[i] = place_find(all, item);
        if (all->place_of[i] >= 0)
            settle(&all->place[all->place_of[i]], item, sync_each);
        else if (item->fd >= 0)
            close(item->fd);
        item->fd = -1;
    }
}

static void rename_items(struct finish *all)
{
    for (int i = 0; i < all->op->in.n_items; i++) {
        struct finish_item *item = &all->op->in.finish[i];
        const struct place *place = all->place_of[i] < 0 ? NULL : &all->place[all->place_of[i]];
        if (place && !item->err.kind && place->err.kind)
            item->err = place->err;
        if (!item->err.kind)
            rename_one(place, item);
    }
}

/* Items renamed into a directory that then could not be made durable are not done. */
static bool count_faults(struct finish *all)
{
    struct op *op = all->op;
    int n_bad = 0;

    for (int i = 0; i < op->in.n_items; i++) {
        struct finish_item *item = &op->in.finish[i];
        if (!item->err.kind && all->place[all->place_of[i]].err.kind)
            item->err = all->place[all->place_of[i]].err;
        if (item->err.kind && !n_bad++)
            op->out.err = item->err;
    }
    return !n_bad;
}

bool finish_all(struct op *op)
{
    size_t n = (size_t)op->in.n_items;
    struct finish all = {.op = op,
                         .place = xcalloc(n + 1, sizeof *all.place),
                         .place_of = xcalloc(n + 1, sizeof *all.place_of)};

    settle_items(&all, op->in.sync && n == 1);
    if (op->in.sync && n > 1)
        sync_file_systems(&all);
    rename_items(&all);
    for (int i = 0; op->in.sync && i < all.n_places; i++) {
        if (!all.place[i].err.kind)
            sync_upwards(&all.place[i]);
    }
    bool ok = count_faults(&all);
    for (int i = 0; i < all.n_places; i++)
        close(all.place[i].fd);
    free(all.place);
    free(all.place_of);
    return ok;
}
