#pragma once
/* Part sizes and ranges.  Pure arithmetic; any thread. */
#include <stdint.h>

struct span {
    int64_t off, len;
};

/* The size of all parts but the last: `asked` (0: automatic: 8 MiB, or what keeps the object below
 * LIMIT_PARTS_AIM parts, in whole MiB), grown so that there are never more than LIMIT_PARTS parts,
 * and kept within `part_min` and `part_max` (a provider's limits; 0: none). */
int64_t plan_part_size(int64_t object_size, int64_t asked, int64_t part_min, int64_t part_max);
/* At least 1: an empty object has one empty part. */
uint32_t plan_part_count(int64_t object_size, int64_t part_size);
struct span plan_part(int64_t object_size, int64_t part_size, uint32_t n);
