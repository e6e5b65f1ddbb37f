/* Any bytes as each kind of list, in XML and in JSON.  The first byte chooses. */
#include "wire/listing.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every page that was taken promises. */
static void check_objects(const struct object_call *call, const struct listing *listing)
{
    for (size_t i = 0; i < listing->n; i++) {
        const struct list_entry *entry = &listing->entry[i];
        if (entry->special)
            continue;
        if (strncmp(entry->key, call->prefix, strlen(call->prefix)) != 0 || entry->size < 0)
            abort();
        if (i > 0 && !listing->entry[i - 1].special &&
            strcmp(listing->entry[i - 1].key, entry->key) >= 0)
            abort();
    }
    if (listing->next_token && call->token && strcmp(listing->next_token, call->token) == 0)
        abort();
}

static void check_parts(const struct part_list *parts)
{
    for (int i = 0; i < parts->n; i++)
        if (parts->entry[i].number < (i ? parts->entry[i - 1].number + 1 : 1))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"a", "b", "c"};
    if (size == 0)
        return 0;
    struct err err;
    struct slice text = {(const char *)data + 1, size - 1};
    bool json = data[0] & 1;
    struct object_call call = {
        .prefix = data[0] & 2 ? "a" : "", .token = "1", .keys = keys, .n_keys = 3};
    struct listing listing = {0};
    struct part_list parts = {0};
    char *token = NULL;
    switch (data[0] >> 2 & 3) {
    case 0:
        if (listing_read_objects(text, json, &call, &listing, &err))
            check_objects(&call, &listing);
        break;
    case 1:
        listing_read_uploads(text, json, &call, &listing, &err);
        break;
    case 2:
        if (listing_read_parts(text, json, &call, &parts, &token, &err))
            check_parts(&parts);
        break;
    default:
        listing_read_deleted(text, json, &call, &listing, &err);
    }
    listing_free(&listing);
    part_list_free(&parts);
    free(token);
    return 0;
}
