#pragma once
/* Part sizes and ranges.  Pure arithmetic; any thread. */
#include "wire/dialect.h"

struct span {
    int64_t off, len;
};

/* The size of all parts but the last: `asked` (0: automatic), grown so that there are never more than
 * LIMIT_PARTS, and kept within the limits of `dialect` (NULL: a directory, no limits). */
int64_t plan_part_size(int64_t object_size, int64_t asked, const struct dialect *dialect);
/* At least 1: an empty object has one empty part. */
uint32_t plan_part_count(int64_t object_size, int64_t part_size);
struct span plan_part(int64_t object_size, int64_t part_size, uint32_t n);
