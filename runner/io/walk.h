#pragma once
/*
 * A directory walked in the byte order of the keys below it, a page at a time: the order in which
 * an object store lists "a-b", "a/b", "a0".  Holds one sorted directory a level, nothing more.
 * Made and freed by control; between submit and collect of a LIST op a worker uses it.
 * Never follows symbolic links (they are reported); never leaves the root; names of haul's own
 * temporary files are passed over.
 */
#include "wire/object_api.h"

struct walk;

/* Of everything below `root`/`prefix` (prefix "" or ending in '/', or a file name prefix). */
struct walk *walk_new(const struct store *root, const char *prefix);
/* The next page of at most `max` entries; next_token is NULL at the end. */
bool walk_page(struct walk *walk, struct listing *listing, int max, struct err *err);
void walk_free(struct walk *walk);
