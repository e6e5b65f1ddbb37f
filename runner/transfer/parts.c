/* The table of a transfer's parts. */
#include "transfer/step.h"
#include <stdlib.h>
#include <string.h>

enum check check_of(enum sum_kind kind)
{
    static const enum check checks[] = {[SUM_NONE] = CHECK_SIZE,
                                        [SUM_CRC64] = CHECK_CRC64,
                                        [SUM_CRC64NVME] = CHECK_CRC64NVME,
                                        [SUM_CRC32C] = CHECK_CRC32C,
                                        [SUM_CRC32] = CHECK_CRC32};
    return checks[kind];
}

bool etag_is_of(const char *etag, const uint8_t md5[MD5_LEN])
{
    char hex[2 * MD5_LEN + 1];
    digest_hex(md5, MD5_LEN, hex);
    return strlen(etag) == 34 && !strncasecmp(etag + 1, hex, 32);
}

struct span part_span(const struct transfer *t, uint32_t n)
{
    return plan_part(t->info.size, t->part_size, n);
}

void parts_make(struct transfer *t)
{
    parts_free(t);
    t->n_parts = plan_part_count(t->info.size, t->part_size);
    t->parts = xcalloc(t->n_parts, sizeof *t->parts);
}

void parts_free(struct transfer *t)
{
    for (uint32_t n = 0; n < t->n_parts; n++) {
        free(t->parts[n].etag);
        free(t->parts[n].sha256);
    }
    free(t->parts);
    t->parts = NULL;
    t->n_parts = t->n_done = t->n_asking = t->cursor = 0;
    t->backoff_ms = 0;
    part_list_free(&t->listed);
    free(t->list_token);
    t->list_token = NULL;
    free(t->recheck);
    t->recheck = NULL;
}

void part_done(struct transfer *t, uint32_t n, const char *etag, uint64_t sum)
{
    struct part *part = &t->parts[n];
    part->state = PART_DONE;
    part->sum = sum;
    free(part->etag);
    part->etag = etag ? xstrdup(etag) : NULL;
    t->n_done++;
}

void part_recall(struct transfer *t, const struct part_row *row)
{
    part_done(t, row->n, row->etag, row->sum);
    t->parts[row->n].source_sum = row->source_sum;
}

void parts_resumed(struct transfer *t, struct turn *turn)
{
    for (uint32_t n = 0; n < t->n_parts; n++) {
        if (t->parts[n].state != PART_DONE)
            continue;
        if (t->tries == 1 && !t->item->deferred)
            turn->totals->bytes_resumed += part_span(t, n).len;
        turn_count(turn, t->item->task, bytes_done, part_span(t, n).len);
    }
}

void parts_uncount(struct transfer *t, struct turn *turn)
{
    for (uint32_t n = 0; n < t->n_parts; n++)
        if (t->parts[n].state == PART_DONE)
            turn_count(turn, t->item->task, bytes_done, -part_span(t, n).len);
}

void parts_combine(struct transfer *t)
{
    t->sum = 0;
    for (uint32_t n = 0; n < t->n_parts; n++)
        t->sum = sum_combine(t->sum_kind, t->sum, t->parts[n].sum, part_span(t, n).len);
}

uint64_t parts_source_sum(const struct transfer *t)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < t->n_parts; n++)
        sum = sum_combine(t->source_sum_kind, sum, t->parts[n].source_sum, part_span(t, n).len);
    return sum;
}

void parts_cancel(struct transfer *t)
{
    for (uint32_t n = 0; t->n_moving && n < t->n_parts; n++)
        if (t->parts[n].op)
            atomic_store(&t->parts[n].op->cancel, true);
}
