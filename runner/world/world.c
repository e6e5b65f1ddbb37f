#include "io/file.h"
#include "world/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN_NS INT64_C(1000000000000) /* of the clock that only counts: never zero */

/* --- time ----------------------------------------------------------------------------- */

static int64_t mono_ns(void *ctx)
{
    const struct world *world = ctx;
    return world->now_ns;
}

static int64_t wall_ms(void *ctx)
{
    return world_wall_ms(ctx);
}

int64_t world_wall_ms(const struct world *world)
{
    return world->base_ms + world->now_ns / 1000000;
}

void world_set_wall(struct world *world, int64_t to_ms)
{
    int64_t ahead_ms = to_ms - world_wall_ms(world);

    if (ahead_ms > 0)
        world->now_ns += ahead_ms * 1000000;
    world->base_ms += to_ms - world_wall_ms(world);
}

void world_enter(struct world *world)
{
    clock_use(&world->clock);
}

void world_leave(struct world *world)
{
    (void)world;
    clock_use(NULL);
}

/* --- its directory -------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    if (type == FTW_DP)
        rmdir(path);
    else
        unlink(path);
    return 0;
}

static char *make_own_dir(struct err *err)
{
    const char *base = getenv("TMPDIR");
    char *dir = xasprintf("%s/haul-world-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    char *real = mkdtemp(dir) ? realpath(dir, NULL) : NULL;

    if (!real)
        err_sys(err, errno, "cannot make a directory for the world: %s", dir);
    free(dir);
    return real;
}

struct world *world_new(const struct world_config *config, struct err *err)
{
    char *dir = make_own_dir(err);
    struct world *world = dir ? xcalloc(1, sizeof *world) : NULL;

    if (!world)
        return NULL;
    file_init();
    world->dir = dir;
    world->io.ops = &world_io_ops;
    world->config = *config;
    world->now_ns = BEGIN_NS;
    world->base_ms = config->wall_ms - BEGIN_NS / 1000000;
    world->clock = (struct clock){mono_ns, wall_ms, world};
    rng_seed(&world->rng, config->seed);
    inbox_init(&world->done, false);
    world->workers = workers_new(0, &world->done);
    return world;
}

void world_free(struct world *world)
{
    if (!world)
        return;
    for (int i = 0; i < world->n_stores; i++) {
        remote_free(&world->store[i]->remote);
        free(world->store[i]->name);
        free(world->store[i]->host);
        free(world->store[i]);
    }
    nftw(world->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    workers_free(world->workers);
    inbox_close(&world->done);
    rules_free(&world->rules);
    free(world->store);
    free(world->flight);
    free(world->opened);
    free(world->dir);
    free(world);
}

void world_fault(struct world *world, const struct rule *rule)
{
    rules_add(&world->rules, rule);
}

/* --- stores --------------------------------------------------------------------------- */

static enum store_kind kind_of(const char *name)
{
    static const enum store_kind kinds[] = {STORE_S3, STORE_OSS, STORE_TOS};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *scheme = dialect_of(kinds[i])->name;
        if (!strncmp(name, scheme, strlen(scheme)) && !strncmp(name + strlen(scheme), "://", 3))
            return kinds[i];
    }
    return strncmp(name, "http", 4) ? STORE_S3 : STORE_WEB;
}

static enum flavour flavour_of(enum store_kind kind)
{
    return kind == STORE_OSS   ? REMOTE_OSS
           : kind == STORE_TOS ? REMOTE_TOS
           : kind == STORE_S3  ? REMOTE_S3_CRC
                               : REMOTE_S3_OPAQUE;
}

static struct world_store *add_store(struct world *world, const char *name)
{
    struct world_store *store = xcalloc(1, sizeof *store);
    enum store_kind kind = kind_of(name);

    store->name = xstrdup(name);
    store->remote = (struct remote){.flavour = flavour_of(kind),
                                    .dialect = dialect_of(kind),
                                    .page = 1000,
                                    .host = &world_hosts,
                                    .ctx = world};
    world->store = xrealloc(world->store, (size_t)(world->n_stores + 1) * sizeof(void *));
    return world->store[world->n_stores++] = store;
}

static const char *bucket_of(const char *name)
{
    const char *scheme = strstr(name, "://");
    return scheme ? scheme + 3 : name;
}

static struct world_store *find_exactly(const struct world *world, const char *name)
{
    for (int i = 0; i < world->n_stores; i++)
        if (!strcmp(world->store[i]->name, name))
            return world->store[i];
    return NULL;
}

/* By its bucket; false when that leaves open which one is meant. */
static bool find_bucket(const struct world *world, const char *name, struct world_store **found,
                        struct err *err)
{
    for (int i = 0; i < world->n_stores; i++) {
        struct world_store *store = world->store[i];
        if (strcmp(bucket_of(store->name), name) != 0)
            continue;
        if (*found)
            return err_set(err, ERR_INVALID, "'%s' may be %s or %s: say which", name,
                           (*found)->name, store->name);
        *found = store;
    }
    return true;
}

struct remote *world_store(struct world *world, const char *name, bool make, struct err *err)
{
    struct world_store *found = find_exactly(world, name);

    if (!found && !strstr(name, "://") && !find_bucket(world, name, &found, err))
        return NULL;
    if (!found && make)
        found = add_store(world, name);
    return found ? &found->remote : NULL;
}

/* One that was made by its bucket alone becomes what the job says it is. */
static struct world_store *store_for(struct world *world, const struct store *store)
{
    struct world_store *found = find_exactly(world, store->name);

    if (found || !store->bucket || !(found = find_exactly(world, store->bucket)))
        return found ? found : add_store(world, store->name);
    free(found->name);
    found->name = xstrdup(store->name);
    return found;
}

bool world_bind_remote(struct world *world, const struct store *store, struct err *err)
{
    struct world_store *mine = store_for(world, store);
    bool md5 = store->checksum == CHECKSUM_MD5 || store->checksum == CHECKSUM_NONE;
    enum flavour flavour = flavour_of(store->kind);

    if (mine->host && strcmp(mine->host, store->host) != 0)
        return err_set(err, ERR_INVALID,
                       "the job has two stores %s, at %s and at %s: a world tells stores apart by "
                       "their names",
                       mine->name, mine->host, store->host);
    if (!mine->host)
        mine->host = xstrdup(store->host);
    if (flavour == REMOTE_S3_CRC && md5)
        flavour = REMOTE_S3_MD5;
    if (mine->remote.flavour != flavour || mine->remote.dialect != store->dialect)
        remote_become(&mine->remote, flavour, store->dialect);
    return true;
}

struct remote *world_remote_of(struct world *world, const struct store *store)
{
    bool named = store && store->kind != STORE_DIR && store->name;
    struct world_store *found = named ? find_exactly(world, store->name) : NULL;
    return found ? &found->remote : NULL;
}

/* --- directories ---------------------------------------------------------------------- */

/* Absolute, without symbolic links as far as it exists, as the job's own are. */
static char *real_path(char *path)
{
    char *slash = strrchr(path, '/'), *real = realpath(path, NULL);

    if (real || !slash || slash == path) {
        char *result = real ? real : xstrdup(path);
        free(path);
        return result;
    }
    char *above = real_path(xstrndup(path, (size_t)(slash - path)));
    char *result = xasprintf("%s%s", strcmp(above, "/") ? above : "", slash);
    free(above);
    free(path);
    return result;
}

char *world_path(const struct world *world, const char *dir)
{
    char cwd[PATH_MAX], *path;
    size_t len = strlen(dir);

    while (len > 1 && dir[len - 1] == '/')
        len--;
    path = dir[0] == '/' || !getcwd(cwd, sizeof cwd) ? xstrndup(dir, len)
                                                     : xasprintf("%s/%.*s", cwd, (int)len, dir);
    char *real = real_path(path), *mapped = xasprintf("%s" WORLD_FILES "%s", world->dir, real);
    free(real);
    return mapped;
}

bool world_make_dirs(const char *path, struct err *err)
{
    char *copy = xstrdup(path);
    bool ok = true;

    for (char *slash = strchr(copy + 1, '/'); ok; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        ok = !mkdir(copy, 0700) || errno == EEXIST || err_sys(err, errno, "cannot make %s", copy);
        if (!slash)
            break;
        *slash = '/';
    }
    free(copy);
    return ok;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_file(const char *path, const void *data, size_t len, int64_t mtime_ns,
                       struct err *err)
{
    const struct timespec now = {mtime_ns / 1000000000, mtime_ns % 1000000000};
    const struct timespec times[2] = {now, now};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool ok = fd >= 0 && write_all(fd, data, len) && !futimens(fd, times);

    if (!ok)
        err_sys(err, errno, "cannot write %s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool world_write(struct world *world, const char *dir, const char *path, const void *data,
                 size_t len, int64_t mtime_ns, struct err *err)
{
    if (!file_path_ok(path, err))
        return false;
    char *root = world_path(world, dir), *full = xasprintf("%s/%s", root, path);
    char *parent = xstrndup(full, (size_t)(strrchr(full, '/') - full));
    bool ok =
        world_make_dirs(parent, err) &&
        write_file(full, data, len, mtime_ns ? mtime_ns : world_wall_ms(world) * 1000000, err);

    free(parent);
    free(full);
    free(root);
    return ok;
}
