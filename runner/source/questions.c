#include "source/questions.h"
#include "base/list.h"
#include "source/naming.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS_MAX 256 /* objects that may wait */
#define ASKING_MAX    16  /* requests under way */

struct questions {
    const struct task *task;
    bool compares;
    struct {
        struct question *head, **tail;
    } waiting;
    int n_waiting, n_asking;
    int64_t n_asked;
};

struct questions *questions_new(const struct task *task, bool compares)
{
    struct questions *questions = xcalloc(1, sizeof *questions);
    questions->task = task;
    questions->compares = compares;
    list_init(&questions->waiting);
    return questions;
}

static void question_free(struct question *question)
{
    knowledge_free(&question->known);
    knowledge_free(&question->target_known);
    free(question->key);
    free(question->named);
    free(question->there);
    free(question);
}

void questions_free(struct questions *questions)
{
    if (!questions)
        return;
    for (struct question *question; (question = list_pop(&questions->waiting));)
        question_free(question);
    free(questions);
}

void questions_add(struct questions *questions, const struct object_view *object,
                   const char *target_key, const struct object_info *target_info,
                   struct knowledge *known)
{
    struct question *question = xcalloc(1, sizeof *question);

    question->key = xstrdup(object->key);
    question->named = xstrdup(object->target);
    question->there = xstrdup(target_key);
    question->info = *object->info;
    question->has_target = target_info != NULL;
    if (target_info)
        question->target_info = *target_info;
    if (known) {
        question->known = *known;
        memset(known, 0, sizeof *known);
    }
    list_push(&questions->waiting, question);
    questions->n_waiting++;
}

bool questions_empty(const struct questions *questions)
{
    return !questions->waiting.head;
}

bool questions_full(const struct questions *questions)
{
    return questions->n_waiting >= QUESTIONS_MAX;
}

struct question *questions_first(const struct questions *questions)
{
    struct question *first = questions->waiting.head;
    return first && first->state == QUESTION_READY ? first : NULL;
}

bool questions_ready(const struct questions *questions)
{
    const struct question *first = questions->waiting.head;
    return first && first->state != QUESTION_ASKS;
}

void questions_drop(struct questions *questions)
{
    question_free(list_pop(&questions->waiting));
    questions->n_waiting--;
}

/* --- looking -------------------------------------------------------------------------- */

/* What the functions of one target's task ask for; what they decide is thrown away. */
static struct touched look_at_mapping(const struct task *task, struct question *question,
                                      struct turn *turn, bool *selected)
{
    struct mapping mapping = {.selected = true};
    char *target = question->named ? xstrdup(question->named) : naming_plain(task, question->key);
    const struct object_view view = {.key = question->key,
                                     .target = target,
                                     .info = &question->info,
                                     .store = task->from,
                                     .known = &question->known};

    if (task->functions & TASK_MAPS)
        turn->hooks->map(turn->hooks->ctx, task, &view, &mapping, &question->err);
    *selected = mapping.selected;
    free(mapping.target);
    attributes_free(mapping.attributes);
    free(target);
    return mapping.touched;
}

static struct touched look_at_pair(const struct task *task, struct question *question,
                                   struct turn *turn)
{
    const struct object_view here = {.key = question->key,
                                     .info = &question->info,
                                     .store = task->from,
                                     .known = &question->known};
    const struct object_view there = {.key = question->key,
                                      .info = &question->target_info,
                                      .store = task->to,
                                      .known = &question->target_known};
    struct touched touched = {0};
    char why[256];
    bool same;

    turn->hooks->compare(turn->hooks->ctx, task, &here, &there, &same, why, &touched,
                         &question->err);
    return touched;
}

static void begin_asking(struct question *question, const struct touched *touched)
{
    unsigned wanted = touched->source ? touched->source : touched->target;

    question->of_target = !touched->source;
    question->what = wanted & KNOW_HEAD ? KNOW_HEAD : KNOW_TAGS;
    question->state = QUESTION_ASKS;
    memset(&question->inquiry, 0, sizeof question->inquiry);
}

static void look(const struct questions *questions, struct question *question, struct turn *turn)
{
    struct touched touched = {0};
    bool selected;

    for (const struct task *task = questions->task; task; task = task->also) {
        touched = look_at_mapping(task, question, turn, &selected);
        if (question->err.kind == ERR_NONE && selected && !touched.source && questions->compares &&
            question->has_target)
            touched = look_at_pair(task, question, turn);
        if (touched.source || touched.target || question->err.kind != ERR_NONE)
            break;
    }
    if (question->err.kind == ERR_NONE && (touched.source || touched.target))
        begin_asking(question, &touched);
    else
        question->state = QUESTION_READY;
}

void questions_look(struct questions *questions, struct turn *turn)
{
    for (struct question *q = questions->waiting.head; q; q = q->next)
        if (q->state == QUESTION_NEW)
            look(questions, q, turn);
}

/* --- asking --------------------------------------------------------------------------- */

static const struct store *store_of(const struct questions *questions,
                                    const struct question *question)
{
    return question->of_target ? questions->task->to : questions->task->from;
}

struct op *questions_next(struct questions *questions, struct turn *turn)
{
    if (questions->n_asking >= ASKING_MAX)
        return NULL;
    for (struct question *q = questions->waiting.head; q; q = q->next) {
        const struct store *store = store_of(questions, q);
        if (q->state != QUESTION_ASKS || !inquiry_may_go(&q->inquiry, store, turn))
            continue;
        questions->n_asking++;
        questions->n_asked += q->inquiry.attempt == 0;
        return inquiry_make(&q->inquiry, knowledge_call(q->what), store,
                            q->of_target ? q->there : q->key, questions->task, turn);
    }
    return NULL;
}

static struct question *asker(const struct questions *questions, const struct op *op)
{
    struct question *q = questions ? questions->waiting.head : NULL;
    while (q && op->owner != &q->inquiry)
        q = q->next;
    return q;
}

bool questions_owns(const struct questions *questions, const struct op *op)
{
    return asker(questions, op) != NULL;
}

void questions_settle(struct questions *questions, struct op *op, struct turn *turn)
{
    struct question *q = asker(questions, op);

    questions->n_asking--;
    if (inquiry_settle(&q->inquiry, op, questions->task, turn)) {
        knowledge_take(q->of_target ? &q->target_known : &q->known, q->what, &op->out.answer);
        q->state = QUESTION_NEW;
    } else if (q->inquiry.over) {
        q->err = q->inquiry.err;
        err_wrap(&q->err, "%s, which the job file asks for",
                 q->what == KNOW_TAGS ? "object.tags" : "object.metadata and the like");
        q->state = QUESTION_READY;
    }
}

int64_t questions_wake_ms(const struct questions *questions)
{
    int64_t wake_ms = INT64_MAX;

    for (const struct question *q = questions->waiting.head; q; q = q->next)
        if (q->state == QUESTION_ASKS && inquiry_wake_ms(&q->inquiry) < wake_ms)
            wake_ms = inquiry_wake_ms(&q->inquiry);
    return questions->n_asking >= ASKING_MAX ? INT64_MAX : wake_ms;
}

bool questions_idle(const struct questions *questions)
{
    return questions->n_asking == 0;
}

int64_t questions_asked(const struct questions *questions)
{
    return questions->n_asked;
}
