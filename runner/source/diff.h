#pragma once
/*
 * Two listings in key order, read as one: each key that is on either side, once.  It is over where
 * either of them broke off: what is missing behind that point cannot be told from what was not
 * listed.  Pure; control thread only.
 */
#include "source/lister.h"

enum diff { DIFF_WAIT, DIFF_ENTRY, DIFF_OVER };

/* The next key: its entry on the side or sides that have it, NULL on the other.  The entries stay
 * until diff_drop.  Keys are compared without their prefixes, of those lengths. */
enum diff diff_next(struct lister *from, size_t from_prefix, struct lister *to, size_t to_prefix,
                    struct list_entry **source, struct list_entry **target);
void diff_drop(struct lister *from, struct lister *to, bool source, bool target);
