/*
 * The journal as a file: opened so that nothing in it can run or lead elsewhere, checked, brought
 * up to date, and, when it cannot be trusted, set aside and read for what still has to be cleaned
 * up.
 */
#include "base/clock.h"
#include "journal/db.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x6861756c /* "haul" */
#define HEADER         100        /* bytes of SQLite's */
#define BUSY_MS        5000       /* a reader of the same journal is never longer at it */

/* The ladder: step n takes a file from version n to n + 1. */
static const char *const steps[] = {
    "CREATE TABLE run(number INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, exit_status INTEGER NOT NULL,"
    " finished INTEGER NOT NULL);"
    "CREATE TABLE object(run INTEGER NOT NULL, task INTEGER NOT NULL, key BLOB NOT NULL,"
    " state INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, etag TEXT NOT NULL, part_size INTEGER NOT NULL,"
    " upload_id TEXT NOT NULL, temp TEXT NOT NULL, store TEXT NOT NULL, target BLOB NOT NULL,"
    " sum_kind INTEGER NOT NULL, md5_parts INTEGER NOT NULL, err_kind INTEGER NOT NULL,"
    " err_status INTEGER NOT NULL, err_code TEXT NOT NULL, err_request TEXT NOT NULL,"
    " err_message TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(run, task, key))"
    " WITHOUT ROWID;"
    "CREATE TABLE part(run INTEGER NOT NULL, task INTEGER NOT NULL, key BLOB NOT NULL,"
    " n INTEGER NOT NULL, len INTEGER NOT NULL, etag TEXT NOT NULL, sum INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, PRIMARY KEY(run, task, key, n)) WITHOUT ROWID;"
    "CREATE TABLE orphan(id INTEGER PRIMARY KEY, store TEXT NOT NULL, key BLOB NOT NULL,"
    " upload_id TEXT NOT NULL, temp TEXT NOT NULL, UNIQUE(store, key, upload_id, temp));",

    "ALTER TABLE run ADD COLUMN begun_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE object ADD COLUMN source_sum_kind INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE part ADD COLUMN source_sum INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE history(id INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, exit_status INTEGER NOT NULL,"
    " done INTEGER NOT NULL, skipped INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE TABLE state(id INTEGER PRIMARY KEY, text TEXT NOT NULL, checksum INTEGER NOT NULL);"
    "CREATE TABLE scope(id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE,"
    " run INTEGER NOT NULL);"
    "CREATE TABLE print(scope INTEGER NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, etag TEXT NOT NULL,"
    " target_size INTEGER NOT NULL, target_mtime_ns INTEGER NOT NULL, target_etag TEXT NOT NULL,"
    " checksum INTEGER NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY(scope, key)) WITHOUT ROWID;"
    "CREATE TABLE extra(task INTEGER NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, PRIMARY KEY(task, key)) WITHOUT ROWID;"
    "CREATE TABLE name(task INTEGER NOT NULL, target BLOB NOT NULL, key BLOB NOT NULL,"
    " checksum INTEGER NOT NULL, PRIMARY KEY(task, target)) WITHOUT ROWID;",
};
#define VERSION ((int)(sizeof steps / sizeof *steps))

/* --- where it is ---------------------------------------------------------------------- */

static bool make_dirs(const char *dir, struct err *err)
{
    char *path = xstrdup(dir);
    bool ok = true;

    for (char *at = path + 1; ok && *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        ok = !mkdir(path, 0700) || errno == EEXIST;
        *at = '/';
    }
    ok = ok && (!mkdir(path, 0700) || errno == EEXIST);
    free(path);
    return ok || err_sys(err, errno, "cannot make the directory '%.200s'", dir);
}

static int64_t file_size(const char *path, const char *suffix)
{
    char *full = xasprintf("%s%s", path, suffix);
    struct stat st;
    int64_t size = lstat(full, &st) ? -1 : (int64_t)st.st_size;

    free(full);
    return size;
}

static bool is_plain(const char *path)
{
    struct stat st;
    return lstat(path, &st) || S_ISREG(st.st_mode);
}

/* Only the last name may not be a symbolic link; what leads to the directory is its owner's affair.
 */
bool journal_file_find(struct journal_file *file, const char *dir, bool create, struct err *err)
{
    if (create && !make_dirs(dir, err))
        return false;
    char *real = realpath(dir, NULL);
    if (!real) {
        file->made = errno == ENOENT;
        return file->made && !create ? false : err_sys(err, errno, "cannot use '%.200s'", dir);
    }
    file->path = xasprintf("%s/journal.db", real);
    free(real);
    if (!is_plain(file->path))
        return err_set(err, ERR_DISK, "'%.200s' is not a plain file", file->path);
    int64_t size = file_size(file->path, ""), log = file_size(file->path, "-wal");
    file->unclean = log > 0;
    file->made = size < 0;
    /* The log of a file that is not there any more; or less than a header, which SQLite would take
     * for an empty database. */
    file->damaged = (size <= 0 && log > 0) || (size > 0 && size < HEADER);
    return true;
}

/* --- opening -------------------------------------------------------------------------- */

/* SQLITE_ERROR too: the statements are always the same, so that only the file can be at fault. */
bool journal_file_is_damage(int code)
{
    code &= 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_SCHEMA ||
           code == SQLITE_ERROR;
}

static bool db_err(sqlite3 *db, struct journal_file *file, struct err *err)
{
    file->damaged = file->damaged || journal_file_is_damage(sqlite3_errcode(db));
    err_set(err, ERR_DISK, "cannot open the journal '%.160s': %s", file->path, sqlite3_errmsg(db));
    if (err)
        err->final = true;
    return false;
}

static bool exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* First column of the first row, as a number; -1 when there is none. */
static int64_t ask_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/* The same as text, which is the caller's to free; NULL when there is none. */
static char *ask_text(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    char *text = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        text = xstrdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return text;
}

static bool ask_is(sqlite3 *db, const char *sql, const char *word)
{
    char *text = ask_text(db, sql);
    bool same = text && !strcmp(text, word);

    free(text);
    return same;
}

/* The file may come from anywhere: nothing in it is to be run. */
static void harden(sqlite3 *db)
{
    static const int off[] = {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                              SQLITE_DBCONFIG_ENABLE_VIEW};

    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        sqlite3_db_config(db, off[i], 0, NULL);
    exec(db, "PRAGMA cell_size_check=ON");
}

static bool set_up(sqlite3 *db, struct journal_file *file, struct err *err)
{
    if (!ask_is(db, "PRAGMA journal_mode=WAL", "wal")) {
        if (sqlite3_errcode(db) != SQLITE_OK && sqlite3_errcode(db) != SQLITE_ROW &&
            sqlite3_errcode(db) != SQLITE_DONE)
            return db_err(db, file, err);
        return err_set(err, ERR_DISK, "the file system of '%.160s' cannot hold a journal: no WAL",
                       file->path);
    }
    return (exec(db, "PRAGMA synchronous=NORMAL") && exec(db, "PRAGMA wal_autocheckpoint=0") &&
            exec(db, "PRAGMA journal_size_limit=16777216")) ||
           db_err(db, file, err);
}

static bool migrate(sqlite3 *db, int64_t version, struct journal_file *file, struct err *err)
{
    char *done = sqlite3_mprintf("PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                                 APPLICATION_ID, VERSION);
    bool ok = exec(db, "BEGIN IMMEDIATE");

    for (int64_t step = version; ok && step < VERSION; step++)
        ok = exec(db, steps[step]);
    ok = (ok && exec(db, done)) || db_err(db, file, err);
    sqlite3_free(done);
    return ok;
}

/* Is it ours, and of a version that is known?  Brings an older one up to date, unless it may only
 * be read. */
static bool recognise(sqlite3 *db, struct journal_file *file, bool read_only, struct err *err)
{
    int64_t id = ask_number(db, "PRAGMA application_id");
    int64_t version = ask_number(db, "PRAGMA user_version");
    int64_t tables = ask_number(db, "SELECT count(*) FROM sqlite_schema");

    if (id < 0 || version < 0 || tables < 0)
        return db_err(db, file, err);
    bool empty = id == 0 && version == 0 && tables == 0;
    if (!empty && (id != APPLICATION_ID || version < 1 || version > VERSION)) {
        file->damaged = true;
        return err_set(err, ERR_DISK, "'%.200s' is not a journal of this version", file->path);
    }
    if (version == VERSION || read_only)
        return !empty || err_set(err, ERR_DISK, "'%.200s' is empty", file->path);
    return migrate(db, version, file, err);
}

/* Made by us rather than by SQLite, for the mode. */
static bool make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make the journal '%.200s'", path);
    if (fd >= 0)
        close(fd);
    return true;
}

/* An older journal that may not be written is read through a copy that is brought up to date, in a
 * temporary database of SQLite's that nobody else sees. */
static bool as_current(sqlite3 **db, struct journal_file *file, struct err *err)
{
    int64_t version = ask_number(*db, "PRAGMA user_version");
    sqlite3 *copy = NULL;

    if (version == VERSION)
        return true;
    bool ok =
        sqlite3_open_v2("", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
    sqlite3_backup *backup = ok ? sqlite3_backup_init(copy, "main", *db, "main") : NULL;
    ok = backup && sqlite3_backup_step(backup, -1) == SQLITE_DONE;
    sqlite3_backup_finish(backup);
    if (ok)
        harden(copy);
    ok = (ok || db_err(copy, file, err)) && migrate(copy, version, file, err);
    sqlite3_close(ok ? *db : copy);
    *db = ok ? copy : *db;
    return ok;
}

/* SQLite's own check says nothing of a flipped bit in the schema: a column by another name is found
 * by the first statement that wants it, halfway through a run, and one of another type by nobody.
 */
static bool check_schema(sqlite3 *db, struct journal_file *file, struct err *err)
{
    static const char sql[] = "SELECT group_concat(line, char(10)) FROM (SELECT type || ' ' || name"
                              " || ' ' || tbl_name || ' ' || coalesce(sql, '') AS line"
                              " FROM sqlite_schema ORDER BY line)";
    sqlite3 *model = journal_file_scratch(err);
    char *expected = model ? ask_text(model, sql) : NULL;
    char *found = expected ? ask_text(db, sql) : NULL;
    bool same = found && !strcmp(found, expected);

    if (found && !same) {
        file->damaged = true;
        err_set(err, ERR_CORRUPT, "the journal '%.160s' is damaged", file->path);
    } else if (model && !found) {
        db_err(expected ? db : model, file, err);
    }
    free(expected);
    free(found);
    sqlite3_close(model);
    return same;
}

struct sqlite3 *journal_file_open(struct journal_file *file, bool read_only, struct err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    sqlite3 *db = NULL;

    if (!read_only && !make_file(file->path, err))
        return NULL;
    bool ok = sqlite3_open_v2(file->path, &db, flags, NULL) == SQLITE_OK;
    if (ok)
        harden(db);
    else
        db_err(db, file, err);
    ok = ok && (read_only || set_up(db, file, err)) && recognise(db, file, read_only, err) &&
         (!read_only || as_current(&db, file, err)) && (file->made || check_schema(db, file, err));
    if (ok)
        return db;
    if (db)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
    return NULL;
}

struct sqlite3 *journal_file_scratch(struct err *err)
{
    struct journal_file file = {.path = xstrdup("in memory")};
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    bool ok = sqlite3_open_v2("", &db, flags, NULL) == SQLITE_OK;

    if (ok)
        harden(db);
    ok = (ok || db_err(db, &file, err)) && migrate(db, 0, &file, err);
    free(file.path);
    if (ok)
        return db;
    sqlite3_close(db);
    return NULL;
}

int64_t journal_file_pages(struct sqlite3 *db, bool unused)
{
    return ask_number(db, unused ? "PRAGMA freelist_count" : "PRAGMA page_count");
}

bool journal_file_check(struct sqlite3 *db, struct err *err)
{
    return ask_is(db, "PRAGMA integrity_check(1)", "ok") ||
           err_set(err, ERR_CORRUPT, "the journal is damaged");
}

/* --- setting aside -------------------------------------------------------------------- */

static bool move_one(const char *from, const char *to, const char *suffix)
{
    char *old = xasprintf("%s%s", from, suffix), *new = xasprintf("%s%s", to, suffix);
    bool ok = !renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE) || errno == ENOENT;
    int failed = errno;

    free(old);
    free(new);
    errno = failed;
    return ok;
}

static char *aside_name(const char *path, int n)
{
    size_t stem = strlen(path) - strlen(".db");
    long long now = (long long)clock_wall_ms();

    if (n == 0)
        return xasprintf("%.*s.damaged-%lld", (int)stem, path, now);
    return xasprintf("%.*s.damaged-%lld-%d", (int)stem, path, now, n);
}

/* The file first: a log that is left without it is known for what it is and follows the next time.
 */
char *journal_file_set_aside(const struct journal_file *file, struct err *err)
{
    for (int n = 0; n < 1000; n++) {
        char *to = aside_name(file->path, n);
        bool taken = file_size(to, "") >= 0 || file_size(to, "-wal") >= 0;
        if (!taken && move_one(file->path, to, "") && move_one(file->path, to, "-wal") &&
            move_one(file->path, to, "-shm"))
            return to;
        free(to);
        if (!taken && errno != EEXIST)
            break;
    }
    err_sys(err, errno, "cannot set aside the damaged journal '%.200s'", file->path);
    return NULL;
}

/* --- salvage -------------------------------------------------------------------------- */

static const char *printable(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    if (!text || strlen(text) != (size_t)sqlite3_column_bytes(stmt, column))
        return "";
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at > '~')
            return "";
    return text;
}

/* Only what is certainly a name of ours: it is going to be removed. */
static bool is_temp(const char *name)
{
    static const char head[] = ".haul-", tail[] = ".part";
    const size_t digits = 32, start = sizeof head - 1;

    return !strncmp(name, head, start) && strspn(name + start, "0123456789abcdef") == digits &&
           !strcmp(name + start + digits, tail);
}

static bool take(struct journal *journal, sqlite3_stmt *stmt, struct err *err)
{
    const char *upload_id = printable(stmt, 2), *temp = printable(stmt, 3);
    const char *store = (const char *)sqlite3_column_text(stmt, 0);
    const char *key = (const char *)sqlite3_column_text(stmt, 1);

    if (!store || !key || !store[0] || !key[0])
        return true;
    return (!upload_id[0] || journal_orphan(journal, store, key, upload_id, "", err)) &&
           (!is_temp(temp) || journal_orphan(journal, store, key, "", temp, err));
}

/* As far as it can be read; a damaged page ends a query, and another may come from its other side.
 */
static bool take_all(struct journal *journal, sqlite3 *db, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = true;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK)
        while (ok && sqlite3_step(stmt) == SQLITE_ROW)
            ok = take(journal, stmt, err);
    sqlite3_finalize(stmt);
    return ok;
}

static bool take_state(struct journal *journal, sqlite3 *db, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = true;

    if (sqlite3_prepare_v2(db, "SELECT * FROM state WHERE id=1", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        ok = journal_state_take(journal, stmt, err);
    sqlite3_finalize(stmt);
    return ok;
}

static bool take_tables(struct journal *journal, sqlite3 *db, struct err *err)
{
    static const char *const queries[] = {
        "SELECT store, key, upload_id, temp FROM orphan NOT INDEXED ORDER BY id",
        "SELECT store, key, upload_id, temp FROM orphan NOT INDEXED ORDER BY id DESC",
        "SELECT store, target, upload_id, temp FROM object ORDER BY run, task, key",
        "SELECT store, target, upload_id, temp FROM object ORDER BY run DESC, task DESC, key DESC",
    };

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (!take_all(journal, db, queries[i], err))
            return false;
    return take_state(journal, db, err);
}

bool journal_file_salvage(struct journal *journal, const char *path, struct err *err)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    bool ok = true;

    journal_begin(journal, err);
    if (sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK) {
        harden(db);
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        ok = take_tables(journal, db, err);
    }
    sqlite3_close(db);
    return journal_commit(journal, err) && ok;
}
