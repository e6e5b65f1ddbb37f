#include "base/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static const struct clock *used; /* NULL: the system's */

void clock_use(const struct clock *clock)
{
    used = clock;
}

int64_t clock_mono_ns(void)
{
    struct timespec now;
    if (used)
        return used->mono_ns(used->ctx);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_ns() / 1000000;
}

#ifdef HAUL_FAULTS
static int64_t offset_ms(void)
{
    const char *text = getenv("HAUL_CLOCK_OFFSET_MS");
    return text ? strtoll(text, NULL, 10) : 0;
}
#else
static int64_t offset_ms(void)
{
    return 0;
}
#endif

int64_t clock_wall_ms(void)
{
    struct timespec now;
    if (used)
        return used->wall_ms(used->ctx);
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + offset_ms();
}

/* One step of splitmix64: spreads a small seed over all the bits. */
static uint64_t spread(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void clock_show(char out[32], int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void rng_seed(struct rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = spread(&seed);
}

static uint64_t rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
    /* Draws from the ragged end of the range would favour small results. */
    uint64_t ragged = (UINT64_MAX - n + 1) % n;
    uint64_t draw;
    do
        draw = rng_next(rng);
    while (draw < ragged);
    return draw % n;
}

void random_bytes(void *out, unsigned len)
{
    for (unsigned done = 0; done < len;) {
        ssize_t n = getrandom((char *)out + done, len - done, 0);
        if (n < 0 && errno != EINTR)
            abort();
        if (n > 0)
            done += (unsigned)n;
    }
}

void random_hex(char *out, unsigned n)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < n; i++) {
        unsigned char byte;
        random_bytes(&byte, 1);
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    out[2 * n] = '\0';
}
