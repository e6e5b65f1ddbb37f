#include "source/names.h"
#include "base/list.h"
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 256 /* names taken in, not yet taken out */
#define ASKING_MAX  16
#define LOOK_MAX    4096 /* names looked at in one turn */

struct names {
    const struct task *task;
    bool only_failed, ask;
    struct {
        struct name *head, **tail;
    } waiting;
    int n_waiting, n_asking;
    int next_key;   /* of task->keys */
    char *last_key; /* of the failed ones */
    bool ended;     /* there are no more to take in */
    struct err err;
};

struct names *names_new(const struct task *task, bool only_failed, bool ask)
{
    struct names *names = xcalloc(1, sizeof *names);
    names->task = task;
    names->only_failed = only_failed;
    names->ask = ask;
    list_init(&names->waiting);
    return names;
}

void name_free(struct name *name)
{
    if (!name)
        return;
    free(name->key);
    free(name->target);
    knowledge_free(&name->known);
    free(name);
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (struct name *name; (name = list_pop(&names->waiting));)
        name_free(name);
    free(names->last_key);
    free(names);
}

/* --- taking in ------------------------------------------------------------------------ */

static void take_in(struct names *names, char *key, char *target, const struct object_info *info)
{
    struct name *name = xcalloc(1, sizeof *name);
    name->key = key;
    name->target = target;
    name->info = *info;
    name->inquiry.over = !names->ask || info->size >= 0;
    list_push(&names->waiting, name);
    names->n_waiting++;
}

/* "a/b" of a manifest is below the task's places, like a key of a list. */
static char *below(const char *prefix, const char *name)
{
    return name ? xasprintf("%s%s", prefix, name) : NULL;
}

/* Of a retry: names that did not fail are passed over. */
static bool is_wanted(struct names *names, const char *key, struct turn *turn)
{
    struct row row;
    if (!names->only_failed)
        return true;
    return journal_get(turn->journal, names->task->number, key, &row, &names->err) &&
           row.state == ROW_FAILED;
}

static bool yield_one(struct names *names, struct turn *turn)
{
    const struct task *task = names->task;
    struct object_info info = {.size = -1};
    char *target = NULL;
    char *key = turn->hooks->yield(turn->hooks->ctx, task, &info, &target, &names->err);
    if (!key)
        return false;
    char *whole = below(task->from_path, key);
    bool wanted = is_wanted(names, whole, turn);
    if (wanted)
        take_in(names, whole, below(task->to_path, target), &info);
    else
        free(whole);
    free(key);
    free(target);
    return wanted || names->err.kind == ERR_NONE;
}

static void take_in_failed(void *ctx, const char *key)
{
    static const struct object_info unknown = {.size = -1};
    struct names *names = ctx;

    free(names->last_key);
    names->last_key = xstrdup(key);
    take_in(names, xstrdup(key), NULL, &unknown);
}

static bool take_in_one(struct names *names, struct turn *turn)
{
    static const struct object_info unknown = {.size = -1};
    const struct task *task = names->task;

    if (names->only_failed && !(task->functions & TASK_YIELDS))
        return journal_failed_next(turn->journal, task->number, names->last_key, 16, take_in_failed,
                                   names, &names->err) > 0;
    if (task->functions & TASK_YIELDS)
        return yield_one(names, turn);
    if (task->keys && names->next_key < task->n_keys) {
        take_in(names, below(task->from_path, task->keys[names->next_key++]), NULL, &unknown);
        return true;
    }
    if (task->single && !names->next_key++) {
        take_in(names, xstrdup(task->from_path), NULL, &unknown);
        return true;
    }
    return false;
}

bool names_wants(const struct names *names)
{
    return !names->ended && names->n_waiting < WAITING_MAX;
}

void names_fill(struct names *names, struct turn *turn)
{
    for (int n = 0; n < LOOK_MAX && names_wants(names); n++)
        names->ended = !take_in_one(names, turn);
}

/* --- asking --------------------------------------------------------------------------- */

struct op *names_next(struct names *names, struct turn *turn)
{
    const struct store *from = names->task->from;

    if (names->n_asking >= ASKING_MAX)
        return NULL;
    for (struct name *name = names->waiting.head; name; name = name->next)
        if (inquiry_may_go(&name->inquiry, from, turn)) {
            names->n_asking++;
            return inquiry_make(&name->inquiry, CALL_HEAD, from, name->key, names->task, turn);
        }
    return NULL;
}

int64_t names_wake_ms(const struct names *names)
{
    int64_t wake_ms = INT64_MAX;
    for (const struct name *name = names->waiting.head; name; name = name->next)
        if (inquiry_wake_ms(&name->inquiry) < wake_ms)
            wake_ms = inquiry_wake_ms(&name->inquiry);
    return names->n_asking >= ASKING_MAX ? INT64_MAX : wake_ms;
}

static struct name *asker(const struct names *names, const struct op *op)
{
    struct name *name = names ? names->waiting.head : NULL;
    while (name && op->owner != &name->inquiry)
        name = name->next;
    return name;
}

bool names_owns(const struct names *names, const struct op *op)
{
    return asker(names, op) != NULL;
}

void names_settle(struct names *names, struct op *op, struct turn *turn)
{
    struct name *name = asker(names, op);

    names->n_asking--;
    if (!inquiry_settle(&name->inquiry, op, names->task, turn))
        return;
    name->info = op->in.store->kind == STORE_DIR ? op->out.info : op->out.answer.info;
    if (op->in.store->kind != STORE_DIR && (names->task->functions & TASK_MAPS))
        knowledge_take(&name->known, KNOW_HEAD, &op->out.answer);
}

/* --- taking out ----------------------------------------------------------------------- */

bool names_ready(const struct names *names)
{
    return names->waiting.head && names->waiting.head->inquiry.over;
}

struct name *names_take(struct names *names)
{
    if (!names_ready(names))
        return NULL;
    names->n_waiting--;
    return list_pop(&names->waiting);
}

bool name_was_moved(const struct task *task, const struct name *name, struct turn *turn)
{
    struct err err = {0};
    struct row row;

    return task->kind == TASK_MOVE && name->inquiry.err.kind == ERR_MISSING && turn->journal &&
           journal_get(turn->journal, task->number, name->key, &row, &err) && row.state == ROW_DONE;
}

bool names_idle(const struct names *names)
{
    return names->n_asking == 0;
}

bool names_listed(const struct names *names)
{
    return names->ended;
}

bool names_over(const struct names *names)
{
    return names->ended && !names->waiting.head;
}

const struct err *names_error(const struct names *names)
{
    return &names->err;
}
