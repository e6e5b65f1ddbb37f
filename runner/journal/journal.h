#pragma once
/*
 * The journal: what is known to be done, so that the same command after a crash sends only what is
 * missing.  SQLite in WAL mode, synchronous=NORMAL: after a power cut the last turns may be gone,
 * never more; that is safe, because parts in a file are re-read before they are believed and parts
 * on a server are asked for.  One transaction a turn.  The only owner of sqlite3.h.  Control thread
 * only.
 *
 * Every object of a run has one row.  A run that ends with everything done is `finished`; one that
 * does not (crash, kill, failures, a stop) is carried on by the next: its done rows are not
 * repeated. Never holds a secret.
 */
#include "base/limits.h"
#include "core/event.h"

struct journal;

enum row_state { ROW_NONE, ROW_ACTIVE, ROW_DONE, ROW_SKIPPED, ROW_FAILED };

/* One object as the journal has it. */
struct row {
    enum row_state state;
    int64_t size, mtime_ns; /* of the source when it was opened */
    uint64_t inode;         /* files */
    char etag[LIMIT_ETAG];  /* remote sources */
    int64_t part_size;
    char upload_id[LIMIT_UPLOAD_ID + 1]; /* "" when there is none */
    char temp[64];                       /* "" when there is none */
    const char *store, *target; /* put only, borrowed: the store's name and the key or path there of
                                      the upload or the temporary file, so that a later run of
                                   changed tasks can still remove it; get leaves them NULL */
    bool is_named;              /* put only: `target` is noted of what is done too */
    uint64_t target_sum;        /* get only: CRC64 of the target that was noted; 0: none was */
    enum sum_kind sum_kind;     /* of the parts' sums */
    enum sum_kind source_sum_kind; /* relays: of the parts' source_sum */
    int md5_parts;                 /* S3 without checksums: 1, parts are sent with their MD5 ... */
#define MD5_OPAQUE 2               /* ... and 2, which is not what the store uses as their ETag */
    struct err err;                /* ROW_FAILED: kind, code, status, request id, message */
};

/* One finished part. */
struct part_row {
    uint32_t n; /* from 0 */
    int64_t len;
    char etag[LIMIT_ETAG];
    uint64_t sum;
    uint64_t source_sum; /* relays: of the same bytes, as the source sums them */
};

enum journal_opened {
    JOURNAL_NEW,      /* there was none, or the last run had finished */
    JOURNAL_CARRY_ON, /* an unfinished run is carried on */
    JOURNAL_DAMAGED   /* set aside as journal.damaged-*; starting over */
};

/* Opens or makes DIR/journal.db.  `fresh` starts a new run in any case.  After JOURNAL_DAMAGED what
 * could still be read of upload ids is waiting in journal_orphans.  A job file whose tasks were
 * changed
 * (`fingerprint`: a number made of stores and paths of all tasks) starts a new run too. */
struct journal *journal_open(const char *dir, uint64_t fingerprint, bool fresh,
                             enum journal_opened *how, struct err *err);
/* The same for looking only (status); NULL without error when there is none. */
struct journal *journal_open_readonly(const char *dir, struct err *err);
/* One that begins empty and that nobody will find again: for work that is not to be remembered,
 * such as comparing both sides. */
struct journal *journal_scratch(struct err *err);
void journal_close(struct journal *journal);

/* A turn.  begin/commit do nothing to the disk when nothing was written. */
bool journal_begin(struct journal *journal, struct err *err);
bool journal_commit(struct journal *journal, struct err *err);

/* All that the sources have was met in this run.  Only then is it finished once a later `retry` has
 * mended what failed; else the rest is still to be done. */
bool journal_note_whole(struct journal *journal, struct err *err);
bool journal_is_whole(struct journal *journal, bool *whole, struct err *err);

/* The run is over and everything is done: the next journal_open starts a new one.  Names taken and
 * extras of it stay until then. */
bool journal_finish_run(struct journal *journal, struct err *err);

/* False with kind NONE when there is no row of this run. */
bool journal_get(struct journal *journal, int task, const char *key, struct row *row,
                 struct err *err);
bool journal_put(struct journal *journal, int task, const char *key, const struct row *row,
                 struct err *err);
bool journal_put_part(struct journal *journal, int task, const char *key,
                      const struct part_row *part, struct err *err);
bool journal_drop_parts(struct journal *journal, int task, const char *key, struct err *err);
bool journal_drop_part(struct journal *journal, int task, const char *key, uint32_t n,
                       struct err *err);
/* Calls `each` for every part of an object, by number. */
bool journal_parts(struct journal *journal, int task, const char *key,
                   void (*each)(void *ctx, const struct part_row *part), void *ctx,
                   struct err *err);

/* An upload or a temporary file that nobody needs any more but that is still there: kept until
 * journal_orphan_gone.  `store` is the store's name ("s3://bucket"), `key` the object or path. */
struct orphan {
    int64_t id;
    const char *store, *key, *upload_id, *temp; /* one of the last two is "" */
};
bool journal_orphan(struct journal *journal, const char *store, const char *key,
                    const char *upload_id, const char *temp, struct err *err);
/* The same for what the row of an object holds; the row stays. */
bool journal_orphan_row(struct journal *journal, int task, const char *key, struct err *err);
bool journal_orphans(struct journal *journal, void (*each)(void *ctx, const struct orphan *orphan),
                     void *ctx, struct err *err);
bool journal_orphan_gone(struct journal *journal, int64_t id, struct err *err);

/* Forgets every object and part of this run; what they still hold on servers and disks becomes
 * orphans.  To be called in a turn. */
bool journal_forget(struct journal *journal, struct err *err);

/* Rows of a state (ROW_NONE: of every state), for status, retry and clean; by task and key. */
bool journal_each(struct journal *journal, enum row_state state,
                  void (*each)(void *ctx, int task, const char *key, const struct row *row),
                  void *ctx, struct err *err);

/* Keys of a task that failed, in key order and in batches: at most `max` behind `after` (NULL: from
 * the first).  `each` may write to the journal.  The number of calls, or -1 with `err`. */
int journal_failed_next(struct journal *journal, int task, const char *after, int max,
                        void (*each)(void *ctx, const char *key), void *ctx, struct err *err);

struct journal_summary {
    int64_t run;          /* number of the run, from 1 */
    uint64_t fingerprint; /* of the tasks it was begun with */
    bool finished;
    int64_t started_ms, ended_ms; /* wall clock; ended 0: it did not end by itself */
    int exit_status;
    int64_t done, skipped, failed, active;
    int64_t done_bytes, resumable_bytes; /* resumable: finished parts of active objects */
    int64_t uploads, orphans;
};
bool journal_summary(struct journal *journal, struct journal_summary *summary, struct err *err);
/* What the summary of an ended run shows, and a line of history. */
bool journal_note_end(struct journal *journal, int exit_status, int64_t now_ms,
                      const struct totals *totals, struct err *err);

/* The newest 50 times that somebody worked on a run of this job, the newest first.  A run that is
 * carried on has more than one. */
struct journal_past {
    int64_t run;
    int64_t started_ms, ended_ms; /* wall clock; ended 0: it did not end by itself ... */
    int exit_status;              /* ... and this is -1 */
    int64_t done, skipped, failed, deleted, bytes;
};
bool journal_history(struct journal *journal,
                     void (*each)(void *ctx, const struct journal_past *past), void *ctx,
                     struct err *err);

/* The durable table of scripts, as one text of at most LIMIT_STATE bytes; survives runs, and the
 * setting aside of a damaged journal where it can still be read.  get: NULL with kind NONE when
 * there is none; the text is the caller's. */
char *journal_state_get(struct journal *journal, struct err *err);
bool journal_state_put(struct journal *journal, const char *text, struct err *err);

/* The version of the library that keeps it. */
const char *journal_library(void);

/* A checkpoint of the WAL: blocks on the disk; run when idle. */
void journal_checkpoint(struct journal *journal);
/* Bytes of the write-ahead log after the last commit. */
int64_t journal_log_bytes(const struct journal *journal);
