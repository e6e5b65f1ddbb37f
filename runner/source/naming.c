#include "source/naming.h"
#include "journal/sync.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENAMES_MAX 1000

void naming_free(struct naming *naming)
{
    free(naming->target);
    if (naming->attributes)
        http_fields_free(naming->attributes);
    free(naming->attributes);
    memset(naming, 0, sizeof *naming);
}

/* --- names ---------------------------------------------------------------------------- */

static bool is_prefix(const char *path)
{
    size_t len = strlen(path);
    return len == 0 || path[len - 1] == '/';
}

char *naming_plain(const struct task *task, const char *key)
{
    if (task->single && !is_prefix(task->to_path))
        return xstrdup(task->to_path);
    const char *rest = key + strlen(task->from_path);
    if (task->single) {
        const char *slash = strrchr(key, '/');
        rest = slash ? slash + 1 : key;
    }
    return xasprintf("%s%s", task->to_path, rest);
}

/* A name that the functions give takes the place of the plain one. */
static enum naming_verdict ask_script(const struct task *task, const struct object_view *object,
                                      struct turn *turn, struct naming *naming, struct err *err)
{
    struct mapping mapping = {.selected = true, .priority = task->priority};
    struct object_view view = *object;

    view.target = naming->target;
    bool ok = turn->hooks->map(turn->hooks->ctx, task, &view, &mapping, err);
    naming->attributes = mapping.attributes;
    naming->part_size = mapping.part_size;
    naming->full = mapping.full;
    naming->priority = mapping.priority;
    if (mapping.target) {
        free(naming->target);
        naming->target = mapping.target;
    }
    if (mapping.touched.source)
        return NAMING_ASKS;
    return !ok ? NAMING_FAILED : mapping.selected ? NAMING_FOUND : NAMING_LEFT;
}

/* --- conflicts ------------------------------------------------------------------------ */

/* "b (2).jpg" for "b.jpg". */
static char *numbered(const char *target, int n)
{
    const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
    const char *dot = strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - target) : strlen(target);
    return xasprintf("%.*s (%d)%s", (int)stem, target, n, target + stem);
}

/* Takes the name; false with the key that has it. */
static bool take_name(const struct task *task, const char *key, const char *target,
                      struct turn *turn, char other[LIMIT_KEY + 1])
{
    struct err err = {0};
    bool taken = false;

    if (!journal_name_take(turn->journal, task->number, target, key, other, &taken, &err))
        turn_fatal(turn, &err);
    return !taken;
}

static enum naming_verdict number_it(const struct task *task, const char *key, struct turn *turn,
                                     struct naming *naming, struct err *err)
{
    char other[LIMIT_KEY + 1];

    for (int n = 2; n < RENAMES_MAX; n++) {
        char *target = numbered(naming->target, n);
        if (take_name(task, key, target, turn, other)) {
            free(naming->target);
            naming->target = target;
            return NAMING_FOUND;
        }
        free(target);
    }
    err_set(err, ERR_INVALID, "more than %d keys would get the name '%.200s'", RENAMES_MAX,
            naming->target);
    return NAMING_FAILED;
}

static enum naming_verdict ask_for_another(const struct task *task, const char *key, char *other,
                                           struct turn *turn, struct naming *naming,
                                           struct err *err)
{
    char *target = turn->hooks->settle(turn->hooks->ctx, task, key, other, naming->target, err);
    if (!target)
        return err->kind == ERR_NONE ? NAMING_SKIPPED : NAMING_FAILED;
    free(naming->target);
    naming->target = target;
    if (take_name(task, key, target, turn, other))
        return NAMING_FOUND;
    err_set(err, ERR_INVALID, "'%.200s' would get the name of '%.200s' all the same: '%.200s'", key,
            other, target);
    return NAMING_FAILED;
}

static enum naming_verdict settle_conflict(const struct task *task, const char *key, char *other,
                                           struct turn *turn, struct naming *naming,
                                           struct err *err)
{
    snprintf(naming->why, sizeof naming->why, "'%.100s' has its name already: '%.100s'", other,
             naming->target);
    switch (task->conflict) {
    case CONFLICT_SKIP:
        return NAMING_SKIPPED;
    case CONFLICT_RENAME:
        return number_it(task, key, turn, naming, err);
    case CONFLICT_SCRIPT:
        return ask_for_another(task, key, other, turn, naming, err);
    case CONFLICT_ERROR:
        break;
    }
    err_set(err, ERR_INVALID, "'%.200s' and '%.200s' would both be named '%.200s'", other, key,
            naming->target);
    return NAMING_FAILED;
}

enum naming_verdict naming_find(const struct task *task, const struct object_view *object,
                                bool keep, struct turn *turn, struct naming *naming,
                                struct err *err)
{
    enum naming_verdict verdict = NAMING_FOUND;
    char other[LIMIT_KEY + 1];

    memset(naming, 0, sizeof *naming);
    naming->priority = task->priority;
    naming->target = object->target ? xstrdup(object->target) : naming_plain(task, object->key);
    if (task->functions & TASK_MAPS)
        verdict = ask_script(task, object, turn, naming, err);
    if (verdict == NAMING_FOUND && keep && (task->functions & (TASK_RENAMES | TASK_YIELDS)) &&
        !take_name(task, object->key, naming->target, turn, other))
        verdict = settle_conflict(task, object->key, other, turn, naming, err);
    if (verdict != NAMING_FOUND) {
        char why[sizeof naming->why];
        memcpy(why, naming->why, sizeof why);
        naming_free(naming);
        memcpy(naming->why, why, sizeof why);
    }
    return verdict;
}
