#include "io/io.h"
#include "base/clock.h"
#include "io/file.h"
#include "io/lane.h"
#include "io/worker.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct real {
    struct io io; /* first: what others see */
    struct inbox done;
    int wait_fd; /* an epoll of all that ends a wait: the event of `done`, what io_watch named */
    struct workers *workers;
    struct workers *commands; /* those that run what scripts start: made for the first */
    struct lane **lane;
    int n_lanes;
    bool threads; /* false: collect runs everything */
};

static struct real *real_of(struct io *io)
{
    return (struct real *)io;
}

/* The lane with the least to do. */
static struct lane *choose(const struct real *real)
{
    struct lane *best = real->lane[0];

    for (int i = 1; i < real->n_lanes; i++) {
        if (lane_load(real->lane[i]) < lane_load(best))
            best = real->lane[i];
    }
    return best;
}

/* A command may run for minutes: it is never in the way of a file. */
static struct workers *workers_for(struct real *real, const struct op *op)
{
    if (op->kind != OP_EXEC || !real->threads)
        return real->workers;
    if (!real->commands)
        real->commands = workers_new(LIMIT_COMMANDS, &real->done);
    return real->commands;
}

static void submit(struct io *io, struct op *op)
{
    struct real *real = real_of(io);
    bool remote = op->kind == OP_CALL && op->in.store->kind != STORE_DIR;

    if (remote || op->kind == OP_HTTP)
        lane_submit(choose(real), op);
    else
        workers_submit(workers_for(real, op), op);
}

static struct op *take(struct real *real)
{
    struct op *all = inbox_take(&real->done);

    if (all)
        inbox_quiet(&real->done);
    return all;
}

static int as_timeout(int64_t wait_ms)
{
    return wait_ms < 0 ? -1 : wait_ms > 3600000 ? 3600000 : (int)wait_ms;
}

static struct op *collect(struct io *io, int64_t wait_ms)
{
    struct real *real = real_of(io);
    struct pollfd event = {.fd = real->wait_fd, .events = POLLIN};
    struct op *all = take(real);

    if (all || !wait_ms)
        return all;
    if (poll(&event, 1, as_timeout(wait_ms)) > 0)
        inbox_quiet(&real->done);
    return inbox_take(&real->done);
}

static bool is_woken(const struct real *real)
{
    struct pollfd event = {.fd = real->wait_fd, .events = POLLIN};
    return poll(&event, 1, 0) > 0;
}

/* The same without threads: lane and workers run here until something ended. */
static struct op *collect_inline(struct io *io, int64_t wait_ms)
{
    struct real *real = real_of(io);
    int64_t now_ms = clock_mono_ms(), end_ms = wait_ms < 0 ? INT64_MAX : now_ms + wait_ms;
    struct op *all;

    for (;;) {
        while (workers_step(real->workers))
            continue;
        lane_turn(real->lane[0], wait_ms < 0 ? -1 : as_timeout(end_ms - now_ms), real->wait_fd);
        bool woken = is_woken(real);
        inbox_quiet(&real->done);
        all = inbox_take(&real->done);
        now_ms = clock_mono_ms();
        if (all || woken || now_ms >= end_ms)
            return all;
    }
}

static void stop(struct io *io)
{
    struct real *real = real_of(io);

    for (int i = 0; i < real->n_lanes; i++)
        lane_free(real->lane[i]);
    real->n_lanes = 0;
    if (real->workers)
        workers_free(real->workers);
    if (real->commands)
        workers_free(real->commands);
    real->workers = real->commands = NULL;
}

static const struct io_ops with_threads = {submit, collect, stop};
static const struct io_ops without_threads = {submit, collect_inline, stop};

static bool lanes_new(struct real *real, const struct io_config *config)
{
    int n = config->n_lanes > 0 ? config->n_lanes : 1;
    struct lane_config one = {
        .n_connections = (config->n_connections + n - 1) / n,
        .n_lanes = n,
        .buffer = config->buffer / n,
    };

    real->lane = xcalloc((size_t)n, sizeof(struct lane *));
    for (; real->n_lanes < n; real->n_lanes++) {
        if (!(real->lane[real->n_lanes] = lane_new(&one, &real->done)))
            return false;
    }
    return true;
}

struct io *io_new(const struct io_config *config)
{
    struct real *real = xcalloc(1, sizeof *real);

    file_init();
    lane_init();
    real->threads = config->n_lanes > 0;
    real->io.ops = real->threads ? &with_threads : &without_threads;
    inbox_init(&real->done, true);
    real->wait_fd = epoll_create1(EPOLL_CLOEXEC);
    if (real->wait_fd < 0 || !io_watch(&real->io, real->done.event)) {
        perror("haul: epoll");
        abort();
    }
    if (!lanes_new(real, config)) {
        io_free(&real->io);
        return NULL;
    }
    real->workers = workers_new(real->threads ? config->n_workers : 0, &real->done);
    for (int i = 0; real->threads && i < real->n_lanes; i++)
        lane_start(real->lane[i], i);
    return &real->io;
}

void io_stats(struct io *io, struct io_stats *stats)
{
    struct real *real = real_of(io);

    *stats = (struct io_stats){0};
    for (int i = 0; i < real->n_lanes; i++)
        lane_stats(real->lane[i], stats);
}

void io_widen(struct io *io, int n_connections)
{
    struct real *real = real_of(io);

    for (int i = 0; i < real->n_lanes; i++)
        lane_widen(real->lane[i], (n_connections + real->n_lanes - 1) / real->n_lanes);
}

bool io_watch(struct io *io, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(real_of(io)->wait_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void io_wake(struct io *io)
{
    inbox_wake(&real_of(io)->done);
}

void io_free(struct io *io)
{
    struct real *real = real_of(io);

    if (!io)
        return;
    stop(io);
    lane_exit();
    close(real->wait_fd);
    inbox_close(&real->done);
    free(real->lane);
    free(real);
}
