#include "script/strand.h"
#include "base/list.h"
#include "io/op.h"
#include <stdlib.h>
#include <string.h>

void strands_init(struct strands *strands)
{
    memset(strands, 0, sizeof *strands);
    strands->ready.tail = &strands->ready.head;
}

/* --- the tables ----------------------------------------------------------------------- */

static struct strand **of_id(const struct strands *strands, uint64_t id)
{
    return (struct strand **)&strands->by_id[id % STRAND_TABLE];
}

static struct strand **of_object(const struct strands *strands, uint64_t object)
{
    return (struct strand **)&strands->by_object[object % STRAND_TABLE];
}

struct strand *strand_find(const struct strands *strands, uint64_t id)
{
    struct strand *strand = *of_id(strands, id);
    while (strand && strand->id != id)
        strand = strand->chain;
    return strand;
}

struct strand *strand_of_object(const struct strands *strands, uint64_t object)
{
    struct strand *strand = *of_object(strands, object);
    while (strand && strand->object != object)
        strand = strand->kin;
    return strand;
}

static void link_item(struct strands *strands, struct strand *strand, struct queued *item)
{
    struct strand **kin;

    strand->item = item;
    strand->object = queued_object(item);
    kin = of_object(strands, strand->object);
    strand->kin = *kin;
    *kin = strand;
}

struct strand *strand_new(struct strands *strands, const char *what, struct queued *item)
{
    struct strand *strand = xcalloc(1, sizeof *strand);
    struct strand **chain = of_id(strands, ++strands->last_id);

    strand->id = strands->last_id;
    strand->what = what;
    strand->holds = true;
    list_init(&strand->behind);
    strand->chain = *chain;
    *chain = strand;
    if (item)
        link_item(strands, strand, item);
    strand->prev = strands->last;
    *(strands->last ? &strands->last->next : &strands->first) = strand;
    strands->last = strand;
    strands->n++;
    return strand;
}

static void unlink_tables(struct strands *strands, struct strand *strand)
{
    struct strand **at = of_id(strands, strand->id);

    while (*at != strand)
        at = &(*at)->chain;
    *at = strand->chain;
    if (!strand->item)
        return;
    at = of_object(strands, strand->object);
    while (*at != strand)
        at = &(*at)->kin;
    *at = strand->kin;
}

/* --- waiting -------------------------------------------------------------------------- */

static void unlink_sleeper(struct strands *strands, struct strand *strand)
{
    *(strand->sooner ? &strand->sooner->later : &strands->soonest) = strand->later;
    *(strand->later ? &strand->later->sooner : &strands->latest) = strand->sooner;
    strand->sooner = strand->later = NULL;
    strand->sleeps = false;
}

void strand_ready(struct strands *strands, struct strand *strand)
{
    if (strand->ready)
        return;
    if (strand->sleeps)
        unlink_sleeper(strands, strand);
    strand->joins = 0;
    strand->ready = true;
    strand->ready_next = NULL;
    *strands->ready.tail = strand;
    strands->ready.tail = &strand->ready_next;
}

struct strand *strand_pop(struct strands *strands)
{
    struct strand *strand = strands->ready.head;

    if (!strand)
        return NULL;
    strands->ready.head = strand->ready_next;
    if (!strands->ready.head)
        strands->ready.tail = &strands->ready.head;
    strand->ready = false;
    return strand;
}

/* Most sleep for as long as those before them did, so the place is found from the end. */
void strand_sleep(struct strands *strands, struct strand *strand, int64_t wake_ms)
{
    struct strand *before = strands->latest;

    while (before && before->wake_ms > wake_ms)
        before = before->sooner;
    strand->wake_ms = wake_ms;
    strand->sleeps = true;
    strand->sooner = before;
    strand->later = before ? before->later : strands->soonest;
    *(strand->later ? &strand->later->sooner : &strands->latest) = strand;
    *(before ? &before->later : &strands->soonest) = strand;
}

void strands_wake(struct strands *strands, int64_t now_ms)
{
    while (strands->soonest && strands->soonest->wake_ms <= now_ms)
        strand_ready(strands, strands->soonest);
}

void strand_answer(struct strands *strands, struct strand *strand, struct op *op)
{
    strand->asks = false;
    strand->op = op;
    strand_ready(strands, strand);
}

void strand_kill(struct strands *strands, struct strand *strand)
{
    strand->killed = true;
    if (!strand->asks)
        strand_ready(strands, strand);
}

/* --- the end -------------------------------------------------------------------------- */

static void unlink_ready(struct strands *strands, struct strand *strand)
{
    struct strand **at = &strands->ready.head;

    while (*at != strand)
        at = &(*at)->ready_next;
    *at = strand->ready_next;
    if (!*at)
        strands->ready.tail = at;
}

/* Those that waited for its end can go on. */
static void wake_joined(struct strands *strands, uint64_t id)
{
    for (struct strand *strand = strands->first; strand; strand = strand->next)
        if (strand->joins == id)
            strand_ready(strands, strand);
}

static void release(struct strand *strand)
{
    struct queued *item;

    while ((item = list_pop(&strand->behind)))
        queued_free(item);
    if (strand->item)
        queued_free(strand->item);
    op_free(strand->op);
    free(strand);
}

void strand_free(struct strands *strands, struct strand *strand)
{
    unlink_tables(strands, strand);
    if (strand->sleeps)
        unlink_sleeper(strands, strand);
    if (strand->ready)
        unlink_ready(strands, strand);
    *(strand->prev ? &strand->prev->next : &strands->first) = strand->next;
    *(strand->next ? &strand->next->prev : &strands->last) = strand->prev;
    strands->n -= strand->holds;
    if (!strand->item)
        wake_joined(strands, strand->id);
    release(strand);
}

void strands_free(struct strands *strands)
{
    for (struct strand *strand = strands->first, *next; strand; strand = next) {
        next = strand->next;
        release(strand);
    }
    strands_init(strands);
}
