#pragma once
/*
 * Temporary files beside their targets: ".haul-<32 hex digits>.part", made with O_EXCL and mode
 * 0600 in the directory of the target, so that the rename at the end is atomic.
 */
#include "io/op.h"

bool temp_create(struct op *op);  /* OP_TEMP */
bool temp_recheck(struct op *op); /* OP_RECHECK */
bool temp_save(struct op *op);    /* OP_SAVE */
bool temp_discard(struct op *op); /* OP_DISCARD */

/* Sets the final mode, and the time unless it is 0. */
bool temp_dress(int fd, int64_t mtime_ns, struct err *err);
