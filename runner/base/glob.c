/*
 * A pattern is run as a set of places in it that have been reached so far, moved on by each byte of
 * the key: no backtracking, so that no pattern takes long.
 */
#include "base/glob.h"
#include <stdint.h>
#include <string.h>

#define PATTERN_MAX 1024
#define NESTING_MAX 8
#define WORDS       (PATTERN_MAX / 64)

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

/* The byte behind one unit of the pattern: a set, an escaped byte or a single one. */
static size_t unit_end(const char *pattern, size_t at)
{
    if (pattern[at] == '[')
        return set_end(pattern, at);
    return at + (pattern[at] == '\\' && pattern[at + 1] ? 2 : 1);
}

struct range {
    unsigned char low, high;
};

/* The range that begins at `i` of a set without its brackets; returns the byte behind it. */
static size_t set_range(const char *set, size_t len, size_t i, struct range *range)
{
    i += set[i] == '\\' && i + 1 < len;
    range->low = range->high = (unsigned char)set[i];
    if (i + 2 >= len || set[i + 1] != '-')
        return i + 1;
    i += 2;
    i += set[i] == '\\' && i + 1 < len;
    range->high = (unsigned char)set[i];
    return i + 1;
}

static bool is_negative(const char *set)
{
    return *set == '!' || *set == '^';
}

static bool check_set(const char *pattern, size_t at, size_t end, struct err *err)
{
    const char *set = pattern + at + 1;
    size_t len = end - at - 2;
    struct range range;

    for (size_t i = is_negative(set), next; i < len; i = next) {
        next = set_range(set, len, i, &range);
        if (range.low > range.high)
            return err_set(err, ERR_INVALID, "the range at byte %zu runs backwards", at + 2 + i);
    }
    return true;
}

/* Braces that are open, by their places. */
struct braces {
    size_t open[NESTING_MAX];
    int depth;
};

static bool check_brace(struct braces *braces, char c, size_t at, struct err *err)
{
    if (c == '}' && braces->depth == 0)
        return err_set(err, ERR_INVALID, "the '}' at byte %zu has no '{'", at + 1);
    if (c == '{' && braces->depth == NESTING_MAX)
        return err_set(err, ERR_INVALID, "the '{' at byte %zu is inside of %d others", at + 1,
                       NESTING_MAX);
    if (c == '{')
        braces->open[braces->depth++] = at;
    else if (c == '}')
        braces->depth--;
    return true;
}

bool glob_check(const char *pattern, struct err *err)
{
    struct braces braces = {.depth = 0};
    size_t len = strlen(pattern);

    if (len == 0 || len >= PATTERN_MAX)
        return err_set(err, ERR_INVALID, "a pattern has 1 to %d bytes", PATTERN_MAX - 1);
    for (size_t at = 0, end; at < len; at = end) {
        if (pattern[at] == '\\' && !pattern[at + 1])
            return err_set(err, ERR_INVALID, "nothing follows the '\\' at byte %zu", at + 1);
        if (!(end = unit_end(pattern, at)))
            return err_set(err, ERR_INVALID, "the '[' at byte %zu is not closed", at + 1);
        if (pattern[at] == '[' && !check_set(pattern, at, end, err))
            return false;
        if (!check_brace(&braces, pattern[at], at, err))
            return false;
    }
    return !braces.depth || err_set(err, ERR_INVALID, "the '{' at byte %zu is not closed",
                                    braces.open[braces.depth - 1] + 1);
}

/* --- running it ----------------------------------------------------------------------- */

/* Places reached, one bit each; the one behind the last byte means that all matched. */
struct places {
    uint64_t bit[WORDS];
};

struct run {
    const char *pattern;
    size_t len;
    size_t words;                 /* of `places` in use */
    uint16_t next[PATTERN_MAX];   /* of a '{' or ',': where its alternative ends */
    uint16_t behind[PATTERN_MAX]; /* of a ',' or '}': the byte behind the '}'; 0: no brace's */
};

static bool has(const struct places *places, size_t at)
{
    return places->bit[at / 64] >> (at % 64) & 1;
}

static void put(struct places *places, size_t at)
{
    places->bit[at / 64] |= UINT64_C(1) << (at % 64);
}

/* Every ',' and the '}' of the brace that opens at `open` and closes at `close`. */
static void tie(struct run *run, size_t open, size_t close)
{
    for (size_t at = run->next[open];; at = run->next[at]) {
        run->behind[at] = (uint16_t)(close + 1);
        if (at == close)
            return;
    }
}

static void run_init(struct run *run, const char *pattern, size_t len)
{
    size_t open[NESTING_MAX + 1], last[NESTING_MAX + 1];
    int depth = 0;

    run->pattern = pattern;
    run->len = len;
    run->words = len / 64 + 1;
    memset(run->behind, 0, (len + 1) * sizeof *run->behind);
    for (size_t at = 0; at < len; at = unit_end(pattern, at)) {
        if (pattern[at] == '{') {
            depth++;
            open[depth] = last[depth] = at;
        } else if (depth && (pattern[at] == ',' || pattern[at] == '}')) {
            run->next[last[depth]] = (uint16_t)at;
            last[depth] = at;
            if (pattern[at] == '}')
                tie(run, open[depth--], at);
        }
    }
}

/* "**" with a slash behind it, as a segment of its own: no directory at all will do. */
static bool is_any_depth(const struct run *run, size_t at)
{
    const char *pattern = run->pattern;
    bool begins = at == 0 || strchr("/{,", pattern[at - 1]);
    return begins && at + 2 < run->len && pattern[at + 1] == '*' && pattern[at + 2] == '/';
}

static bool is_deep(const struct run *run, size_t at)
{
    return at + 1 < run->len && run->pattern[at + 1] == '*';
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
        reach(run, places, at + (is_deep(run, at) ? 2 : 1));
        if (is_any_depth(run, at))
            reach(run, places, at + 3);
    } else if (pattern[at] == '{') {
        for (size_t to = at; to == at || pattern[to] == ','; to = run->next[to])
            reach(run, places, to + 1);
    } else if (run->behind[at]) {
        reach(run, places, run->behind[at]);
    }
}

static bool in_set(const char *set, size_t len, unsigned char byte)
{
    bool inside = false;
    struct range range;

    for (size_t i = is_negative(set); i < len && !inside;) {
        i = set_range(set, len, i, &range);
        inside = byte >= range.low && byte <= range.high;
    }
    return inside != is_negative(set);
}

/* Moves on from `at`, which is no '*', over one byte of the key. */
static void step(const struct run *run, struct places *next, size_t at, unsigned char byte)
{
    const char *pattern = run->pattern;

    if (pattern[at] == '{' || run->behind[at])
        return;
    size_t end = unit_end(pattern, at);
    bool match = pattern[at] == '?'   ? byte != '/'
                 : pattern[at] == '[' ? byte != '/' && in_set(pattern + at + 1, end - at - 2, byte)
                                      : (unsigned char)pattern[end - 1] == byte;
    if (match)
        reach(run, next, end);
}

/* A '*' takes the byte and is where it was; it is not entered anew. */
static void stay(const struct run *run, struct places *next, size_t at, unsigned char byte)
{
    if ((byte == '/' && !is_deep(run, at)) || has(next, at))
        return;
    put(next, at);
    reach(run, next, at + (is_deep(run, at) ? 2 : 1));
}

/* From all places over one byte; false when none is left.  Those that stay come last, in order: by
 * then all that are entered have been. */
static bool step_all(const struct run *run, struct places *here, unsigned char byte)
{
    struct places next;
    bool any = false;

    memset(&next, 0, run->words * sizeof *next.bit);
    for (int stars = 0; stars < 2; stars++)
        for (size_t word = 0; word < run->words; word++)
            for (uint64_t bits = here->bit[word]; bits; bits &= bits - 1) {
                size_t at = word * 64 + (size_t)__builtin_ctzll(bits);
                if (at < run->len && stars == (run->pattern[at] == '*'))
                    (stars ? stay : step)(run, &next, at, byte);
            }
    for (size_t word = 0; word < run->words; word++) {
        here->bit[word] = next.bit[word];
        any = any || next.bit[word];
    }
    return any;
}

/* Does it match the whole key? */
static bool run_over(const struct run *run, const char *key)
{
    struct places here;

    memset(&here, 0, run->words * sizeof *here.bit);
    reach(run, &here, 0);
    for (; *key; key++)
        if (!step_all(run, &here, (unsigned char)*key))
            return false;
    return has(&here, run->len);
}

/* Does it match up to some '/' of the key, beginning at the first byte or (`anywhere`) at any
 * segment? */
static bool run_below(const struct run *run, const char *key, bool anywhere)
{
    struct places here;

    memset(&here, 0, run->words * sizeof *here.bit);
    reach(run, &here, 0);
    for (; *key; key++) {
        if (*key == '/' && has(&here, run->len))
            return true;
        if (!step_all(run, &here, (unsigned char)*key) && !anywhere)
            return false;
        if (*key == '/' && anywhere)
            reach(run, &here, 0);
    }
    return false;
}

/* Is the last byte a '/' that stands for itself? */
static bool ends_in_slash(const char *pattern, size_t len)
{
    size_t last = 0;

    for (size_t at = 0; at < len; at = unit_end(pattern, at))
        last = at;
    return pattern[last] == '/';
}

bool glob_match(const char *pattern, const char *key)
{
    struct run run;
    size_t len = strlen(pattern);
    bool below = ends_in_slash(pattern, len);

    if (below && len == 1)
        return true;
    len -= below;
    bool whole = memchr(pattern, '/', len) != NULL;
    if (pattern[0] == '/') {
        pattern++;
        len--;
    }
    run_init(&run, pattern, len);
    if (below)
        return run_below(&run, key, !whole);
    const char *slash = whole ? NULL : strrchr(key, '/');
    return run_over(&run, slash ? slash + 1 : key);
}
