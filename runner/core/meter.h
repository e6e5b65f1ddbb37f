#pragma once
/* The rate of the last seconds and what it means for the rest.  Control thread only. */
#include "core/event.h"

#define METER_SAMPLES 20 /* of 250 ms: the last five seconds */

struct meter {
    struct {
        int64_t ms, bytes;
    } sample[METER_SAMPLES];
    int n, next;
    int64_t started_ms, shown_ms;
};

void meter_start(struct meter *meter, int64_t now_ms);
/* Is it time for another progress event (at most 4 a second)?  Takes a sample then. */
bool meter_due(struct meter *meter, int64_t now_ms, int64_t bytes);
/* Fills seconds, rate and eta_ms. */
void meter_fill(const struct meter *meter, int64_t now_ms, struct totals *totals);
