#pragma once
/*
 * What one object is called on the other side, and what the job file's functions say about it.  Two
 * keys that would meet at one name are a conflict, settled as the task says.  Control thread only.
 */
#include "transfer/turn.h"

enum naming_verdict {
    NAMING_FOUND,
    NAMING_LEFT,    /* `where` does not want it */
    NAMING_SKIPPED, /* another key has its name, and `why` says which */
    NAMING_ASKS,    /* its functions want to know more of it first */
    NAMING_FAILED   /* the same as an error, or the job file's function failed */
};

struct naming {
    char *target;                   /* whole key or path on the other side; owned */
    struct http_fields *attributes; /* owned; NULL: none */
    int64_t part_size;              /* 0: the task's */
    bool full;                      /* its target is read back */
    double priority;
    char why[256];
};

/* object->target: the name a manifest gave, NULL: none.  `keep`: the name is noted in the journal,
 * so that no other key gets it. */
enum naming_verdict naming_find(const struct task *task, const struct object_view *object,
                                bool keep, struct turn *turn, struct naming *naming,
                                struct err *err);
void naming_free(struct naming *naming);

/* The name an object gets on the other side when nothing renames it; the caller frees it. */
char *naming_plain(const struct task *task, const char *key);
