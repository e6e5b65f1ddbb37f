/*
 * Objects, their parts, and orphans.
 *
 * SQLite's own check sees a broken structure, not a flipped bit in a value, and one such bit can
 * make a row say "done".  So each row carries a checksum of all that it says.
 */
#include "core/journal_db.h"
#include "wire/digest.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Columns of `object` and of `part`, in the order of the table. */
enum object_column {
    OBJECT_RUN,
    OBJECT_TASK,
    OBJECT_KEY,
    OBJECT_STATE,
    OBJECT_SIZE,
    OBJECT_MTIME,
    OBJECT_INODE,
    OBJECT_ETAG,
    OBJECT_PART_SIZE,
    OBJECT_UPLOAD_ID,
    OBJECT_TEMP,
    OBJECT_STORE,
    OBJECT_TARGET,
    OBJECT_SUM_KIND,
    OBJECT_MD5_PARTS,
    OBJECT_ERR_KIND,
    OBJECT_ERR_STATUS,
    OBJECT_ERR_CODE,
    OBJECT_ERR_REQUEST,
    OBJECT_ERR_MESSAGE,
    OBJECT_CHECK,
    OBJECT_COLUMNS
};

enum part_column {
    PART_RUN,
    PART_TASK,
    PART_KEY,
    PART_N,
    PART_LEN,
    PART_ETAG,
    PART_SUM,
    PART_CHECK,
    PART_COLUMNS
};

/* One value of a row on its way in: a number, or a text where `text` is set. */
struct cell {
    const char *text;
    size_t len;
    int64_t number;
};

static struct cell text_cell(const char *text)
{
    return (struct cell){.text = text ? text : "", .len = text ? strlen(text) : 0};
}

static struct cell number_cell(int64_t number)
{
    return (struct cell){.number = number};
}

static uint64_t cells_sum(const struct cell *cell, int n)
{
    uint64_t sum = 0;

    for (int i = 0; i < n; i++) {
        int64_t head = cell[i].text ? (int64_t)cell[i].len : cell[i].number;
        sum = sum_update(SUM_CRC32C, sum, &head, sizeof head);
        if (cell[i].len)
            sum = sum_update(SUM_CRC32C, sum, cell[i].text, cell[i].len);
    }
    return sum;
}

/* The n-th value is the key, a blob: keys are bytes. */
static void cells_bind(struct sqlite3_stmt *stmt, const struct cell *cell, int n)
{
    for (int i = 0; i < n; i++) {
        if (!cell[i].text)
            sqlite3_bind_int64(stmt, i + 1, cell[i].number);
        else if (i == OBJECT_KEY || i == OBJECT_TARGET)
            sqlite3_bind_blob(stmt, i + 1, cell[i].text, (int)cell[i].len, SQLITE_STATIC);
        else
            sqlite3_bind_text(stmt, i + 1, cell[i].text, (int)cell[i].len, SQLITE_STATIC);
    }
}

static bool cells_put(struct journal *journal, enum journal_sql which, struct cell *cell, int n,
                      struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, which, err);

    if (!stmt)
        return false;
    cell[n - 1] = number_cell((int64_t)cells_sum(cell, n - 1));
    cells_bind(stmt, cell, n);
    return journal_run_sql(journal, stmt, err);
}

/* The checksum of the row that a statement stands at. */
static bool is_whole(struct sqlite3_stmt *stmt, int n)
{
    struct cell cell[OBJECT_COLUMNS];

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
    return cells_sum(cell, n - 1) == (uint64_t)cell[n - 1].number;
}

static void bind_key(struct journal *journal, struct sqlite3_stmt *stmt, int task, const char *key)
{
    sqlite3_bind_int64(stmt, 1, journal->run);
    sqlite3_bind_int(stmt, 2, task);
    sqlite3_bind_blob(stmt, 3, key, (int)strlen(key), SQLITE_STATIC);
}

static void column_text(struct sqlite3_stmt *stmt, int column, char *out, size_t max)
{
    const void *text = sqlite3_column_blob(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);

    len = len < max ? len : max - 1;
    if (len)
        memcpy(out, text, len);
    out[len] = '\0';
}

static void end(struct sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

/* --- objects -------------------------------------------------------------------------- */

static void row_read(struct sqlite3_stmt *stmt, struct row *row)
{
    memset(row, 0, sizeof *row);
    row->state = (enum row_state)sqlite3_column_int(stmt, OBJECT_STATE);
    row->size = sqlite3_column_int64(stmt, OBJECT_SIZE);
    row->mtime_ns = sqlite3_column_int64(stmt, OBJECT_MTIME);
    row->inode = (uint64_t)sqlite3_column_int64(stmt, OBJECT_INODE);
    column_text(stmt, OBJECT_ETAG, row->etag, sizeof row->etag);
    row->part_size = sqlite3_column_int64(stmt, OBJECT_PART_SIZE);
    column_text(stmt, OBJECT_UPLOAD_ID, row->upload_id, sizeof row->upload_id);
    column_text(stmt, OBJECT_TEMP, row->temp, sizeof row->temp);
    row->sum_kind = (enum sum_kind)sqlite3_column_int(stmt, OBJECT_SUM_KIND);
    row->md5_parts = sqlite3_column_int(stmt, OBJECT_MD5_PARTS);
    row->err.kind = (enum err_kind)sqlite3_column_int(stmt, OBJECT_ERR_KIND);
    row->err.status = sqlite3_column_int(stmt, OBJECT_ERR_STATUS);
    column_text(stmt, OBJECT_ERR_CODE, row->err.code, sizeof row->err.code);
    column_text(stmt, OBJECT_ERR_REQUEST, row->err.request_id, sizeof row->err.request_id);
    column_text(stmt, OBJECT_ERR_MESSAGE, row->err.message, sizeof row->err.message);
}

bool journal_get(struct journal *journal, int task, const char *key, struct row *row,
                 struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_OBJECT_GET, err);

    *err = stmt ? (struct err){0} : *err;
    if (!stmt)
        return false;
    bind_key(journal, stmt, task, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        row_read(stmt, row);
    else if (code != SQLITE_DONE)
        journal_err(journal, "read", err);
    end(stmt);
    return code == SQLITE_ROW;
}

bool journal_put(struct journal *journal, int task, const char *key, const struct row *row,
                 struct err *err)
{
    bool held = row->upload_id[0] || row->temp[0];
    struct cell cell[OBJECT_COLUMNS] = {
        [OBJECT_RUN] = number_cell(journal->run),
        [OBJECT_TASK] = number_cell(task),
        [OBJECT_KEY] = text_cell(key),
        [OBJECT_STATE] = number_cell(row->state),
        [OBJECT_SIZE] = number_cell(row->size),
        [OBJECT_MTIME] = number_cell(row->mtime_ns),
        [OBJECT_INODE] = number_cell((int64_t)row->inode),
        [OBJECT_ETAG] = text_cell(row->etag),
        [OBJECT_PART_SIZE] = number_cell(row->part_size),
        [OBJECT_UPLOAD_ID] = text_cell(row->upload_id),
        [OBJECT_TEMP] = text_cell(row->temp),
        [OBJECT_STORE] = text_cell(held ? row->store : ""),
        [OBJECT_TARGET] = text_cell(held ? (row->target ? row->target : key) : ""),
        [OBJECT_SUM_KIND] = number_cell(row->sum_kind),
        [OBJECT_MD5_PARTS] = number_cell(row->md5_parts),
        [OBJECT_ERR_KIND] = number_cell(row->err.kind),
        [OBJECT_ERR_STATUS] = number_cell(row->err.status),
        [OBJECT_ERR_CODE] = text_cell(row->err.code),
        [OBJECT_ERR_REQUEST] = text_cell(row->err.request_id),
        [OBJECT_ERR_MESSAGE] = text_cell(row->err.message),
    };
    return cells_put(journal, SQL_OBJECT_PUT, cell, OBJECT_COLUMNS, err);
}

bool journal_each(struct journal *journal, enum row_state state,
                  void (*each)(void *ctx, int task, const char *key, const struct row *row),
                  void *ctx, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_OBJECT_ALL, err);
    char key[LIMIT_KEY * 4];
    struct row row;
    int code;

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, journal->run);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (state != ROW_NONE && sqlite3_column_int(stmt, OBJECT_STATE) != (int)state)
            continue;
        row_read(stmt, &row);
        column_text(stmt, OBJECT_KEY, key, sizeof key);
        each(ctx, sqlite3_column_int(stmt, OBJECT_TASK), key, &row);
    }
    bool ok = code == SQLITE_DONE || journal_err(journal, "read", err);
    end(stmt);
    return ok;
}

/* --- parts ---------------------------------------------------------------------------- */

bool journal_put_part(struct journal *journal, int task, const char *key,
                      const struct part_row *part, struct err *err)
{
    struct cell cell[PART_COLUMNS] = {
        [PART_RUN] = number_cell(journal->run),
        [PART_TASK] = number_cell(task),
        [PART_KEY] = text_cell(key),
        [PART_N] = number_cell(part->n),
        [PART_LEN] = number_cell(part->len),
        [PART_ETAG] = text_cell(part->etag),
        [PART_SUM] = number_cell((int64_t)part->sum),
    };
    return cells_put(journal, SQL_PART_PUT, cell, PART_COLUMNS, err);
}

bool journal_drop_parts(struct journal *journal, int task, const char *key, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_PARTS_DROP, err);

    if (!stmt)
        return false;
    bind_key(journal, stmt, task, key);
    return journal_run_sql(journal, stmt, err);
}

bool journal_drop_part(struct journal *journal, int task, const char *key, uint32_t n,
                       struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_PART_DROP, err);

    if (!stmt)
        return false;
    bind_key(journal, stmt, task, key);
    sqlite3_bind_int64(stmt, 4, n);
    return journal_run_sql(journal, stmt, err);
}

bool journal_parts(struct journal *journal, int task, const char *key,
                   void (*each)(void *ctx, const struct part_row *part), void *ctx, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_PARTS, err);
    struct part_row part;
    int code;

    if (!stmt)
        return false;
    bind_key(journal, stmt, task, key);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        part.n = (uint32_t)sqlite3_column_int64(stmt, PART_N);
        part.len = sqlite3_column_int64(stmt, PART_LEN);
        column_text(stmt, PART_ETAG, part.etag, sizeof part.etag);
        part.sum = (uint64_t)sqlite3_column_int64(stmt, PART_SUM);
        each(ctx, &part);
    }
    bool ok = code == SQLITE_DONE || journal_err(journal, "read", err);
    end(stmt);
    return ok;
}

/* --- orphans -------------------------------------------------------------------------- */

bool journal_orphan(struct journal *journal, const char *store, const char *key,
                    const char *upload_id, const char *temp, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_ORPHAN_PUT, err);

    if (!stmt)
        return false;
    sqlite3_bind_text(stmt, 1, store ? store : "", -1, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 2, key, (int)strlen(key), SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, upload_id ? upload_id : "", -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, temp ? temp : "", -1, SQLITE_STATIC);
    return journal_run_sql(journal, stmt, err);
}

/* All of them, copied: `each` may write to the table that is read. */
struct orphan_list {
    struct orphan *item;
    size_t n, cap;
};

static char *column_copy(struct sqlite3_stmt *stmt, int column)
{
    const char *text = sqlite3_column_blob(stmt, column);
    return xstrndup(text ? text : "", (size_t)sqlite3_column_bytes(stmt, column));
}

static void orphan_read(struct orphan_list *list, struct sqlite3_stmt *stmt)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->item = xrealloc(list->item, list->cap * sizeof *list->item);
    }
    list->item[list->n++] = (struct orphan){.id = sqlite3_column_int64(stmt, 0),
                                            .store = column_copy(stmt, 1),
                                            .key = column_copy(stmt, 2),
                                            .upload_id = column_copy(stmt, 3),
                                            .temp = column_copy(stmt, 4)};
}

static void orphan_free(struct orphan *orphan)
{
    free((char *)orphan->store);
    free((char *)orphan->key);
    free((char *)orphan->upload_id);
    free((char *)orphan->temp);
}

bool journal_orphans(struct journal *journal, void (*each)(void *ctx, const struct orphan *orphan),
                     void *ctx, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_ORPHANS, err);
    struct orphan_list list = {0};
    int code;

    if (!stmt)
        return false;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        orphan_read(&list, stmt);
    bool ok = code == SQLITE_DONE || journal_err(journal, "read", err);
    end(stmt);
    for (size_t i = 0; i < list.n; i++) {
        each(ctx, &list.item[i]);
        orphan_free(&list.item[i]);
    }
    free(list.item);
    return ok;
}

bool journal_orphan_gone(struct journal *journal, int64_t id, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_ORPHAN_GONE, err);
    return stmt && !sqlite3_bind_int64(stmt, 1, id) && journal_run_sql(journal, stmt, err);
}

/* --- checking ------------------------------------------------------------------------- */

static bool check_table(struct journal *journal, const char *sql, int64_t run, int columns,
                        struct err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    bool whole = true;
    int code;

    if (sqlite3_prepare_v2(journal->db, sql, -1, &stmt, NULL))
        return journal_err(journal, "read", err);
    sqlite3_bind_int64(stmt, 1, run);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW && whole)
        whole = is_whole(stmt, columns);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW || journal_err(journal, "read", err);
    sqlite3_finalize(stmt);
    if (ok && !whole)
        err_set(err, ERR_CORRUPT, "a row of the journal does not agree with its checksum");
    return ok && whole;
}

bool journal_rows_check(struct journal *journal, int64_t run, struct err *err)
{
    return check_table(journal, "SELECT * FROM object WHERE run=?1", run, OBJECT_COLUMNS, err) &&
           check_table(journal, "SELECT * FROM part WHERE run=?1", run, PART_COLUMNS, err);
}
