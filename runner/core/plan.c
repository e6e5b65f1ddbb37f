#include "core/plan.h"
#include "base/limits.h"

#define MIB (INT64_C(1) << 20)

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

static int64_t automatic(int64_t object_size)
{
    int64_t size = ceil_div(ceil_div(object_size, LIMIT_PARTS_AIM), MIB) * MIB;
    return size > LIMIT_PART_MIN ? size : LIMIT_PART_MIN;
}

int64_t plan_part_size(int64_t object_size, int64_t asked, int64_t part_min, int64_t part_max)
{
    int64_t size = asked > 0 ? asked : automatic(object_size);
    int64_t least = ceil_div(object_size, LIMIT_PARTS);

    if (size < least)
        size = least;
    if (size < part_min)
        size = part_min;
    if (part_max > 0 && size > part_max)
        size = part_max;
    return size;
}

uint32_t plan_part_count(int64_t object_size, int64_t part_size)
{
    return object_size <= 0 ? 1 : (uint32_t)ceil_div(object_size, part_size);
}

struct span plan_part(int64_t object_size, int64_t part_size, uint32_t n)
{
    int64_t off = part_size * n, left = object_size - off;
    return (struct span){.off = off, .len = left < part_size ? left : part_size};
}
