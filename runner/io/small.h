#pragma once
/*
 * Whole small objects of a directory, each in one go, for scripts: what a store does in one
 * request. Workers only.
 */
#include "io/op.h"

bool small_get(struct op *op);    /* OP_CALL GET: into out.body, at most in.memory_max bytes */
bool small_put(struct op *op);    /* OP_CALL PUT of in.memory: never seen unfinished, and durable */
bool small_delete(struct op *op); /* OP_CALL DELETE, with the directories that become empty */
