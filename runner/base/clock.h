#pragma once
/*
 * Time and randomness.  what decides never calls these: they enter a turn as arguments, so that a
 * test can own both.  io/ and script/ call them from any thread.
 */
#include <stdint.h>

int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC */
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(
    void); /* milliseconds since 1970, UTC; HAUL_CLOCK_OFFSET_MS in fault builds */

/* Time from elsewhere, for a process that lives in a world of its own; NULL: the system's again.
 * Only while there is one thread. */
struct clock {
    int64_t (*mono_ns)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    void *ctx;
};
void clock_use(const struct clock *clock);

/* "2026-11-20T22:00:00Z" into `out`. */
void clock_show(char out[32], int64_t wall_ms);

/* A small generator (xoshiro256**): fast and seedable, not for secrets. */
struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t n); /* 0 .. n-1; n > 0 */

/* Fills `out` from the kernel: for names nobody may guess, and for seeds. */
void random_bytes(void *out, unsigned len);
/* `2 * n` lower-case hex digits of random_bytes and a NUL into `out`. */
void random_hex(char *out, unsigned n);
