#include "io/op.h"
#include <stdlib.h>

const char *op_name(const struct op *op)
{
    static const char *const name[OP_KINDS] = {
        [OP_CALL] = "call",       [OP_OPEN] = "open",     [OP_HASH] = "hash",
        [OP_TEMP] = "temp",       [OP_COPY] = "copy",     [OP_SAVE] = "save",
        [OP_RECHECK] = "recheck", [OP_FINISH] = "finish", [OP_DISCARD] = "discard",
        [OP_REMOVE] = "remove",
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

void op_free(struct op *op)
{
    if (!op)
        return;
    object_answer_free(&op->out.answer);
    buf_free(&op->out.body);
    op_free(op->in.feed);
    op_free(op->in.also);
    free(op);
}
