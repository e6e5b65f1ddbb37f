#include "script/watchdog.h"
#include "base/buf.h"
#include "base/log.h"
#include "io/thread.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS     100
#define IDLE_LOOKS  20 /* without a call: then it sleeps until there is one */
#define EXIT_STATUS 7

struct watchdog {
    pthread_mutex_t lock;
    pthread_cond_t change; /* armed again after it slept, or stop */
    pthread_t thread;
    clockid_t clock;     /* CPU of the thread that is watched */
    int64_t deadline_ns; /* 0: not armed */
    const char *what, *whose;
    uint64_t calls; /* armed so many times */
    bool asleep, stop;
};

/* The thread that is watched waits for the lock if it comes back now, so that what it was at is
 * what the message says. */
static _Noreturn void bark(const struct watchdog *watchdog)
{
    log_error("%s%s%s: computes without end in a function that cannot be stopped (string.find and "
              "the like); the run is ended, and the same command carries on where it was",
              watchdog->what, watchdog->whose ? " of " : "",
              watchdog->whose ? watchdog->whose : "");
    _exit(EXIT_STATUS);
}

static void look(const struct watchdog *watchdog)
{
    struct timespec now;

    if (!watchdog->deadline_ns || clock_gettime(watchdog->clock, &now) != 0)
        return;
    if ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec >= watchdog->deadline_ns)
        bark(watchdog);
}

/* Waits for the next look; for as long as it takes where nothing is called. */
static void rest(struct watchdog *watchdog, bool idle)
{
    struct timespec until;

    watchdog->asleep = idle;
    if (idle) {
        pthread_cond_wait(&watchdog->change, &watchdog->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&watchdog->change, &watchdog->lock, &until);
}

static void *loop(void *arg)
{
    struct watchdog *watchdog = arg;
    uint64_t seen = 0;
    int idle = 0;

    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stop) {
        look(watchdog);
        idle = watchdog->deadline_ns || watchdog->calls != seen ? 0 : idle + 1;
        seen = watchdog->calls;
        rest(watchdog, idle >= IDLE_LOOKS);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

struct watchdog *watchdog_new(void)
{
    struct watchdog *watchdog = xcalloc(1, sizeof *watchdog);
    pthread_condattr_t attributes;

    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->change, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_getcpuclockid(pthread_self(), &watchdog->clock) != 0)
        abort();
    thread_start(&watchdog->thread, loop, watchdog, "haul-watch", 0);
    return watchdog;
}

void watchdog_arm(struct watchdog *watchdog, int64_t deadline_ns, const char *what,
                  const char *whose)
{
    pthread_mutex_lock(&watchdog->lock);
    watchdog->deadline_ns = deadline_ns;
    watchdog->what = what;
    watchdog->whose = whose;
    watchdog->calls++;
    if (watchdog->asleep)
        pthread_cond_signal(&watchdog->change);
    watchdog->asleep = false;
    pthread_mutex_unlock(&watchdog->lock);
}

void watchdog_disarm(struct watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->lock);
    watchdog->deadline_ns = 0;
    pthread_mutex_unlock(&watchdog->lock);
}

void watchdog_free(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->stop = true;
    pthread_cond_signal(&watchdog->change);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->change);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}
