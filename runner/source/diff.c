#include "source/diff.h"
#include <string.h>

/* What follows an end that came too early cannot be told. */
static bool broke_off(const struct lister *lister)
{
    return lister_over(lister) && lister_error(lister)->kind != ERR_NONE;
}

/* A key with a NUL is listed in a form that is only for showing: it has no counterpart. */
static bool is_odd(const struct list_entry *entry)
{
    return entry && entry->special == 'n';
}

enum diff diff_next(struct lister *from, size_t from_prefix, struct lister *to, size_t to_prefix,
                    struct list_entry **source, struct list_entry **target)
{
    struct list_entry *a = lister_peek(from), *b = lister_peek(to);
    bool knows_a = a || lister_over(from), knows_b = b || lister_over(to);

    if (broke_off(from) || broke_off(to))
        return DIFF_OVER;
    if (!knows_a || !knows_b)
        return DIFF_WAIT;
    if (!a && !b)
        return DIFF_OVER;
    int order = is_odd(a)   ? -1
                : is_odd(b) ? 1
                : !a        ? 1
                : !b        ? -1
                            : strcmp(a->key + from_prefix, b->key + to_prefix);
    *source = order <= 0 ? a : NULL;
    *target = order >= 0 ? b : NULL;
    return DIFF_ENTRY;
}

void diff_drop(struct lister *from, struct lister *to, bool source, bool target)
{
    if (source)
        lister_drop(from);
    if (target)
        lister_drop(to);
}
