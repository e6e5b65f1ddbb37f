#include "core/knowledge.h"
#include <stdlib.h>
#include <string.h>

enum call_kind knowledge_call(unsigned what)
{
    return what == KNOW_TAGS ? CALL_GET_TAGS : CALL_HEAD;
}

void knowledge_take(struct knowledge *known, unsigned what, struct object_answer *answer)
{
    known->has |= what;
    if (what == KNOW_TAGS) {
        const char *tags = answer->attributes ? http_fields_get(answer->attributes, "tags") : NULL;
        free(known->tags);
        known->tags = xstrdup(tags ? tags : "");
        return;
    }
    attributes_free(known->attributes);
    known->info = answer->info;
    known->attributes = answer->attributes;
    answer->attributes = NULL;
}

void knowledge_free(struct knowledge *known)
{
    attributes_free(known->attributes);
    free(known->tags);
    memset(known, 0, sizeof *known);
}
