/* What proves that a target still is the copy that was verified, and a source what was copied. */
#include "transfer/step.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void proof_write(const struct transfer *t, const struct object_info *there, char proof[LIMIT_ETAG])
{
    const char *name = t->item->target;
    uint64_t sum = sum_update(SUM_CRC64, 0, name, strlen(name));

    if (there->etag[0])
        snprintf(proof, LIMIT_ETAG, "%016" PRIx64 " %.100s", sum, there->etag);
    else
        snprintf(proof, LIMIT_ETAG, "%016" PRIx64 " inode %" PRIu64 " %" PRId64, sum, there->inode,
                 there->mtime_ns);
}

bool proof_holds(const struct transfer *t, const struct object_info *there)
{
    const struct object_info *source = &t->info;
    char proof[LIMIT_ETAG];

    if (there->size != source->size)
        return false;
    if (there->sum_kind != SUM_NONE && there->sum_kind == source->sum_kind &&
        there->sum != source->sum)
        return false;
    proof_write(t, there, proof);
    return !strcmp(proof, t->move.proof);
}

/* Stores tell the time of an object to the second, some of them rounded. */
static bool same_time(const struct object_info *was, const struct object_info *now)
{
    return !was->mtime_ns || !now->mtime_ns ||
           llabs(was->mtime_ns - now->mtime_ns) < INT64_C(2000000000);
}

bool proof_same_source(const struct object_info *was, const struct object_info *now)
{
    return was->size == now->size && !strcmp(was->etag, now->etag) && same_time(was, now);
}
