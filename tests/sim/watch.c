/* The invariants: what is asserted of events, requests, names, the journal and the end of a run. */
#include "core/plan.h"
#include "world.h"
#include <stdlib.h>
#include <string.h>

/* --- whose it is ---------------------------------------------------------------------- */

struct goal *goal_of(const struct task *task, const char *key)
{
    for (int i = 0; i < world.n_goals; i++)
        if (world.goal[i].task == task && !strcmp(world.goal[i].key, key))
            return &world.goal[i];
    return NULL;
}

struct goal *goal_of_target(const struct store *to, const char *target)
{
    for (int i = 0; i < world.n_goals; i++)
        if (world.goal[i].task->to == to && !strcmp(world.goal[i].target, target))
            return &world.goal[i];
    return NULL;
}

struct goal *goal_of_source(const struct store *from, const char *key)
{
    for (int i = 0; i < world.n_goals; i++)
        if (world.goal[i].task->from == from && !strcmp(world.goal[i].key, key))
            return &world.goal[i];
    return NULL;
}

struct goal *goal_of_transfer(uint64_t id)
{
    for (int i = 0; id && i < world.n_goals; i++)
        if (world.goal[i].transfer == id)
            return &world.goal[i];
    return NULL;
}

static bool is_version(const struct goal *goal, const struct blob *content, int from)
{
    for (int i = from; i < goal->n_versions; i++)
        if (blob_same(content, goal->version[i]))
            return true;
    return false;
}

/* --- events --------------------------------------------------------------------------- */

static void watch_started(struct goal *goal, const struct event *event)
{
    if (goal->began && !goal->decisions)
        broken("I11", "%s is started twice in a run", goal->key);
    goal->began = true;
    goal->ended = false;
    goal->transfer = event->transfer;
    goal->from_version = goal->n_versions - 1;
}

static void watch_done(struct goal *goal)
{
    struct blob *now = goal_content(goal);

    goal->ended = true;
    if (!now)
        broken("I1", "%s is reported done and is not there", goal->target);
    else if (!is_version(goal, now, goal->from_version))
        broken("I1", "%s is reported done with other bytes than its source had", goal->target);
    else
        watch_luggage(goal, now);
    blob_drop(now);
}

void goal_forget_told(struct goal *goal)
{
    free(goal->told);
    goal->told = NULL;
    goal->n_told = 0;
}

static void watch_part(struct goal *goal, const struct event *event)
{
    uint32_t n = (uint32_t)event->part.number - 1;

    if (n >= goal->n_told) {
        uint32_t longer = n + 64;
        goal->told = xrealloc(goal->told, longer);
        memset(goal->told + goal->n_told, 0, longer - goal->n_told);
        goal->n_told = longer;
    }
    if (goal->told[n]++)
        broken("I11", "part %u of %s succeeds twice", n + 1, goal->key);
}

static void watch_attempt(const struct goal *goal, const struct event *event)
{
    int allowed = goal->task->retry.rule[ERR_NETWORK].attempts; /* that of all kinds */
    int most = allowed > 4 ? allowed : 4;

    if (event->attempt > most + 2 && !goal->decisions)
        broken("I10", "attempt %d of %s, where %d are allowed", event->attempt, goal->key, allowed);
}

static void watch_object(struct goal *goal, const struct event *event)
{
    if (event->kind == EVENT_OBJECT_STARTED)
        watch_started(goal, event);
    else if (!goal->began)
        broken("I11", "%s of %s comes before object_started", event_name(event->kind), goal->key);
    if (goal->ended && event->kind != EVENT_OBJECT_STARTED)
        broken("I11", "%s of %s comes after its end", event_name(event->kind), goal->key);
    watch_attempt(goal, event);
    if (event->kind == EVENT_RESTARTED) {
        goal->restarts++;
        world.stats.restarts++;
        goal_forget_told(goal);
    }
    if (event->kind == EVENT_UPLOAD_CREATED || event->kind == EVENT_TEMP_FILE_CREATED)
        goal_forget_told(goal);
    if (event->kind == EVENT_PART_SUCCEEDED)
        watch_part(goal, event);
    if (event->kind == EVENT_OBJECT_DELETED && !goal_is_gone(goal))
        broken("I19", "%s is told of as removed, and is there", goal->key);
    if (event->kind == EVENT_OBJECT_SUCCEEDED)
        watch_done(goal);
    if (event->kind == EVENT_OBJECT_SKIPPED)
        goal->ended = true;
    if (event->kind == EVENT_OBJECT_SUCCEEDED || event->kind == EVENT_OBJECT_SKIPPED ||
        event->kind == EVENT_OBJECT_FAILED)
        goal->last = event->kind;
}

void watch_event(void *ctx, const struct event *event)
{
    (void)ctx;
    if (world.crashed)
        return;
    traced("event %s %s part %d attempt %d %s", event_name(event->kind),
           event->key ? event->key : "", event->part.number, event->attempt,
           event->err      ? event->err->message
           : event->reason ? event->reason
                           : "");
    hash_text(event_name(event->kind));
    hash_text(event->key ? event->key : "");
    hash_number((uint64_t)event->part.number << 32 | (uint64_t)event->attempt);
    hash_number((uint64_t)event->time_ms);
    if (event->kind == EVENT_THROTTLED)
        paces_watch_event(event);
    if (!event->task || !event->key)
        return;
    struct goal *goal = goal_of(event->task, event->key);
    if (goal)
        watch_object(goal, event);
    else
        broken("I8", "an event of '%s', which nobody asked for", event->key);
}

/* --- requests ------------------------------------------------------------------------- */

static void mutate_early_row(const struct goal *goal, const struct op *op)
{
    const struct blob *blob = goal->version[goal->n_versions - 1];
    size_t len = (size_t)op->in.call.len;
    int64_t off =
        op->kind == OP_COPY || op->in.call.kind == CALL_GET ? op->in.call.off : op->in.fd_off;
    struct part_row row = {.n = op->part - 1, .len = op->in.call.len, .etag = "\"early\""};
    struct err err = {0};

    if ((size_t)off + len > blob->len)
        return;
    row.sum = sum_update(op->in.sum_kind, 0, blob->data + off, len);
    journal_put_part(world.journal, goal->task->number, goal->key, &row, &err);
}

/* What a part belongs to is in the journal before the part is sent. */
static void watch_dispatch(const struct goal *goal, const struct op *op)
{
    struct err err = {0};
    struct row row = {0};

    if (world.in_turn)
        broken("dispatch", "a part of %s is sent before the turn is committed", goal->key);
    if (op->part > 1 && !chance(8))
        return;
    journal_get(world.journal, goal->task->number, goal->key, &row, &err);
    struct upload *upload = op->in.call.upload_id
                                ? remote_upload(remote_of(op->in.store), op->in.call.upload_id)
                                : NULL;
    if (upload)
        upload->journalled = true;
    if (op->in.call.upload_id && strcmp(op->in.call.upload_id, row.upload_id))
        broken("dispatch", "a part of %s is sent before its upload is in the journal", goal->key);
    if (!op->in.call.upload_id && !row.temp[0])
        broken("dispatch", "a part of %s is sent before its file is in the journal", goal->key);
}

static void watch_resend(struct goal *goal, const struct op *op)
{
    uint32_t n = op->part - 1;

    world.stats.parts_sent++;
    if (!goal->had || n >= goal->n_had || !goal->had[n])
        return;
    if (!goal->tainted && !goal->decisions)
        broken("I3", "part %u of %s is sent again although the journal had it%s", n + 1, goal->key,
               goal->restarts ? " (restarted)" : "");
}

void watch_submit(const struct op *op)
{
    struct goal *goal = goal_of_transfer(op->transfer);

    if (op->transfer && op_is_data(op) && world.n_data > world.concurrency)
        broken("I10", "%d ops are under way where %d are allowed", world.n_data, world.concurrency);
    if (!op->part || op->kind == OP_HASH)
        return;
    if (!goal) {
        broken("I11", "a part is sent of an object that was not started");
        return;
    }
    watch_dispatch(goal, op);
    watch_resend(goal, op);
    if (world.mutant == MUTANT_EARLY_ROW)
        mutate_early_row(goal, op);
}

/* --- names ---------------------------------------------------------------------------- */

/* `content` is about to be what the final name holds; NULL: something is made beside it. */
void watch_name(const struct store *store, const char *name, const struct blob *content,
                bool exempt)
{
    struct goal *goal = goal_of_target(store, name);

    if (!goal)
        broken("I8", "'%s' is written, which is no target", name);
    else if (content && !exempt && !is_version(goal, content, 0))
        broken("I2", "%s gets bytes that its source never had", name);
}

/* --- the journal ---------------------------------------------------------------------- */

struct truth {
    struct goal *goal;
    const struct row *row;
    struct upload *upload;
    struct file *file;
};

static void check_part(void *ctx, const struct part_row *part)
{
    const struct truth *truth = ctx;
    const struct upload *upload = truth->upload;
    const struct file *file = truth->file;
    size_t off = (size_t)(truth->row->part_size * part->n);

    world.stats.checks++;
    if (upload && ((int)part->n >= upload->n_parts || !upload->part[part->n].blob ||
                   strcmp(upload->part[part->n].etag, part->etag)))
        broken("I4", "the journal has part %u of %s and the store has not", part->n + 1,
               truth->goal->key);
    if (file &&
        (off + (size_t)part->len > file->len ||
         sum_update(truth->row->sum_kind, 0, file->data + off, (size_t)part->len) != part->sum))
        broken("I4", "the journal has part %u of %s and the file has not", part->n + 1,
               truth->goal->key);
}

static struct file *temp_of(const struct goal *goal, const struct row *row)
{
    const char *slash = strrchr(goal->target, '/');
    char *path =
        xasprintf("%.*s%s", slash ? (int)(slash - goal->target + 1) : 0, goal->target, row->temp);
    struct file *file = disk_find(&world.disk[1], path);

    free(path);
    return file;
}

void watch_journal(void)
{
    struct err err = {0};
    struct row row;

    for (int i = 0; i < world.n_goals; i++) {
        struct goal *goal = &world.goal[i];
        size_t parts = goal->version[0]->len / (size_t)goal->task->part_size;
        if (goal->tainted || goal->altered || (parts > 1000 && !chance(50)) ||
            !journal_get(world.journal, goal->task->number, goal->key, &row, &err))
            continue;
        struct truth truth = {.goal = goal, .row = &row};
        if (row.upload_id[0])
            truth.upload = remote_upload(remote_of(goal->task->to), row.upload_id);
        else if (row.temp[0])
            truth.file = temp_of(goal, &row);
        if (truth.upload || truth.file)
            journal_parts(world.journal, goal->task->number, goal->key, check_part, &truth, &err);
    }
}

/* --- the beginning of a run ----------------------------------------------------------- */

static void note_had(void *ctx, const struct part_row *part)
{
    struct goal *goal = ctx;

    if (part->n >= goal->n_had) {
        goal->had = xrealloc(goal->had, part->n + 1);
        memset(goal->had + goal->n_had, 0, part->n + 1 - goal->n_had);
        goal->n_had = part->n + 1;
    }
    goal->had[part->n] = 1;
}

/* Parts that servers have and the journal does not know: to be sent again. */
static int count_resend(const struct goal *goal, const struct row *row)
{
    const struct remote *remote = remote_of(goal->task->to);
    const struct upload *upload =
        remote ? remote_upload(remote_of(goal->task->to), row->upload_id) : NULL;
    int n = 0;

    for (int i = 0; upload && i < upload->n_parts; i++)
        n += upload->part[i].blob && !(i < (int)goal->n_had && goal->had[i]);
    return n;
}

/* Is the source another one than what the journal's row was made of? */
static bool source_differs(const struct goal *goal, const struct row *row)
{
    if (goal->task->from->kind != STORE_DIR) {
        const struct object *object = remote_find(remote_of(goal->task->from), goal->key);
        return !object || strcmp(object->etag, row->etag);
    }
    const struct file *file = disk_find(&world.disk[0], goal->key);
    return !file || file->mtime_ns != row->mtime_ns || file->inode != row->inode ||
           (int64_t)file->len != row->size;
}

/* The crash came between the abort of what was given up and the commit that would have told of it.
 * A temporary file that is gone because it has its final name already is no excuse, unless the
 * journal was put back to a time before all of it was there. */
static bool was_given_up(const struct goal *goal, const struct row *row)
{
    if (row->upload_id[0] && !remote_upload(remote_of(goal->task->to), row->upload_id))
        return true;
    return row->temp[0] && (goal->discarded || world.damaged) && !temp_of(goal, row);
}

static int begin_goal(struct goal *goal)
{
    struct err err = {0};
    struct row row = {0};

    free(goal->had);
    goal->had = NULL;
    goal->n_had = 0;
    goal_forget_told(goal);
    goal->began = goal->ended = goal->tainted = goal->was_done = false;
    goal->restarts = goal->decisions = 0;
    goal->transfer = 0;
    goal->last = EVENT_JOB_STARTED;
    bool known = journal_get(world.journal, goal->task->number, goal->key, &row, &err);
    goal->was_done = row.state == ROW_DONE;
    moves_begin(goal, &row, source_differs(goal, &row));
    if (!known || (!row.upload_id[0] && !row.temp[0]))
        return 0;
    goal->tainted = goal->altered = goal->altered || (world.power && row.temp[0]);
    goal->tainted = goal->tainted || source_differs(goal, &row) || was_given_up(goal, &row);
    journal_parts(world.journal, goal->task->number, goal->key, note_had, goal, &err);
    if (row.state == ROW_DONE)
        goal->n_had = 0;
    return count_resend(goal, &row);
}

struct leftovers {
    int n;
    char *text[64];
};

static void note_orphan(void *ctx, const struct orphan *orphan)
{
    struct leftovers *all = ctx;

    if (all->n < 64)
        all->text[all->n++] = orphan->upload_id[0]
                                  ? xasprintf("%s %s", orphan->upload_id, orphan->key)
                                  : xstrdup(orphan->temp);
}

static bool is_orphan(const struct leftovers *all, const char *text)
{
    for (int i = 0; i < all->n; i++)
        if (!strcmp(all->text[i], text))
            return true;
    return false;
}

/* An id that a damaged journal gives with another key is as good as lost. */
static bool is_orphan_upload(const struct leftovers *all, const struct upload *upload)
{
    char *text = xasprintf("%s %s", upload->id, upload->key);
    bool found = is_orphan(all, text);

    free(text);
    return found;
}

static void leftovers_get(struct leftovers *all)
{
    struct err err = {0};

    all->n = 0;
    journal_orphans(world.journal, note_orphan, all, &err);
}

static void leftovers_free(struct leftovers *all)
{
    for (int i = 0; i < all->n; i++)
        free(all->text[i]);
}

/* A crash before the commit, a power loss after it, or a damaged journal, and an upload's id is
 * known to nobody. */
static void find_unknown(struct remote *remote)
{
    struct leftovers known;

    leftovers_get(&known);
    for (int i = 0; i < remote->n_uploads; i++) {
        struct upload *upload = &remote->upload[i];
        struct goal *goal = goal_of_target(store_of(remote), upload->key);
        struct row row = {0};
        struct err err = {0};
        if (!goal || !upload->open || (upload->journalled && !world.power && !world.hurt))
            continue;
        journal_get(world.journal, goal->task->number, goal->key, &row, &err);
        if (strcmp(row.upload_id, upload->id) && !is_orphan_upload(&known, upload))
            upload->unknown = true;
    }
    leftovers_free(&known);
}

/* The same for temporary files: the next try takes them over by their name, if there is one. */
static void find_unknown_files(void)
{
    for (int i = 0; i < world.disk[1].n_files; i++) {
        struct file *file = world.disk[1].file[i];
        if (path_is_temp(file->path))
            file->unknown = true;
    }
    for (int i = 0; i < world.n_goals; i++) {
        const struct goal *goal = &world.goal[i];
        struct row row = {0};
        struct err err = {0};
        if (!journal_get(world.journal, goal->task->number, goal->key, &row, &err) || !row.temp[0])
            continue;
        struct file *file = temp_of(goal, &row);
        if (file)
            file->unknown = false;
    }
}

void watch_begin(enum journal_opened how)
{
    int resend = 0;

    if (world.crashed || world.hurt) {
        find_unknown(&world.remote[0]);
        find_unknown(&world.remote[1]);
        find_unknown_files();
    }
    world.hurt = false;

    for (int i = 0; i < world.n_goals; i++)
        resend += begin_goal(&world.goal[i]);
    if (how == JOURNAL_DAMAGED && !world.damaged)
        broken("journal", "a sound journal is called damaged");
    if (how == JOURNAL_CARRY_ON && !world.damaged && !world.power && !world.lost_parts) {
        if (resend > world.loss_bound + world.outstanding)
            broken("I3", "%d parts are to be sent again, %d were under way", resend,
                   world.loss_bound);
        if (resend > world.stats.largest_resend)
            world.stats.largest_resend = resend;
    }
    world.outstanding = resend;
    world.stats.resumes += how == JOURNAL_CARRY_ON;
}

/* --- the end of a run ----------------------------------------------------------------- */

static void watch_litter(void)
{
    struct leftovers known;

    leftovers_get(&known);
    for (int i = 0; i < world.remote[0].n_uploads + world.remote[1].n_uploads; i++) {
        int other = i - world.remote[0].n_uploads;
        const struct upload *upload =
            other < 0 ? &world.remote[0].upload[i] : &world.remote[1].upload[other];
        if (upload->open && !upload->unknown && !is_orphan_upload(&known, upload))
            broken("I5", "the upload %s of %s is left behind", upload->id, upload->key);
    }
    for (int i = 0; i < world.disk[1].n_files; i++) {
        const char *path = world.disk[1].file[i]->path, *slash = strrchr(path, '/');
        bool lost = world.disk[1].file[i]->unknown &&
                    (world.aborted || world.stats.decisions || world.damaged);
        if (path_is_temp(path) && !lost && !is_orphan(&known, slash ? slash + 1 : path))
            broken("I5", "the temporary file %s is left behind", path);
    }
    leftovers_free(&known);
}

static bool goal_is_done(const struct goal *goal)
{
    return goal->last == EVENT_OBJECT_SUCCEEDED || goal->last == EVENT_OBJECT_SKIPPED ||
           (goal_is_gone(goal) && !goal->began);
}

static void watch_row(const struct goal *goal)
{
    struct err err = {0};
    struct row row = {0};

    journal_get(world.journal, goal->task->number, goal->key, &row, &err);
    if (world.aborted) /* everything is forgotten */
        return;
    if (goal->last == EVENT_OBJECT_SUCCEEDED && row.state != ROW_DONE)
        broken("I6", "%s is done and the journal says %d", goal->key, row.state);
    bool copied = goal_moves(goal); /* which is what done means for its row */
    if (goal->last == EVENT_OBJECT_FAILED && !goal->was_done && row.state == ROW_DONE && !copied)
        broken("I6", "%s has failed and the journal says done", goal->key);
}

void watch_end(int status)
{
    bool all = true;

    for (int i = 0; i < world.n_goals; i++) {
        const struct goal *goal = &world.goal[i];
        watch_row(goal);
        all = all && goal_is_done(goal);
        if (status == 0 && !goal_is_done(goal))
            broken("I6", "exit status 0, and %s is not done", goal->key);
        bool put_aside = goal->decisions && status; /* and its second turn never came */
        if (goal->began && goal->last == EVENT_JOB_STARTED && !put_aside)
            broken("I11", "%s was started and never ended", goal->key);
    }
    if (all && status && !world.interrupted && !world.list_failed)
        broken("I6", "exit status %d, and everything is done", status);
    if (fd_count() || world.n_queue)
        broken("I12", "%d descriptors and %d ops are left", fd_count(), world.n_queue);
    if (status == 0 || (world.aborted && status == 7))
        watch_litter();
}
