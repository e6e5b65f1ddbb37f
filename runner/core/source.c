#include "core/source.h"
#include "base/list.h"
#include "core/access.h"
#include "core/retry.h"
#include "io/walk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    const struct task *task;
    struct {
        struct item *head, **tail;
    } backlog;
    int n_backlog;
    int next_key;      /* of task->keys */
    struct walk *walk; /* directories */
    char *prefix;      /* of the listing */
    char *token;       /* of the next page; NULL: the first */
    char *last_key;    /* keys must increase from page to page too */
    int64_t pages;
    bool busy, listed;
    int attempt;
    int64_t not_before_ms;
    struct err err;
};

struct source *source_new(const struct task *task)
{
    struct source *source = xcalloc(1, sizeof *source);
    source->task = task;
    source->prefix = xstrdup(task->from_path);
    list_init(&source->backlog);
    if (!task->single && !task->keys && task->from->kind == STORE_DIR)
        source->walk = walk_new(task->from, source->prefix);
    return source;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    for (struct item *item; (item = list_pop(&source->backlog));)
        item_free(item);
    if (source->walk)
        walk_free(source->walk);
    free(source->prefix);
    free(source->token);
    free(source->last_key);
    free(source);
}

static bool is_prefix(const char *path)
{
    size_t len = strlen(path);
    return len == 0 || path[len - 1] == '/';
}

char *source_target(const struct task *task, const char *key)
{
    if (task->single && !is_prefix(task->to_path))
        return xstrdup(task->to_path);
    const char *rest = key + strlen(task->from_path);
    if (task->single) {
        const char *slash = strrchr(key, '/');
        rest = slash ? slash + 1 : key;
    }
    return xasprintf("%s%s", task->to_path, rest);
}

static void push(struct source *source, char *key, const struct object_info *info,
                 struct turn *turn)
{
    struct item *item = xcalloc(1, sizeof *item);
    item->task = source->task;
    item->key = key;
    item->target = source_target(source->task, key);
    item->info = *info;
    list_push(&source->backlog, item);
    source->n_backlog++;
    turn->totals->objects_known++;
    if (info->size > 0)
        turn->totals->bytes_known += info->size;
}

/* --- what is listed but not taken ----------------------------------------------------- */

static const char *why_special(const struct source *source, const struct list_entry *entry)
{
    size_t len = strlen(entry->key);
    switch (entry->special) {
    case 'l':
        return "a symbolic link: links are not followed";
    case 's':
        return "not a regular file";
    case 'u':
        return "a directory that cannot be read";
    case 'n':
        return "a key with a NUL byte, which no request and no file name can carry";
    default:
        break;
    }
    if (source->task->to->kind == STORE_DIR && len && entry->key[len - 1] == '/')
        return "a directory marker";
    return NULL;
}

static void report_special(struct source *source, const struct list_entry *entry, const char *why,
                           struct turn *turn)
{
    bool failed = entry->special == 'u' || entry->special == 'n';
    struct queued_event *queued =
        turn_emit(turn, source->task, failed ? EVENT_OBJECT_FAILED : EVENT_OBJECT_SKIPPED);
    if (failed)
        turn->totals->objects_failed++;
    else
        turn->totals->objects_skipped++;
    if (!queued)
        return;
    queued->key = xstrdup(entry->key);
    queued->event.size = entry->size;
    snprintf(queued->reason, sizeof queued->reason, "%s", why);
    if (failed)
        err_set(&queued->err, ERR_INVALID, "%s", why);
}

/* --- pages ---------------------------------------------------------------------------- */

struct op *source_next(struct source *source, struct turn *turn)
{
    const struct task *task = source->task;
    if (task->single || task->keys || source->busy || source->listed ||
        source->n_backlog >= LIMIT_BACKLOG / 2 || source->not_before_ms > turn->now_ms)
        return NULL;
    struct op *op = op_new(OP_CALL);
    struct store_state *state = turn_store(turn, task->from);
    op->in.store = task->from;
    op->in.credentials = task->from->credentials;
    op->in.skew_ms = state ? state->skew_ms : 0;
    op->in.requests[0] = state ? state->requests : NULL;
    op->in.call.kind = CALL_LIST;
    op->in.call.prefix = source->prefix;
    op->in.call.token = source->token;
    op->in.call.max_keys = source->walk ? 1000 : 0;
    op->in.walk = source->walk;
    op->task = (uint32_t)task->number;
    source->busy = true;
    source->attempt++;
    return op;
}

int64_t source_wake_ms(const struct source *source)
{
    bool waits = !source->busy && !source->listed && source->n_backlog < LIMIT_BACKLOG / 2;
    bool pages = !source->task->single && !source->task->keys;
    return waits && pages ? source->not_before_ms : INT64_MAX;
}

static bool page_in_order(struct source *source, const struct listing *page, struct err *err)
{
    if (page->n == 0)
        return true;
    if (source->last_key && strcmp(page->entry[0].key, source->last_key) <= 0)
        return err_set(err, ERR_SERVER, "the listing of %s is not in key order after '%.200s'",
                       source->task->from->name, source->last_key);
    free(source->last_key);
    source->last_key = xstrdup(page->entry[page->n - 1].key);
    return true;
}

static void take_page(struct source *source, struct listing *page, struct turn *turn)
{
    for (size_t i = 0; i < page->n; i++) {
        struct list_entry *entry = &page->entry[i];
        struct object_info info = {.size = entry->size, .mtime_ns = entry->mtime_ns};
        const char *why = why_special(source, entry);
        if (why) {
            report_special(source, entry, why, turn);
            continue;
        }
        snprintf(info.etag, sizeof info.etag, "%s", entry->etag ? entry->etag : "");
        push(source, entry->key, &info, turn);
        entry->key = NULL;
    }
}

static void list_failed(struct source *source, const struct op *op, const struct err *err,
                        struct turn *turn)
{
    int64_t delay_ms;

    if (access_mend(turn, op, source->attempt)) {
        source->not_before_ms = 0;
    } else if (retry_again(&source->task->retry, err, source->attempt, turn->rng, &delay_ms)) {
        source->not_before_ms = turn->now_ms + delay_ms;
        turn->totals->retries++;
    } else {
        source->err = *err;
        source->listed = true;
    }
}

void source_settle(struct source *source, struct op *op, struct turn *turn)
{
    struct listing *page = &op->out.answer.listing;
    struct err err = op->out.err;

    source->busy = false;
    if (err.kind == ERR_NONE && ++source->pages > LIMIT_LIST_PAGES)
        err_set(&err, ERR_SERVER, "the listing of %s does not end", source->task->from->name);
    if (err.kind != ERR_NONE || !page_in_order(source, page, &err)) {
        list_failed(source, op, &err, turn);
        return;
    }
    take_page(source, page, turn);
    source->attempt = 0;
    source->not_before_ms = 0;
    free(source->token);
    source->token = page->next_token;
    page->next_token = NULL;
    source->listed = source->token == NULL;
}

/* --- taking --------------------------------------------------------------------------- */

static void push_named(struct source *source, struct turn *turn)
{
    static const struct object_info unknown = {.size = -1};
    const struct task *task = source->task;

    if (task->single) {
        push(source, xstrdup(task->from_path), &unknown, turn);
        source->listed = true;
    }
    while (task->keys && source->next_key < task->n_keys && source->n_backlog < 64)
        push(source, xasprintf("%s%s", task->from_path, task->keys[source->next_key++]), &unknown,
             turn);
    if (task->keys && source->next_key == task->n_keys)
        source->listed = true;
}

struct item *source_take(struct source *source, struct turn *turn)
{
    if (!source->listed && (source->task->single || source->task->keys))
        push_named(source, turn);
    struct item *item = list_pop(&source->backlog);
    if (item)
        source->n_backlog--;
    return item;
}

bool source_over(const struct source *source)
{
    return source->listed && !source->busy && source->n_backlog == 0;
}

bool source_listed(const struct source *source)
{
    return source->listed;
}

const struct err *source_error(const struct source *source)
{
    return &source->err;
}
