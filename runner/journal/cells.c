/*
 * Values of rows, and their checksums.
 *
 * SQLite's own check sees a broken structure, not a flipped bit in a value, and one such bit can
 * make a row say "done".  So each row carries a checksum of all that it says.
 */
#include "journal/db.h"
#include "wire/digest.h"
#include <sqlite3.h>
#include <string.h>

#define CELLS_MAX 24

struct cell text_cell(const char *text)
{
    return (struct cell){.text = text ? text : "", .len = text ? strlen(text) : 0};
}

struct cell bytes_cell(const char *text)
{
    struct cell cell = text_cell(text);
    cell.bytes = true;
    return cell;
}

struct cell number_cell(int64_t number)
{
    return (struct cell){.number = number};
}

static uint64_t add_cell(uint64_t sum, const struct cell *cell)
{
    int64_t head = cell->text ? (int64_t)cell->len : cell->number;

    sum = sum_update(SUM_CRC32C, sum, &head, sizeof head);
    return cell->len ? sum_update(SUM_CRC32C, sum, cell->text, cell->len) : sum;
}

static uint64_t cells_sum(const struct cell *cell, int check, int n)
{
    uint64_t sum = 0;

    for (int i = 0; i < n; i++)
        if (i < check || (i > check && (cell[i].text || cell[i].number)))
            sum = add_cell(sum, &cell[i]);
    return sum;
}

static void cells_bind(struct sqlite3_stmt *stmt, const struct cell *cell, int n)
{
    for (int i = 0; i < n; i++) {
        if (!cell[i].text)
            sqlite3_bind_int64(stmt, i + 1, cell[i].number);
        else if (cell[i].bytes)
            sqlite3_bind_blob(stmt, i + 1, cell[i].text, (int)cell[i].len, SQLITE_STATIC);
        else
            sqlite3_bind_text(stmt, i + 1, cell[i].text, (int)cell[i].len, SQLITE_STATIC);
    }
}

bool journal_cells_put(struct journal *journal, enum journal_sql which, struct cell *cell,
                       int check, int n, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, which, err);

    if (!stmt)
        return false;
    cell[check] = number_cell((int64_t)cells_sum(cell, check, n));
    cells_bind(stmt, cell, n);
    return journal_run_sql(journal, stmt, err);
}

bool journal_cells_whole(struct sqlite3_stmt *stmt, int check, int n)
{
    struct cell cell[CELLS_MAX];

    for (int i = 0; i < n; i++) {
        cell[i] = (struct cell){0};
        if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER) {
            cell[i].number = sqlite3_column_int64(stmt, i);
            continue;
        }
        const char *text = sqlite3_column_blob(stmt, i);
        cell[i].text = text ? text : "";
        cell[i].len = (size_t)sqlite3_column_bytes(stmt, i);
    }
    return cells_sum(cell, check, n) == (uint64_t)cell[check].number;
}

bool journal_cells_check(struct sqlite3_stmt *stmt, int check, int n, struct err *err)
{
    return journal_cells_whole(stmt, check, n) ||
           err_set(err, ERR_CORRUPT, "a row of the journal does not agree with its checksum");
}

bool journal_bind_bytes(struct sqlite3_stmt *stmt, int index, const char *text)
{
    return sqlite3_bind_blob(stmt, index, text, (int)strlen(text), SQLITE_STATIC) == SQLITE_OK;
}

void journal_column_text(struct sqlite3_stmt *stmt, int column, char *out, size_t max)
{
    const void *text = sqlite3_column_blob(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);

    len = len < max ? len : max - 1;
    if (len)
        memcpy(out, text, len);
    out[len] = '\0';
}

char *journal_column_copy(struct sqlite3_stmt *stmt, int column)
{
    const char *text = sqlite3_column_blob(stmt, column);
    return xstrndup(text ? text : "", (size_t)sqlite3_column_bytes(stmt, column));
}

bool journal_end_sql(struct journal *journal, struct sqlite3_stmt *stmt, int code, struct err *err)
{
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW || journal_err(journal, "read", err);

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return ok;
}

bool journal_check_table(struct journal *journal, const char *sql, int64_t run, int check, int n,
                         struct err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    bool whole = true;
    int code;

    if (sqlite3_prepare_v2(journal->db, sql, -1, &stmt, NULL))
        return journal_err(journal, "read", err);
    if (sqlite3_bind_parameter_count(stmt))
        sqlite3_bind_int64(stmt, 1, run);
    while (whole && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        whole = journal_cells_check(stmt, check, n, err);
    bool ok = !whole || code == SQLITE_DONE || journal_err(journal, "read", err);
    sqlite3_finalize(stmt);
    return ok && whole;
}
