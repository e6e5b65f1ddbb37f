#include "io/body.h"
#include "io/copy.h"
#include "io/relay.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_FROM (1 << 20) /* smaller ranges reach the disk soon enough */

void block_pool_free(struct block_pool *pool)
{
    while (pool->free) {
        struct block *block = pool->free;
        pool->free = block->next;
        free(block);
    }
}

static struct block *block_take(struct block_pool *pool)
{
    struct block *block = pool->free;

    if (!block)
        return xmalloc(sizeof *block);
    pool->free = block->next;
    return block;
}

void body_drop(struct body *body)
{
    if (!body->block)
        return;
    body->block->next = body->pool->free;
    body->pool->free = body->block;
    body->block = NULL;
    body->n = 0;
}

static bool is_upload(const struct op *op)
{
    return op->in.call.kind == CALL_PUT || op->in.call.kind == CALL_PART;
}

void body_start(struct body *body, struct op *op, struct block_pool *pool, const struct buf *small,
                int64_t len, struct relay *relay)
{
    *body = (struct body){.op = op, .pool = pool, .len = len, .relay = relay};
    if (!is_upload(op))
        body->memory = small->data;
    else if (op->in.fd < 0 && !relay)
        body->memory = op->in.memory;
    op->out.moved = 0;
    op->out.sum = 0;
    if (op->in.call.kind == CALL_GET && op->in.memory_max > 0)
        op->out.body = buf_new((size_t)op->in.memory_max);
}

static void add_sum(struct op *op, const void *data, size_t len)
{
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, op->out.sum, data, len);
}

/* Writes the block; `moved` counts what has been written. */
static bool flush(struct body *body, struct err *err)
{
    struct op *op = body->op;

    if (!body->n)
        return true;
    add_sum(op, body->block->data, body->n);
    if (!copy_pwrite(op->in.fd, body->block->data, body->n, op->in.fd_off + op->out.moved, err))
        return false;
    op->out.moved += (int64_t)body->n;
    body->n = 0;
    return true;
}

static bool gather(struct body *body, const char *data, size_t len, struct err *err)
{
    while (len) {
        if (!body->block)
            body->block = block_take(body->pool);
        size_t room = sizeof body->block->data - body->n, n = len < room ? len : room;
        memcpy(body->block->data + body->n, data, n);
        body->n += n;
        data += n;
        len -= n;
        if (n == room && !flush(body, err))
            return false;
    }
    return true;
}

bool body_put(struct body *body, const char *data, size_t len, struct err *err)
{
    struct op *op = body->op;

    if (body->relay)
        relay_write(body->relay, data, len);
    else if (op->in.fd >= 0)
        return gather(body, data, len, err);
    if (op->in.memory_max > 0 && !buf_add(&op->out.body, data, len)) {
        err_set(err, op->aside ? ERR_INVALID : ERR_SERVER,
                "the object is larger than the %lld bytes expected", (long long)op->in.memory_max);
        err->final = op->aside; /* a script said how much it takes */
        return false;
    }
    add_sum(op, data, len);
    op->out.moved += (int64_t)len;
    return true;
}

bool body_end(struct body *body, struct err *err)
{
    struct op *op = body->op;
    bool ok = flush(body, err);

    body_drop(body);
    /* Begin writing out now, so that the fsync at the end has little left to do.  Only a hint. */
    if (ok && op->in.fd >= 0 && op->out.moved >= SYNC_FROM)
        (void)sync_file_range(op->in.fd, op->in.fd_off, op->out.moved, SYNC_FILE_RANGE_WRITE);
    return ok;
}

int64_t body_left(const struct body *body)
{
    return body->len > body->op->out.moved ? body->len - body->op->out.moved : 0;
}

int64_t body_get(struct body *body, char *out, int64_t max, struct err *err)
{
    struct op *op = body->op;
    int64_t left = body_left(body), at = op->out.moved;
    size_t n = (size_t)(left < max ? left : max);

    if (body->relay) {
        n = relay_read(body->relay, op, out, n);
    } else if (body->memory) {
        memcpy(out, body->memory + at, n);
    } else if (n) {
        ssize_t got = copy_pread(op->in.fd, out, n, op->in.fd_off + at);
        if (got < 0)
            err_sys(err, errno, "cannot read a file");
        else if ((size_t)got < n)
            err_set(err, ERR_CHANGED, "the file became shorter while it was sent");
        if ((size_t)got != n)
            return -1;
    }
    if (!body->relay) /* which sums for all */
        add_sum(op, out, n);
    op->out.moved += (int64_t)n;
    return (int64_t)n;
}

bool body_rewind(struct body *body)
{
    if (body->relay && !relay_rewind(body->relay, body->op))
        return false;
    body->op->out.moved = 0;
    body->op->out.sum = 0;
    return true;
}
