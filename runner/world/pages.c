/* Pages of a listing. */
#include "world/remote.h"
#include <stdlib.h>
#include <string.h>

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void add_entry(struct listing *page, const struct object *object)
{
    page->entry = xrealloc(page->entry, (page->n + 1) * sizeof *page->entry);
    page->entry[page->n++] = (struct list_entry){.key = xstrdup(object->key),
                                                 .size = (int64_t)object->blob->len,
                                                 .mtime_ns = object->mtime_ns,
                                                 .etag = xstrdup(object->etag)};
}

/* What stands for the key and others: up to the delimiter; NULL: it stands for itself. */
static char *shared_prefix(const struct object_call *call, const char *prefix, const char *key)
{
    const char *end = call->delimiter ? strstr(key + strlen(prefix), call->delimiter) : NULL;

    return end ? xstrndup(key, (size_t)(end - key) + strlen(call->delimiter)) : NULL;
}

/* Is it behind what was asked for already? */
static bool is_further(const struct object_call *call, const char *key)
{
    const char *after = call->token ? call->token : call->start_after;

    if (!after || !*after)
        return true;
    bool told = call->delimiter && call->token && begins(key, after); /* of a shared prefix */
    return strcmp(key, after) > 0 && !told;
}

static void add_prefix(struct listing *page, char *shared)
{
    page->prefix = xrealloc(page->prefix, (page->n_prefixes + 1) * sizeof *page->prefix);
    page->prefix[page->n_prefixes++] = shared;
}

bool remote_list(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct listing *page = &op->out.answer.listing;
    const char *prefix = call->prefix ? call->prefix : "", *last = NULL;
    size_t most = (size_t)(call->max_keys > 0 && call->max_keys < remote->page ? call->max_keys
                                                                               : remote->page);

    for (int i = 0; i < remote->n_objects; i++) {
        const struct object *object = &remote->object[i];
        if (!begins(object->key, prefix) || !is_further(call, object->key))
            continue;
        char *shared = shared_prefix(call, prefix, object->key);
        bool again =
            shared && page->n_prefixes && !strcmp(shared, page->prefix[page->n_prefixes - 1]);
        if (!again && page->n + page->n_prefixes == most)
            page->next_token = xstrdup(last);
        if (again || page->next_token)
            free(shared);
        else if (shared)
            add_prefix(page, shared);
        else
            add_entry(page, object);
        if (page->next_token)
            break;
        last = shared && !again ? shared : again ? last : object->key;
    }
    return true;
}
