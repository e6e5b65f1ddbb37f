/*
 * A pattern is run as a set of places in it that have been reached so far, moved on by each byte of
 * the key: no backtracking, so that no pattern takes long.
 */
#include "base/glob.h"
#include <stdint.h>
#include <string.h>

#define PATTERN_MAX 1024
#define NESTING_MAX 8

/* Places reached, one bit each; the one behind the last byte means that all matched. */
struct places {
    uint64_t bit[(PATTERN_MAX + 64) / 64];
};

static bool has(const struct places *places, size_t at)
{
    return places->bit[at / 64] >> (at % 64) & 1;
}

static void put(struct places *places, size_t at)
{
    places->bit[at / 64] |= UINT64_C(1) << (at % 64);
}

/* --- reading a pattern ---------------------------------------------------------------- */

/* The byte behind a set that begins at `at`; 0: it is not closed. */
static size_t set_end(const char *pattern, size_t at)
{
    at++;
    if (pattern[at] == '!' || pattern[at] == '^')
        at++;
    if (pattern[at] == ']') /* the first one is a member */
        at++;
    for (; pattern[at]; at++) {
        if (pattern[at] == ']')
            return at + 1;
        if (pattern[at] == '\\' && pattern[at + 1])
            at++;
    }
    return 0;
}

/* The byte behind one unit of the pattern that is no brace. */
static size_t unit_end(const char *pattern, size_t at)
{
    if (pattern[at] == '[')
        return set_end(pattern, at);
    return at + (pattern[at] == '\\' && pattern[at + 1] ? 2 : 1);
}

/* The ',' or '}' that ends the alternative which begins at `at`. */
static size_t alternative_end(const char *pattern, size_t at)
{
    int depth = 0;
    while (pattern[at]) {
        if (depth == 0 && (pattern[at] == ',' || pattern[at] == '}'))
            return at;
        depth += pattern[at] == '{' ? 1 : pattern[at] == '}' ? -1 : 0;
        at = unit_end(pattern, at);
    }
    return at;
}

/* The byte behind the '}' of the brace that a ',' or '}' at `at` belongs to. */
static size_t brace_end(const char *pattern, size_t at)
{
    while (pattern[at] == ',')
        at = alternative_end(pattern, at + 1);
    return at + 1;
}

bool glob_check(const char *pattern, struct err *err)
{
    int depth = 0;
    size_t len = strlen(pattern);

    if (len == 0 || len > PATTERN_MAX - 8)
        return err_set(err, ERR_INVALID, "a pattern has 1 to %d bytes", PATTERN_MAX - 8);
    for (size_t at = 0, end; at < len; at = end) {
        if (pattern[at] == '\\' && !pattern[at + 1])
            return err_set(err, ERR_INVALID, "nothing follows the '\\' at byte %zu", at + 1);
        if (!(end = unit_end(pattern, at)))
            return err_set(err, ERR_INVALID, "the '[' at byte %zu is not closed", at + 1);
        depth += pattern[at] == '{' ? 1 : pattern[at] == '}' ? -1 : 0;
        if (depth < 0)
            return err_set(err, ERR_INVALID, "the '}' at byte %zu has no '{'", at + 1);
        if (depth > NESTING_MAX)
            return err_set(err, ERR_INVALID, "more than %d '{' inside each other", NESTING_MAX);
    }
    return depth == 0 || err_set(err, ERR_INVALID, "a '{' is not closed");
}

/* --- running it ----------------------------------------------------------------------- */

struct run {
    const char *pattern;
    size_t len;
    int depth[PATTERN_MAX]; /* of braces, in front of each byte */
};

/* "**" with a slash behind it, as a segment of its own: no directory at all will do. */
static bool is_any_depth(const struct run *run, size_t at)
{
    const char *pattern = run->pattern;
    bool begins = at == 0 || strchr("/{,", pattern[at - 1]);
    return begins && at + 2 < run->len && pattern[at + 1] == '*' && pattern[at + 2] == '/';
}

/* Reaches `at` and everything that can be reached from there without a byte. */
static void reach(const struct run *run, struct places *places, size_t at)
{
    const char *pattern = run->pattern;

    if (has(places, at))
        return;
    put(places, at);
    if (at == run->len)
        return;
    if (pattern[at] == '*') {
        reach(run, places, at + (pattern[at + 1] == '*' ? 2 : 1));
        if (is_any_depth(run, at))
            reach(run, places, at + 3);
    } else if (pattern[at] == '{') {
        for (size_t to = at; to == at || pattern[to] == ','; to = alternative_end(pattern, to + 1))
            reach(run, places, to + 1);
    } else if (run->depth[at] && (pattern[at] == ',' || pattern[at] == '}')) {
        reach(run, places, brace_end(pattern, at));
    }
}

static bool in_set(const char *set, size_t len, unsigned char byte)
{
    bool inside = false, negative = *set == '!' || *set == '^';

    for (size_t i = negative; i < len; i++) {
        i += set[i] == '\\' && i + 1 < len;
        unsigned char low = (unsigned char)set[i], high = low;
        if (i + 2 < len && set[i + 1] == '-') {
            i += 2;
            i += set[i] == '\\' && i + 1 < len;
            high = (unsigned char)set[i];
        }
        inside = inside || (byte >= low && byte <= high);
    }
    return inside != negative;
}

/* Moves on from `at` over one byte of the key. */
static void step(const struct run *run, struct places *next, size_t at, unsigned char byte)
{
    const char *pattern = run->pattern;
    size_t end = unit_end(pattern, at);

    if (pattern[at] == '*') {
        if (pattern[at + 1] == '*' || byte != '/')
            reach(run, next, at);
        return;
    }
    if (pattern[at] == '{' || (run->depth[at] && (pattern[at] == ',' || pattern[at] == '}')))
        return;
    bool match = pattern[at] == '?'   ? byte != '/'
                 : pattern[at] == '[' ? byte != '/' && in_set(pattern + at + 1, end - at - 2, byte)
                                      : (unsigned char)pattern[end - 1] == byte;
    if (match)
        reach(run, next, end);
}

static bool is_empty(const struct places *places)
{
    for (size_t i = 0; i < sizeof places->bit / sizeof *places->bit; i++)
        if (places->bit[i])
            return false;
    return true;
}

static void run_init(struct run *run, const char *pattern, size_t len)
{
    int depth = 0;
    run->pattern = pattern;
    run->len = len;
    for (size_t at = 0, end; at < len; at = end) {
        end = unit_end(pattern, at);
        for (size_t i = at; i < end; i++)
            run->depth[i] = depth;
        depth += pattern[at] == '{' ? 1 : pattern[at] == '}' ? -1 : 0;
    }
}

/* With `below`, the pattern has to match up to a '/' of the key. */
static bool run_over(const struct run *run, const char *key, bool below)
{
    struct places here = {{0}};

    reach(run, &here, 0);
    for (; *key; key++) {
        struct places next = {{0}};
        if (below && *key == '/' && has(&here, run->len))
            return true;
        for (size_t at = 0; at < run->len; at++)
            if (has(&here, at))
                step(run, &next, at, (unsigned char)*key);
        here = next;
        if (is_empty(&here))
            return false;
    }
    return !below && has(&here, run->len);
}

bool glob_match(const char *pattern, const char *key)
{
    struct run run;
    size_t len = strlen(pattern);
    bool below = len > 1 && pattern[len - 1] == '/' && pattern[len - 2] != '\\';

    len -= below;
    bool whole = memchr(pattern, '/', len) != NULL;
    if (pattern[0] == '/') {
        pattern++;
        len--;
    }
    run_init(&run, pattern, len);
    if (whole)
        return run_over(&run, key, below);
    const char *slash = strrchr(key, '/');
    if (!below)
        return run_over(&run, slash ? slash + 1 : key, false);
    for (const char *segment = key; segment; segment = strchr(segment, '/')) {
        segment += segment != key;
        if (run_over(&run, segment, true))
            return true;
    }
    return false;
}
