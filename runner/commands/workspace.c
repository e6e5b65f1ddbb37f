#include "commands/workspace.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "commands/shard.h"
#include "source/source.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t mono_ns(void *ctx)
{
    (void)ctx;
    return clock_mono_ns();
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

/* $XDG_STATE_HOME/haul/NAME, or ~/.local/state/haul/NAME; NULL where there is no home. */
static char *state_dir(const struct options *options, const char *name)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (options->state)
        return xstrdup(options->state);
    if (base && base[0] == '/')
        return xasprintf("%s/haul/%s", base, name);
    if (!home || home[0] != '/') {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    return home ? xasprintf("%s/.local/state/haul/%s", home, name) : NULL;
}

/* Each shard has a state of its own below the job's. */
static bool take_shard(char **dir, const char *text, struct shard *shard, struct err *err)
{
    char *whole = *dir;

    if (!shard_parse(text, shard, err))
        return false;
    *dir = xasprintf("%s/shard-%d-of-%d", whole, shard->index + 1, shard->count);
    free(whole);
    return true;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_name(const char *word)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return word[0] && word[0] != '.' && word[strspn(word, letters)] == '\0';
}

/* Of a job that is named by its file. */
static char *find_by_file(const struct options *options, struct err *err)
{
    struct workspace ws;
    char *dir = NULL;

    if (workspace_open(&ws, options, err))
        dir = xstrdup(ws.dir);
    else
        err_wrap(err, "the job's name would do instead of its file");
    workspace_close(&ws);
    return dir;
}

char *workspace_find(const struct options *options, struct err *err)
{
    const char *job = options->file;
    struct shard shard;
    char *dir;

    if (options->state || (is_name(job) && access(job, F_OK)))
        dir = state_dir(options, job);
    else if (is_directory(job))
        dir = xstrdup(job);
    else
        return find_by_file(options, err);
    if (!dir)
        err_set(err, ERR_INVALID, "no home directory for the job's state; set --state DIR");
    if (!dir || !options->shard || take_shard(&dir, options->shard, &shard, err))
        return dir;
    free(dir);
    return NULL;
}

bool workspace_open(struct workspace *ws, const struct options *options, struct err *err)
{
    const struct script_options wishes = {.oneliner =
                                              options->oneliner.verb ? &options->oneliner : NULL,
                                          .file = options->file,
                                          .params = options->params,
                                          .n_params = options->n_params,
                                          .concurrency = options->concurrency,
                                          .part_size = options->part_size,
                                          .rate = options->rate,
                                          .trace_hooks = options->trace_hooks};
    memset(ws, 0, sizeof *ws);
    ws->lock_fd = -1;
    if (!options->file && !options->oneliner.verb)
        return err_set(err, ERR_INVALID, "haul %s needs a job file", options->command);
    if (!(ws->script = script_load(&wishes, err)))
        return false;
    ws->job = script_job(ws->script);
    ws->dir = state_dir(options, ws->job->name);
    if (!ws->dir)
        return err_set(err, ERR_INVALID, "no home directory for the job's state; set --state DIR");
    if (options->shard && !take_shard(&ws->dir, options->shard, &ws->job->shard, err))
        return false;
    ws->config = (struct run_config){.job = ws->job,
                                     .mono_ns = mono_ns,
                                     .wall_ms = wall_ms,
                                     .max_duration_ms = options->max_duration_ms};
    random_bytes(&ws->config.seed, sizeof ws->config.seed);
    script_hooks(ws->script, &ws->config.hooks);
    return true;
}

/* What one request may take: where it feeds others, one more for each. */
static int connections_of(const struct task *task)
{
    int n = 1;

    for (const struct task *at = task; at && n <= LIMIT_FAN; at = at->also)
        n += task->from->kind != STORE_DIR && at->to->kind != STORE_DIR;
    return n;
}

static int connections(const struct job *job, int concurrency)
{
    int most = 1;

    for (int i = 0; i < job->n_tasks; i++)
        if (connections_of(&job->tasks[i]) > most)
            most = connections_of(&job->tasks[i]);
    return most * concurrency;
}

static void widen(void *ctx, int concurrency)
{
    const struct workspace *ws = ctx;

    if (concurrency > ws->job->concurrency) /* otherwise there are enough */
        io_widen(ws->io, connections(ws->job, concurrency));
}

void workspace_start(struct workspace *ws)
{
    const struct io_config config = {.n_lanes = ws->job->lanes,
                                     .n_workers = ws->job->workers,
                                     .n_connections = connections(ws->job, ws->job->concurrency),
                                     .buffer = 8 << 20};
    ws->io = io_new(&config);
    ws->config.io = ws->io;
    ws->config.widen = widen;
    ws->config.widen_ctx = ws;
}

/* --- the state directory -------------------------------------------------------------- */

static bool make_dirs(const char *dir, struct err *err)
{
    char *path = xstrdup(dir);
    bool ok = true;
    for (char *slash = strchr(path + 1, '/'); ok; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) && errno != EEXIST)
            ok = err_sys(err, errno, "cannot make the state directory %s", path);
        if (!slash)
            break;
        *slash = '/';
    }
    free(path);
    return ok;
}

static bool lock_now(struct workspace *ws, struct err *err)
{
    if (flock(ws->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK)
        return err_sys(err, errno, "cannot lock %s", ws->dir);
    return err_set(err, ERR_CANCELLED, "job '%s' is already running (its state is %s)",
                   ws->job->name, ws->dir);
}

static bool lock_later(struct workspace *ws, struct err *err)
{
    log_info("%s: waiting until the run that has the lock in %s ends", ws->job->name, ws->dir);
    while (flock(ws->lock_fd, LOCK_EX))
        if (errno != EINTR)
            return err_sys(err, errno, "cannot lock %s", ws->dir);
    return true;
}

static bool take_lock(struct workspace *ws, struct err *err)
{
    char *path = xasprintf("%s/lock", ws->dir);
    ws->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    if (ws->lock_fd < 0)
        return err_sys(err, errno, "cannot open the lock in %s", ws->dir);
    if (lock_now(ws, err) || err->kind != ERR_CANCELLED)
        return err->kind == ERR_NONE;
    ws->skipped = ws->job->overlap == OVERLAP_SKIP;
    return ws->job->overlap == OVERLAP_WAIT && lock_later(ws, err);
}

/* Is there anything to try again?  A run begun for nothing would be the last one, and hide what the
 * finished one did. */
static bool look_back(const struct workspace *ws, bool *finished, struct err *err)
{
    struct journal_summary summary = {0};
    struct journal *journal = journal_open_readonly(ws->dir, err);
    bool ok = journal ? journal_summary(journal, &summary, err) : err->kind == ERR_NONE;

    *finished = !journal || summary.finished;
    journal_close(journal);
    if (!ok || *finished || summary.fingerprint == job_fingerprint(ws->job))
        return ok;
    return err_set(err, ERR_INVALID,
                   "the tasks of %s were changed since the run that failed: `haul run` begins anew",
                   ws->job->name);
}

bool workspace_lock(struct workspace *ws, enum workspace_use use, struct err *err)
{
    bool finished = false;

    if (!make_dirs(ws->dir, err) || !take_lock(ws, err))
        return false;
    ws->opened = JOURNAL_NEW;
    if (use == USE_RETRY && !look_back(ws, &finished, err))
        return false;
    if (finished)
        return true;
    ws->journal = use == USE_APART ? journal_scratch(err)
                                   : journal_open(ws->dir, job_fingerprint(ws->job),
                                                  use == USE_FRESH, &ws->opened, err);
    ws->config.journal = ws->journal;
    return ws->journal != NULL;
}

void workspace_forget(struct workspace *ws)
{
    static const char *const names[] = {"journal.db", "journal.db-wal", "journal.db-shm", "control",
                                        "lock"};
    journal_close(ws->journal);
    ws->journal = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = xasprintf("%s/%s", ws->dir, names[i]);
        if (unlink(path) && errno != ENOENT)
            log_warn("cannot remove %s: %s", path, strerror(errno));
        free(path);
    }
    rmdir(ws->dir); /* what else is in it is not ours, or a journal that was set aside */
}

void workspace_close(struct workspace *ws)
{
    if (ws->io)
        io_free(ws->io);
    for (int i = 0; ws->job && i < ws->job->n_stores; i++)
        io_close_store(ws->job->stores[i].store);
    if (ws->journal)
        journal_close(ws->journal);
    if (ws->lock_fd >= 0)
        close(ws->lock_fd);
    script_free(ws->script);
    free(ws->dir);
    memset(ws, 0, sizeof *ws);
    ws->lock_fd = -1;
}

int workspace_do(const struct options *options,
                 int (*work)(struct workspace *ws, const struct options *options))
{
    struct workspace ws;
    struct err err = {0};
    bool ok = workspace_open(&ws, options, &err);
    int status = ok ? work(&ws, options) : exit_of(&err, false);

    if (!ok)
        log_error("%s", err.message);
    workspace_close(&ws);
    return status;
}

int exit_of(const struct err *err, bool reaching)
{
    switch (err->kind) {
    case ERR_BUG:
        return 70;
    case ERR_CANCELLED:
        return 11;
    case ERR_INVALID:
    case ERR_SCRIPT:
        return reaching ? 3 : 2;
    default:
        return 3;
    }
}
