/* Contents, and what objects carry beside them. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

/* --- bytes ---------------------------------------------------------------------------- */

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

/* --- what is carried ------------------------------------------------------------------ */

static const char *const carried[CARRIED] = {"content-type", "meta-note", "meta-mtime",
                                             "cache-control"};

void note_of(const struct blob *blob, char note[40])
{
    snprintf(note, 40, "of %016llx",
             (unsigned long long)sum_update(SUM_CRC64, 0, blob->data, blob->len));
}

void luggage_free(struct luggage *luggage)
{
    for (int i = 0; i < CARRIED; i++)
        free(luggage->value[i]);
    memset(luggage, 0, sizeof *luggage);
}

struct luggage luggage_read(const struct http_fields *attributes)
{
    struct luggage luggage = {0};

    for (int i = 0; attributes && i < CARRIED; i++)
        luggage.value[i] = xstrdup(http_fields_get(attributes, carried[i]));
    return luggage;
}

struct luggage luggage_copy(const struct luggage *from)
{
    struct luggage luggage;

    for (int i = 0; i < CARRIED; i++)
        luggage.value[i] = xstrdup(from->value[i]);
    return luggage;
}

struct http_fields *luggage_tell(const struct luggage *luggage)
{
    struct http_fields *attributes = xcalloc(1, sizeof *attributes);

    http_fields_init(attributes, 4096);
    for (int i = 0; i < CARRIED; i++)
        if (luggage->value[i])
            http_fields_add(attributes, carried[i], luggage->value[i]);
    return attributes;
}

/* What a remote target carries beside its bytes is what their source had beside them. */
void watch_luggage(const struct goal *goal, const struct blob *blob)
{
    struct remote *remote = remote_of(goal->task->to);
    const struct object *object = remote ? remote_find(remote, goal->target) : NULL;
    bool copied = goal->task->from->kind != STORE_DIR;
    char note[40];

    if (!object || object->blob->len != blob->len)
        return;
    const char *const *value = (const char *const *)object->luggage.value;
    const struct http_fields *asked = goal->task->attributes;
    const char *cache = asked ? http_fields_get(asked, "cache-control") : NULL;
    note_of(blob, note);
    if (copied && goal->task->preserve &&
        (!value[CARRIED_NOTE] || strcmp(value[CARRIED_NOTE], note)))
        broken("I17", "%s carries '%s' instead of '%s'", goal->target,
               value[CARRIED_NOTE] ? value[CARRIED_NOTE] : "nothing", note);
    if (!goal->task->preserve && value[CARRIED_NOTE])
        broken("I17", "%s carries '%s', which nobody wanted", goal->target, value[CARRIED_NOTE]);
    if (!copied && goal->task->preserve != (value[CARRIED_MTIME] != NULL))
        broken("I17", "%s has the time '%s' of its file", goal->target,
               value[CARRIED_MTIME] ? value[CARRIED_MTIME] : "");
    if (cache && (!value[CARRIED_CACHE] || strcmp(value[CARRIED_CACHE], cache)))
        broken("I17", "%s was not given '%s'", goal->target, cache);
}
