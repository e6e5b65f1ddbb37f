#include "core/meter.h"
#include <string.h>

#define PERIOD_MS 250

void meter_start(struct meter *meter, int64_t now_ms)
{
    memset(meter, 0, sizeof *meter);
    meter->started_ms = meter->shown_ms = now_ms;
}

bool meter_due(struct meter *meter, int64_t now_ms, int64_t bytes)
{
    if (now_ms - meter->shown_ms < PERIOD_MS)
        return false;
    meter->shown_ms = now_ms;
    meter->sample[meter->next].ms = now_ms;
    meter->sample[meter->next].bytes = bytes;
    meter->next = (meter->next + 1) % METER_SAMPLES;
    if (meter->n < METER_SAMPLES)
        meter->n++;
    return true;
}

static int64_t rate_of(const struct meter *meter)
{
    if (meter->n < 2)
        return 0;
    int newest = (meter->next + METER_SAMPLES - 1) % METER_SAMPLES;
    int oldest = (meter->next + METER_SAMPLES - meter->n) % METER_SAMPLES;
    int64_t ms = meter->sample[newest].ms - meter->sample[oldest].ms;
    int64_t bytes = meter->sample[newest].bytes - meter->sample[oldest].bytes;
    return ms > 0 ? (int64_t)((double)bytes * 1000 / (double)ms) : 0;
}

void meter_fill(const struct meter *meter, int64_t now_ms, struct totals *totals)
{
    int64_t left = totals->bytes_known - totals->bytes_done;

    totals->seconds = (double)(now_ms - meter->started_ms) / 1000;
    totals->rate = rate_of(meter);
    totals->eta_ms = -1;
    if (totals->listing_done && left >= 0 && totals->rate > 0)
        totals->eta_ms = (int64_t)((double)left * 1000 / (double)totals->rate);
}
