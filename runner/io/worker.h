#pragma once
/*
 * Threads for what blocks: a worker takes an op, runs it, posts it.  Knows which function does
 * which op and nothing else.
 */
#include "io/inbox.h"

struct workers;

/* With n = 0 nothing runs until workers_step. */
struct workers *workers_new(int n, struct inbox *done);
void workers_submit(struct workers *workers, struct op *op);
/* Runs one waiting op in the caller's thread; false: there is none. */
bool workers_step(struct workers *workers);
/* Runs what was submitted, then stops the threads. */
void workers_free(struct workers *workers);
