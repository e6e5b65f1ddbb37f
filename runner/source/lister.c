#include "source/lister.h"
#include "base/list.h"
#include "core/retry.h"
#include "io/walk.h"
#include "transfer/access.h"
#include "transfer/gate.h"
#include <stdlib.h>
#include <string.h>

#define RANGES_AHEAD 8    /* ranges of a divided listing that are listed at once */
#define RANGE_ROOM   3000 /* entries that may wait in one of them when it asks for another page */

struct page {
    struct page *next;
    struct listing listing;
    size_t at; /* entries before it were dropped */
};

/* The keys after `after`, up to and including `until`. */
struct range {
    const char *after, *until; /* whole keys; NULL: from the first, to the last */
    struct {
        struct page *head, **tail;
    } pages;
    size_t n_waiting; /* entries in them */
    char *token;      /* of the next page; NULL: the first */
    char *last_key;   /* keys must increase from page to page too */
    int64_t n_pages;
    int n_empty; /* pages without a key since the last one with any */
    bool busy, listed;
    int attempt;
    int64_t not_before_ms;
};

struct lister {
    const struct task *task;
    const struct store *store;
    char *prefix;
    struct walk *walk; /* directories */
    char **split;      /* whole keys */
    struct range *range;
    int n_ranges;
    int current;   /* the range that is read now */
    bool may_lack; /* a directory that is not there is an empty one */
    struct err err;
};

static void make_ranges(struct lister *lister)
{
    const struct task *task = lister->task;
    int n_splits = lister->walk ? 0 : task->n_splits;

    lister->n_ranges = n_splits + 1;
    lister->range = xcalloc((size_t)lister->n_ranges, sizeof *lister->range);
    lister->split = xcalloc((size_t)n_splits + 1, sizeof *lister->split);
    for (int i = 0; i < n_splits; i++) {
        lister->split[i] = xasprintf("%s%s", lister->prefix, task->splits[i]);
        lister->range[i].until = lister->range[i + 1].after = lister->split[i];
    }
    for (int i = 0; i < lister->n_ranges; i++)
        list_init(&lister->range[i].pages);
}

struct lister *lister_new(const struct task *task, const struct store *store, const char *prefix)
{
    struct lister *lister = xcalloc(1, sizeof *lister);

    lister->task = task;
    lister->store = store;
    lister->prefix = xstrdup(prefix);
    if (store->kind == STORE_DIR)
        lister->walk = walk_new(store, lister->prefix);
    make_ranges(lister);
    return lister;
}

static void page_free(struct page *page)
{
    listing_free(&page->listing);
    free(page);
}

static void range_free(struct range *range)
{
    for (struct page *page; (page = list_pop(&range->pages));)
        page_free(page);
    free(range->token);
    free(range->last_key);
}

void lister_free(struct lister *lister)
{
    if (!lister)
        return;
    for (int i = 0; i < lister->n_ranges; i++) {
        range_free(&lister->range[i]);
        free(lister->split[i]);
    }
    if (lister->walk)
        walk_free(lister->walk);
    free(lister->range);
    free(lister->split);
    free(lister->prefix);
    free(lister);
}

/* --- pages ---------------------------------------------------------------------------- */

/* The range that is read now, and some behind it, so that what waits stays bounded however many
 * there are. */
static int last_ahead(const struct lister *lister)
{
    int last = lister->current + RANGES_AHEAD - 1;
    return last < lister->n_ranges ? last : lister->n_ranges - 1;
}

static bool wants_page(const struct lister *lister, const struct range *range)
{
    size_t room = lister->n_ranges > 1 ? RANGE_ROOM : LIMIT_BACKLOG / 2;
    return !range->busy && !range->listed && range->n_waiting <= room;
}

static struct op *make_op(struct lister *lister, struct range *range, struct turn *turn)
{
    struct op *op = op_new(OP_CALL);
    struct store_state *state = turn_store(turn, lister->store);

    op->owner = range;
    op->task = (uint32_t)lister->task->number;
    op->in.store = lister->store;
    op->in.credentials = lister->store->credentials;
    op->in.skew_ms = state ? state->skew_ms : 0;
    op->in.requests[0] = state ? state->requests : NULL;
    op->in.call.kind = CALL_LIST;
    op->in.call.prefix = lister->prefix;
    op->in.call.token = range->token;
    op->in.call.start_after = range->token ? NULL : range->after;
    op->in.call.max_keys = lister->walk ? 1000 : 0;
    op->in.walk = lister->walk;
    range->busy = true;
    op->again = range->attempt++ > 0;
    return op;
}

struct op *lister_next(struct lister *lister, struct turn *turn)
{
    for (int i = lister->current; i <= last_ahead(lister); i++) {
        struct range *range = &lister->range[i];
        if (lister->err.kind == ERR_NONE && wants_page(lister, range) &&
            range->not_before_ms <= turn->now_ms &&
            gate_open(turn, lister->store, range->attempt > 0))
            return make_op(lister, range, turn);
    }
    return NULL;
}

int64_t lister_wake_ms(const struct lister *lister)
{
    int64_t wake_ms = INT64_MAX;
    for (int i = lister->current; i <= last_ahead(lister); i++) {
        const struct range *range = &lister->range[i];
        if (lister->err.kind == ERR_NONE && wants_page(lister, range) &&
            range->not_before_ms < wake_ms)
            wake_ms = range->not_before_ms;
    }
    return wake_ms;
}

bool lister_owns(const struct lister *lister, const struct op *op)
{
    return lister && op->owner >= (void *)lister->range &&
           op->owner < (void *)(lister->range + lister->n_ranges);
}

/* Keys with a NUL are listed in a form that is only for showing, and has no place in the order. */
static bool page_in_order(const struct lister *lister, struct range *range,
                          const struct listing *page, struct err *err)
{
    const char *before = range->last_key ? range->last_key : range->after;
    const struct list_entry *first = page->entry, *end = page->entry + page->n;

    while (first < end && first->special == 'n')
        first++;
    if (first == end)
        return true;
    if (before && strcmp(first->key, before) <= 0)
        return err_set(err, ERR_SERVER, "the listing of %s is not in key order after '%.200s'",
                       lister->store->name, before);
    do
        end--;
    while (end->special == 'n');
    free(range->last_key);
    range->last_key = xstrdup(end->key);
    return true;
}

static bool page_ends_some_time(struct range *range, const struct listing *page)
{
    range->n_empty = page->n ? 0 : range->n_empty + 1;
    return ++range->n_pages <= LIMIT_LIST_PAGES && range->n_empty <= LIMIT_EMPTY_PAGES;
}

/* What lies behind the range is the next one's. */
static bool cut_page(const struct range *range, struct listing *page)
{
    size_t keep = 0, n = page->n;

    if (!range->until)
        return false;
    while (keep < n &&
           (page->entry[keep].special == 'n' || strcmp(page->entry[keep].key, range->until) <= 0))
        keep++;
    for (page->n = keep; keep < n; keep++) {
        free(page->entry[keep].key);
        free(page->entry[keep].etag);
        free(page->entry[keep].upload_id);
    }
    return page->n < n;
}

static void take_page(struct range *range, struct listing *listing)
{
    bool last = cut_page(range, listing) || !listing->next_token;

    range->attempt = 0;
    range->not_before_ms = 0;
    free(range->token);
    range->token = listing->next_token;
    listing->next_token = NULL;
    range->listed = last;
    if (listing->n == 0)
        return;
    struct page *page = xcalloc(1, sizeof *page);
    page->listing = *listing;
    memset(listing, 0, sizeof *listing);
    range->n_waiting += page->listing.n;
    list_push(&range->pages, page);
}

void lister_may_lack(struct lister *lister)
{
    lister->may_lack = lister->walk != NULL;
}

static bool is_lacking(const struct lister *lister, const struct range *range,
                       const struct err *err)
{
    return lister->may_lack && err->kind == ERR_MISSING && !range->n_pages;
}

static void list_failed(struct lister *lister, struct range *range, const struct op *op,
                        const struct err *err, struct turn *turn)
{
    int64_t delay_ms;

    if (access_mend(turn, op, range->attempt)) {
        range->not_before_ms = 0;
    } else if (retry_again(&lister->task->retry, err, range->attempt, turn->rng, &delay_ms)) {
        range->not_before_ms = turn->now_ms + delay_ms;
        turn->totals->retries++;
    } else if (lister->err.kind == ERR_NONE) {
        lister->err = *err;
        err_wrap(&lister->err, "%s", lister->store->name);
    }
}

void lister_settle(struct lister *lister, struct op *op, struct turn *turn)
{
    struct range *range = op->owner;
    struct listing *listing = &op->out.answer.listing;
    struct err err = op->out.err;

    range->busy = false;
    if (err.kind == ERR_NONE && !page_ends_some_time(range, listing))
        err_set(&err, ERR_SERVER, "the listing of %s does not end", lister->store->name);
    if (is_lacking(lister, range, &op->out.err))
        range->listed = true;
    else if (err.kind != ERR_NONE || !page_in_order(lister, range, listing, &err))
        list_failed(lister, range, op, &err, turn);
    else
        take_page(range, listing);
}

/* --- reading -------------------------------------------------------------------------- */

/* Ranges that were read to their end are left behind. */
static struct range *range_now(struct lister *lister)
{
    struct range *range = &lister->range[lister->current];
    while (range->listed && !range->pages.head && lister->current + 1 < lister->n_ranges)
        range = &lister->range[++lister->current];
    return range;
}

struct list_entry *lister_peek(struct lister *lister)
{
    struct page *page = range_now(lister)->pages.head;
    return page ? &page->listing.entry[page->at] : NULL;
}

void lister_drop(struct lister *lister)
{
    struct range *range = range_now(lister);
    struct page *page = range->pages.head;

    range->n_waiting--;
    if (++page->at < page->listing.n)
        return;
    list_pop(&range->pages);
    page_free(page);
}

bool lister_listed(const struct lister *lister)
{
    for (int i = lister->current; i < lister->n_ranges; i++)
        if (!lister->range[i].listed)
            return lister->err.kind != ERR_NONE;
    return true;
}

bool lister_busy(const struct lister *lister)
{
    for (int i = lister->current; i < lister->n_ranges; i++)
        if (lister->range[i].busy)
            return true;
    return false;
}

bool lister_over(const struct lister *lister)
{
    const struct range *last = &lister->range[lister->n_ranges - 1];
    const struct range *now = &lister->range[lister->current];

    if (lister_busy(lister))
        return false;
    if (lister->err.kind != ERR_NONE)
        return !now->pages.head && (!now->listed || now == last);
    return last->listed && !last->pages.head && now == last;
}

const struct err *lister_error(const struct lister *lister)
{
    return &lister->err;
}
