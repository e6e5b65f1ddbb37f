/* Statements, turns and runs; opening and closing. */
#include "base/clock.h"
#include "base/fault.h"
#include "journal/db.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define PAGE          4096 /* bytes: SQLite's default */
#define GIVE_BACK_MIN (16 << 20)

static const char *const sql_text[SQL_COUNT] = {
#define X(name, text) [SQL_##name] = text,
    JOURNAL_SQL(X)
#undef X
};

/* --- statements ----------------------------------------------------------------------- */

bool journal_err(struct journal *journal, const char *verb, struct err *err)
{
    int code = sqlite3_errcode(journal->db);

    if (!err) /* of a rollback: what called for it has been told */
        return false;
    journal->damaged = journal->damaged || journal_file_is_damage(code);
    err_set(err, ERR_DISK, "cannot %s the journal: %s", verb, sqlite3_errmsg(journal->db));
    err->final = true;
    if (code == SQLITE_FULL)
        memcpy(err->code, "ENOSPC", sizeof "ENOSPC");
    return false;
}

struct sqlite3_stmt *journal_sql(struct journal *journal, enum journal_sql which, struct err *err)
{
    struct sqlite3_stmt **stmt = &journal->stmt[which];

    if (!*stmt && sqlite3_prepare_v3(journal->db, sql_text[which], -1, SQLITE_PREPARE_PERSISTENT,
                                     stmt, NULL) != SQLITE_OK) {
        journal_err(journal, "use", err);
        return NULL;
    }
    return *stmt;
}

bool journal_run_sql(struct journal *journal, struct sqlite3_stmt *stmt, struct err *err)
{
    int code = sqlite3_step(stmt);

    if (code != SQLITE_DONE && code != SQLITE_ROW)
        journal_err(journal, "write", err);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return code == SQLITE_DONE || code == SQLITE_ROW;
}

static bool do_sql(struct journal *journal, enum journal_sql which, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, which, err);
    return stmt && journal_run_sql(journal, stmt, err);
}

struct sqlite3_stmt *journal_sql_write(struct journal *journal, enum journal_sql which,
                                       struct err *err)
{
    if (journal->in_turn && !journal->written) {
        if (!do_sql(journal, SQL_BEGIN, err))
            return NULL;
        journal->written = true;
    }
    return journal_sql(journal, which, err);
}

static bool do_run(struct journal *journal, enum journal_sql which, int64_t run, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, which, err);

    if (stmt && sqlite3_bind_parameter_count(stmt))
        sqlite3_bind_int64(stmt, 1, run);
    return stmt && journal_run_sql(journal, stmt, err);
}

/* --- turns ---------------------------------------------------------------------------- */

bool journal_begin(struct journal *journal, struct err *err)
{
    (void)err;
    journal->in_turn = true;
    return true;
}

static bool rollback(struct journal *journal)
{
    journal->written = false;
    journal->n_scopes = 0; /* what was found out about them may have been taken back */
    do_sql(journal, SQL_ROLLBACK, NULL);
    return false;
}

bool journal_commit(struct journal *journal, struct err *err)
{
    journal->in_turn = false;
    if (!journal->written)
        return true;
    if (FAULT(journal_before_commit)) {
        err_set(err, ERR_DISK, "cannot write the journal");
        return rollback(journal);
    }
    if (!do_sql(journal, SQL_COMMIT, err))
        return rollback(journal);
    journal->written = false;
    return !FAULT(journal_after_commit) || err_set(err, ERR_DISK, "cannot write the journal");
}

void journal_checkpoint(struct journal *journal)
{
    sqlite3_wal_checkpoint_v2(journal->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    journal->log_pages = 0;
}

int64_t journal_log_bytes(const struct journal *journal)
{
    return journal->log_pages * PAGE;
}

/* SQLite's own hook after a commit, in place of its automatic checkpoint. */
static int note_log(void *arg, sqlite3 *db, const char *name, int n_pages)
{
    struct journal *journal = arg;
    (void)db;
    (void)name;
    journal->log_pages = n_pages;
    return SQLITE_OK;
}

/* --- runs ----------------------------------------------------------------------------- */

bool journal_run_last(struct journal *journal, struct run_row *run, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_RUN_LAST, err);
    int code;

    memset(run, 0, sizeof *run);
    if (!stmt)
        return false;
    if ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        run->number = sqlite3_column_int64(stmt, 0);
        run->fingerprint = (uint64_t)sqlite3_column_int64(stmt, 1);
        run->started_ms = sqlite3_column_int64(stmt, 2);
        run->begun_ms = sqlite3_column_int64(stmt, 3);
        run->ended_ms = sqlite3_column_int64(stmt, 4);
        run->exit_status = sqlite3_column_int(stmt, 5);
        run->finished = sqlite3_column_int(stmt, 6) != 0;
    }
    return journal_end_sql(journal, stmt, code, err);
}

static bool run_put(struct journal *journal, const struct run_row *run, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_RUN_PUT, err);

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, run->number);
    sqlite3_bind_int64(stmt, 2, (int64_t)run->fingerprint);
    sqlite3_bind_int64(stmt, 3, run->started_ms);
    sqlite3_bind_int64(stmt, 4, run->begun_ms);
    sqlite3_bind_int64(stmt, 5, run->ended_ms);
    sqlite3_bind_int(stmt, 6, run->exit_status);
    sqlite3_bind_int(stmt, 7, run->finished);
    return journal_run_sql(journal, stmt, err);
}

/* Some statements with one argument as one; alone where no turn is open. */
bool journal_do_steps(struct journal *journal, const enum journal_sql *which, size_t n,
                      int64_t number, struct err *err)
{
    bool alone = !journal->in_turn, ok = true;

    if (alone)
        journal_begin(journal, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = do_run(journal, which[i], number, err);
    if (!alone)
        return ok;
    if (ok)
        return journal_commit(journal, err);
    journal->in_turn = false;
    return journal->written ? rollback(journal) : false;
}

/* A new run: what the earlier ones still hold on servers and disks becomes orphans. */
static bool run_start(struct journal *journal, uint64_t fingerprint, struct err *err)
{
    static const enum journal_sql which[] = {SQL_ORPHAN_HELD, SQL_ORPHAN_TAKEN, SQL_EXTRA_FORGET,
                                             SQL_NAME_FORGET};
    const struct run_row run = {.number = journal->run,
                                .fingerprint = fingerprint,
                                .started_ms = journal->begun_ms,
                                .begun_ms = journal->begun_ms};

    return journal_do_steps(journal, which, sizeof which / sizeof *which, run.number, err) &&
           run_put(journal, &run, err);
}

static bool run_carry_on(struct journal *journal, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql_write(journal, SQL_RUN_AGAIN, err);

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, journal->run);
    sqlite3_bind_int64(stmt, 2, journal->begun_ms);
    return journal_run_sql(journal, stmt, err);
}

bool journal_note_whole(struct journal *journal, struct err *err)
{
    return do_run(journal, SQL_RUN_WHOLE, journal->run, err);
}

bool journal_is_whole(struct journal *journal, bool *whole, struct err *err)
{
    struct sqlite3_stmt *stmt = journal_sql(journal, SQL_RUN_IS_WHOLE, err);

    if (!stmt)
        return false;
    sqlite3_bind_int64(stmt, 1, journal->run);
    int code = sqlite3_step(stmt);
    *whole = code == SQLITE_ROW && sqlite3_column_int(stmt, 0);
    return journal_end_sql(journal, stmt, code, err);
}

bool journal_finish_run(struct journal *journal, struct err *err)
{
    static const enum journal_sql which[] = {SQL_RUN_FINISH,   SQL_OBJECT_FORGET, SQL_PART_FORGET,
                                             SQL_PRINT_FORGET, SQL_SCOPE_FORGET,  SQL_RUN_FORGET};
    return journal_do_steps(journal, which, sizeof which / sizeof *which, journal->run, err);
}

bool journal_forget(struct journal *journal, struct err *err)
{
    static const enum journal_sql held[] = {SQL_ORPHAN_HELD, SQL_ORPHAN_TAKEN};
    static const enum journal_sql rest[] = {SQL_OBJECT_CLEAR, SQL_PART_CLEAR};
    return journal_do_steps(journal, held, sizeof held / sizeof *held, journal->run + 1, err) &&
           journal_do_steps(journal, rest, sizeof rest / sizeof *rest, journal->run, err);
}

/* --- opening and closing -------------------------------------------------------------- */

/* Pages that are free are used again by the next run, so that the file grows no larger than the
 * largest run needs.  Only when most of a large file is free it is written anew; where that cannot
 * be, it stays as it is. */
static void give_back(struct journal *journal)
{
    int64_t pages = journal_file_pages(journal->db, false);
    int64_t unused = journal_file_pages(journal->db, true);

    if (unused * PAGE > GIVE_BACK_MIN && unused > pages / 2)
        sqlite3_exec(journal->db, "VACUUM", NULL, NULL, NULL);
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->written)
        rollback(journal);
    if (journal->ended)
        give_back(journal);
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(journal->stmt[i]);
    sqlite3_close(journal->db); /* the last connection makes the checkpoint and removes the log */
    free(journal->scope);
    free(journal);
}

/* What cannot be trusted is not carried on.  The rows of a run that has finished are not looked
 * through: they are never used again. */
static bool is_sound(struct journal *journal, const struct journal_file *file,
                     const struct run_row *run, struct err *err)
{
    if (file->made)
        return true;
    return journal_file_check(journal->db, err) && journal_state_check(journal, err) &&
           (run->finished ||
            (journal_rows_check(journal, run->number, err) && journal_sync_check(journal, err)));
}

static bool enter_run(struct journal *journal, struct journal_file *file, uint64_t fingerprint,
                      bool fresh, enum journal_opened *how, struct err *err)
{
    struct run_row run;

    if (!journal_run_last(journal, &run, err))
        return false;
    if (!is_sound(journal, file, &run, err)) {
        file->damaged = true;
        return false;
    }
    bool carry = run.number && !run.finished && !fresh && run.fingerprint == fingerprint;
    *how = carry ? JOURNAL_CARRY_ON : JOURNAL_NEW;
    journal->run = carry ? run.number : run.number + 1;
    journal->begun_ms = clock_wall_ms();
    if (!journal_history_lost(journal, &run, err))
        return false;
    return carry ? run_carry_on(journal, err) : run_start(journal, fingerprint, err);
}

static struct journal *journal_new(struct sqlite3 *db)
{
    struct journal *journal = xcalloc(1, sizeof *journal);

    journal->db = db;
    sqlite3_wal_hook(db, note_log, journal);
    return journal;
}

static struct journal *open_once(struct journal_file *file, uint64_t fingerprint, bool fresh,
                                 enum journal_opened *how, struct err *err)
{
    struct sqlite3 *db = journal_file_open(file, false, err);
    if (!db)
        return NULL;
    struct journal *journal = journal_new(db);
    if (enter_run(journal, file, fingerprint, fresh, how, err))
        return journal;
    file->damaged = file->damaged || journal->damaged;
    if (file->damaged) /* as it is, for whoever wants to look */
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    journal_close(journal);
    return NULL;
}

static struct journal *start_over(struct journal_file *file, uint64_t fingerprint,
                                  enum journal_opened *how, struct err *err)
{
    char *aside = journal_file_set_aside(file, err);
    if (!aside)
        return NULL;
    file->damaged = file->unclean = false;
    file->made = true;
    struct journal *journal = open_once(file, fingerprint, true, how, err);
    if (journal && !journal_file_salvage(journal, aside, err)) {
        journal_close(journal);
        journal = NULL;
    }
    *how = JOURNAL_DAMAGED;
    free(aside);
    return journal;
}

struct journal *journal_open(const char *dir, uint64_t fingerprint, bool fresh,
                             enum journal_opened *how, struct err *err)
{
    struct journal_file file = {0};
    struct journal *journal = NULL;

    if (!journal_file_find(&file, dir, true, err)) {
        free(file.path);
        return NULL;
    }
    if (!file.damaged)
        journal = open_once(&file, fingerprint, fresh, how, err);
    if (!journal && file.damaged)
        journal = start_over(&file, fingerprint, how, err);
    free(file.path);
    return journal;
}

struct journal *journal_scratch(struct err *err)
{
    struct journal_file file = {.made = true};
    enum journal_opened how;
    struct sqlite3 *db = journal_file_scratch(err);
    struct journal *journal = db ? journal_new(db) : NULL;

    if (!journal || enter_run(journal, &file, 0, true, &how, err))
        return journal;
    journal_close(journal);
    return NULL;
}

struct journal *journal_open_readonly(const char *dir, struct err *err)
{
    struct journal_file file = {0};
    struct journal *journal = NULL;
    struct run_row run;

    *err = (struct err){0};
    if (!journal_file_find(&file, dir, false, err) || file.made) {
        free(file.path);
        return NULL;
    }
    struct sqlite3 *db = journal_file_open(&file, true, err);
    free(file.path);
    if (!db)
        return NULL;
    journal = journal_new(db);
    journal->read_only = true;
    if (!journal_run_last(journal, &run, err)) {
        journal_close(journal);
        return NULL;
    }
    journal->run = run.number;
    return journal;
}

const char *journal_library(void)
{
    return sqlite3_libversion();
}
