/* What objects carry beside their bytes. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

void note_of(const struct blob *blob, char note[40])
{
    snprintf(note, 40, "of %016llx",
             (unsigned long long)sum_update(SUM_CRC64, 0, blob->data, blob->len));
}

void put_object(struct remote *remote, const char *key, struct blob *blob, bool in_parts)
{
    struct http_fields *attributes = xcalloc(1, sizeof *attributes);
    char note[40];

    note_of(blob, note);
    http_fields_init(attributes, 4096);
    http_fields_add(attributes, "content-type", "text/sim");
    http_fields_add(attributes, "meta-note", note);
    remote_put(remote, key, blob, attributes, in_parts);
}

static const char *value_of(const struct object *object, const char *name)
{
    return object->attributes ? http_fields_get(object->attributes, name) : NULL;
}

/* What a remote target carries beside its bytes is what their source had beside them. */
void watch_luggage(const struct goal *goal, const struct blob *blob)
{
    struct remote *remote = remote_of(goal->task->to);
    const struct object *object = remote ? remote_find(remote, goal->target) : NULL;
    bool copied = goal->task->from->kind != STORE_DIR;
    char wanted[40];

    if (!object || object->blob->len != blob->len)
        return;
    const struct http_fields *asked = goal->task->attributes;
    const char *cache = asked ? http_fields_get(asked, "cache-control") : NULL;
    const char *note = value_of(object, "meta-note"), *mtime = value_of(object, ATTRIBUTE_MTIME);
    const char *cached = value_of(object, "cache-control");
    note_of(blob, wanted);
    if (copied && goal->task->preserve && (!note || strcmp(note, wanted)))
        broken("I17", "%s carries '%s' instead of '%s'", goal->target, note ? note : "nothing",
               wanted);
    if (!goal->task->preserve && note)
        broken("I17", "%s carries '%s', which nobody wanted", goal->target, note);
    if (!copied && goal->task->preserve != (mtime != NULL))
        broken("I17", "%s has the time '%s' of its file", goal->target, mtime ? mtime : "");
    if (cache && (!cached || strcmp(cached, cache)))
        broken("I17", "%s was not given '%s'", goal->target, cache);
}
