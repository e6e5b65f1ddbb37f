#pragma once
/*
 * What a store has said of one object because a function of the job file touched what no listing
 * has: user metadata, tags and the like.  Owned by whoever holds it; plain data.
 */
#include "wire/object_api.h"

/* What can be asked, each by one request; bits. */
enum { KNOW_HEAD = 1, KNOW_TAGS = 2 };

struct knowledge {
    unsigned has;                   /* bits of what is in here */
    struct object_info info;        /* HEAD */
    struct http_fields *attributes; /* HEAD: by neutral names; NULL: nothing that `info` has not */
    char *tags;                     /* TAGS: "a=1&b=2", percent-encoded */
};

/* The call that asks for one of those bits, ... */
enum call_kind knowledge_call(unsigned what);
/* ... and its answer, of which it takes what it keeps. */
void knowledge_take(struct knowledge *known, unsigned what, struct object_answer *answer);
void knowledge_free(struct knowledge *known);
