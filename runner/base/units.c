#include "base/units.h"
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t scale; /* of the base unit: bytes, bits or milliseconds */
};

static const struct unit size_units[] = {
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", INT64_C(1000000000000)},
    {NULL, 0},
};

static const struct unit bit_units[] = {
    {"bit", 1},
    {"kbit", 1000},
    {"Mbit", 1000000},
    {"Gbit", 1000000000},
    {"Tbit", INT64_C(1000000000000)},
    {NULL, 0},
};

static const struct unit time_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

/* "12.5" as digits and a power of ten, so that no binary fraction is involved. */
struct decimal {
    uint64_t digits;
    uint64_t power; /* 10 to the number of decimals */
};

#define DIGITS_MAX 18

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads a number from `text`; where it ended, or NULL. */
static const char *read_decimal(const char *text, struct decimal *number)
{
    *number = (struct decimal){0, 1};
    if (!is_digit(*text))
        return NULL;
    int n = 0;
    bool point = false;
    for (; is_digit(*text) || (*text == '.' && !point && is_digit(text[1])); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        if (++n > DIGITS_MAX)
            return NULL;
        number->digits = number->digits * 10 + (uint64_t)(*text - '0');
        number->power *= point ? 10 : 1;
    }
    return text;
}

static const struct unit *find_unit(const struct unit *units, const char *name, size_t len)
{
    for (; units->name; units++)
        if (strlen(units->name) == len && strncmp(units->name, name, len) == 0)
            return units;
    return NULL;
}

static bool scaled(struct decimal number, int64_t scale, int64_t divisor, int64_t *out)
{
    unsigned __int128 value = (unsigned __int128)number.digits * (uint64_t)scale;
    value /= (unsigned __int128)number.power * (uint64_t)divisor;
    if (value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}

/* The number at the start of `text`, and in `rest` what follows it. */
static bool read_number(const char *text, struct decimal *number, const char **rest)
{
    while (*text == ' ')
        text++;
    *rest = read_decimal(text, number);
    if (!*rest)
        return false;
    while (**rest == ' ')
        ++*rest;
    return true;
}

static size_t trimmed_len(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    return len;
}

static bool measure(const char *text, const struct unit *units, int64_t *out)
{
    struct decimal number;
    const char *rest;
    if (!read_number(text, &number, &rest))
        return false;
    const struct unit *unit = find_unit(units, rest, trimmed_len(rest));
    return unit && scaled(number, unit->scale, 1, out);
}

bool units_size(const char *text, int64_t *bytes, struct err *err)
{
    if (measure(text, size_units, bytes))
        return true;
    return err_set(err, ERR_INVALID,
                   "\"%s\" is not a size: write a number and B, KiB, MiB, GiB, TiB, kB, MB, GB or "
                   "TB, such as \"16MiB\"",
                   text);
}

static bool measure_rate(const char *text, int64_t *bytes_per_s)
{
    struct decimal number;
    const char *rest;
    if (!read_number(text, &number, &rest))
        return false;
    size_t len = trimmed_len(rest);
    if (len < 3 || strncmp(rest + len - 2, "/s", 2) != 0)
        return false;
    const struct unit *bits = find_unit(bit_units, rest, len - 2);
    const struct unit *unit = bits ? bits : find_unit(size_units, rest, len - 2);
    return unit && scaled(number, unit->scale, bits ? 8 : 1, bytes_per_s) && *bytes_per_s > 0;
}

bool units_rate(const char *text, int64_t *bytes_per_s, struct err *err)
{
    if (strcmp(text, "unlimited") == 0) {
        *bytes_per_s = -1;
        return true;
    }
    if (measure_rate(text, bytes_per_s))
        return true;
    return err_set(err, ERR_INVALID,
                   "\"%s\" is not a rate above zero: write \"unlimited\", or a number and a unit "
                   "such as MiB/s or Mbit/s",
                   text);
}

bool units_duration(const char *text, int64_t *ms, struct err *err)
{
    if (measure(text, time_units, ms))
        return true;
    return err_set(err, ERR_INVALID,
                   "\"%s\" is not a duration: write a number and ms, s, m, h or d, such as \"30s\"",
                   text);
}

/* The number with one decimal in the largest unit that keeps it at one or more. */
static void show_bytes(char out[32], int64_t bytes, const char *suffix)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned n = 0;
    /* 1023.95 would be shown as 1024.0. */
    while (value >= 1023.95 && n + 1 < sizeof names / sizeof *names) {
        value /= 1024;
        n++;
    }
    if (n == 0)
        snprintf(out, 32, "%lld B%s", (long long)bytes, suffix);
    else
        snprintf(out, 32, "%.1f %s%s", value, names[n], suffix);
}

void units_show_size(char out[32], int64_t bytes)
{
    if (bytes < 0)
        snprintf(out, 32, "unknown");
    else
        show_bytes(out, bytes, "");
}

void units_show_rate(char out[32], int64_t bytes_per_s)
{
    if (bytes_per_s < 0)
        snprintf(out, 32, "unlimited");
    else
        show_bytes(out, bytes_per_s, "/s");
}

void units_show_duration(char out[32], int64_t ms)
{
    long long s = ms < 0 ? 0 : (long long)(ms / 1000);
    if (ms < 1000)
        snprintf(out, 32, "%lldms", ms < 0 ? 0 : (long long)ms);
    else if (s < 60)
        snprintf(out, 32, "%lld.%llds", s, (long long)(ms % 1000 / 100));
    else if (s < 3600)
        snprintf(out, 32, "%lldm%02llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, 32, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}
