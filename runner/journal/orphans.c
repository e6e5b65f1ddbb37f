/* Uploads and temporary files that nobody needs any more but that are still there. */
#include "journal/db.h"
#include <sqlite3.h>
#include <stdlib.h>

bool journal_orphan(struct journal *journal, const char *store, const char *key,
                    const char *upload_id, const char *temp, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_ORPHAN_PUT, err);

    if (!stmt)
        return false;
    sqlite3_bind_text(stmt, 1, store ? store : "", -1, SQLITE_STATIC);
    journal_bind_bytes(stmt, 2, key);
    sqlite3_bind_text(stmt, 3, upload_id ? upload_id : "", -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, temp ? temp : "", -1, SQLITE_STATIC);
    return journal_run_sql(journal, stmt, err);
}

/* All of them, copied: `each` may write to the table that is read. */
struct orphan_list {
    struct orphan *item;
    size_t n, cap;
};

static void orphan_read(struct orphan_list *list, struct sqlite3_stmt *stmt)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->item = xrealloc(list->item, list->cap * sizeof *list->item);
    }
    list->item[list->n++] = (struct orphan){.id = sqlite3_column_int64(stmt, 0),
                                            .store = journal_column_copy(stmt, 1),
                                            .key = journal_column_copy(stmt, 2),
                                            .upload_id = journal_column_copy(stmt, 3),
                                            .temp = journal_column_copy(stmt, 4)};
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
    bool ok = journal_end_sql(journal, stmt, code, err);
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
