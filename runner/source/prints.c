#include "source/prints.h"
#include <stdlib.h>
#include <string.h>

struct prints {
    uint64_t scope;
    bool dry;
    struct prints_walk *walk; /* NULL where nothing is written */
};

struct prints *prints_new(const struct task *task, bool dry, struct turn *turn)
{
    struct prints *prints = xcalloc(1, sizeof *prints);
    prints->scope = task_scope(task);
    prints->dry = dry;
    if (!dry)
        prints->walk = journal_walk_new(turn->journal, prints->scope);
    return prints;
}

void prints_free(struct prints *prints)
{
    if (!prints)
        return;
    journal_walk_free(prints->walk);
    free(prints);
}

bool prints_find(struct prints *prints, const char *key, struct fingerprint *print,
                 struct turn *turn)
{
    struct err err = {0};
    bool found = false;

    if (prints->walk)
        found = journal_walk_find(prints->walk, key, print, &err);
    else if (turn->journal)
        found = journal_print_get(turn->journal, prints->scope, key, print, &err);
    if (err.kind != ERR_NONE)
        turn_fatal(turn, &err);
    return found;
}

void prints_put(struct prints *prints, const char *key, const struct object_info *source,
                const struct object_info *target, struct turn *turn)
{
    struct fingerprint print = {.size = source->size,
                                .mtime_ns = source->mtime_ns,
                                .inode = source->inode,
                                .target_size = target->size,
                                .target_mtime_ns = target->mtime_ns};
    struct err err = {0};

    memcpy(print.etag, source->etag, sizeof print.etag);
    memcpy(print.target_etag, target->etag, sizeof print.target_etag);
    if (!prints->dry && !journal_print_put(turn->journal, prints->scope, key, &print, &err))
        turn_fatal(turn, &err);
}

void prints_end(struct prints *prints, bool believe, struct turn *turn)
{
    struct err err = {0};

    if (prints->walk && !journal_walk_end(prints->walk, believe, &err))
        turn_fatal(turn, &err);
    journal_walk_free(prints->walk);
    prints->walk = NULL;
}
