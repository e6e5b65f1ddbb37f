/* Any bytes as a pattern and a key, held against a matcher that is too simple to be wrong. */
#include "base/glob.h"
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only '*', "**", '?' and single bytes, by trying all; nothing else may be in the pattern.
 * `begins`: a segment of the pattern begins here. */
static bool plain_match(const char *pattern, const char *key, bool begins)
{
    bool deep = pattern[0] == '*' && pattern[1] == '*';

    if (!*pattern)
        return !*key;
    if (*pattern != '*')
        return *key && (*pattern == *key || (*pattern == '?' && *key != '/')) &&
               plain_match(pattern + 1, key + 1, *pattern == '/');
    if (deep && begins && pattern[2] == '/' && plain_match(pattern + 3, key, true))
        return true;
    for (;; key++) {
        if (plain_match(pattern + 1 + deep, key, false))
            return true;
        if (!*key || (*key == '/' && !deep))
            return false;
    }
}

static int count(const char *text, char c)
{
    int n = 0;
    for (; (text = strchr(text, c)); text++)
        n++;
    return n;
}

/* Anchored by a '/' in front, so that only the whole key counts. */
static void check_plain(const char *pattern, const char *key)
{
    size_t len = strlen(pattern);

    if (pattern[0] != '/' || strpbrk(pattern, "[]{}\\") || count(pattern, '*') > 4 ||
        strlen(key) > 64 || pattern[len - 1] == '/')
        return;
    if (glob_match(pattern, key) != plain_match(pattern + 1, key, true))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    size_t cut = 0;

    while (cut < size && data[cut])
        cut++;
    char *pattern = xstrndup((const char *)data, cut);
    char *key = xstrndup((const char *)data + cut + (cut < size), size - cut - (cut < size));
    if (!glob_check(pattern, &err)) {
        if (err.kind != ERR_INVALID || !err.message[0])
            abort();
    } else {
        glob_match(pattern, key);
        check_plain(pattern, key);
    }
    free(pattern);
    free(key);
    return 0;
}
