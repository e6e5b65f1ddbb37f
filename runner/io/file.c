#include "io/file.h"
#include "io/copy.h"
#include "io/io.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct root {
    int fd;
};

static mode_t the_umask = 022;
static pthread_mutex_t root_lock = PTHREAD_MUTEX_INITIALIZER; /* of store->io of directories */

void file_init(void)
{
    the_umask = umask(077);
    umask(the_umask);
}

mode_t file_mode(void)
{
    return 0666 & ~the_umask;
}

static bool bad_path(struct err *err, const char *path, const char *why)
{
    err_set(err, ERR_INVALID, "cannot be a file: '%.200s' %s", path, why);
    if (err)
        err->final = true;
    return false;
}

static bool is_temp(const char *name, size_t len)
{
    return len == 43 && !strncmp(name, ".haul-", 6) && !strncmp(name + 38, ".part", 5) &&
           strspn(name + 6, "0123456789abcdef") == 32;
}

static const char *segment_fault(const char *segment, size_t len)
{
    if (len == 0)
        return "has an empty segment";
    if (len == 1 && segment[0] == '.')
        return "has a segment '.'";
    if (len == 2 && !memcmp(segment, "..", 2))
        return "has a segment '..'";
    if (len > 255)
        return "has a segment above 255 bytes";
    if (is_temp(segment, len))
        return "has the name of a temporary file of haul, which is passed over and cleaned away";
    return NULL;
}

bool file_path_ok(const char *path, struct err *err)
{
    if (!path || !*path)
        return bad_path(err, "", "is empty");
    if (*path == '/')
        return bad_path(err, path, "is absolute");
    if (path[strlen(path) - 1] == '/')
        return bad_path(err, path, "ends in '/'");
    for (const char *segment = path;;) {
        size_t len = strcspn(segment, "/");
        const char *fault = segment_fault(segment, len);
        if (fault)
            return bad_path(err, path, fault);
        if (!segment[len])
            return true;
        segment += len + 1;
    }
}

bool file_is_temp(const char *name)
{
    return is_temp(name, strlen(name));
}

bool file_err(struct err *err, int errnum, const char *verb, const char *path)
{
    const char *why = errnum == ELOOP || errnum == EXDEV ? "a symbolic link is in the way"
                      : errnum == ENOTDIR                ? "a part of the path is not a directory"
                      : errnum == EISDIR || errnum == ENOTEMPTY || errnum == EEXIST
                          ? "a directory is in its place"
                      : errnum == ENAMETOOLONG ? "the name is too long"
                                               : NULL;

    if (!why)
        return err_sys(err, errnum, "cannot %s '%.200s'", verb, path);
    err_set(err, ERR_INVALID, "cannot %s '%.200s': %s", verb, path, why);
    if (err)
        err->final = true;
    return false;
}

/* One name in `dir`; ELOOP where it is a symbolic link, whatever the flags make the kernel say. */
static int open_segment(int dir, const char *name, int flags)
{
    int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC), saved = errno;
    struct stat st;

    if (fd < 0 && saved == ENOTDIR && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
        S_ISLNK(st.st_mode))
        saved = ELOOP;
    errno = saved;
    return fd;
}

static void close_quietly(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
}

/* Where the kernel has no openat2 (or a sandbox forbids it): a segment at a time. */
static int open_by_segments(int dir, const char *path, int flags)
{
    char segment[256];
    int at = dir, fd;

    if (!strcmp(path, "."))
        return openat(dir, ".", flags | O_CLOEXEC);
    for (;;) {
        size_t len = strcspn(path, "/");
        if (len >= sizeof segment || segment_fault(path, len)) {
            errno = len >= sizeof segment ? ENAMETOOLONG : EXDEV;
            fd = -1;
        } else {
            memcpy(segment, path, len);
            segment[len] = 0;
            fd = open_segment(at, segment, path[len] ? O_PATH | O_DIRECTORY : flags);
        }
        if (at != dir)
            close_quietly(at);
        if (fd < 0 || !path[len])
            return fd;
        at = fd;
        path += len + 1;
    }
}

int file_open_beneath(int dir, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    for (int i = 0; i < 64; i++) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: something was renamed meanwhile */
            break;
    }
    if (errno == ENOSYS || errno == EPERM)
        return open_by_segments(dir, path, flags);
    return -1;
}

int file_open_to_read(const struct store *store, int root, const char *path, int flags)
{
    return store->follows_links ? openat(root, path, flags | O_CLOEXEC)
                                : file_open_beneath(root, path, flags);
}

/* mkdir -p of the root itself: it is the user's word, so links in it are followed. */
static bool root_make(const char *root)
{
    char *path = xstrdup(root);

    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        (void)mkdir(path, 0777);
        *p = '/';
    }
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    free(path);
    return made;
}

static int root_open(const char *root, bool create)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && create && root_make(root))
        fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

int file_root(const struct store *store, bool create, struct err *err)
{
    struct store *mutable = (struct store *)(uintptr_t)store; /* `io` is ours to change */
    struct root *root;
    int fd;

    pthread_mutex_lock(&root_lock);
    root = mutable->io;
    if (!root && (fd = root_open(store->root, create)) >= 0) {
        mutable->io = root = xmalloc(sizeof *root);
        root->fd = fd;
    }
    fd = root ? root->fd : -1;
    if (fd < 0)
        file_err(err, errno, "open the directory", store->root);
    pthread_mutex_unlock(&root_lock);
    return fd;
}

void file_root_close(struct store *store)
{
    struct root *root;

    pthread_mutex_lock(&root_lock);
    root = store->io;
    store->io = NULL;
    pthread_mutex_unlock(&root_lock);
    if (!root)
        return;
    close(root->fd);
    free(root);
}

bool file_root_stands(const struct store *store, struct err *err)
{
    struct stat opened, named;
    int root = file_root(store, false, err);

    if (root < 0)
        return false;
    if (!fstat(root, &opened) && !stat(store->root, &named) && opened.st_dev == named.st_dev &&
        opened.st_ino == named.st_ino)
        return true;
    return err_set(err, ERR_MISSING,
                   "the directory '%.200s' was unmounted, moved or removed while it was listed",
                   store->root);
}

void io_close_store(struct store *store)
{
    if (store->kind == STORE_DIR)
        file_root_close(store);
}

/* Makes the directories of `path` (`len` bytes of it) a segment at a time. */
static int parents_make(int root, const char *path, size_t len)
{
    char segment[256];
    int at = root, fd = -1;

    for (const char *end = path + len; path < end;) {
        size_t n = strcspn(path, "/");
        memcpy(segment, path, n); /* file_path_ok has bounded it */
        segment[n] = 0;
        fd = mkdirat(at, segment, 0777) && errno != EEXIST
                 ? -1
                 : open_segment(at, segment, O_RDONLY | O_DIRECTORY);
        if (at != root)
            close_quietly(at);
        if (fd < 0)
            return -1;
        at = fd;
        path += n + 1;
    }
    return fd;
}

static int parent_open(int root, const char *path, size_t len, bool create)
{
    if (!len)
        return file_open_beneath(root, ".", O_RDONLY | O_DIRECTORY);

    char *dir = xstrndup(path, len);
    int fd = file_open_beneath(root, dir, O_RDONLY | O_DIRECTORY), saved = errno;
    free(dir);
    errno = saved;
    return fd < 0 && errno == ENOENT && create ? parents_make(root, path, len) : fd;
}

int file_parent(const struct store *store, const char *path, bool create, const char **name,
                struct err *err)
{
    const char *slash;
    int root, fd;

    if (!file_path_ok(path, err) || (root = file_root(store, create, err)) < 0)
        return -1;
    slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    fd = parent_open(root, path, slash ? (size_t)(slash - path) : 0, create);
    if (fd < 0)
        file_err(err, errno, "open the directory of", path);
    return fd;
}

void file_info(const struct stat *st, struct object_info *info)
{
    memset(info, 0, sizeof *info);
    info->size = st->st_size;
    info->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    info->inode = st->st_ino;
    info->device = st->st_dev;
}

static bool must_be_regular(const struct stat *st, const char *path, struct err *err)
{
    mode_t type = st->st_mode & S_IFMT;

    if (type == S_IFREG)
        return true;
    err_set(err, ERR_INVALID, "'%.200s' is %s, not a file", path,
            type == S_IFDIR    ? "a directory"
            : type == S_IFLNK  ? "a symbolic link"
            : type == S_IFIFO  ? "a fifo"
            : type == S_IFSOCK ? "a socket"
                               : "a device");
    err->final = true;
    return false;
}

/* An open regular file of the op's path with its facts in `st`; -1 with out.err. */
static int open_source(struct op *op, int flags, struct stat *st)
{
    struct err *err = &op->out.err;
    int root, fd;

    if (!file_path_ok(op->in.path, err) || (root = file_root(op->in.store, false, err)) < 0)
        return -1;
    if ((fd = file_open_to_read(op->in.store, root, op->in.path, flags)) < 0) {
        file_err(err, errno, "open", op->in.path);
        return -1;
    }
    bool ok = fstat(fd, st) == 0 ? must_be_regular(st, op->in.path, err)
                                 : file_err(err, errno, "stat", op->in.path);
    if (ok)
        return fd;
    close(fd);
    return -1;
}

bool file_take_in(struct op *op)
{
    struct stat st;
    int fd = open_source(op, O_RDONLY | O_NONBLOCK | O_NOCTTY, &st);

    if (fd < 0)
        return false;
    file_info(&st, &op->out.info);
    if (st.st_size > op->in.memory_max) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice alone */
        op->out.fd = fd;
        return true;
    }
    bool ok = copy_into_memory(op, fd, st.st_size);
    close(fd);
    return ok;
}

bool file_head(struct op *op)
{
    struct stat st;
    int fd = open_source(op, O_PATH, &st);

    if (fd < 0)
        return false;
    close(fd);
    file_info(&st, &op->out.info);
    op->out.answer.info = op->out.info;
    return true;
}
