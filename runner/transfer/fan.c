#include "transfer/fan.h"
#include "transfer/step.h"
#include <stdlib.h>
#include <string.h>

struct fan {
    struct {
        struct item *item;  /* NULL: it went its own way */
        struct transfer *t; /* NULL: not opened */
    } seat[LIMIT_FAN];
    int n;          /* seats taken, ever */
    int n_items;    /* that still have one */
    int n_unopened; /* of these */
};

/* --- coming and going ----------------------------------------------------------------- */

void fan_add(struct fan **fan, struct item *item)
{
    if (!*fan || (*fan)->n == LIMIT_FAN)
        *fan = xcalloc(1, sizeof **fan);
    (*fan)->seat[(*fan)->n++].item = item;
    (*fan)->n_items++;
    (*fan)->n_unopened++;
    item->fan = *fan;
}

static int seat_of(const struct item *item)
{
    int i = 0;
    while (item->fan->seat[i].item != item)
        i++;
    return i;
}

void fan_leave(struct item *item)
{
    struct fan *fan = item->fan;

    if (!fan)
        return;
    int i = seat_of(item);
    fan->n_unopened -= !fan->seat[i].t;
    fan->seat[i].item = NULL;
    fan->seat[i].t = NULL;
    item->fan = NULL;
    if (--fan->n_items == 0)
        free(fan);
}

bool fan_goes_on(const struct item *item)
{
    return item->fan && item->fan->n_unopened > 1;
}

void fan_opened(struct transfer *t)
{
    struct fan *fan = t->item->fan;

    if (!fan)
        return;
    fan->seat[seat_of(t->item)].t = t;
    fan->n_unopened--;
}

struct transfer *fan_next(const struct transfer *t, const struct transfer *after)
{
    const struct fan *fan = t->item->fan;

    for (int i = after ? seat_of(after->item) + 1 : 0; fan && i < fan->n; i++)
        if (fan->seat[i].t && fan->seat[i].t != t)
            return fan->seat[i].t;
    return NULL;
}

/* --- waiting -------------------------------------------------------------------------- */

/* Nothing has gone wrong with it so far, and its op, if there is one, is the first of its step. */
static bool is_fresh(const struct transfer *t)
{
    return !t->leaving && !t->asking && t->tries == 1 && t->restarts == 0 &&
           t->attempt == (t->busy ? 1 : 0);
}

static bool reads_small(const struct transfer *t)
{
    return t->step == STEP_GET && (t->way == WAY_RELAY || t->way == WAY_DOWNLOAD);
}

static bool is_fed(const struct transfer *t)
{
    return t->way == WAY_RELAY && (t->step == STEP_MOVE || transfer_put_is_fed(t));
}

static bool is_coming(const struct transfer *t, const struct transfer *s)
{
    if (!is_fresh(s) || (s->way != WAY_RELAY && s->way != t->way))
        return false;
    switch (s->step) {
    case STEP_TARGET:
    case STEP_HEAD:
        return true;
    case STEP_CREATE:
    case STEP_LIST_PARTS:
        return is_fed(t);
    case STEP_GET:
        return reads_small(t) && s->busy;
    default:
        return false;
    }
}

bool fan_waits(const struct transfer *t)
{
    if (!t->item->fan || !is_fresh(t) || !(is_fed(t) || reads_small(t)))
        return false;
    for (const struct transfer *s = NULL; (s = fan_next(t, s));)
        if (is_coming(t, s))
            return true;
    return false;
}

/* --- going along ---------------------------------------------------------------------- */

/* Do both mean the same bytes? */
static bool is_same(const struct transfer *s, const struct transfer *t)
{
    return s->step == t->step && !s->leaving && s->info.size == t->info.size &&
           s->info.mtime_ns == t->info.mtime_ns && !strcmp(s->info.etag, t->info.etag);
}

static bool is_due(const struct transfer *t, const struct turn *turn)
{
    return !t->busy && !t->asking && t->attempt == 0 && t->not_before_ms <= turn->now_ms;
}

struct op *fan_join(struct transfer *s, const struct transfer *t, const struct op *op,
                    struct turn *turn)
{
    struct op *more = NULL;

    if (!is_fed(s) || !is_same(s, t) || s->source_sum_kind != t->source_sum_kind)
        return NULL;
    if (op->part && s->part_size == t->part_size)
        more = part_join(s, op->part - 1, turn);
    else if (!op->part && is_due(s, turn))
        more = transfer_next(s, turn);
    if (!more)
        return NULL;
    op_free(more->in.feed);
    more->in.feed = NULL;
    return more;
}

static struct http_fields *copy_of(const struct http_fields *fields)
{
    struct http_fields *copy = fields ? xcalloc(1, sizeof *copy) : NULL;

    if (!copy)
        return NULL;
    http_fields_init(copy, LIMIT_HEADERS);
    for (int i = 0; i < fields->n; i++)
        http_fields_add(copy, http_fields_name(fields, i), http_fields_value(fields, i));
    return copy;
}

struct op *fan_copy(struct transfer *s, const struct transfer *t, const struct op *op,
                    struct turn *turn)
{
    if (!reads_small(s) || !is_same(s, t) || !is_due(s, turn))
        return NULL;
    struct op *copy = transfer_next(s, turn);
    copy->out.answer.info = op->out.answer.info;
    copy->out.answer.attributes = copy_of(op->out.answer.attributes);
    copy->out.body = buf_new(LIMIT_SMALL_BODY);
    buf_add(&copy->out.body, buf_str(&op->out.body), op->out.body.len);
    copy->out.sum = op->out.sum;
    copy->out.started_ns = op->out.started_ns;
    copy->out.ended_ns = op->out.ended_ns;
    return copy;
}
