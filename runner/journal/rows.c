/* Objects and their parts. */
#include "journal/db.h"
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
    OBJECT_SOURCE_SUM_KIND, /* since version 2 */
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
    PART_SOURCE_SUM, /* since version 2 */
    PART_COLUMNS
};

static void bind_key(struct journal *journal, struct sqlite3_stmt *stmt, int task, const char *key)
{
    sqlite3_bind_int64(stmt, 1, journal->run);
    sqlite3_bind_int(stmt, 2, task);
    sqlite3_bind_blob(stmt, 3, key, (int)strlen(key), SQLITE_STATIC);
}

/* --- objects -------------------------------------------------------------------------- */

/* Of the bytes of a column; 0: there are none. */
static uint64_t column_sum(struct sqlite3_stmt *stmt, int column)
{
    int len = sqlite3_column_bytes(stmt, column);
    return len ? sum_update(SUM_CRC64, 0, sqlite3_column_blob(stmt, column), (size_t)len) : 0;
}

static void row_read(struct sqlite3_stmt *stmt, struct row *row)
{
    memset(row, 0, sizeof *row);
    row->state = (enum row_state)sqlite3_column_int(stmt, OBJECT_STATE);
    row->size = sqlite3_column_int64(stmt, OBJECT_SIZE);
    row->mtime_ns = sqlite3_column_int64(stmt, OBJECT_MTIME);
    row->inode = (uint64_t)sqlite3_column_int64(stmt, OBJECT_INODE);
    journal_column_text(stmt, OBJECT_ETAG, row->etag, sizeof row->etag);
    row->part_size = sqlite3_column_int64(stmt, OBJECT_PART_SIZE);
    journal_column_text(stmt, OBJECT_UPLOAD_ID, row->upload_id, sizeof row->upload_id);
    journal_column_text(stmt, OBJECT_TEMP, row->temp, sizeof row->temp);
    row->target_sum = column_sum(stmt, OBJECT_TARGET);
    row->sum_kind = (enum sum_kind)sqlite3_column_int(stmt, OBJECT_SUM_KIND);
    row->source_sum_kind = (enum sum_kind)sqlite3_column_int(stmt, OBJECT_SOURCE_SUM_KIND);
    row->md5_parts = sqlite3_column_int(stmt, OBJECT_MD5_PARTS);
    row->err.kind = (enum err_kind)sqlite3_column_int(stmt, OBJECT_ERR_KIND);
    row->err.status = sqlite3_column_int(stmt, OBJECT_ERR_STATUS);
    journal_column_text(stmt, OBJECT_ERR_CODE, row->err.code, sizeof row->err.code);
    journal_column_text(stmt, OBJECT_ERR_REQUEST, row->err.request_id, sizeof row->err.request_id);
    journal_column_text(stmt, OBJECT_ERR_MESSAGE, row->err.message, sizeof row->err.message);
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
    return journal_end_sql(journal, stmt, code, err) && code == SQLITE_ROW;
}

bool journal_put(struct journal *journal, int task, const char *key, const struct row *row,
                 struct err *err)
{
    bool held = row->upload_id[0] || row->temp[0], noted = held || row->is_named;
    struct cell cell[OBJECT_COLUMNS] = {
        [OBJECT_RUN] = number_cell(journal->run),
        [OBJECT_TASK] = number_cell(task),
        [OBJECT_KEY] = bytes_cell(key),
        [OBJECT_STATE] = number_cell(row->state),
        [OBJECT_SIZE] = number_cell(row->size),
        [OBJECT_MTIME] = number_cell(row->mtime_ns),
        [OBJECT_INODE] = number_cell((int64_t)row->inode),
        [OBJECT_ETAG] = text_cell(row->etag),
        [OBJECT_PART_SIZE] = number_cell(row->part_size),
        [OBJECT_UPLOAD_ID] = text_cell(row->upload_id),
        [OBJECT_TEMP] = text_cell(row->temp),
        [OBJECT_STORE] = text_cell(held ? row->store : ""),
        [OBJECT_TARGET] = bytes_cell(noted ? (row->target ? row->target : key) : ""),
        [OBJECT_SUM_KIND] = number_cell(row->sum_kind),
        [OBJECT_MD5_PARTS] = number_cell(row->md5_parts),
        [OBJECT_ERR_KIND] = number_cell(row->err.kind),
        [OBJECT_ERR_STATUS] = number_cell(row->err.status),
        [OBJECT_ERR_CODE] = text_cell(row->err.code),
        [OBJECT_ERR_REQUEST] = text_cell(row->err.request_id),
        [OBJECT_ERR_MESSAGE] = text_cell(row->err.message),
        [OBJECT_SOURCE_SUM_KIND] = number_cell(row->source_sum_kind),
    };
    return journal_cells_put(journal, SQL_OBJECT_PUT, cell, OBJECT_CHECK, OBJECT_COLUMNS, err);
}

bool journal_orphan_row(struct journal *journal, int task, const char *key, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_ORPHAN_ROW, err);

    if (!stmt)
        return false;
    bind_key(journal, stmt, task, key);
    return journal_run_sql(journal, stmt, err);
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
        journal_column_text(stmt, OBJECT_KEY, key, sizeof key);
        each(ctx, sqlite3_column_int(stmt, OBJECT_TASK), key, &row);
    }
    return journal_end_sql(journal, stmt, code, err);
}

int journal_failed_next(struct journal *journal, int task, const char *after, int max,
                        void (*each)(void *ctx, const char *key), void *ctx, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_OBJECT_FAILED, err);
    char **key = xcalloc((size_t)max + 1, sizeof *key);
    int n = 0, code = SQLITE_ERROR;

    if (stmt) {
        bind_key(journal, stmt, task, after ? after : "");
        sqlite3_bind_int(stmt, 4, max);
        while (n < max && (code = sqlite3_step(stmt)) == SQLITE_ROW)
            key[n++] = journal_column_copy(stmt, 0);
    }
    bool ok = stmt && journal_end_sql(journal, stmt, n == max ? SQLITE_ROW : code, err);
    for (int i = 0; i < n; i++) {
        if (ok)
            each(ctx, key[i]);
        free(key[i]);
    }
    free(key);
    return ok ? n : -1;
}

/* --- parts ---------------------------------------------------------------------------- */

bool journal_put_part(struct journal *journal, int task, const char *key,
                      const struct part_row *part, struct err *err)
{
    struct cell cell[PART_COLUMNS] = {
        [PART_RUN] = number_cell(journal->run),
        [PART_TASK] = number_cell(task),
        [PART_KEY] = bytes_cell(key),
        [PART_N] = number_cell(part->n),
        [PART_LEN] = number_cell(part->len),
        [PART_ETAG] = text_cell(part->etag),
        [PART_SUM] = number_cell((int64_t)part->sum),
        [PART_SOURCE_SUM] = number_cell((int64_t)part->source_sum),
    };
    return journal_cells_put(journal, SQL_PART_PUT, cell, PART_CHECK, PART_COLUMNS, err);
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
        journal_column_text(stmt, PART_ETAG, part.etag, sizeof part.etag);
        part.sum = (uint64_t)sqlite3_column_int64(stmt, PART_SUM);
        part.source_sum = (uint64_t)sqlite3_column_int64(stmt, PART_SOURCE_SUM);
        each(ctx, &part);
    }
    return journal_end_sql(journal, stmt, code, err);
}

/* --- checking ------------------------------------------------------------------------- */

bool journal_rows_check(struct journal *journal, int64_t run, struct err *err)
{
    return journal_check_table(journal, "SELECT * FROM object WHERE run=?1", run, OBJECT_CHECK,
                               OBJECT_COLUMNS, err) &&
           journal_check_table(journal, "SELECT * FROM part WHERE run=?1", run, PART_CHECK,
                               PART_COLUMNS, err);
}
