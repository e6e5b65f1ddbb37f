#pragma once
/* OP_FINISH: temporary files get their names, durably when asked. */
#include "io/op.h"

/* True when every item is in place; each item's `err` tells which are not. */
bool finish_all(struct op *op);
