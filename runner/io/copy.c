#include "io/copy.h"
#include "base/clock.h"
#include "base/fault.h"
#include "io/throttle.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BLOCK   (256 << 10)
#define SLICE   (50 * INT64_C(1000000)) /* the longest sleep before a cancel is seen */
#define BUCKETS 3

bool copy_pwrite(int fd, const void *data, size_t len, int64_t off, struct err *err)
{
    const char *p = data;

    if (FAULT(file_pwrite))
        return err_sys(err, ENOSPC, "cannot write to a file");
    while (len) {
        ssize_t n = pwrite(fd, p, len, off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_sys(err, n < 0 ? errno : EIO, "cannot write to a file");
        p += n;
        len -= (size_t)n;
        off += n;
    }
    return true;
}

ssize_t copy_pread(int fd, void *data, size_t len, int64_t off)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(fd, (char *)data + have, len - have, off + (int64_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

/* Exactly `len` bytes, else false: ERR_CHANGED where the file has become shorter. */
static bool read_all(int fd, void *data, size_t len, int64_t off, struct err *err)
{
    ssize_t n = copy_pread(fd, data, len, off);

    if (n < 0)
        return err_sys(err, errno, "cannot read a file");
    if ((size_t)n < len)
        return err_set(err, ERR_CHANGED, "the file became shorter than %lld bytes",
                       (long long)(off + (int64_t)len));
    return true;
}

static bool stop_asked(atomic_bool *cancel, struct err *err)
{
    if (!cancel || !atomic_load_explicit(cancel, memory_order_relaxed))
        return false;
    err_set(err, ERR_CANCELLED, "cancelled");
    return true;
}

static size_t block_of(int64_t left)
{
    return left < BLOCK ? (size_t)left : BLOCK;
}

bool copy_sum(int fd, int64_t off, int64_t len, enum sum_kind kind, uint64_t *sum,
              atomic_bool *cancel, struct err *err)
{
    char *block = xmalloc(BLOCK);
    bool ok = true;

    *sum = 0;
    for (int64_t end = off + len; ok && off < end;) {
        size_t n = block_of(end - off);
        ok = !stop_asked(cancel, err) && read_all(fd, block, n, off, err);
        if (ok && kind != SUM_NONE)
            *sum = sum_update(kind, *sum, block, n);
        off += (int64_t)n;
    }
    free(block);
    return ok;
}

bool copy_into_memory(struct op *op, int fd, int64_t size)
{
    size_t len = (size_t)size;
    char *data = xmalloc(len + 1);

    if (!read_all(fd, data, len, 0, &op->out.err)) {
        free(data);
        return false;
    }
    data[len] = 0;
    op->out.body = (struct buf){.data = data, .len = len, .cap = len + 1, .max = len};
    op->out.moved = size;
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, 0, data, len);
    if (op->in.want_md5)
        digest_md5(data, len, op->out.md5);
    if (op->in.want_sha256)
        digest_sha256(data, len, op->out.sha256);
    return true;
}

static bool hash_blocks(struct op *op, struct hasher *md5, struct hasher *sha256, char *block)
{
    int64_t off = op->in.fd_off, end = off + op->in.call.len;

    while (off < end) {
        size_t n = block_of(end - off);
        if (stop_asked(&op->cancel, &op->out.err) ||
            !read_all(op->in.fd, block, n, off, &op->out.err))
            return false;
        if (op->in.sum_kind != SUM_NONE)
            op->out.sum = sum_update(op->in.sum_kind, op->out.sum, block, n);
        if (md5)
            hasher_add(md5, block, n);
        if (sha256)
            hasher_add(sha256, block, n);
        off += (int64_t)n;
        op->out.moved += (int64_t)n;
    }
    return true;
}

bool copy_hash(struct op *op)
{
    struct hasher *md5 = op->in.want_md5 ? hasher_new(true) : NULL;
    struct hasher *sha256 = op->in.want_sha256 ? hasher_new(false) : NULL;
    char *block = xmalloc(BLOCK);
    bool ok = hash_blocks(op, md5, sha256, block);

    free(block);
    if (md5)
        hasher_end(md5, op->out.md5);
    if (sha256)
        hasher_end(sha256, op->out.sha256);
    return ok;
}

/* Waits until the buckets give something and takes `n`; false when cancelled meanwhile. */
static bool charge(struct op *op, int64_t n)
{
    for (;;) {
        int64_t now = clock_mono_ns(), wait = bucket_wait_ns(op->in.bytes, BUCKETS, now);
        if (stop_asked(&op->cancel, &op->out.err))
            return false;
        if (!wait) {
            bucket_take(op->in.bytes, BUCKETS, n, now);
            return true;
        }
        wait = wait < SLICE ? wait : SLICE;
        nanosleep(&(struct timespec){.tv_nsec = wait}, NULL);
    }
}

bool copy_range(struct op *op)
{
    int64_t done = 0, len = op->in.call.len;
    struct err *err = &op->out.err;
    char *block = xmalloc(BLOCK);
    bool ok = true;

    while (ok && done < len) {
        size_t n = block_of(len - done);
        ok = charge(op, (int64_t)n) &&
             read_all(op->in.source_fd, block, n, op->in.call.off + done, err) &&
             copy_pwrite(op->in.fd, block, n, op->in.fd_off + done, err);
        if (ok && op->in.sum_kind != SUM_NONE)
            op->out.sum = sum_update(op->in.sum_kind, op->out.sum, block, n);
        done += (int64_t)n;
        op->out.moved = ok ? done : op->out.moved;
    }
    free(block);
    return ok;
}
