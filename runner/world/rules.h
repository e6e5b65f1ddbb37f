#pragma once
/*
 * What is to go wrong in a world: rules, each for the requests that it names, in the order in which
 * they were made.  Plain data and pure functions; control thread only.
 */
#include "io/op.h"

struct rule {
    char *store;    /* name, bucket or directory; NULL: any */
    char *op, *key; /* rule_name of an op; a glob; NULL: any */
    uint32_t part;  /* 0: any */
    int64_t skip;   /* so many pass first */
    int64_t times;  /* then so many meet it; -1: all */
    struct err err; /* what those get; kind CORRUPT: a byte is wrong on its way instead */
    bool crash;     /* haul dies while it is under way */
    bool lost;      /* it takes effect, and the answer is lost */
};

struct rules {
    struct rule *item;
    int n, cap;
};

/* What a rule is held against. */
struct deed {
    const char *store, *bucket, *root; /* each NULL: it has none */
    const char *op, *key;
    uint32_t part;
};

/* What people call it: "upload_part", "get", "temp", ... */
const char *rule_name(const struct op *op);
/* Is there an op that is called so? */
bool rule_name_known(const char *name);
/* The error that a store (`remote`) or a disk gives where a rule says `kind`; `err` may have a
 * status, a code or a wait already.  False: no op can end so. */
bool rule_error(struct rule *rule, enum err_kind kind, bool remote);

/* Takes over what it points at. */
void rules_add(struct rules *rules, const struct rule *rule);
/* The first rule that this meets, counted as met; NULL: none. */
const struct rule *rules_meet(struct rules *rules, const struct deed *deed);
void rules_free(struct rules *rules);
