#pragma once
/*
 * What the journal keeps for syncs, in tables of their own: fingerprints of objects that are the
 * same on both sides, extras that a sync will delete, and names that are taken.  Control thread
 * only, as all of the journal.
 *
 * Keys are as the lists have them: whole keys, or paths below the root.
 */
#include "journal/journal.h"

/*
 * A fingerprint: what both sides looked like when they were known to be the same.  It belongs to a
 * scope (task_scope of core/job.h: both places of a task), not to a run, so that it survives runs
 * and other tasks of the job may change.  A scope that no run used for 30 runs is forgotten.  Each
 * row has a checksum; one that does not agree counts as absent.  A sync without a fingerprint
 * compares by size and time.
 */
struct fingerprint {
    int64_t size, mtime_ns; /* of the source */
    uint64_t inode;
    char etag[LIMIT_ETAG];
    int64_t target_size, target_mtime_ns;
    char target_etag[LIMIT_ETAG];
};

/* False with kind NONE when there is none. */
bool journal_print_get(struct journal *journal, uint64_t scope, const char *key,
                       struct fingerprint *print, struct err *err);
bool journal_print_put(struct journal *journal, uint64_t scope, const char *key,
                       const struct fingerprint *print, struct err *err);
bool journal_print_drop(struct journal *journal, uint64_t scope, const char *key, struct err *err);
/* How many there are: 0 means that this sync compares by size and time.  Reads all of the scope's
 * index; once a task, not once a key. */
bool journal_prints_count(struct journal *journal, uint64_t scope, int64_t *n, struct err *err);

/*
 * The same for the sorted keys of a listing, in a fraction of the time: the walk moves along with
 * them.  It reads some hundred rows at a time and holds nothing open between two calls, so that the
 * log can be folded back meanwhile.  Keys that it passes by, because the listing does not have
 * them, are marked; that is all that is written, so that an unchanged tree costs no write.
 */
struct prints_walk;
struct prints_walk *journal_walk_new(struct journal *journal, uint64_t scope);
/* `key` must be behind that of the last call.  False with kind NONE when there is none. */
bool journal_walk_find(struct prints_walk *walk, const char *key, struct fingerprint *print,
                       struct err *err);
/* All keys were asked for.  `prune`, which is for a listing that ended without error and was
 * believed (no guard stopped the task), removes what was passed by and what is behind the last key.
 * Does not free the walk. */
bool journal_walk_end(struct prints_walk *walk, bool prune, struct err *err);
void journal_walk_free(struct prints_walk *walk);

/*
 * Extras: objects that are on the target only, which the delete phase of a sync will remove.  Kept
 * on disk because there may be millions.  Cleared when the task's listing begins and when a new run
 * starts.
 */
bool journal_extra_put(struct journal *journal, int task, const char *key, int64_t size,
                       struct err *err);
bool journal_extra_totals(struct journal *journal, int task, int64_t *objects, int64_t *bytes,
                          struct err *err);
/* At most `max` in key order behind `after` (NULL: from the first).  `each` may write to the
 * journal.  The number of calls, or -1 with `err`: also, with kind CORRUPT, for a row that does not
 * agree with its checksum, because nothing may be deleted by mistake. */
int journal_extras_next(struct journal *journal, int task, const char *after, int max,
                        void (*each)(void *ctx, const char *key, int64_t size), void *ctx,
                        struct err *err);
bool journal_extra_drop(struct journal *journal, int task, const char *key, struct err *err);
bool journal_extras_clear(struct journal *journal, int task, struct err *err);

/*
 * Names taken: for tasks with `rename`, which key was given which name on the target.  Kept while a
 * run is carried on, so that the same key takes the same name again; forgotten when a new run
 * starts.
 */
/* `taken` says that another key has it, and `other` which. */
bool journal_name_take(struct journal *journal, int task, const char *target, const char *key,
                       char other[LIMIT_KEY + 1], bool *taken, struct err *err);

/*
 * Where a crash may fall, and why nothing is lost:
 *
 * - Between a finished transfer and its fingerprint: both are rows of one turn, so that either both
 *   are there or none.  A power cut may take the last turns away; then the object is there without
 *   a fingerprint and is compared by size and time, or sent once more.
 * - Between a fingerprint and the fact it tells of: it is put only after the target answered with
 *   its ETag or after the file was renamed.  What changes later on either side no longer agrees
 * with it.
 * - Between the answer to a delete and journal_extra_drop: the extra is still there and is deleted
 *   once more, which is no error for an object that is gone.  An object of that name that came in
 *   between would go too: so a run that is carried on lists again, and clears the extras first.
 * - In the midst of journal_extras_clear or while extras are put: the listing did not end, so that
 * no delete phase began; the next listing starts with clearing them.
 * - Between marking what a walk passed by and pruning it: a mark is only of use to the run that
 * made it, and a key that is met again loses it.
 * - Between taking a name and sending the object: the same key takes the same name again.
 */
