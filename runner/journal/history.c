/* The summary of the last run, the earlier ones, and what scripts keep between them. */
#include "journal/db.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* --- summary -------------------------------------------------------------------------- */

static void count_state(struct journal_summary *summary, const struct sqlite3_stmt *row)
{
    struct sqlite3_stmt *stmt = (struct sqlite3_stmt *)row;
    int64_t n = sqlite3_column_int64(stmt, 1);

    switch (sqlite3_column_int(stmt, 0)) {
    case ROW_ACTIVE:
        summary->active = n;
        break;
    case ROW_DONE:
        summary->done = n;
        summary->done_bytes = sqlite3_column_int64(stmt, 2);
        break;
    case ROW_SKIPPED:
        summary->skipped = n;
        break;
    case ROW_FAILED:
        summary->failed = n;
        break;
    default:
        break;
    }
    summary->uploads += sqlite3_column_int64(stmt, 3);
}

static bool count_states(struct journal *journal, struct journal_summary *summary, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_OBJECT_COUNT, err);
    int code;

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, journal->run);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        count_state(summary, stmt);
    return journal_end_sql(journal, stmt, code, err);
}

static bool one_number(struct journal *journal, enum journal_sql which, int64_t *number,
                       struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, which, err);

    if (!stmt)
        return false;
    if (sqlite3_bind_parameter_count(stmt))
        sqlite3_bind_int64(stmt, 1, journal->run);
    bool ok = sqlite3_step(stmt) == SQLITE_ROW || journal_err(journal, "read", err);
    *number = ok ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return ok;
}

bool journal_summary(struct journal *journal, struct journal_summary *summary, struct err *err)
{
    struct run_row run;

    memset(summary, 0, sizeof *summary);
    if (!journal_run_last(journal, &run, err))
        return false;
    summary->run = run.number;
    summary->fingerprint = run.fingerprint;
    summary->finished = run.finished;
    summary->started_ms = run.started_ms;
    summary->ended_ms = run.ended_ms;
    summary->exit_status = run.exit_status;
    return count_states(journal, summary, err) &&
           one_number(journal, SQL_PART_BYTES, &summary->resumable_bytes, err) &&
           one_number(journal, SQL_ORPHAN_COUNT, &summary->orphans, err);
}

/* --- history -------------------------------------------------------------------------- */

static bool history_put(struct journal *journal, const struct journal_past *past, struct err *err)
{
    static const enum journal_sql forget[] = {SQL_HISTORY_FORGET};
    const int64_t value[] = {past->run,         past->started_ms, past->ended_ms,
                             past->exit_status, past->done,       past->skipped,
                             past->failed,      past->deleted,    past->bytes};
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_HISTORY_PUT, err);

    for (int i = 0; stmt && i < (int)(sizeof value / sizeof *value); i++)
        sqlite3_bind_int64(stmt, i + 1, value[i]);
    return stmt && journal_run_sql(journal, stmt, err) &&
           journal_do_steps(journal, forget, 1, 0, err);
}

bool journal_history_lost(struct journal *journal, const struct run_row *run, struct err *err)
{
    const struct journal_past past = {
        .run = run->number, .started_ms = run->begun_ms, .exit_status = -1};

    return !run->number || run->ended_ms || !run->begun_ms || history_put(journal, &past, err);
}

bool journal_note_end(struct journal *journal, int exit_status, int64_t now_ms,
                      const struct totals *totals, struct err *err)
{
    const struct journal_past past = {.run = journal->run,
                                      .started_ms = journal->begun_ms,
                                      .ended_ms = now_ms,
                                      .exit_status = exit_status,
                                      .done = totals->objects_done,
                                      .skipped = totals->objects_skipped,
                                      .failed = totals->objects_failed,
                                      .deleted = totals->objects_deleted,
                                      .bytes = totals->bytes_done};
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_RUN_END, err);

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, journal->run);
    sqlite3_bind_int(stmt, 2, exit_status);
    sqlite3_bind_int64(stmt, 3, now_ms);
    journal->ended = true;
    return journal_run_sql(journal, stmt, err) && history_put(journal, &past, err);
}

bool journal_history(struct journal *journal,
                     void (*each)(void *ctx, const struct journal_past *past), void *ctx,
                     struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_HISTORY, err);
    int code;

    if (!stmt)
        return false;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct journal_past past = {.run = sqlite3_column_int64(stmt, 0),
                                          .started_ms = sqlite3_column_int64(stmt, 1),
                                          .ended_ms = sqlite3_column_int64(stmt, 2),
                                          .exit_status = sqlite3_column_int(stmt, 3),
                                          .done = sqlite3_column_int64(stmt, 4),
                                          .skipped = sqlite3_column_int64(stmt, 5),
                                          .failed = sqlite3_column_int64(stmt, 6),
                                          .deleted = sqlite3_column_int64(stmt, 7),
                                          .bytes = sqlite3_column_int64(stmt, 8)};
        each(ctx, &past);
    }
    return journal_end_sql(journal, stmt, code, err);
}

/* --- the state of scripts ------------------------------------------------------------- */

enum state_column { STATE_ID, STATE_TEXT, STATE_CHECK, STATE_COLUMNS };

char *journal_state_get(struct journal *journal, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_STATE_GET, err);
    char *text = NULL;

    *err = stmt ? (struct err){0} : *err;
    if (!stmt)
        return NULL;
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW && journal_cells_check(stmt, STATE_CHECK, STATE_COLUMNS, err))
        text = journal_column_copy(stmt, STATE_TEXT);
    journal_end_sql(journal, stmt, code, err);
    return text;
}

bool journal_state_put(struct journal *journal, const char *text, struct err *err)
{
    struct cell cell[STATE_COLUMNS] = {[STATE_ID] = number_cell(1), [STATE_TEXT] = text_cell(text)};

    if (cell[STATE_TEXT].len > LIMIT_STATE)
        return err_set(err, ERR_INVALID, "job.state is larger than %d KiB: keep less in it",
                       LIMIT_STATE >> 10);
    return journal_cells_put(journal, SQL_STATE_PUT, cell, STATE_CHECK, STATE_COLUMNS, err);
}

bool journal_state_check(struct journal *journal, struct err *err)
{
    return journal_check_table(journal, "SELECT * FROM state", 0, STATE_CHECK, STATE_COLUMNS, err);
}

bool journal_state_take(struct journal *journal, struct sqlite3_stmt *stmt, struct err *err)
{
    if (!journal_cells_whole(stmt, STATE_CHECK, STATE_COLUMNS))
        return true;
    char *text = journal_column_copy(stmt, STATE_TEXT);
    bool ok = journal_state_put(journal, text, err);
    free(text);
    return ok;
}
