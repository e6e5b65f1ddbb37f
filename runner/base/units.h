#pragma once
/*
 * Sizes, rates and durations as people write them, and back.  Pure; any thread.
 * A unit is required: KiB MiB GiB TiB are powers of 1024, kB MB GB TB of 1000, B is one byte.
 * A rate adds "/s" ("20MiB/s") or counts bits ("160Mbit/s", "1Gbit/s": powers of 1000, 8 bits a
 * byte). Durations: ms s m h d, with decimals ("1.5h").  Spaces between number and unit are
 * allowed.
 */
#include "base/err.h"
#include <stdint.h>

bool units_size(const char *text, int64_t *bytes, struct err *err);
/* "unlimited" is -1. */
bool units_rate(const char *text, int64_t *bytes_per_s, struct err *err);
bool units_duration(const char *text, int64_t *ms, struct err *err);

/* Into `out`, at least 32 bytes: "1.5 GiB", "20.0 MiB/s", "1h02m", for people. */
void units_show_size(char out[32], int64_t bytes);
void units_show_rate(char out[32], int64_t bytes_per_s);
void units_show_duration(char out[32], int64_t ms);
