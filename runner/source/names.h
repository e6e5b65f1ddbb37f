#pragma once
/*
 * Objects that are named and not listed: one key, a list, what an iterator or a manifest of the job
 * file yields, or what failed in the last run.  Where a filter or a function of the task wants to
 * know what an object is before it is taken up, the store is asked.  Owned by source.  Control
 * thread only.
 */
#include "core/knowledge.h"
#include "source/inquiry.h"

struct names;

/* One named object; what it points at is its owner's. */
struct name {
    struct name *next;
    char *key;               /* whole key, or path below the root */
    char *target;            /* whole name on the other side, where a manifest gave one; NULL */
    struct object_info info; /* size -1: not known */
    struct knowledge known;  /* of it, where functions may want it */
    struct inquiry inquiry;  /* with the reason, where it could not be asked about */
};

/* `ask`: the store is asked about objects whose size is not given. */
struct names *names_new(const struct task *task, bool only_failed, bool ask);
void names_free(struct names *names);

/* Takes in more names, as far as there is room; journal and scripts are asked here. */
/* names_fill would take in more at once. */
bool names_wants(const struct names *names);
void names_fill(struct names *names, struct turn *turn);
/* The op that asks about one of them; NULL: none now. */
struct op *names_next(struct names *names, struct turn *turn);
bool names_owns(const struct names *names, const struct op *op);
void names_settle(struct names *names, struct op *op, struct turn *turn);
int64_t names_wake_ms(const struct names *names);

/* The next one, now the caller's (name_free); NULL: none known yet, or over. */
struct name *names_take(struct names *names);
void name_free(struct name *name);
/* Is it not there because an earlier part of the run moved it? */
bool name_was_moved(const struct task *task, const struct name *name, struct turn *turn);
/* Something can be taken now. */
bool names_ready(const struct names *names);
/* No question is under way. */
bool names_idle(const struct names *names);
bool names_over(const struct names *names);
/* Every name was read (some may still wait). */
bool names_listed(const struct names *names);
/* Why there will be no more; kind NONE: the end. */
const struct err *names_error(const struct names *names);
