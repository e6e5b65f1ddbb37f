#include "io/small.h"
#include "io/file.h"
#include "io/finish.h"
#include "io/remove.h"
#include "io/temp.h"
#include <unistd.h>

bool small_get(struct op *op)
{
    if (!file_take_in(op))
        return false;
    op->out.answer.info = op->out.info;
    if (op->out.fd < 0)
        return true;
    close(op->out.fd);
    op->out.fd = -1;
    err_set(&op->out.err, ERR_INVALID, "'%.200s' is larger than the %lld bytes expected",
            op->in.path, (long long)op->in.memory_max);
    op->out.err.final = true;
    return false;
}

/* What is left of one that could not get its name. */
static void discard(const struct op *op)
{
    struct op *gone = op_new(OP_DISCARD);

    gone->in.store = op->in.store;
    gone->in.path = op->in.path;
    gone->in.temp = op->out.temp;
    temp_discard(gone); /* the first error is the one to tell */
    op_free(gone);
}

bool small_put(struct op *op)
{
    struct finish_item item = {.root = op->in.store,
                               .path = op->in.path,
                               .temp = op->out.temp,
                               .fd = -1,
                               .want_info = true};

    if (!file_path_ok(op->in.path, &op->out.err) || !temp_save(op))
        return false;
    op->in.finish = &item;
    op->in.n_items = 1;
    op->in.sync = true;
    bool ok = finish_all(op);
    op->in.finish = NULL;
    op->out.answer.info = item.info;
    if (ok)
        return true;
    op->out.err = item.err;
    if (!item.renamed)
        discard(op);
    return false;
}

bool small_delete(struct op *op)
{
    struct remove_item item = {.path = op->in.path};
    const char *path = op->in.path;

    op->in.remove = &item;
    op->in.n_items = 1;
    op->in.path = NULL; /* no directory above it is kept when it becomes empty */
    remove_all(op);
    op->in.path = path;
    op->in.remove = NULL;
    op->out.err = item.err;
    return item.err.kind == ERR_NONE;
}
