#include "io/op.h"
#include "io/exec.h"
#include "io/web.h"
#include <stdlib.h>

const char *op_name(const struct op *op)
{
    static const char *const name[OP_KINDS] = {
        [OP_CALL] = "call",       [OP_OPEN] = "open",     [OP_HASH] = "hash",
        [OP_TEMP] = "temp",       [OP_COPY] = "copy",     [OP_SAVE] = "save",
        [OP_RECHECK] = "recheck", [OP_FINISH] = "finish", [OP_DISCARD] = "discard",
        [OP_REMOVE] = "remove",   [OP_HTTP] = "http",     [OP_EXEC] = "exec",
    };

    return op->kind == OP_CALL ? call_name(op->in.call.kind) : name[op->kind];
}

struct op *op_new(enum op_kind kind)
{
    struct op *op = xcalloc(1, sizeof *op);

    op->kind = kind;
    atomic_init(&op->cancel, false);
    op->in.fd = op->in.source_fd = op->out.fd = -1;
    return op;
}

struct op *op_new_http(struct web *web)
{
    struct op *op = op_new(OP_HTTP);

    op->aside = true;
    op->in.web = web;
    op->in.store = &web->store;
    return op;
}

struct op *op_new_exec(struct exec *exec)
{
    struct op *op = op_new(OP_EXEC);

    op->in.exec = exec;
    return op;
}

void op_free(struct op *op)
{
    if (!op)
        return;
    object_answer_free(&op->out.answer);
    buf_free(&op->out.body);
    op_free(op->in.feed);
    op_free(op->in.also);
    web_free(op->in.web);
    exec_free(op->in.exec);
    free(op);
}
