#include "io/temp.h"
#include "base/clock.h"
#include "io/copy.h"
#include "io/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void random_name(char name[64])
{
    char hex[33];
    random_hex(hex, 16);
    snprintf(name, 64, ".haul-%s.part", hex);
}

/* A new file in `dir` of that name.  One that is there already is what a crash left before it could
 * be written down, and is taken away; where it cannot be, somebody has put it there, and the name
 * is left to them. */
static int create(int dir, char name[64])
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir, name, flags, 0600);

    if (fd < 0 && errno == EEXIST) {
        if (unlinkat(dir, name, 0))
            random_name(name);
        fd = openat(dir, name, flags, 0600);
    }
    return fd;
}

/* The name control chose, or a random one. */
static bool choose_name(struct op *op)
{
    if (op->in.temp && !file_is_temp(op->in.temp))
        return err_set(&op->out.err, ERR_BUG, "'%.64s' is no temporary file", op->in.temp);
    if (op->in.temp)
        snprintf(op->out.temp, sizeof op->out.temp, "%s", op->in.temp);
    else
        random_name(op->out.temp);
    return true;
}

/* Room for `size` bytes, so that a full disk shows before anything is transferred. */
static bool allocate(int fd, int64_t size, struct err *err)
{
    int failed = 0;

    if (size <= 0)
        return true;
    while (fallocate(fd, 0, 0, size) && (failed = errno) == EINTR)
        failed = 0;
    if (failed == EOPNOTSUPP || failed == ENOSYS)
        failed = ftruncate(fd, size) ? errno : 0;
    return !failed || err_sys(err, failed, "cannot make room for %lld bytes", (long long)size);
}

static bool undo(int dir, int fd, const char *name)
{
    close(fd);
    (void)unlinkat(dir, name, 0); /* the first error is the one to tell */
    return false;
}

/* The directory of the op's path, and a new temporary file in it. */
static int create_beside(struct op *op, int *dir)
{
    const char *last;
    int fd;

    if (!choose_name(op) ||
        (*dir = file_parent(op->in.store, op->in.path, true, &last, &op->out.err)) < 0)
        return -1;
    if ((fd = create(*dir, op->out.temp)) >= 0)
        return fd;
    file_err(&op->out.err, errno, "create a temporary file for", op->in.path);
    close(*dir);
    return -1;
}

bool temp_create(struct op *op)
{
    int dir, fd = create_beside(op, &dir);

    if (fd < 0)
        return false;
    bool ok = allocate(fd, op->in.size, &op->out.err) || undo(dir, fd, op->out.temp);
    close(dir);
    if (ok)
        op->out.fd = fd;
    return ok;
}

bool temp_dress(int fd, int64_t mtime_ns, struct err *err)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    int64_t ns = mtime_ns % 1000000000, s = mtime_ns / 1000000000;

    if (fchmod(fd, file_mode()))
        return err_sys(err, errno, "cannot set the mode of a file");
    if (!mtime_ns)
        return true;
    times[1].tv_sec = ns < 0 ? s - 1 : s;
    times[1].tv_nsec = ns < 0 ? ns + 1000000000 : ns;
    return !futimens(fd, times) || err_sys(err, errno, "cannot set the time of a file");
}

static bool save(struct op *op, int fd)
{
    struct err *err = &op->out.err;
    size_t len = (size_t)op->in.call.len;

    if (!copy_pwrite(fd, op->in.memory, len, 0, err) || !temp_dress(fd, op->in.mtime_ns, err))
        return false;
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, 0, op->in.memory, len);
    op->out.moved = op->in.call.len;
    return true;
}

bool temp_save(struct op *op)
{
    int dir, fd = create_beside(op, &dir);
    bool ok;

    if (fd < 0)
        return false;
    if (!save(op, fd))
        ok = undo(dir, fd, op->out.temp);
    else if (close(fd))
        ok = err_sys(&op->out.err, errno, "cannot write '%.200s'", op->in.path);
    else
        ok = true;
    close(dir);
    return ok;
}

/* As good as gone: it is left to whoever put it there, and another is made. */
static bool not_ours(const char *name, struct err *err)
{
    return err_set(err, ERR_MISSING, "'%s' is not a temporary file of haul", name);
}

/* A temporary file of an earlier run: ours, whole, and linked once (a hard link planted under its
 * name would have us write into somebody's file). */
static bool is_ours(int fd, struct stat *st, const char *name, struct err *err)
{
    if (fstat(fd, st))
        return err_sys(err, errno, "cannot stat '%s'", name);
    if (S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == geteuid())
        return true;
    return not_ours(name, err);
}

static bool recheck_items(struct op *op, int fd)
{
    for (int i = 0; i < op->in.n_items; i++) {
        struct recheck_item *item = &op->in.recheck[i];
        struct err err = {0};
        uint64_t sum;

        bool fits = item->off >= 0 && item->len >= 0 && item->off <= op->in.size - item->len;
        item->good = fits &&
                     copy_sum(fd, item->off, item->len, op->in.sum_kind, &sum, &op->cancel, &err) &&
                     sum == item->sum;
        if (err.kind == ERR_CANCELLED) {
            op->out.err = err;
            return false;
        }
    }
    return true;
}

static bool recheck(struct op *op, int fd)
{
    struct stat st;

    if (!is_ours(fd, &st, op->in.temp, &op->out.err))
        return false;
    if (st.st_size == op->in.size)
        return recheck_items(op, fd);
    for (int i = 0; i < op->in.n_items; i++)
        op->in.recheck[i].good = false;
    if (ftruncate(fd, op->in.size))
        return err_sys(&op->out.err, errno, "cannot set the size of '%s'", op->in.temp);
    return allocate(fd, op->in.size, &op->out.err);
}

bool temp_recheck(struct op *op)
{
    const char *last;
    int dir, fd;

    if (!file_is_temp(op->in.temp))
        return err_set(&op->out.err, ERR_MISSING, "'%.64s' is no temporary file", op->in.temp);
    if ((dir = file_parent(op->in.store, op->in.path, false, &last, &op->out.err)) < 0)
        return false;
    fd = openat(dir, op->in.temp, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == EISDIR || errno == ELOOP || errno == ENXIO))
        not_ours(op->in.temp, &op->out.err);
    else if (fd < 0)
        file_err(&op->out.err, errno, "open", op->in.temp);
    close(dir);
    if (fd < 0)
        return false;
    if (!recheck(op, fd)) {
        close(fd);
        return false;
    }
    op->out.fd = fd;
    return true;
}

bool temp_discard(struct op *op)
{
    struct err *err = &op->out.err;
    const char *last;
    bool ok = true;
    int dir;

    if (op->in.fd >= 0)
        close(op->in.fd);
    if (!op->in.temp || !op->in.temp[0])
        return true;
    if (!file_is_temp(op->in.temp))
        return err_set(err, ERR_BUG, "'%.64s' is no temporary file", op->in.temp);
    if ((dir = file_parent(op->in.store, op->in.path, false, &last, err)) < 0)
        return err->kind == ERR_MISSING;
    if (unlinkat(dir, op->in.temp, 0) && errno != ENOENT)
        ok = file_err(err, errno, "remove", op->in.temp);
    close(dir);
    return ok;
}
