#pragma once
/*
 * The database below the journal, shared by journal.c (runs and turns), journal_rows.c (objects,
 * parts, orphans) and journal_file.c (the file: opening, checking, setting aside, salvage).  Nobody
 * else includes this.
 */
#include "core/journal.h"

struct sqlite3;
struct sqlite3_stmt;

/* Every statement but those of opening, prepared when it is first used. */
#define JOURNAL_SQL(X)                                                                         \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                \
    X(COMMIT, "COMMIT")                                                                        \
    X(ROLLBACK, "ROLLBACK")                                                                    \
    X(RUN_LAST, "SELECT number, fingerprint, started_ms, ended_ms, exit_status, finished"      \
                " FROM run ORDER BY number DESC LIMIT 1")                                      \
    X(RUN_PUT, "INSERT OR REPLACE INTO run(number, fingerprint, started_ms, ended_ms,"         \
               " exit_status, finished) VALUES(?,?,?,?,?,?)")                                  \
    X(RUN_END, "UPDATE run SET exit_status=?2, ended_ms=?3 WHERE number=?1")                   \
    X(RUN_FINISH, "UPDATE run SET finished=1 WHERE number=?1")                                 \
    X(RUN_FORGET, "DELETE FROM run WHERE number<?1")                                           \
    X(OBJECT_GET, "SELECT * FROM object WHERE run=?1 AND task=?2 AND key=?3")                  \
    X(OBJECT_PUT, "INSERT OR REPLACE INTO object VALUES"                                       \
                  "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                               \
    X(OBJECT_ALL, "SELECT * FROM object WHERE run=?1")                                         \
    X(OBJECT_COUNT, "SELECT state, count(*), sum(size), sum(upload_id<>'') FROM object"        \
                    " WHERE run=?1 GROUP BY state")                                            \
    X(OBJECT_FORGET, "DELETE FROM object WHERE run<?1")                                        \
    X(PART_PUT, "INSERT OR REPLACE INTO part VALUES(?,?,?,?,?,?,?,?)")                         \
    X(PART_DROP, "DELETE FROM part WHERE run=?1 AND task=?2 AND key=?3 AND n=?4")              \
    X(PARTS_DROP, "DELETE FROM part WHERE run=?1 AND task=?2 AND key=?3")                      \
    X(PARTS, "SELECT * FROM part WHERE run=?1 AND task=?2 AND key=?3 ORDER BY n")              \
    X(PART_BYTES, "SELECT sum(p.len) FROM part p JOIN object o USING(run, task, key)"          \
                  " WHERE p.run=?1 AND o.state=1")                                             \
    X(OBJECT_CLEAR, "DELETE FROM object WHERE run=?1")                                         \
    X(PART_CLEAR, "DELETE FROM part WHERE run=?1")                                             \
    X(PART_FORGET, "DELETE FROM part WHERE run<?1")                                            \
    X(ORPHAN_PUT, "INSERT OR IGNORE INTO orphan(store, key, upload_id, temp) VALUES(?,?,?,?)") \
    X(ORPHAN_HELD, "INSERT OR IGNORE INTO orphan(store, key, upload_id, temp)"                 \
                   " SELECT store, target, upload_id, '' FROM object"                          \
                   "  WHERE run<?1 AND upload_id<>''"                                          \
                   " UNION ALL SELECT store, target, '', temp FROM object"                     \
                   "  WHERE run<?1 AND temp<>''")                                              \
    X(ORPHAN_TAKEN, "DELETE FROM object WHERE run<?1 AND (upload_id<>'' OR temp<>'')")         \
    X(ORPHANS, "SELECT id, store, key, upload_id, temp FROM orphan ORDER BY id")               \
    X(ORPHAN_COUNT, "SELECT count(*) FROM orphan")                                             \
    X(ORPHAN_GONE, "DELETE FROM orphan WHERE id=?1")

enum journal_sql {
#define X(name, text) SQL_##name,
    JOURNAL_SQL(X)
#undef X
        SQL_COUNT
};

struct journal {
    struct sqlite3 *db;
    struct sqlite3_stmt *stmt[SQL_COUNT]; /* NULL until used */
    int64_t run;                          /* number of the current one; read only: of the last */
    int64_t log_pages;                    /* of the write-ahead log, after the last commit */
    bool in_turn;                         /* between begin and commit ... */
    bool written; /* ... and a transaction is open, because something was written */
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

/* --- journal_rows.c ------------------------------------------------------------------- */
/* Do all rows agree with the checksums they carry?  False without `err` where one does not. */
bool journal_rows_check(struct journal *journal, int64_t run, struct err *err);

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
/* SQLite's own check of the whole file. */
bool journal_file_check(struct sqlite3 *db, struct err *err);
bool journal_file_is_damage(int code);
/* Renames it away; the new name is the caller's to free, NULL with `err`. */
char *journal_file_set_aside(const struct journal_file *file, struct err *err);
/* Puts every upload and temporary file that `path` still tells of into the journal's orphans. */
bool journal_file_salvage(struct journal *journal, const char *path, struct err *err);
