#pragma once
/*
 * Bytes of files read and written by workers: whole transfers of a buffer, sums and hashes on the
 * way.  Only here and in body.c is file data moved.
 */
#include "io/op.h"
#include <sys/types.h>

/* Writes all of it at `off`; false with ERR_DISK. */
bool copy_pwrite(int fd, const void *data, size_t len, int64_t off, struct err *err);
/* Reads up to `len` bytes; fewer only at the end of the file; -1 with errno. */
ssize_t copy_pread(int fd, void *data, size_t len, int64_t off);
/* The sum of a range; ERR_CHANGED when the file ends before. */
bool copy_sum(int fd, int64_t off, int64_t len, enum sum_kind kind, uint64_t *sum,
              atomic_bool *cancel, struct err *err);
/* Reads a small file of that size into out.body with the sums and hashes asked for. */
bool copy_into_memory(struct op *op, int fd, int64_t size);

bool copy_hash(struct op *op);  /* OP_HASH */
bool copy_range(struct op *op); /* OP_COPY */
