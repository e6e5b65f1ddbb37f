#include "io/walk.h"
#include "io/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 1000

/* Names are stored one after the other in `text`, each with a type byte before it; a directory's
 * ends in '/', which is what makes the byte order of names that of full keys. */
struct level {
    struct buf text;
    uint32_t *name; /* offsets into text, sorted */
    size_t n, cap;
    size_t next;     /* what comes next */
    size_t path_len; /* of the directory's path, with its '/', in walk->path */
    dev_t device;    /* which it is */
    ino_t inode;
};

struct walk {
    const struct store *root;
    struct buf path; /* of the directory the walk is in: "" or ending in '/' */
    char *prefix;
    int fd; /* that directory, or -1: to be opened again */
    struct level *level;
    int depth, cap; /* levels in use and allocated */
    bool started, ended;
};

enum type { TYPE_FILE = 'f', TYPE_DIR = 'd', TYPE_LINK = 'l', TYPE_SPECIAL = 's' };

struct walk *walk_new(const struct store *root, const char *prefix)
{
    struct walk *walk = xcalloc(1, sizeof *walk);

    walk->root = root;
    walk->prefix = xstrdup(prefix ? prefix : "");
    walk->path = buf_new(1 << 20);
    walk->fd = -1;
    return walk;
}

static void level_free(struct level *level)
{
    buf_free(&level->text);
    free(level->name);
}

static void directory_close(struct walk *walk)
{
    if (walk->fd >= 0)
        close(walk->fd);
    walk->fd = -1;
}

void walk_free(struct walk *walk)
{
    if (!walk)
        return;
    directory_close(walk);
    for (int i = 0; i < walk->depth; i++)
        level_free(&walk->level[i]);
    free(walk->level);
    buf_free(&walk->path);
    free(walk->prefix);
    free(walk);
}

static void path_cut(struct walk *walk, size_t len)
{
    walk->path.len = len;
    walk->path.full = false;
    if (walk->path.data)
        walk->path.data[len] = 0;
}

/* Opens the directory of walk->path; -1 with errno. */
static int directory_open(struct walk *walk, int root)
{
    char *dir;
    int fd, saved;

    if (!walk->path.len)
        return file_open_to_read(walk->root, root, ".", O_RDONLY | O_DIRECTORY);
    dir = xstrndup(walk->path.data, walk->path.len - 1);
    fd = file_open_to_read(walk->root, root, dir, O_RDONLY | O_DIRECTORY);
    saved = errno;
    free(dir);
    errno = saved;
    return fd;
}

static int type_of_mode(mode_t mode)
{
    return S_ISREG(mode)   ? TYPE_FILE
           : S_ISDIR(mode) ? TYPE_DIR
           : S_ISLNK(mode) ? TYPE_LINK
                           : TYPE_SPECIAL;
}

/* Of a link: what it leads to; one that leads nowhere stays a link. */
static int type_behind(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, 0) ? TYPE_LINK : type_of_mode(st.st_mode);
}

static int type_of(const struct walk *walk, int dir, const struct dirent *entry)
{
    static const unsigned char known[] = {
        [DT_REG] = TYPE_FILE,     [DT_DIR] = TYPE_DIR,      [DT_LNK] = TYPE_LINK,
        [DT_FIFO] = TYPE_SPECIAL, [DT_SOCK] = TYPE_SPECIAL, [DT_CHR] = TYPE_SPECIAL,
        [DT_BLK] = TYPE_SPECIAL};
    int type = entry->d_type < sizeof known ? known[entry->d_type] : 0;
    struct stat st;

    if (!type && fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : TYPE_SPECIAL;
    if (!type)
        type = type_of_mode(st.st_mode);
    return type == TYPE_LINK && walk->root->follows_links ? type_behind(dir, entry->d_name) : type;
}

/* May the walk's prefix be that of something at or below this name? */
static bool is_wanted(const struct walk *walk, const char *name, bool is_dir)
{
    const char *prefix = walk->prefix;
    size_t len = strlen(prefix), skip = walk->path.len, n = strlen(name);

    if (len <= skip)
        return true;
    prefix += skip;
    len -= skip;
    if (!strncmp(prefix, name, len < n ? len : n) && (len <= n || (is_dir && prefix[n] == '/')))
        return true;
    return false;
}

static bool level_add(struct walk *walk, struct level *level, int dir, const struct dirent *entry)
{
    const char *name = entry->d_name;
    int type;

    if (!strcmp(name, ".") || !strcmp(name, "..") || file_is_temp(name) ||
        !(type = type_of(walk, dir, entry)) || !is_wanted(walk, name, type == TYPE_DIR))
        return true;
    if (level->n == level->cap) {
        level->cap = level->cap ? level->cap * 2 : 64;
        level->name = xrealloc(level->name, level->cap * sizeof *level->name);
    }
    level->name[level->n++] = (uint32_t)(level->text.len + 1);
    return buf_addc(&level->text, (char)type) && buf_adds(&level->text, name) &&
           (type != TYPE_DIR || buf_addc(&level->text, '/')) && buf_addc(&level->text, 0);
}

static int compare(const void *a, const void *b, void *text)
{
    uint32_t offset_a, offset_b;

    memcpy(&offset_a, a, sizeof offset_a);
    memcpy(&offset_b, b, sizeof offset_b);
    return strcmp((const char *)text + offset_a, (const char *)text + offset_b);
}

/* Reads the names of `dir`; takes the descriptor.  False with errno. */
static bool level_read(struct walk *walk, struct level *level, int dir)
{
    DIR *stream = fdopendir(dir);
    const struct dirent *entry;
    bool ok = stream != NULL;

    if (!stream)
        close(dir);
    while (ok && (errno = 0, entry = readdir(stream)))
        ok = level_add(walk, level, dir, entry) || (errno = ENOMEM, false);
    ok = ok && !errno;
    int saved = errno;
    if (stream)
        closedir(stream);
    if (ok && level->n)
        qsort_r(level->name, level->n, sizeof *level->name, compare, level->text.data);
    errno = saved;
    return ok;
}

/* Does the directory, which `level` has become, hold itself?  Only a link makes that so. */
static bool is_loop(const struct walk *walk, struct level *level, int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return false;
    level->device = st.st_dev;
    level->inode = st.st_ino;
    for (int i = 0; i < walk->depth; i++)
        if (walk->level[i].device == st.st_dev && walk->level[i].inode == st.st_ino)
            return true;
    return false;
}

/* Goes into the directory of walk->path.  False with errno; ELOOP: the walk is in it already. */
static bool level_push(struct walk *walk, int root)
{
    int fd = directory_open(walk, root), twin;

    if (fd < 0)
        return false;
    if (walk->depth == walk->cap) {
        walk->cap = walk->cap ? walk->cap * 2 : 8;
        walk->level = xrealloc(walk->level, (size_t)walk->cap * sizeof *walk->level);
    }
    struct level *level = &walk->level[walk->depth];
    *level = (struct level){.text = buf_new(UINT32_MAX), .path_len = walk->path.len};
    bool loop = walk->root->follows_links && is_loop(walk, level, fd) && (errno = ELOOP, true);
    if (loop || (twin = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0 || !level_read(walk, level, twin)) {
        int saved = errno;
        level_free(level);
        close(fd);
        errno = saved;
        return false;
    }
    directory_close(walk);
    walk->fd = fd;
    walk->depth++;
    return true;
}

/* Leaves the directory; the one above is opened again when a file in it is looked at. */
static void level_pop(struct walk *walk)
{
    level_free(&walk->level[--walk->depth]);
    directory_close(walk);
    if (walk->depth)
        path_cut(walk, walk->level[walk->depth - 1].path_len);
    else
        walk->ended = true;
}

static struct list_entry *entry_add(struct listing *listing, const struct walk *walk,
                                    const char *name, int special)
{
    struct list_entry *entry;

    if (listing->n == listing->cap) {
        listing->cap = listing->cap ? listing->cap * 2 : 64;
        listing->entry = xrealloc(listing->entry, listing->cap * sizeof *listing->entry);
    }
    entry = &listing->entry[listing->n++];
    *entry = (struct list_entry){.etag = xstrdup(""), .special = special};
    entry->key = xasprintf("%s%s", buf_str(&walk->path), name);
    return entry;
}

/* False with errno. */
static bool file_emit(struct walk *walk, int root, struct listing *listing, const char *name)
{
    struct stat st;

    if (walk->fd < 0)
        walk->fd = directory_open(walk, root);
    int flags = walk->root->follows_links ? 0 : AT_SYMLINK_NOFOLLOW;
    if (walk->fd < 0 || fstatat(walk->fd, name, &st, flags)) {
        if (errno == ENOENT) /* gone since the directory was read */
            return true;
        if (errno != EACCES && errno != ENOTDIR && errno != ELOOP)
            return false;
        entry_add(listing, walk, name, 'u');
        return true;
    }
    bool regular = S_ISREG(st.st_mode);
    struct list_entry *entry = entry_add(listing, walk, name,
                                         regular               ? 0
                                         : S_ISLNK(st.st_mode) ? 'l'
                                                               : 's');
    if (regular) {
        entry->size = st.st_size;
        entry->inode = st.st_ino;
        entry->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    return true;
}

/* Goes into the directory `name`, or reports it. */
static bool directory_enter(struct walk *walk, int root, struct listing *listing, const char *name)
{
    size_t len = walk->path.len;
    bool fits = buf_adds(&walk->path, name);

    if (fits && level_push(walk, root))
        return true;
    int failed = fits ? errno : ENAMETOOLONG;
    path_cut(walk, len);
    if (failed == EMFILE || failed == ENFILE || failed == ENOMEM || failed == EIO) {
        errno = failed;
        return false;
    }
    bool loop = failed == ELOOP && walk->root->follows_links;
    if (failed != ENOENT) /* gone since the directory above was read */
        entry_add(listing, walk, name, loop ? 'o' : 'u');
    return true;
}

static bool step(struct walk *walk, int root, struct listing *listing)
{
    struct level *level = &walk->level[walk->depth - 1];

    if (level->next == level->n) {
        level_pop(walk);
        return true;
    }
    const char *name = level->text.data + level->name[level->next++];
    switch (name[-1]) {
    case TYPE_DIR:
        return directory_enter(walk, root, listing, name);
    case TYPE_LINK:
    case TYPE_SPECIAL:
        entry_add(listing, walk, name, name[-1]);
        return true;
    default:
        return file_emit(walk, root, listing, name);
    }
}

/* The directory of the prefix; none there is an empty listing, as in a bucket. */
static bool start(struct walk *walk, int root, struct err *err)
{
    const char *slash = strrchr(walk->prefix, '/');
    struct err ignored;
    char *dir;

    walk->started = true;
    if (slash) {
        dir = xstrndup(walk->prefix, (size_t)(slash - walk->prefix));
        bool ok = file_path_ok(dir, &ignored);
        free(dir);
        if (!ok || !buf_add(&walk->path, walk->prefix, (size_t)(slash - walk->prefix) + 1)) {
            walk->ended = true; /* no file below a root can have such a key */
            return true;
        }
    }
    if (level_push(walk, root))
        return true;
    walk->ended = slash && (errno == ENOENT || errno == ENOTDIR);
    walk->started = walk->ended;
    int failed = errno;
    if (!walk->ended)
        path_cut(walk, 0);
    return walk->ended || file_err(err, failed, "list", walk->prefix);
}

bool walk_page(struct walk *walk, struct listing *listing, int max, struct err *err)
{
    size_t most = max > 0 ? (size_t)max : PAGE;
    int root = file_root(walk->root, false, err);

    if (root < 0 || (!walk->started && !start(walk, root, err)))
        return false;
    while (!walk->ended && listing->n < most) {
        if (!step(walk, root, listing))
            return file_err(err, errno, "list", buf_str(&walk->path));
    }
    if (walk->ended)
        return file_root_stands(walk->root, err);
    listing->next_token = xstrdup("more");
    return true;
}
