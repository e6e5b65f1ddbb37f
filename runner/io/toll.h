#pragma once
/*
 * What one transfer owes its byte buckets.  Bytes are paid for when they leave the server, not when
 * they reach us: the kernel's receive buffer fills without asking, so a download pays for what fits
 * there in advance and stays that much ahead until its end.  Lane thread only.
 */
#include "io/throttle.h"
#include <stdbool.h>

#define TOLL_BUCKETS 3

struct toll {
    struct bucket *const *path; /* TOLL_BUCKETS of them */
    int64_t len;                /* of the body; -1: not known */
    int64_t ahead;              /* what the kernel can hold beyond what we have */
    int64_t moved, paid;
};

void toll_start(struct toll *toll, struct bucket *const *path, int64_t len);
/* Says how far ahead to pay, and pays it. */
void toll_ahead(struct toll *toll, int64_t ahead, int64_t now_ns);
/* Pays for `n` received bytes, into debt if need be; true: go on, false: pause. */
bool toll_receive(struct toll *toll, int64_t n, int64_t now_ns);
/* How many of `want` bytes may be sent now; these are paid for.  0: pause. */
int64_t toll_send(struct toll *toll, int64_t want, int64_t now_ns);
/* For a paused transfer: pays for the next piece and returns 0, or says how long to wait. */
int64_t toll_resume(struct toll *toll, int64_t now_ns);
/* Sends begin again from 0; what was sent was paid for. */
void toll_rewind(struct toll *toll);
/* Gives back what was paid for bytes that the answer did not have. */
void toll_end(struct toll *toll, bool complete, int64_t now_ns);
