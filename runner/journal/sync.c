/* Extras that a sync will delete, and names that are taken. */
#include "journal/sync.h"
#include "journal/db.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Columns, in the order of the tables. */
enum extra_column { EXTRA_TASK, EXTRA_KEY, EXTRA_SIZE, EXTRA_CHECK, EXTRA_COLUMNS };
enum name_column { NAME_TASK, NAME_TARGET, NAME_KEY, NAME_CHECK, NAME_COLUMNS };

/* --- extras --------------------------------------------------------------------------- */

bool journal_extra_put(struct journal *journal, int task, const char *key, int64_t size,
                       struct err *err)
{
    struct cell cell[EXTRA_COLUMNS] = {[EXTRA_TASK] = number_cell(task),
                                       [EXTRA_KEY] = bytes_cell(key),
                                       [EXTRA_SIZE] = number_cell(size)};
    return journal_cells_put(journal, SQL_EXTRA_PUT, cell, EXTRA_CHECK, EXTRA_COLUMNS, err);
}

bool journal_extra_totals(struct journal *journal, int task, int64_t *objects, int64_t *bytes,
                          struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_EXTRA_TOTALS, err);

    *objects = *bytes = 0;
    if (!stmt)
        return false;
    sqlite3_bind_int(stmt, 1, task);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *objects = sqlite3_column_int64(stmt, 0);
        *bytes = sqlite3_column_int64(stmt, 1);
    }
    return journal_end_sql(journal, stmt, code, err);
}

struct extra {
    char *key;
    int64_t size;
};

/* Some of them, copied: whoever is told of them may write.  The number, or -1. */
static int read_extras(struct journal *journal, struct sqlite3_stmt *stmt, struct extra *extra,
                       int max, struct err *err)
{
    int n = 0, code = SQLITE_ROW;
    bool whole = true;

    while (whole && n < max && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        whole = journal_cells_check(stmt, EXTRA_CHECK, EXTRA_COLUMNS, err);
        extra[n++] = (struct extra){.key = journal_column_copy(stmt, EXTRA_KEY),
                                    .size = sqlite3_column_int64(stmt, EXTRA_SIZE)};
    }
    if (journal_end_sql(journal, stmt, code, err) && whole)
        return n;
    while (n > 0)
        free(extra[--n].key);
    return -1;
}

int journal_extras_next(struct journal *journal, int task, const char *after, int max,
                        void (*each)(void *ctx, const char *key, int64_t size), void *ctx,
                        struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_EXTRA_NEXT, err);

    if (!stmt)
        return -1;
    sqlite3_bind_int(stmt, 1, task);
    journal_bind_bytes(stmt, 2, after ? after : "");
    sqlite3_bind_int(stmt, 3, max);
    struct extra *extra = xcalloc((size_t)max + 1, sizeof *extra);
    int n = read_extras(journal, stmt, extra, max, err);
    for (int i = 0; i < n; i++) {
        each(ctx, extra[i].key, extra[i].size);
        free(extra[i].key);
    }
    free(extra);
    return n;
}

bool journal_extra_drop(struct journal *journal, int task, const char *key, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_EXTRA_DROP, err);

    return stmt && !sqlite3_bind_int(stmt, 1, task) && journal_bind_bytes(stmt, 2, key) &&
           journal_run_sql(journal, stmt, err);
}

bool journal_extras_clear(struct journal *journal, int task, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_EXTRA_CLEAR, err);

    return stmt && !sqlite3_bind_int(stmt, 1, task) && journal_run_sql(journal, stmt, err);
}

/* --- names ---------------------------------------------------------------------------- */

static bool name_owner(struct journal *journal, int task, const char *target,
                       char owner[LIMIT_KEY + 1], struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_NAME_GET, err);

    if (!stmt)
        return false;
    sqlite3_bind_int(stmt, 1, task);
    journal_bind_bytes(stmt, 2, target);
    int code = sqlite3_step(stmt);
    bool found = code == SQLITE_ROW && journal_cells_check(stmt, NAME_CHECK, NAME_COLUMNS, err);
    if (found)
        journal_column_text(stmt, NAME_KEY, owner, LIMIT_KEY + 1);
    return journal_end_sql(journal, stmt, code, err) && found;
}

bool journal_name_take(struct journal *journal, int task, const char *target, const char *key,
                       char other[LIMIT_KEY + 1], bool *taken, struct err *err)
{
    struct cell cell[NAME_COLUMNS] = {[NAME_TASK] = number_cell(task),
                                      [NAME_TARGET] = bytes_cell(target),
                                      [NAME_KEY] = bytes_cell(key)};

    *taken = false;
    other[0] = '\0';
    if (!journal_cells_put(journal, SQL_NAME_TAKE, cell, NAME_CHECK, NAME_COLUMNS, err))
        return false;
    if (sqlite3_changes(journal->db))
        return true;
    if (!name_owner(journal, task, target, other, err))
        return false;
    *taken = strncmp(other, key, LIMIT_KEY) != 0;
    return true;
}

bool journal_sync_check(struct journal *journal, struct err *err)
{
    return journal_check_table(journal, "SELECT * FROM extra", 0, EXTRA_CHECK, EXTRA_COLUMNS,
                               err) &&
           journal_check_table(journal, "SELECT * FROM name", 0, NAME_CHECK, NAME_COLUMNS, err);
}
