#pragma once
/*
 * Token buckets for bytes and for requests.  Any thread may take from one; control makes, changes
 * and frees them.  A bucket counts in nanoseconds of its own rate, from a monotonic clock, so that
 * no fraction is ever lost; it may go into debt once and then refuses until the debt is paid.
 */
#include <stdint.h>

struct bucket;

/* `rate` in units (bytes or requests) a second; -1: unlimited, 0: nothing.  A bucket that is not
 * used fills up to 10 ms of its rate (so a pause never makes any 100 ms exceed it by more than a
 * tenth), but at least to `unit_burst_min`: 32 KiB for bytes, 1 for requests. */
struct bucket *bucket_new(int64_t rate, int64_t unit_burst_min);
void bucket_free(struct bucket *bucket);
void bucket_set_rate(struct bucket *bucket, int64_t rate);
int64_t bucket_rate(struct bucket *bucket);

/* Nanoseconds until every bucket of the path (n of them, NULLs allowed) has something to give;
 * 0: now.  Takes nothing. */
int64_t bucket_wait_ns(struct bucket *const *path, int n, int64_t now_ns);
/* The same until each could give `n_units` (or its burst, where that is less). */
int64_t bucket_wait_for_ns(struct bucket *const *path, int n, int64_t n_units, int64_t now_ns);
/* Takes `n_units` from each, whatever is there: the debt makes the next wait longer.  A negative
 * number gives back. */
void bucket_take(struct bucket *const *path, int n, int64_t n_units, int64_t now_ns);
/* How many units, up to `want`, all of them can give now without debt; at least 1 if wait is 0. */
int64_t bucket_available(struct bucket *const *path, int n, int64_t want, int64_t now_ns);
/* The lowest rate among them; -1: none is limited. */
int64_t bucket_path_rate(struct bucket *const *path, int n);
