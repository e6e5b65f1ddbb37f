#pragma once
/*
 * Files below a directory.  The root is opened once; every path is resolved beneath it by the
 * kernel, without following a symbolic link, whatever changes in the tree meanwhile.  Only what is
 * read from a store that follows links goes where they lead.
 * Workers only, but file_path_ok, which is pure.
 */
#include "io/op.h"
#include <sys/types.h>

/* A key as a path: false (ERR_INVALID, final) for what can never be a file below a root: empty,
 * absolute, with "." or ".." or empty segments, ending in '/', with a segment above 255 bytes
 * or with the name of a temporary file. */
bool file_path_ok(const char *path, struct err *err);

/* Reads the umask, once, before there are threads: final files get 0666 less it. */
void file_init(void);
mode_t file_mode(void);

/* The descriptor of the store's root, opened the first time and kept in store->io; not the caller's
 * to close.  `create`: make the directory where it is missing.  -1 with `err`. */
int file_root(const struct store *store, bool create, struct err *err);
void file_root_close(struct store *store);
/* Does the root's name still lead to it?  What was unmounted or moved away while it was listed
 * looks emptier than it is.  False with `err` (ERR_MISSING). */
bool file_root_stands(const struct store *store, struct err *err);

/* openat2 beneath `dir`; -1 with errno.  Always adds O_CLOEXEC and never follows a link. */
int file_open_beneath(int dir, const char *path, int flags);

/* The same for what is only read: links are followed where the store says so. */
int file_open_to_read(const struct store *store, int root, const char *path, int flags);

/* Opens the directory that holds `path`, made with its parents if `create`; the caller closes it.
 * `name` points at the last segment within `path`.  -1 with `err`. */
int file_parent(const struct store *store, const char *path, bool create, const char **name,
                struct err *err);

/* err_sys with the words for what a symbolic link or a file in the way gives.  Returns false. */
bool file_err(struct err *err, int errnum, const char *verb, const char *path);

struct stat;
void file_info(const struct stat *st, struct object_info *info);
/* Is this the name of one of haul's temporary files? */
bool file_is_temp(const char *name);

bool file_take_in(struct op *op); /* OP_OPEN */
bool file_head(struct op *op);    /* OP_CALL HEAD on a directory */
