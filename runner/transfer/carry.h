#pragma once
/*
 * What goes along with an object's bytes: its attributes, by neutral names (wire/attributes.h), and
 * its modification time.  Pure but for the transfer they are put into.  Control thread only.
 */
#include "transfer/transfer.h"

/* Gathers t->attributes and t->mtime_ns once the source is known: what is carried over or guessed
 * (where the task preserves), then the task's, then the item's; later ones win.  `source` is what
 * the store said of the source object; NULL for a file.  False: they are too many or too long. */
bool carry_gather(struct transfer *t, const struct http_fields *source, struct err *err);
void carry_free(struct transfer *t);

/* Did the job file name attributes for this object? */
bool carry_is_asked(const struct transfer *t);

/* "1700000000.123456789", as rclone has it; false when it is no such text. */
bool carry_parse_mtime(const char *text, int64_t *mtime_ns);
/* When the object was made: by its metadata, else by its store.  0: not known. */
int64_t carry_mtime(const struct object_info *info, const struct http_fields *attributes);
