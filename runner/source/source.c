#include "source/source.h"
#include "base/list.h"
#include "core/select.h"
#include "io/file.h"
#include "source/compare.h"
#include "source/diff.h"
#include "source/names.h"
#include "source/naming.h"
#include "source/prints.h"
#include "transfer/fan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILL_MAX 4096 /* entries looked at in one turn */

struct source {
    const struct task *task;
    struct source_options options;
    struct lister *from;   /* one of these ... */
    struct names *names;   /* ... two */
    struct lister *to;     /* of a sync, or where both sides are verified */
    struct prints *prints; /* of a sync that remembers; NULL: it does not */
    struct {
        struct item *head, **tail;
    } backlog;
    int n_backlog;
    struct census census;
    int64_t n_by_time;
    bool incomplete;
    bool filled; /* every entry was looked at */
};

static bool is_named(const struct task *task)
{
    return task->single || task->keys || (task->functions & TASK_YIELDS);
}

static bool wants_pairs(const struct task *task, const struct source_options *options)
{
    return task->kind == TASK_SYNC || (options->verify && task->kind == TASK_COPY);
}

struct source *source_new(const struct task *task, const struct source_options *options,
                          struct turn *turn)
{
    struct source *source = xcalloc(1, sizeof *source);
    struct err err = {0};

    source->task = task;
    source->options = *options;
    list_init(&source->backlog);
    if (is_named(task) || options->only_failed)
        source->names = names_new(task, options->only_failed, select_asks(task));
    else
        source->from = lister_new(task, task->from, task->from_path);
    if (source->from && wants_pairs(task, options))
        source->to = lister_new(task, task->to, task->to_path);
    if (source->to && (options->dry || options->verify))
        lister_may_lack(source->to);
    if (source->to && !options->verify && task->compare == COMPARE_FINGERPRINT)
        source->prints = prints_new(task, options->dry, turn);
    if (task->kind != TASK_COPY && !options->dry &&
        !journal_extras_clear(turn->journal, task->number, &err))
        turn_fatal(turn, &err);
    return source;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    for (struct item *item; (item = list_pop(&source->backlog));)
        item_free(item);
    lister_free(source->from);
    lister_free(source->to);
    names_free(source->names);
    prints_free(source->prints);
    free(source);
}

/* --- what is told at once ------------------------------------------------------------- */

static void tell(struct source *source, const struct task *task, enum event_kind kind,
                 const char *key, int64_t size, const char *why, const struct err *err,
                 struct turn *turn)
{
    struct queued_event *queued = turn_emit(turn, task ? task : source->task, kind);
    if (!queued)
        return;
    queued->key = xstrdup(key);
    queued->event.size = size;
    snprintf(queued->reason, sizeof queued->reason, "%.255s", why);
    if (err)
        queued->err = *err;
}

static void skip(struct source *source, const struct task *task, const char *key, int64_t size,
                 const char *why, struct turn *turn)
{
    turn_count(turn, source->task, objects_known, 1);
    turn_count(turn, source->task, objects_skipped, 1);
    tell(source, task, EVENT_OBJECT_SKIPPED, key, size, why, NULL, turn);
}

/* So that it is listed by `status`, and taken up by `retry`. */
static void note_failed(const struct task *task, const char *key, int64_t size,
                        const struct err *failure, struct turn *turn)
{
    struct row row = {.state = ROW_FAILED, .size = size, .store = task->to->name, .target = ""};
    struct err err = {0};

    row.err = *failure;
    if (!journal_put(turn->journal, task->number, key, &row, &err))
        turn_fatal(turn, &err);
}

static void fail(struct source *source, const struct task *task, const char *key, int64_t size,
                 const struct err *err, struct turn *turn)
{
    turn_count(turn, source->task, objects_known, 1);
    turn_count(turn, source->task, objects_failed, 1);
    if (!source->options.dry)
        note_failed(task ? task : source->task, key, size, err, turn);
    tell(source, task, EVENT_OBJECT_FAILED, key, size, err->message, err, turn);
}

/* --- what is listed but not taken ----------------------------------------------------- */

static const char *why_special(const struct source *source, const struct list_entry *entry)
{
    size_t len = strlen(entry->key);
    switch (entry->special) {
    case 'l':
        return source->task->from->follows_links
                   ? "a symbolic link that leads nowhere"
                   : "a symbolic link: links are not followed, unless links = \"follow\" says so";
    case 'o':
        return "a symbolic link to a directory that it is in";
    case 's':
        return "not a regular file";
    case 'u':
        return "a directory that cannot be read";
    case 'n':
        return "a key with a NUL byte, which no request and no file name can carry";
    default:
        break;
    }
    if (source->task->to->kind == STORE_DIR && source->task->kind != TASK_DELETE && len &&
        entry->key[len - 1] == '/')
        return "a directory marker";
    return NULL;
}

static void report_special(struct source *source, const struct list_entry *entry, const char *why,
                           struct turn *turn)
{
    struct err err = {0};

    if (entry->special != 'u' && entry->special != 'n') {
        skip(source, NULL, entry->key, entry->size, why, turn);
        return;
    }
    source->incomplete = source->incomplete || entry->special == 'u';
    err_set(&err, ERR_INVALID, "%s", why);
    fail(source, NULL, entry->key, entry->size, &err, turn);
}

/* --- one object ----------------------------------------------------------------------- */

/* What is known of an object while it is decided about. */
struct offer {
    const struct task *task; /* the target it is for */
    const char *key;
    const char *named; /* its name on the other side, where a manifest gave one; NULL */
    const struct object_info *info;
    const struct object_info *target_info; /* NULL: not listed there */
    struct fan **fan; /* of its targets; NULL: each reads the source by itself */
};

static void push(struct source *source, const struct offer *offer, struct naming *naming,
                 struct turn *turn)
{
    struct item *item = xcalloc(1, sizeof *item);
    item->task = offer->task;
    item->key = xstrdup(offer->key);
    item->target = naming->target;
    item->is_named = offer->named != NULL;
    item->attributes = naming->attributes;
    item->part_size = naming->part_size;
    item->info = *offer->info;
    item->has_target = offer->target_info != NULL;
    if (offer->target_info)
        item->target_info = *offer->target_info;
    item->verify = source->options.verify;
    if (offer->fan)
        fan_add(offer->fan, item);
    list_push(&source->backlog, item);
    source->n_backlog++;
    turn_count(turn, source->task, objects_known, 1);
    if (offer->info->size > 0)
        turn->totals->bytes_known += offer->info->size;
}

/* Is the pair of a sync known to be the same?  Then it is told, and nothing is to be done. */
static bool is_same(struct source *source, const struct offer *offer, struct turn *turn)
{
    struct comparison comparison;
    struct fingerprint print;

    if (source->options.verify || source->task->kind != TASK_SYNC)
        return false;
    bool known = source->prints && prints_find(source->prints, offer->key, &print, turn);
    if (!offer->target_info)
        return false;
    compare_pair(offer->task, offer->key, offer->info, offer->target_info, known ? &print : NULL,
                 turn, &comparison);
    source->n_by_time += comparison.by_time;
    if (comparison.by_time && comparison.sameness == SAME)
        prints_put(source->prints, offer->key, offer->info, offer->target_info, turn);
    if (comparison.err.kind != ERR_NONE)
        fail(source, offer->task, offer->key, offer->info->size, &comparison.err, turn);
    else if (comparison.sameness == SAME)
        skip(source, offer->task, offer->key, offer->info->size, comparison.why, turn);
    else
        return false;
    return true;
}

static void consider(struct source *source, const struct offer *offer, struct turn *turn)
{
    struct naming naming;
    struct err err = {0};
    bool keep = !source->options.dry && !source->options.verify;

    switch (naming_find(offer->task, offer->key, offer->named, offer->info, keep, turn, &naming,
                        &err)) {
    case NAMING_FAILED:
        fail(source, offer->task, offer->key, offer->info->size, &err, turn);
        break;
    case NAMING_SKIPPED:
        skip(source, offer->task, offer->key, offer->info->size, naming.why, turn);
        break;
    case NAMING_LEFT:
        break;
    case NAMING_FOUND:
        source->census.source_objects++;
        if (offer->task->to->kind == STORE_DIR && !file_path_ok(naming.target, &err)) {
            fail(source, offer->task, offer->key, offer->info->size, &err, turn);
            naming_free(&naming);
        } else if (is_same(source, offer, turn))
            naming_free(&naming);
        else
            push(source, offer, &naming, turn);
        break;
    }
}

static void put_extra(struct source *source, const char *key, int64_t size, struct turn *turn)
{
    struct err err = {0};

    if (source->options.extra)
        source->options.extra(source->options.ctx, key, size);
    if (!source->options.dry &&
        !journal_extra_put(turn->journal, source->task->number, key, size, &err))
        turn_fatal(turn, &err);
}

/* An object of a task that deletes; `where` is asked like elsewhere. */
static void condemn(struct source *source, const struct offer *offer, struct turn *turn)
{
    struct naming naming;
    struct err err = {0};

    enum naming_verdict verdict =
        naming_find(offer->task, offer->key, NULL, offer->info, false, turn, &naming, &err);
    if (verdict == NAMING_FAILED) {
        fail(source, offer->task, offer->key, offer->info->size, &err, turn);
    } else if (verdict == NAMING_FOUND) {
        source->census.source_objects++;
        put_extra(source, offer->key, offer->info->size, turn);
        naming_free(&naming);
    }
}

static bool is_selected(const struct source *source, const char *key,
                        const struct object_info *info, const char *prefix, const struct turn *turn)
{
    const char *why;
    return select_passes(source->task, &turn->job->shard, key + strlen(prefix), info, &why);
}

static void offer_all(struct source *source, const char *key, const char *named,
                      const struct object_info *info, const struct object_info *target_info,
                      struct turn *turn)
{
    if (!is_selected(source, key, info, source->task->from_path, turn))
        return;
    struct fan *fan = NULL;
    bool fans = source->task->also && source->task->from->kind != STORE_DIR;
    for (const struct task *task = source->task; task; task = task->also) {
        const struct offer offer = {task, key, named, info, target_info, fans ? &fan : NULL};
        if (task->kind == TASK_DELETE)
            condemn(source, &offer, turn);
        else
            consider(source, &offer, turn);
    }
}

/* --- listings ------------------------------------------------------------------------- */

static void info_of(const struct list_entry *entry, struct object_info *info)
{
    memset(info, 0, sizeof *info);
    info->size = entry->size;
    info->mtime_ns = entry->mtime_ns;
    info->inode = entry->inode;
    snprintf(info->etag, sizeof info->etag, "%s", entry->etag ? entry->etag : "");
}

static void take_source(struct source *source, const struct list_entry *entry,
                        const struct object_info *target_info, struct turn *turn)
{
    struct object_info info;
    const char *why = why_special(source, entry);

    if (why) {
        report_special(source, entry, why, turn);
        return;
    }
    info_of(entry, &info);
    source->census.target_objects += source->task->kind == TASK_DELETE;
    offer_all(source, entry->key, NULL, &info, target_info, turn);
}

/* Markers of directories, which consoles make, have no counterpart in a directory. */
static bool is_marker(const struct source *source, const struct list_entry *entry)
{
    size_t len = strlen(entry->key);
    return source->task->from->kind == STORE_DIR && len && entry->key[len - 1] == '/';
}

static void take_extra(struct source *source, const struct list_entry *entry, struct turn *turn)
{
    struct object_info info;
    const struct task *task = source->task;

    info_of(entry, &info);
    if (entry->special || is_marker(source, entry) ||
        !is_selected(source, entry->key, &info, task->to_path, turn))
        return;
    source->census.target_objects++;
    if (!task->remove || task->kind != TASK_SYNC)
        return;
    if (!source->options.verify) {
        put_extra(source, entry->key, entry->size, turn);
        return;
    }
    turn_count(turn, source->task, objects_different, 1);
    tell(source, NULL, EVENT_VERIFY_FAILED, entry->key, entry->size, "it is only on the target",
         NULL, turn);
}

/* True when an entry was looked at. */
static bool fill_one(struct source *source, struct turn *turn)
{
    struct list_entry *entry = lister_peek(source->from);
    if (!entry) {
        source->filled = lister_over(source->from);
        return false;
    }
    take_source(source, entry, NULL, turn);
    lister_drop(source->from);
    return true;
}

/* What is remembered of keys that are gone is of no use, where the listing can be believed. */
static void end_pairs(struct source *source, struct turn *turn)
{
    bool believe = source_error(source)->kind == ERR_NONE && !source->incomplete &&
                   source->census.source_objects > 0;

    source->filled = true;
    if (source->prints)
        prints_end(source->prints, believe, turn);
}

static bool fill_pair(struct source *source, struct turn *turn)
{
    struct list_entry *here, *there;
    struct object_info target_info;
    const struct task *task = source->task;
    enum diff diff = diff_next(source->from, strlen(task->from_path), source->to,
                               strlen(task->to_path), &here, &there);

    if (diff != DIFF_ENTRY) {
        if (diff == DIFF_OVER)
            end_pairs(source, turn);
        return false;
    }
    bool regular = there && !there->special;
    if (regular)
        info_of(there, &target_info);
    if (here)
        take_source(source, here, regular ? &target_info : NULL, turn);
    else
        take_extra(source, there, turn);
    source->census.target_objects += here && regular;
    diff_drop(source->from, source->to, here != NULL, there != NULL);
    return true;
}

/* --- names ---------------------------------------------------------------------------- */

static void offer_named(struct source *source, const struct name *name, struct turn *turn)
{
    source->census.target_objects += source->task->kind == TASK_DELETE;
    offer_all(source, name->key, name->target, &name->info, NULL, turn);
}

static bool fill_named(struct source *source, struct turn *turn)
{
    struct name *name = names_take(source->names);
    if (!name) {
        source->filled = names_over(source->names);
        return false;
    }
    if (name->err.kind != ERR_NONE)
        fail(source, NULL, name->key, -1, &name->err, turn);
    else
        offer_named(source, name, turn);
    name_free(name);
    return true;
}

/* --- pulling -------------------------------------------------------------------------- */

static bool fill_next(struct source *source, struct turn *turn)
{
    if (source->names)
        return fill_named(source, turn);
    return source->to ? fill_pair(source, turn) : fill_one(source, turn);
}

void source_fill(struct source *source, struct turn *turn)
{
    if (source->names)
        names_fill(source->names, turn);
    for (int n = 0; n < FILL_MAX && source->n_backlog < LIMIT_BACKLOG; n++)
        if (!fill_next(source, turn))
            return;
}

bool source_ready(const struct source *source)
{
    struct list_entry *here, *there;
    const struct task *task = source->task;

    if (source->filled || source->n_backlog >= LIMIT_BACKLOG)
        return false;
    if (source->names)
        return names_ready(source->names) || names_over(source->names) ||
               names_wants(source->names);
    if (!source->to)
        return lister_peek(source->from) || lister_over(source->from);
    return diff_next(source->from, strlen(task->from_path), source->to, strlen(task->to_path),
                     &here, &there) != DIFF_WAIT;
}

struct op *source_next(struct source *source, struct turn *turn)
{
    if (source->filled)
        return NULL;
    if (source->names)
        return names_next(source->names, turn);
    struct op *op = lister_next(source->from, turn);
    return op || !source->to ? op : lister_next(source->to, turn);
}

bool source_owns(const struct source *source, const struct op *op)
{
    return source && (lister_owns(source->from, op) || lister_owns(source->to, op) ||
                      names_owns(source->names, op));
}

void source_settle(struct source *source, struct op *op, struct turn *turn)
{
    if (lister_owns(source->from, op))
        lister_settle(source->from, op, turn);
    else if (lister_owns(source->to, op))
        lister_settle(source->to, op, turn);
    else
        names_settle(source->names, op, turn);
}

int64_t source_wake_ms(const struct source *source)
{
    if (source->filled)
        return INT64_MAX;
    if (source->names)
        return names_wake_ms(source->names);
    int64_t from_ms = lister_wake_ms(source->from);
    int64_t to_ms = source->to ? lister_wake_ms(source->to) : INT64_MAX;
    return from_ms < to_ms ? from_ms : to_ms;
}

/* --- taking --------------------------------------------------------------------------- */

struct item *source_take(struct source *source)
{
    struct item *item = list_pop(&source->backlog);
    if (item)
        source->n_backlog--;
    return item;
}

bool source_idle(const struct source *source)
{
    if (source->names)
        return names_idle(source->names);
    return !lister_busy(source->from) && !(source->to && lister_busy(source->to));
}

bool source_over(const struct source *source)
{
    return source->filled && source->n_backlog == 0 && source_idle(source);
}

bool source_listed(const struct source *source)
{
    return source->filled;
}

const struct err *source_error(const struct source *source)
{
    if (source->names)
        return names_error(source->names);
    const struct err *err = lister_error(source->from);
    return err->kind != ERR_NONE || !source->to ? err : lister_error(source->to);
}

bool source_incomplete(const struct source *source)
{
    return source->incomplete;
}

const struct census *source_census(const struct source *source)
{
    return &source->census;
}

int64_t source_by_time(const struct source *source)
{
    return source->n_by_time;
}
