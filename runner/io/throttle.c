#include "io/throttle.h"
#include "base/buf.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * A bucket is one moment: the time up to which everything taken from it is paid for at its rate.
 * What is left over from the division is kept, so nothing is rounded away, and time needs no ticks:
 * the level is the distance from that moment to now.
 */
struct bucket {
    pthread_mutex_t lock;
    _Atomic int64_t rate; /* units a second; -1: unlimited */
    int64_t burst_min;    /* the level may always rise to this */
    int64_t paid_ns;      /* see above */
    int64_t frac;         /* taken beyond paid_ns, in units / 1e9: 0 .. rate-1 */
    int64_t seen_ns;      /* the newest time anyone gave */
    bool started;         /* paid_ns means something */
};

__extension__ typedef __int128 wide;

#define SECOND   INT64_C(1000000000)
#define FOREVER  (INT64_MAX / 4)
#define FAR_AWAY SECOND /* the wait for a rate of 0: ask again then */

struct bucket *bucket_new(int64_t rate, int64_t unit_burst_min)
{
    struct bucket *bucket = xcalloc(1, sizeof *bucket);

    pthread_mutex_init(&bucket->lock, NULL);
    atomic_init(&bucket->rate, rate);
    bucket->burst_min = unit_burst_min > 0 ? unit_burst_min : 1;
    return bucket;
}

void bucket_free(struct bucket *bucket)
{
    if (!bucket)
        return;
    pthread_mutex_destroy(&bucket->lock);
    free(bucket);
}

int64_t bucket_rate(struct bucket *bucket)
{
    return atomic_load_explicit(&bucket->rate, memory_order_relaxed);
}

static int64_t burst(const struct bucket *bucket, int64_t rate)
{
    int64_t some = rate / 100 + 1;

    return some > bucket->burst_min ? some : bucket->burst_min;
}

/* Sets the level, in units / 1e9, as of `now_ns`. */
static void level_set(struct bucket *bucket, int64_t rate, wide level, int64_t now_ns)
{
    wide ns = level >= 0 ? (level + rate - 1) / rate : -((-level) / rate);

    if (ns < -FOREVER) { /* nobody will see the end of it */
        ns = -FOREVER;
        level = ns * rate;
    }
    bucket->paid_ns = (int64_t)(now_ns - ns);
    bucket->frac = (int64_t)(ns * rate - level);
}

/* The level in units / 1e9; negative in debt.  A fresh bucket holds 5 ms of its rate: a full one
 * would show as a burst at the start of every run. */
static wide level_at(struct bucket *bucket, int64_t rate, int64_t now_ns)
{
    /* A nanosecond more than the burst: whoever waits for all of it comes that much late. */
    wide most = (wide)burst(bucket, rate) * SECOND + rate, level;

    if (!bucket->started) {
        bucket->started = true;
        bucket->seen_ns = now_ns;
        level_set(bucket, rate, (wide)(rate / 200 + 1) * SECOND, now_ns);
    }
    if (now_ns > bucket->seen_ns)
        bucket->seen_ns = now_ns;
    level = (wide)(now_ns - bucket->paid_ns) * rate - bucket->frac;
    if (level <= most)
        return level;
    level_set(bucket, rate, most, now_ns);
    return most;
}

void bucket_set_rate(struct bucket *bucket, int64_t rate)
{
    pthread_mutex_lock(&bucket->lock);
    int64_t old = bucket_rate(bucket);
    if (old > 0 && rate > 0 && bucket->started) {
        wide level = level_at(bucket, old, bucket->seen_ns);
        level_set(bucket, rate, level, bucket->seen_ns);
    } else if (rate > 0) {
        bucket->started = false;
    }
    atomic_store_explicit(&bucket->rate, rate, memory_order_relaxed);
    pthread_mutex_unlock(&bucket->lock);
}

static int64_t wait_one(struct bucket *bucket, int64_t n_units, int64_t now_ns)
{
    int64_t rate = bucket_rate(bucket), most;
    wide missing;

    if (rate < 0)
        return 0;
    if (rate == 0)
        return FAR_AWAY;
    pthread_mutex_lock(&bucket->lock);
    most = burst(bucket, rate);
    missing = (wide)(n_units < most ? n_units : most) * SECOND - level_at(bucket, rate, now_ns);
    pthread_mutex_unlock(&bucket->lock);
    if (missing <= 0)
        return 0;
    return (int64_t)((missing + rate - 1) / rate);
}

int64_t bucket_wait_for_ns(struct bucket *const *path, int n, int64_t n_units, int64_t now_ns)
{
    int64_t longest = 0;

    for (int i = 0; i < n; i++) {
        int64_t wait = path[i] ? wait_one(path[i], n_units, now_ns) : 0;
        if (wait > longest)
            longest = wait;
    }
    return longest;
}

int64_t bucket_wait_ns(struct bucket *const *path, int n, int64_t now_ns)
{
    return bucket_wait_for_ns(path, n, 1, now_ns);
}

static void take_one(struct bucket *bucket, int64_t n_units, int64_t now_ns)
{
    int64_t rate = bucket_rate(bucket);

    if (rate <= 0)
        return;
    pthread_mutex_lock(&bucket->lock);
    wide level = level_at(bucket, rate, now_ns) - (wide)n_units * SECOND;
    level_set(bucket, rate, level, now_ns);
    pthread_mutex_unlock(&bucket->lock);
}

void bucket_take(struct bucket *const *path, int n, int64_t n_units, int64_t now_ns)
{
    for (int i = 0; i < n && n_units; i++) {
        if (path[i])
            take_one(path[i], n_units, now_ns);
    }
}

int64_t bucket_available(struct bucket *const *path, int n, int64_t want, int64_t now_ns)
{
    for (int i = 0; i < n; i++) {
        int64_t rate = path[i] ? bucket_rate(path[i]) : -1;
        if (rate < 0)
            continue;
        if (rate == 0)
            return 0;
        pthread_mutex_lock(&path[i]->lock);
        wide level = level_at(path[i], rate, now_ns) / SECOND;
        pthread_mutex_unlock(&path[i]->lock);
        if (level < want)
            want = level > 0 ? (int64_t)level : 0;
    }
    return want;
}

int64_t bucket_path_rate(struct bucket *const *path, int n)
{
    int64_t least = -1;

    for (int i = 0; i < n; i++) {
        int64_t rate = path[i] ? bucket_rate(path[i]) : -1;
        if (rate >= 0 && (least < 0 || rate < least))
            least = rate;
    }
    return least;
}
