#include "world/blob.h"
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

struct blob *blob_new(const void *data, size_t len)
{
    struct blob *blob = xmalloc(sizeof *blob + len);

    blob->refs = 1;
    blob->len = len;
    if (len && data)
        memcpy(blob->data, data, len);
    return blob;
}

struct blob *blob_make(uint64_t seed, size_t len)
{
    struct blob *blob = blob_new(NULL, len);
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

    for (size_t i = 0; i < len; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(blob->data + i, &state, len - i < 8 ? len - i : 8);
    }
    return blob;
}

struct blob *blob_keep(struct blob *blob)
{
    if (blob)
        blob->refs++;
    return blob;
}

void blob_drop(struct blob *blob)
{
    if (blob && --blob->refs == 0)
        free(blob);
}

bool blob_same(const struct blob *a, const struct blob *b)
{
    return a && b && a->len == b->len && !memcmp(a->data, b->data, a->len);
}
