#include "source/source.h"
#include "core/select.h"
#include "io/file.h"
#include "source/backlog.h"
#include "source/compare.h"
#include "source/diff.h"
#include "source/names.h"
#include "source/naming.h"
#include "source/prints.h"
#include "source/questions.h"
#include "source/special.h"
#include "source/told.h"
#include "transfer/fan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILL_MAX 4096 /* entries looked at in one turn */

struct source {
    const struct task *task;
    struct source_options options;
    struct lister *from;         /* one of these ... */
    struct names *names;         /* ... two */
    struct lister *to;           /* of a sync, or where both sides are verified */
    struct prints *prints;       /* of a sync that remembers; NULL: it does not */
    struct questions *questions; /* objects that functions want to know more of */
    struct backlog backlog;
    struct census census;
    int64_t n_by_time;
    bool incomplete;
    bool filled; /* every entry was looked at */
};

static bool is_named(const struct task *task)
{
    return task->single || task->keys || (task->functions & TASK_YIELDS);
}

/* Is the task's function asked whether both sides are the same? */
static bool compares(const struct task *task, const struct source_options *options)
{
    return task->kind == TASK_SYNC && task->compare == COMPARE_SCRIPT && !options->verify;
}

static bool wants_pairs(const struct task *task, const struct source_options *options)
{
    return task->kind == TASK_SYNC || (options->verify && task->kind != TASK_DELETE);
}

struct source *source_new(const struct task *task, const struct source_options *options,
                          struct turn *turn)
{
    struct source *source = xcalloc(1, sizeof *source);
    struct err err = {0};

    source->task = task;
    source->options = *options;
    source->questions = questions_new(task, compares(task, options));
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
    backlog_free(&source->backlog);
    lister_free(source->from);
    lister_free(source->to);
    names_free(source->names);
    prints_free(source->prints);
    questions_free(source->questions);
    free(source);
}

static void fail(struct source *source, const struct task *task, const char *key, int64_t size,
                 const struct err *err, struct turn *turn)
{
    told_failed(task, key, size, err, !source->options.dry, turn);
}

/* --- one object ----------------------------------------------------------------------- */

/* What is known of an object while it is decided about. */
struct offer {
    const struct task *task;  /* the target it is for */
    struct object_view here;  /* here.target: its name there, where a manifest gave one; NULL */
    struct object_view there; /* info NULL: it is not listed there */
    struct knowledge *known;  /* what is left of it is the item's; NULL: nothing, or it is shared */
    struct fan **fan;         /* of its targets; NULL: each reads the source by itself */
};

static void push(struct source *source, const struct offer *offer, struct naming *naming,
                 struct turn *turn)
{
    struct item *item = xcalloc(1, sizeof *item);
    item->task = offer->task;
    item->key = xstrdup(offer->here.key);
    item->target = naming->target;
    item->is_named = offer->here.target != NULL;
    item->attributes = naming->attributes;
    item->part_size = naming->part_size;
    item->full = naming->full || offer->task->verify == VERIFY_FULL;
    item->priority = naming->priority;
    item->info = *offer->here.info;
    item->has_target = offer->there.info != NULL;
    if (item->has_target)
        item->target_info = *offer->there.info;
    item->verify = source->options.verify;
    if (offer->known) {
        item->known = *offer->known;
        memset(offer->known, 0, sizeof *offer->known);
    }
    bool follows = offer->fan && *offer->fan;
    if (offer->fan)
        fan_add(offer->fan, item);
    backlog_push(&source->backlog, item, follows);
    turn_count(turn, source->task, objects_known, 1);
    if (item->info.size > 0)
        turn->totals->bytes_known += item->info.size;
}

static void fail_offer(struct source *source, const struct offer *offer, const struct err *err,
                       struct turn *turn)
{
    fail(source, offer->task, offer->here.key, offer->here.info->size, err, turn);
}

/* What became of an offer. */
enum settled { TO_SEND, SETTLED, ASKS };

/* Is the pair of a sync known to be the same?  Then it is told, and nothing is to be done. */
static enum settled settle_pair(struct source *source, const struct offer *offer, struct turn *turn)
{
    struct comparison comparison;
    struct fingerprint print;
    const char *key = offer->here.key;

    if (source->options.verify || source->task->kind != TASK_SYNC)
        return TO_SEND;
    bool known = source->prints && prints_find(source->prints, key, &print, turn);
    if (!offer->there.info)
        return TO_SEND;
    compare_pair(offer->task, &offer->here, &offer->there, known ? &print : NULL, turn,
                 &comparison);
    if (comparison.touched.source || comparison.touched.target)
        return ASKS;
    source->n_by_time += comparison.by_time;
    if (comparison.by_time && comparison.sameness == SAME)
        prints_put(source->prints, key, offer->here.info, offer->there.info, turn);
    if (comparison.err.kind != ERR_NONE)
        fail_offer(source, offer, &comparison.err, turn);
    else if (comparison.sameness == SAME)
        told_skipped(offer->task, key, offer->here.info->size, comparison.why, turn);
    else
        return TO_SEND;
    return SETTLED;
}

/* An object that its functions want, under the name they give it. */
static bool consider_named(struct source *source, const struct offer *offer, struct naming *naming,
                           struct turn *turn)
{
    struct err err = {0};
    enum settled settled = SETTLED;

    if (offer->task->to->kind == STORE_DIR && !file_path_ok(naming->target, &err))
        fail_offer(source, offer, &err, turn);
    else
        settled = settle_pair(source, offer, turn);
    source->census.source_objects += settled != ASKS;
    if (settled == TO_SEND)
        push(source, offer, naming, turn);
    else
        naming_free(naming);
    return settled != ASKS;
}

/* False: nothing was decided, because its functions want to know more first. */
static bool consider(struct source *source, const struct offer *offer, struct turn *turn)
{
    struct naming naming;
    struct err err = {0};
    bool keep = !source->options.dry && !source->options.verify;

    switch (naming_find(offer->task, &offer->here, keep, turn, &naming, &err)) {
    case NAMING_ASKS:
        return false;
    case NAMING_FAILED:
        fail_offer(source, offer, &err, turn);
        break;
    case NAMING_SKIPPED:
        told_skipped(offer->task, offer->here.key, offer->here.info->size, naming.why, turn);
        break;
    case NAMING_LEFT:
        break;
    case NAMING_FOUND:
        return consider_named(source, offer, &naming, turn);
    }
    return true;
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
static bool condemn(struct source *source, const struct offer *offer, struct turn *turn)
{
    struct naming naming;
    struct err err = {0};

    enum naming_verdict verdict =
        naming_find(offer->task, &offer->here, false, turn, &naming, &err);
    if (verdict == NAMING_FAILED) {
        fail_offer(source, offer, &err, turn);
    } else if (verdict == NAMING_FOUND) {
        source->census.source_objects++;
        put_extra(source, offer->here.key, offer->here.info->size, turn);
        naming_free(&naming);
    }
    return verdict != NAMING_ASKS;
}

static bool is_selected(const struct source *source, const char *key,
                        const struct object_info *info, const char *prefix, const struct turn *turn)
{
    const char *why;
    return select_passes(source->task, &turn->job->shard, key + strlen(prefix), info, &why);
}

/* An object as it comes from a listing or a name. */
struct arrival {
    const char *key, *named;
    const struct object_info *info;
    const char *there;                      /* its key on the target, with ... */
    const struct object_info *target_info;  /* ... what is listed there; NULL: nothing */
    struct knowledge *known, *target_known; /* NULL: nothing yet */
};

/* To each of the task's targets.  False: the functions want to know more first. */
static bool offer_all(struct source *source, const struct arrival *arrival, struct turn *turn)
{
    struct fan *fan = NULL;
    bool fans = source->task->also && source->task->from->kind != STORE_DIR, settled = true;

    for (const struct task *task = source->task; task && settled; task = task->also) {
        const struct offer offer = {
            .task = task,
            .here = {arrival->key, arrival->named, arrival->info, task->from, arrival->known},
            .there = {arrival->key, NULL, arrival->target_info, task->to, arrival->target_known},
            .known = source->task->also ? NULL : arrival->known,
            .fan = fans ? &fan : NULL};
        settled = task->kind == TASK_DELETE ? condemn(source, &offer, turn)
                                            : consider(source, &offer, turn);
    }
    return settled;
}

/* What comes behind objects that wait for an answer waits, too; and where the functions have a say
 * for each of several targets, they are asked before any of those is decided about. */
static void arrive(struct source *source, const struct arrival *arrival, struct turn *turn)
{
    bool several = source->task->also && (source->task->functions & TASK_MAPS);
    const struct object_view view = {
        .key = arrival->key, .target = arrival->named, .info = arrival->info};

    if (!is_selected(source, arrival->key, arrival->info, source->task->from_path, turn))
        return;
    if (several || !questions_empty(source->questions) || !offer_all(source, arrival, turn))
        questions_add(source->questions, &view, arrival->there, arrival->target_info,
                      arrival->known);
}

/* True when the first of those that waited was dealt with. */
static bool fill_answered(struct source *source, struct turn *turn)
{
    questions_look(source->questions, turn);
    struct question *q = questions_first(source->questions);
    if (!q)
        return false;
    const struct arrival arrival = {
        q->key,    q->named,        &q->info, q->there, q->has_target ? &q->target_info : NULL,
        &q->known, &q->target_known};
    struct err err = q->err;
    if (err.kind == ERR_NONE && !offer_all(source, &arrival, turn))
        err_set(&err, ERR_SCRIPT, "a function of the job file asks for something else each time");
    for (const struct task *task = source->task; err.kind != ERR_NONE && task; task = task->also)
        fail(source, task, q->key, q->info.size, &err, turn);
    questions_drop(source->questions);
    return true;
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

static void take_source(struct source *source, const struct list_entry *entry, const char *there,
                        const struct object_info *target_info, struct turn *turn)
{
    struct object_info info;
    const struct arrival arrival = {
        .key = entry->key, .info = &info, .there = there, .target_info = target_info};
    const char *why = special_why(source->task, entry);

    if (why) {
        told_special(source->task, entry, why, !source->options.dry, turn);
        source->incomplete = source->incomplete || entry->special == 'u';
        return;
    }
    info_of(entry, &info);
    source->census.target_objects += source->task->kind == TASK_DELETE;
    arrive(source, &arrival, turn);
}

static void take_extra(struct source *source, const struct list_entry *entry, struct turn *turn)
{
    struct object_info info;
    const struct task *task = source->task;

    info_of(entry, &info);
    if (entry->special || special_is_marker(source->task, entry) ||
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
    told_event(source->task, EVENT_VERIFY_FAILED, entry->key, entry->size,
               "it is only on the target", NULL, turn);
}

/* True when an entry was looked at. */
static bool fill_one(struct source *source, struct turn *turn)
{
    struct list_entry *entry = lister_peek(source->from);
    if (!entry) {
        source->filled = lister_over(source->from) && questions_empty(source->questions);
        return false;
    }
    take_source(source, entry, NULL, NULL, turn);
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
        if (diff == DIFF_OVER && questions_empty(source->questions))
            end_pairs(source, turn);
        return false;
    }
    bool regular = there && !there->special;
    if (regular)
        info_of(there, &target_info);
    if (here)
        take_source(source, here, regular ? there->key : NULL, regular ? &target_info : NULL, turn);
    else
        take_extra(source, there, turn);
    source->census.target_objects += here && regular;
    diff_drop(source->from, source->to, here != NULL, there != NULL);
    return true;
}

/* --- names ---------------------------------------------------------------------------- */

static void offer_named(struct source *source, struct name *name, struct turn *turn)
{
    const struct arrival arrival = {
        .key = name->key, .named = name->target, .info = &name->info, .known = &name->known};

    source->census.target_objects += source->task->kind == TASK_DELETE;
    arrive(source, &arrival, turn);
}

static bool fill_named(struct source *source, struct turn *turn)
{
    struct name *name = names_take(source->names);
    if (!name) {
        source->filled = names_over(source->names) && questions_empty(source->questions);
        return false;
    }
    if (name_was_moved(source->task, name, turn))
        told_skipped(source->task, name->key, -1, "moved before the run was interrupted", turn);
    else if (name->inquiry.err.kind != ERR_NONE)
        fail(source, source->task, name->key, -1, &name->inquiry.err, turn);
    else
        offer_named(source, name, turn);
    name_free(name);
    return true;
}

/* --- pulling -------------------------------------------------------------------------- */

/* An object was dealt with, or put behind those that wait. */
static bool fill_next(struct source *source, struct turn *turn)
{
    if (!questions_empty(source->questions) && fill_answered(source, turn))
        return true;
    if (questions_full(source->questions))
        return false;
    if (source->names)
        return fill_named(source, turn);
    return source->to ? fill_pair(source, turn) : fill_one(source, turn);
}

void source_fill(struct source *source, struct turn *turn)
{
    if (source->names)
        names_fill(source->names, turn);
    for (int n = 0; n < FILL_MAX && source->backlog.n < LIMIT_BACKLOG; n++)
        if (!fill_next(source, turn))
            return;
}

static enum diff next_pair(const struct source *source)
{
    struct list_entry *here, *there;
    return diff_next(source->from, strlen(source->task->from_path), source->to,
                     strlen(source->task->to_path), &here, &there);
}

static bool has_more(const struct source *source)
{
    if (source->names)
        return names_ready(source->names) || names_wants(source->names);
    return source->to ? next_pair(source) == DIFF_ENTRY : lister_peek(source->from) != NULL;
}

static bool is_at_end(const struct source *source)
{
    if (source->names)
        return names_over(source->names);
    return source->to ? next_pair(source) == DIFF_OVER : lister_over(source->from);
}

bool source_ready(const struct source *source)
{
    if (source->filled || source->backlog.n >= LIMIT_BACKLOG)
        return false;
    if (questions_ready(source->questions))
        return true;
    return has_more(source) ? !questions_full(source->questions)
                            : questions_empty(source->questions) && is_at_end(source);
}

struct op *source_next(struct source *source, struct turn *turn)
{
    if (source->filled)
        return NULL;
    struct op *question = questions_next(source->questions, turn);
    if (question)
        return question;
    if (source->names)
        return names_next(source->names, turn);
    struct op *op = lister_next(source->from, turn);
    return op || !source->to ? op : lister_next(source->to, turn);
}

bool source_owns(const struct source *source, const struct op *op)
{
    return source && (lister_owns(source->from, op) || lister_owns(source->to, op) ||
                      names_owns(source->names, op) || questions_owns(source->questions, op));
}

void source_settle(struct source *source, struct op *op, struct turn *turn)
{
    if (questions_owns(source->questions, op))
        questions_settle(source->questions, op, turn);
    else if (lister_owns(source->from, op))
        lister_settle(source->from, op, turn);
    else if (lister_owns(source->to, op))
        lister_settle(source->to, op, turn);
    else
        names_settle(source->names, op, turn);
}

static int64_t listed_wake_ms(const struct source *source)
{
    if (source->names)
        return names_wake_ms(source->names);
    int64_t from_ms = lister_wake_ms(source->from);
    int64_t to_ms = source->to ? lister_wake_ms(source->to) : INT64_MAX;
    return from_ms < to_ms ? from_ms : to_ms;
}

int64_t source_wake_ms(const struct source *source)
{
    if (source->filled)
        return INT64_MAX;
    int64_t listed_ms = listed_wake_ms(source), asked_ms = questions_wake_ms(source->questions);
    return listed_ms < asked_ms ? listed_ms : asked_ms;
}

/* --- taking --------------------------------------------------------------------------- */

struct item *source_take(struct source *source)
{
    return backlog_pop(&source->backlog);
}

double source_priority(const struct source *source)
{
    return backlog_priority(&source->backlog);
}

bool source_idle(const struct source *source)
{
    if (!questions_idle(source->questions))
        return false;
    if (source->names)
        return names_idle(source->names);
    return !lister_busy(source->from) && !(source->to && lister_busy(source->to));
}

bool source_over(const struct source *source)
{
    return source->filled && source->backlog.n == 0 && source_idle(source);
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

int64_t source_questions(const struct source *source)
{
    return questions_asked(source->questions);
}
