/*
 * Functions of journal/ and io/ that the linker replaces here (--wrap): commits, at which a crash
 * can happen; walks, which are the simulator's own; and what would reach for threads.
 */
#include "io/walk.h"
#include "world.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the journal's files -------------------------------------------------------------- */

#define KEPT 4 /* commits that a power loss may take back */

static struct {
    struct blob *db, *log;
    long log_len[KEPT]; /* after the last commits, the newest first */
} image;

static struct blob *read_file(const char *suffix)
{
    char path[128];
    struct blob *blob = NULL;

    snprintf(path, sizeof path, "%s/journal.db%s", world.dir, suffix);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    long len = ftell(file);
    rewind(file);
    blob = blob_new(NULL, (size_t)len);
    if (fread(blob->data, 1, (size_t)len, file) != (size_t)len)
        blob->len = 0;
    fclose(file);
    return blob;
}

static void write_file(const char *suffix, const struct blob *blob)
{
    char path[128];

    snprintf(path, sizeof path, "%s/journal.db%s", world.dir, suffix);
    unlink(path);
    FILE *file = blob ? fopen(path, "wb") : NULL;
    if (!file)
        return;
    fwrite(blob->data, 1, blob->len, file);
    fclose(file);
}

static void note_log(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/journal.db-wal", world.dir);
    FILE *file = fopen(path, "rb");
    memmove(image.log_len + 1, image.log_len, sizeof image.log_len - sizeof *image.log_len);
    image.log_len[0] = 0;
    if (!file)
        return;
    fseek(file, 0, SEEK_END);
    image.log_len[0] = ftell(file);
    fclose(file);
}

void image_free(void)
{
    blob_drop(image.db);
    blob_drop(image.log);
    memset(&image, 0, sizeof image);
}

void image_take(void)
{
    long len = image.log_len[rng_below(&world.rng, KEPT)];

    image.db = read_file("");
    image.log = read_file("-wal");
    if (world.power && len > 0 && image.log && image.log->len > (size_t)len)
        image.log->len = (size_t)len;
}

void image_put(void)
{
    write_file("", image.db);
    write_file("-wal", image.log);
    write_file("-shm", NULL);
    image_free();
}

/* --- commits -------------------------------------------------------------------------- */

static void crash(void)
{
    if (world.crashed)
        return;
    world.loss_bound = io_parts_unknown();
    image_take();
    world.crashed = true;
    traced("crash");
}

bool __real_journal_begin(struct journal *journal, struct err *err);
bool __wrap_journal_begin(struct journal *journal, struct err *err);
bool __wrap_journal_begin(struct journal *journal, struct err *err)
{
    world.in_turn = true;
    return __real_journal_begin(journal, err);
}

bool __real_journal_commit(struct journal *journal, struct err *err);
bool __wrap_journal_commit(struct journal *journal, struct err *err);
bool __wrap_journal_commit(struct journal *journal, struct err *err)
{
    bool now = ++world.commits == world.crash_at;

    if (now && world.crash_before)
        crash();
    bool ok = __real_journal_commit(journal, err);
    world.in_turn = false;
    if (!ok)
        broken("journal", "a commit failed: %s", err->message);
    if (world.crashed || !world.journal)
        return ok;
    world.stats.commits++;
    io_committed();
    if (world.power)
        note_log();
    if (now || chance(world.n_queue > 20 ? 100 : 10))
        watch_journal();
    if (now)
        crash();
    return ok;
}

void __wrap_journal_checkpoint(struct journal *journal);
void __wrap_journal_checkpoint(struct journal *journal)
{
    (void)journal; /* it would move what a power loss takes back */
}

/* --- walks: the last path given out --------------------------------------------------- */

struct walk *__wrap_walk_new(const struct store *root, const char *prefix);
struct walk *__wrap_walk_new(const struct store *root, const char *prefix)
{
    (void)root;
    (void)prefix;
    return xcalloc(1, sizeof(char *));
}

void __wrap_walk_free(struct walk *walk);
void __wrap_walk_free(struct walk *walk)
{
    if (walk)
        free(*(char **)walk);
    free(walk);
}

void __wrap_io_wake(struct io *io);
void __wrap_io_wake(struct io *io)
{
    (void)io;
}

/* --- moves ---------------------------------------------------------------------------- */

struct transfer;
bool __real_proof_holds(const struct transfer *t, const struct object_info *there);
bool __wrap_proof_holds(const struct transfer *t, const struct object_info *there);
bool __wrap_proof_holds(const struct transfer *t, const struct object_info *there)
{
    return world.mutant == MUTANT_DELETE_EARLY || __real_proof_holds(t, there);
}
