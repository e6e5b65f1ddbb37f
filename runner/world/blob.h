#pragma once
/*
 * Contents in memory, shared by count: of objects, of parts, of files that a simulation remembers.
 * One thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob { /* never changed once it is shared */
    int refs;
    size_t len;
    uint8_t data[];
};

/* A copy of `data`; NULL leaves the bytes to the caller. */
struct blob *blob_new(const void *data, size_t len);
/* Content out of a seed: the same for the same seed. */
struct blob *blob_make(uint64_t seed, size_t len);
struct blob *blob_keep(struct blob *blob); /* NULL stays NULL */
void blob_drop(struct blob *blob);
bool blob_same(const struct blob *a, const struct blob *b); /* neither is NULL, and equal */
