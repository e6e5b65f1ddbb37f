#pragma once
/*
 * The database below the journal, shared by journal.c (runs and turns), journal_rows.c (objects,
 * parts), journal_orphans.c, journal_prints.c (fingerprints), journal_sync.c (extras and names),
 * journal_history.c (earlier runs, the state of scripts, the summary), journal_cells.c (values and
 * their checksums) and journal_file.c (the file: opening, checking, setting aside, salvage).
 * Nobody else includes this.
 */
#include "journal/journal.h"

struct sqlite3;
struct sqlite3_stmt;

/* Every statement but those of opening, prepared when it is first used. */
#define JOURNAL_SQL(X)                                                                          \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                 \
    X(COMMIT, "COMMIT")                                                                         \
    X(ROLLBACK, "ROLLBACK")                                                                     \
    X(RUN_LAST, "SELECT number, fingerprint, started_ms, begun_ms, ended_ms, exit_status,"      \
                " finished FROM run ORDER BY number DESC LIMIT 1")                              \
    X(RUN_PUT, "INSERT OR REPLACE INTO run(number, fingerprint, started_ms, begun_ms,"          \
               " ended_ms, exit_status, finished) VALUES(?,?,?,?,?,?,?)")                       \
    X(RUN_AGAIN, "UPDATE run SET begun_ms=?2, ended_ms=0, exit_status=0 WHERE number=?1")       \
    X(RUN_END, "UPDATE run SET exit_status=?2, ended_ms=?3 WHERE number=?1")                    \
    X(RUN_WHOLE, "UPDATE run SET whole=1 WHERE number=?1")                                      \
    X(RUN_IS_WHOLE, "SELECT count(*) FROM run WHERE number=?1 AND whole")                       \
    X(RUN_FINISH, "UPDATE run SET finished=1 WHERE number=?1")                                  \
    X(RUN_FORGET, "DELETE FROM run WHERE number<?1")                                            \
    X(HISTORY_PUT, "INSERT INTO history(run, started_ms, ended_ms, exit_status, done, skipped," \
                   " failed, deleted, bytes) VALUES(?,?,?,?,?,?,?,?,?)")                        \
    X(HISTORY_FORGET, "DELETE FROM history WHERE id<=(SELECT max(id) FROM history)-50")         \
    X(HISTORY, "SELECT run, started_ms, ended_ms, exit_status, done, skipped, failed, deleted," \
               " bytes FROM history ORDER BY id DESC")                                          \
    X(STATE_GET, "SELECT * FROM state WHERE id=1")                                              \
    X(STATE_PUT, "INSERT OR REPLACE INTO state VALUES(?,?,?)")                                  \
    X(OBJECT_GET, "SELECT * FROM object WHERE run=?1 AND task=?2 AND key=?3")                   \
    X(OBJECT_PUT, "INSERT OR REPLACE INTO object VALUES"                                        \
                  "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                              \
    X(OBJECT_ALL, "SELECT * FROM object WHERE run=?1")                                          \
    X(OBJECT_COUNT, "SELECT state, count(*), sum(size), sum(upload_id<>'') FROM object"         \
                    " WHERE run=?1 GROUP BY state")                                             \
    X(OBJECT_FAILED, "SELECT key FROM object WHERE run=?1 AND task=?2 AND key>?3 AND state=4"   \
                     " ORDER BY key LIMIT ?4")                                                  \
    X(OBJECT_FORGET, "DELETE FROM object WHERE run<?1")                                         \
    X(PART_PUT, "INSERT OR REPLACE INTO part VALUES(?,?,?,?,?,?,?,?,?)")                        \
    X(PART_DROP, "DELETE FROM part WHERE run=?1 AND task=?2 AND key=?3 AND n=?4")               \
    X(PARTS_DROP, "DELETE FROM part WHERE run=?1 AND task=?2 AND key=?3")                       \
    X(PARTS, "SELECT * FROM part WHERE run=?1 AND task=?2 AND key=?3 ORDER BY n")               \
    X(PART_BYTES, "SELECT sum(p.len) FROM part p JOIN object o USING(run, task, key)"           \
                  " WHERE p.run=?1 AND o.state=1")                                              \
    X(OBJECT_CLEAR, "DELETE FROM object WHERE run=?1")                                          \
    X(PART_CLEAR, "DELETE FROM part WHERE run=?1")                                              \
    X(PART_FORGET, "DELETE FROM part WHERE run<?1")                                             \
    X(ORPHAN_PUT, "INSERT OR IGNORE INTO orphan(store, key, upload_id, temp) VALUES(?,?,?,?)")  \
    X(ORPHAN_HELD, "INSERT OR IGNORE INTO orphan(store, key, upload_id, temp)"                  \
                   " SELECT store, target, upload_id, '' FROM object"                           \
                   "  WHERE run<?1 AND upload_id<>''"                                           \
                   " UNION ALL SELECT store, target, '', temp FROM object"                      \
                   "  WHERE run<?1 AND temp<>''")                                               \
    X(ORPHAN_ROW, "INSERT OR IGNORE INTO orphan(store, key, upload_id, temp)"                   \
                  " SELECT store, target, upload_id, '' FROM object"                            \
                  "  WHERE run=?1 AND task=?2 AND key=?3 AND upload_id<>''"                     \
                  " UNION ALL SELECT store, target, '', temp FROM object"                       \
                  "  WHERE run=?1 AND task=?2 AND key=?3 AND temp<>''")                         \
    X(ORPHAN_TAKEN, "DELETE FROM object WHERE run<?1 AND (upload_id<>'' OR temp<>'')")          \
    X(ORPHANS, "SELECT id, store, key, upload_id, temp FROM orphan ORDER BY id")                \
    X(ORPHAN_COUNT, "SELECT count(*) FROM orphan")                                              \
    X(ORPHAN_GONE, "DELETE FROM orphan WHERE id=?1")                                            \
    X(SCOPE_GET, "SELECT id, run FROM scope WHERE number=?1")                                   \
    X(SCOPE_PUT, "INSERT INTO scope(number, run) VALUES(?1,?2)")                                \
    X(SCOPE_USED, "UPDATE scope SET run=?2 WHERE id=?1")                                        \
    X(SCOPE_FORGET, "DELETE FROM scope WHERE run<?1-30")                                        \
    X(PRINT_FORGET, "DELETE FROM print WHERE scope IN (SELECT id FROM scope WHERE run<?1-30)")  \
    X(PRINT_GET, "SELECT * FROM print WHERE scope=?1 AND key=?2")                               \
    X(PRINT_NEXT, "SELECT * FROM print WHERE scope=?1 AND key>?2 ORDER BY key LIMIT ?3")        \
    X(PRINT_PUT, "INSERT OR REPLACE INTO print VALUES(?,?,?,?,?,?,?,?,?,?,0)")                  \
    X(PRINT_DROP, "DELETE FROM print WHERE scope=?1 AND key=?2")                                \
    X(PRINT_MARK, "UPDATE print SET gone=?4 WHERE scope=?1 AND key>=?2 AND key<?3")             \
    X(PRINT_BACK, "UPDATE print SET gone=0 WHERE scope=?1 AND key=?2")                          \
    X(PRINT_REST, "DELETE FROM print WHERE scope=?1 AND key>?2")                                \
    X(PRINT_PRUNE, "DELETE FROM print WHERE scope=?1 AND gone=?2")                              \
    X(PRINT_COUNT, "SELECT count(*) FROM print WHERE scope=?1")                                 \
    X(EXTRA_PUT, "INSERT OR REPLACE INTO extra VALUES(?,?,?,?)")                                \
    X(EXTRA_TOTALS, "SELECT count(*), coalesce(sum(size), 0) FROM extra WHERE task=?1")         \
    X(EXTRA_NEXT, "SELECT * FROM extra WHERE task=?1 AND key>?2 ORDER BY key LIMIT ?3")         \
    X(EXTRA_DROP, "DELETE FROM extra WHERE task=?1 AND key=?2")                                 \
    X(EXTRA_CLEAR, "DELETE FROM extra WHERE task=?1")                                           \
    X(EXTRA_FORGET, "DELETE FROM extra")                                                        \
    X(NAME_TAKE, "INSERT OR IGNORE INTO name VALUES(?,?,?,?)")                                  \
    X(NAME_GET, "SELECT * FROM name WHERE task=?1 AND target=?2")                               \
    X(NAME_FORGET, "DELETE FROM name")

enum journal_sql {
#define X(name, text) SQL_##name,
    JOURNAL_SQL(X)
#undef X
        SQL_COUNT
};

/* The scope of some fingerprints (journal/sync.h) and its row. */
struct journal_scope {
    uint64_t number;
    int64_t id;
};

struct journal {
    struct sqlite3 *db;
    struct sqlite3_stmt *stmt[SQL_COUNT]; /* NULL until used */
    int64_t run;                          /* number of the current one; read only: of the last */
    int64_t begun_ms;                     /* wall clock when it was opened */
    int64_t log_pages;                    /* of the write-ahead log, after the last commit */
    bool read_only;
    bool damaged;                /* something failed in a way that only a damaged file explains */
    bool ended;                  /* journal_note_end was called */
    bool in_turn;                /* between begin and commit ... */
    bool written;                /* ... and a transaction is open, because something was written */
    struct journal_scope *scope; /* those met so far */
    int n_scopes;
};

/* A row of `run`. */
struct run_row {
    int64_t number; /* 0: there is none */
    uint64_t fingerprint;
    int64_t started_ms, begun_ms, ended_ms; /* begun: the last time that it was carried on */
    int exit_status;
    bool finished;
};

/* --- journal.c ------------------------------------------------------------------------ */
/* What SQLite said last, as an error.  Returns false. */
bool journal_err(struct journal *journal, const char *verb, struct err *err);
/* Ready to be bound; NULL with `err`. */
struct sqlite3_stmt *journal_sql(struct journal *journal, enum journal_sql which, struct err *err);
/* The same for one that writes: opens the turn's transaction where that has not been done. */
struct sqlite3_stmt *journal_sql_write(struct journal *journal, enum journal_sql which,
                                       struct err *err);
/* Steps one that yields no row, and resets it. */
bool journal_run_sql(struct journal *journal, struct sqlite3_stmt *stmt, struct err *err);
/* Some statements with one argument as one; alone where no turn is open. */
bool journal_do_steps(struct journal *journal, const enum journal_sql *which, size_t n,
                      int64_t number, struct err *err);
bool journal_run_last(struct journal *journal, struct run_row *run, struct err *err);

/* --- journal_cells.c ------------------------------------------------------------------ */
/* One value of a row on its way in: a number, or a text or bytes where `text` is set. */
struct cell {
    const char *text;
    size_t len;
    int64_t number;
    bool bytes;
};

struct cell number_cell(int64_t number);
struct cell text_cell(const char *text); /* NULL is "" */
struct cell bytes_cell(const char *text);

/* Binds and runs a statement that puts a row of n values, of which the one numbered `check` is
 * filled with the checksum of the others.  Those behind it came with later versions: they count
 * only when they are not 0, so that the older rows stay right. */
bool journal_cells_put(struct journal *journal, enum journal_sql which, struct cell *cell,
                       int check, int n, struct err *err);
/* Does the row that a statement stands at agree with its checksum?  n is at most 24. */
bool journal_cells_whole(struct sqlite3_stmt *stmt, int check, int n);
/* The same, as an error of kind CORRUPT. */
bool journal_cells_check(struct sqlite3_stmt *stmt, int check, int n, struct err *err);
bool journal_bind_bytes(struct sqlite3_stmt *stmt, int index, const char *text);
/* A column as text, cut short to fit. */
void journal_column_text(struct sqlite3_stmt *stmt, int column, char *out, size_t max);
char *journal_column_copy(struct sqlite3_stmt *stmt, int column);
/* Ends a statement that yields rows, which stopped with `code`: false with `err` if in error. */
bool journal_end_sql(struct journal *journal, struct sqlite3_stmt *stmt, int code, struct err *err);

/* --- journal_rows.c, journal_sync.c, journal_history.c -------------------------------- */
/* Do all rows that a run is carried on with agree with their checksums? */
bool journal_rows_check(struct journal *journal, int64_t run, struct err *err);
bool journal_sync_check(struct journal *journal, struct err *err);
bool journal_state_check(struct journal *journal, struct err *err);
/* All rows of a table through one statement that binds `run` where it has an argument. */
bool journal_check_table(struct journal *journal, const char *sql, int64_t run, int check, int n,
                         struct err *err);
/* The last process that worked on a run ended without a word: that is history too. */
bool journal_history_lost(struct journal *journal, const struct run_row *run, struct err *err);
/* Puts a state that another file had. */
bool journal_state_take(struct journal *journal, struct sqlite3_stmt *stmt, struct err *err);

/* --- journal_file.c ------------------------------------------------------------------- */
struct journal_file {
    char *path;   /* DIR/journal.db, resolved */
    bool unclean; /* there was a write-ahead log: the last owner did not close it */
    bool made;    /* there was nothing */
    bool damaged; /* out: why opening failed */
};

/* DIR with the directories above it, and the path; false with `err`. */
bool journal_file_find(struct journal_file *file, const char *dir, bool create, struct err *err);
/* A connection that is set up and has the current schema; NULL: see file->damaged. */
struct sqlite3 *journal_file_open(struct journal_file *file, bool read_only, struct err *err);
/* One without a file that anyone else could see. */
struct sqlite3 *journal_file_scratch(struct err *err);
/* How many pages the file has; or how many of them are in no use. */
int64_t journal_file_pages(struct sqlite3 *db, bool unused);
/* SQLite's own check of the whole file. */
bool journal_file_check(struct sqlite3 *db, struct err *err);
bool journal_file_is_damage(int code);
/* Renames it away; the new name is the caller's to free, NULL with `err`. */
char *journal_file_set_aside(const struct journal_file *file, struct err *err);
/* Puts every upload and temporary file that `path` still tells of into the journal's orphans, and
 * takes over the state of scripts. */
bool journal_file_salvage(struct journal *journal, const char *path, struct err *err);
