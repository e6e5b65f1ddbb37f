#pragma once
/*
 * What haul says about itself: what the language has registered (lua/haul/manual.lua) together with
 * what only the program knows, its commands, flags and exit statuses.  Control thread only; it
 * loads no job file.
 */
#include "base/buf.h"
#include "base/err.h"

struct script_entry {
    const char *section; /* "commands", "flags" or "statuses" */
    const char *name;
    const char *takes; /* what follows the name; NULL: nothing */
    const char *help;
    char letter;       /* of a flag; 0: none */
    char variable[40]; /* of the environment; "": none */
};

/* Adds to `out` what there is to say about `word`, or with NULL everything as one JSON value.
 * False with ERR_INVALID and the nearest words when nothing is known of it. */
bool script_manual(const char *word, const struct script_entry *entries, size_t n, struct buf *out,
                   struct err *err);
