/* Fingerprints: one at a time, and along a listing. */
#include "journal/db.h"
#include "journal/sync.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define WALK_ROWS 256 /* read at once: below 200 KiB with keys of usual length */

enum print_column {
    PRINT_SCOPE,
    PRINT_KEY,
    PRINT_SIZE,
    PRINT_MTIME,
    PRINT_INODE,
    PRINT_ETAG,
    PRINT_TARGET_SIZE,
    PRINT_TARGET_MTIME,
    PRINT_TARGET_ETAG,
    PRINT_CHECK,
    PRINT_COLUMNS,
    PRINT_GONE = PRINT_COLUMNS /* the run that did not meet it; of no account for the checksum */
};

/* --- scopes --------------------------------------------------------------------------- */

static int64_t keep_scope(struct journal *journal, uint64_t number, int64_t id)
{
    size_t n = (size_t)journal->n_scopes;

    journal->scope = xrealloc(journal->scope, (n + 1) * sizeof *journal->scope);
    journal->scope[journal->n_scopes++] = (struct journal_scope){.number = number, .id = id};
    return id;
}

static bool scope_write(struct journal *journal, enum journal_sql which, int64_t first,
                        struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, which, err);

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, first);
    sqlite3_bind_int64(stmt, 2, journal->run);
    return journal_run_sql(journal, stmt, err);
}

/* The row of a scope, which thereby counts as used by this run.  0 when there is none (`err` kind
 * NONE) or in error. */
static int64_t find_scope(struct journal *journal, uint64_t number, struct err *err)
{
    int64_t id = 0, run = 0;

    for (int i = 0; i < journal->n_scopes; i++)
        if (journal->scope[i].number == number)
            return journal->scope[i].id;
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_SCOPE_GET, err);
    if (!stmt)
        return 0;
    sqlite3_bind_int64(stmt, 1, (int64_t)number);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        id = sqlite3_column_int64(stmt, 0);
        run = sqlite3_column_int64(stmt, 1);
    }
    if (!journal_end_sql(journal, stmt, code, err) || !id)
        return 0;
    if (run != journal->run && !journal->read_only &&
        !scope_write(journal, SQL_SCOPE_USED, id, err))
        return 0;
    return keep_scope(journal, number, id);
}

static int64_t make_scope(struct journal *journal, uint64_t number, struct err *err)
{
    *err = (struct err){0};
    int64_t id = find_scope(journal, number, err);
    if (id || err->kind != ERR_NONE || !scope_write(journal, SQL_SCOPE_PUT, (int64_t)number, err))
        return id;
    return keep_scope(journal, number, sqlite3_last_insert_rowid(journal->db));
}

/* --- one at a time -------------------------------------------------------------------- */

static void print_read(struct sqlite3_stmt *stmt, struct fingerprint *print)
{
    print->size = sqlite3_column_int64(stmt, PRINT_SIZE);
    print->mtime_ns = sqlite3_column_int64(stmt, PRINT_MTIME);
    print->inode = (uint64_t)sqlite3_column_int64(stmt, PRINT_INODE);
    journal_column_text(stmt, PRINT_ETAG, print->etag, sizeof print->etag);
    print->target_size = sqlite3_column_int64(stmt, PRINT_TARGET_SIZE);
    print->target_mtime_ns = sqlite3_column_int64(stmt, PRINT_TARGET_MTIME);
    journal_column_text(stmt, PRINT_TARGET_ETAG, print->target_etag, sizeof print->target_etag);
}

/* A statement about one row; NULL with kind NONE where there is no such scope. */
static struct sqlite3_stmt *about(struct journal *journal, enum journal_sql which, uint64_t scope,
                                  const char *key, bool writes, struct err *err)
{
    *err = (struct err){0};
    int64_t id = find_scope(journal, scope, err);
    if (!id)
        return NULL;
    struct sqlite3_stmt *stmt =
        writes ? journal_sql_write(journal, which, err) : journal_sql(journal, which, err);
    if (stmt) {
        sqlite3_bind_int64(stmt, 1, id);
        journal_bind_bytes(stmt, 2, key);
    }
    return stmt;
}

bool journal_print_get(struct journal *journal, uint64_t scope, const char *key,
                       struct fingerprint *print, struct err *err)
{
    struct sqlite3_stmt *stmt = about(journal, SQL_PRINT_GET, scope, key, false, err);

    if (!stmt)
        return false;
    int code = sqlite3_step(stmt);
    bool found = code == SQLITE_ROW && journal_cells_whole(stmt, PRINT_CHECK, PRINT_COLUMNS);
    if (found)
        print_read(stmt, print);
    return journal_end_sql(journal, stmt, code, err) && found;
}

bool journal_print_put(struct journal *journal, uint64_t scope, const char *key,
                       const struct fingerprint *print, struct err *err)
{
    int64_t id = make_scope(journal, scope, err);
    struct cell cell[PRINT_COLUMNS] = {
        [PRINT_SCOPE] = number_cell(id),
        [PRINT_KEY] = bytes_cell(key),
        [PRINT_SIZE] = number_cell(print->size),
        [PRINT_MTIME] = number_cell(print->mtime_ns),
        [PRINT_INODE] = number_cell((int64_t)print->inode),
        [PRINT_ETAG] = text_cell(print->etag),
        [PRINT_TARGET_SIZE] = number_cell(print->target_size),
        [PRINT_TARGET_MTIME] = number_cell(print->target_mtime_ns),
        [PRINT_TARGET_ETAG] = text_cell(print->target_etag),
    };
    return id && journal_cells_put(journal, SQL_PRINT_PUT, cell, PRINT_CHECK, PRINT_COLUMNS, err);
}

bool journal_print_drop(struct journal *journal, uint64_t scope, const char *key, struct err *err)
{
    struct sqlite3_stmt *stmt = about(journal, SQL_PRINT_DROP, scope, key, true, err);
    return stmt ? journal_run_sql(journal, stmt, err) : err->kind == ERR_NONE;
}

bool journal_prints_count(struct journal *journal, uint64_t scope, int64_t *n, struct err *err)
{
    *n = 0;
    *err = (struct err){0};
    int64_t id = find_scope(journal, scope, err);
    struct sqlite3_stmt *stmt = id ? journal_sql(journal, SQL_PRINT_COUNT, err) : NULL;
    if (!stmt)
        return err->kind == ERR_NONE;
    sqlite3_bind_int64(stmt, 1, id);
    int code = sqlite3_step(stmt);
    *n = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    return journal_end_sql(journal, stmt, code, err);
}

/* --- along a listing ------------------------------------------------------------------ */

struct walk_row {
    char *key;
    struct fingerprint print;
    bool whole;
    int64_t gone;
};

struct prints_walk {
    struct journal *journal;
    uint64_t scope;
    struct walk_row row[WALK_ROWS];
    int n, at;      /* rows read; the first that is not behind us */
    bool last;      /* there are no more than those */
    bool marked;    /* some row was passed by */
    struct buf key; /* the last one asked for */
    struct buf end; /* the last one read */
};

struct prints_walk *journal_walk_new(struct journal *journal, uint64_t scope)
{
    struct prints_walk *walk = xcalloc(1, sizeof *walk);

    walk->journal = journal;
    walk->scope = scope;
    walk->key = buf_new(SIZE_MAX / 4);
    walk->end = buf_new(SIZE_MAX / 4);
    return walk;
}

static void drop_rows(struct prints_walk *walk)
{
    for (int i = 0; i < walk->n; i++)
        free(walk->row[i].key);
    walk->n = walk->at = 0;
}

void journal_walk_free(struct prints_walk *walk)
{
    if (!walk)
        return;
    drop_rows(walk);
    buf_free(&walk->key);
    buf_free(&walk->end);
    free(walk);
}

static void set(struct buf *buf, const char *text)
{
    buf_clear(buf);
    buf_adds(buf, text);
}

static void take_row(struct prints_walk *walk, struct sqlite3_stmt *stmt)
{
    struct walk_row *row = &walk->row[walk->n++];

    row->key = journal_column_copy(stmt, PRINT_KEY);
    row->whole = journal_cells_whole(stmt, PRINT_CHECK, PRINT_COLUMNS);
    row->gone = sqlite3_column_int64(stmt, PRINT_GONE);
    print_read(stmt, &row->print);
}

/* The next rows, once those here are behind us. */
static bool read_rows(struct prints_walk *walk, struct err *err)
{
    struct sqlite3_stmt *stmt =
        about(walk->journal, SQL_PRINT_NEXT, walk->scope, buf_str(&walk->end), false, err);
    int code = SQLITE_ROW;

    drop_rows(walk);
    walk->last = !stmt;
    if (!stmt)
        return err->kind == ERR_NONE;
    sqlite3_bind_int(stmt, 3, WALK_ROWS);
    while (walk->n < WALK_ROWS && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        take_row(walk, stmt);
    walk->last = walk->n < WALK_ROWS;
    if (walk->n)
        set(&walk->end, walk->row[walk->n - 1].key);
    return journal_end_sql(walk->journal, stmt, code, err);
}

/* What lies from `first` up to `key` was not met by this run. */
static bool mark(struct prints_walk *walk, const char *first, const char *key, struct err *err)
{
    walk->marked = true;
    if (walk->journal->read_only)
        return true;
    struct sqlite3_stmt *stmt = about(walk->journal, SQL_PRINT_MARK, walk->scope, first, true, err);
    if (!stmt)
        return false;
    journal_bind_bytes(stmt, 3, key);
    sqlite3_bind_int64(stmt, 4, walk->journal->run);
    return journal_run_sql(walk->journal, stmt, err);
}

/* Up to the first row that is not before `key`; false in error. */
static bool advance(struct prints_walk *walk, const char *key, struct err *err)
{
    char *first = NULL;
    bool ok = true;

    for (;;) {
        while (walk->at < walk->n && strcmp(walk->row[walk->at].key, key) < 0) {
            if (!first)
                first = xstrdup(walk->row[walk->at].key);
            walk->at++;
        }
        if (walk->at < walk->n || walk->last || !(ok = read_rows(walk, err)))
            break;
    }
    ok = ok && (!first || mark(walk, first, key, err));
    free(first);
    return ok;
}

static bool is_at(const struct prints_walk *walk, const char *key)
{
    return walk->at < walk->n && !strcmp(walk->row[walk->at].key, key);
}

bool journal_walk_find(struct prints_walk *walk, const char *key, struct fingerprint *print,
                       struct err *err)
{
    *err = (struct err){0};
    if (!advance(walk, key, err))
        return false;
    set(&walk->key, key);
    if (!is_at(walk, key))
        return false;
    const struct walk_row *row = &walk->row[walk->at++];
    if (row->gone == walk->journal->run && !walk->journal->read_only) {
        struct sqlite3_stmt *stmt =
            about(walk->journal, SQL_PRINT_BACK, walk->scope, key, true, err);
        if (!stmt || !journal_run_sql(walk->journal, stmt, err))
            return false;
    }
    *print = row->print;
    return row->whole;
}

bool journal_walk_end(struct prints_walk *walk, bool prune, struct err *err)
{
    struct journal *journal = walk->journal;

    *err = (struct err){0};
    if (!prune || journal->read_only)
        return true;
    struct sqlite3_stmt *stmt =
        about(journal, SQL_PRINT_REST, walk->scope, buf_str(&walk->key), true, err);
    if (!stmt)
        return err->kind == ERR_NONE;
    if (!journal_run_sql(journal, stmt, err) || !walk->marked)
        return err->kind == ERR_NONE;
    stmt = journal_sql_write(journal, SQL_PRINT_PRUNE, err);
    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, find_scope(journal, walk->scope, err));
    sqlite3_bind_int64(stmt, 2, journal->run);
    return journal_run_sql(journal, stmt, err);
}
