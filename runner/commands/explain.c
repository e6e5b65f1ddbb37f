/*
 * haul explain JOB KEY: what both sides of one object look like now, which rule of the job file
 * meets it, what the journal knows of it, and what a run would do.  Writes nothing.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/inspect.h"
#include "core/select.h"
#include "engine/probe.h"
#include "source/compare.h"
#include "source/naming.h"
#include "source/questions.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is known of one object in one task. */
struct account {
    struct inspect *inspect;
    const struct task *task;
    const char *name; /* below the task's place */
    char *key;        /* whole */
    struct naming naming;
    struct object_info source, target;    /* size -1: it is not there */
    struct knowledge known, target_known; /* what its functions asked for */
    struct buf out;
    bool failed; /* a side could not be asked */
};

static void say(struct account *a, const char *what, const char *text)
{
    if (a->inspect->options->json) {
        buf_addf(&a->out, "%s\"%s\":", a->out.len > 1 ? "," : "", what);
        buf_add_json(&a->out, text);
    } else {
        buf_addf(&a->out, "  %-9s", what);
        buf_add_printable(&a->out, text);
        buf_addc(&a->out, '\n');
    }
}

static void say_info(struct account *a, const char *what, const char *key,
                     const struct object_info *info)
{
    struct buf text = buf_new(LIMIT_LINE);
    char when[32] = "at a time not told", size[32];

    if (info->mtime_ns)
        clock_show(when, info->mtime_ns / 1000000);
    units_show_size(size, info->size);
    if (info->size < 0)
        buf_addf(&text, "%s: not there", key);
    else
        buf_addf(&text, "%s: %s (%" PRId64 " bytes), modified %s%s%s", key, size, info->size, when,
                 info->etag[0] ? ", ETag " : "", info->etag);
    say(a, what, buf_str(&text));
    buf_free(&text);
}

/* A side that is not there has the size -1; one that cannot be asked ends the account. */
static bool look(struct account *a, const char *what, const struct store *store, const char *key,
                 struct object_info *info)
{
    struct err err = {0};

    if (!inspect_head(a->inspect, store, key, info, &err)) {
        memset(info, 0, sizeof *info);
        info->size = -1;
    }
    if (err.kind == ERR_NONE || err.kind == ERR_MISSING) {
        say_info(a, what, key, info);
        return true;
    }
    say(a, what, err.message);
    a->failed = true;
    return false;
}

/* --- rules ---------------------------------------------------------------------------- */

static bool is_named(const struct task *task, const char *name, const char *key)
{
    if (task->single)
        return !strcmp(key, task->from_path);
    if (!task->keys)
        return true;
    for (int i = 0; i < task->n_keys; i++)
        if (!strcmp(task->keys[i], name))
            return true;
    return false;
}

static const char *left_out(const struct account *a)
{
    const struct turn *turn = &a->inspect->turn;
    const char *why = "";

    if (!is_named(a->task, a->name, a->key))
        return "the task names other keys";
    if (!select_passes(a->task, &turn->job->shard, a->name, &a->source, &why))
        return why;
    return NULL;
}

/* Asks for what the functions touch; `pair`: compare too.  False: it was said why that failed. */
static bool learn(struct account *a, bool pair)
{
    struct inspect *inspect = a->inspect;
    struct questions *questions = questions_new(a->task, pair);
    const struct object_view view = {.key = a->key, .info = &a->source};
    struct question *q;

    questions_add(questions, &view, a->naming.target, pair ? &a->target : NULL, &a->known);
    questions_look(questions, &inspect->turn);
    while (!(q = questions_first(questions))) {
        struct op *op = questions_next(questions, &inspect->turn);
        if (op) {
            op = inspect_wait(inspect, op);
            inspect_tick(inspect);
            questions_settle(questions, op, &inspect->turn);
            op_free(op);
        } else {
            inspect_pause(inspect, questions_wake_ms(questions));
        }
        questions_look(questions, &inspect->turn);
    }
    bool ok = q->err.kind == ERR_NONE;
    if (!ok)
        say(a, pair ? "compare" : "rule", q->err.message);
    a->known = q->known;
    a->target_known = q->target_known;
    memset(&q->known, 0, sizeof q->known);
    memset(&q->target_known, 0, sizeof q->target_known);
    questions_free(questions);
    return ok;
}

/* False: what is to be said of it has been said. */
static bool is_taken(struct account *a)
{
    struct err err = {0};
    const char *why = left_out(a);

    if (why) {
        say(a, "rule", why);
        return false;
    }
    if (!learn(a, false))
        return false;
    const struct object_view view = {
        .key = a->key, .info = &a->source, .store = a->task->from, .known = &a->known};
    switch (naming_find(a->task, &view, false, &a->inspect->turn, &a->naming, &err)) {
    case NAMING_ASKS:
        say(a, "rule", "its functions ask for something else each time");
        return false;
    case NAMING_FOUND:
        say(a, "rule", "the task takes it");
        return true;
    case NAMING_LEFT:
        say(a, "rule", "the function `where` does not want it");
        return false;
    case NAMING_SKIPPED:
        say(a, "rule", a->naming.why);
        return false;
    case NAMING_FAILED:
        say(a, "rule", err.message);
        return false;
    }
    return false;
}

static const char *kept(const struct account *a)
{
    if (a->task->overwrite == OVERWRITE_NEVER)
        return "the target exists, and overwrite is \"never\"";
    if (a->task->overwrite == OVERWRITE_NEWER && a->source.mtime_ns &&
        a->source.mtime_ns <= a->target.mtime_ns)
        return "the target is as new, and overwrite is \"newer\"";
    return NULL;
}

/* --- the journal ---------------------------------------------------------------------- */

static void count_part(void *ctx, const struct part_row *part)
{
    int *n = ctx;
    (void)part;
    ++*n;
}

static enum row_state say_journal(struct account *a)
{
    struct journal *journal = a->inspect->turn.journal;
    struct row row;
    struct err err = {0};
    char text[sizeof row.err.message + 64];
    int parts = 0;

    if (!journal || !journal_get(journal, a->task->number, a->key, &row, &err)) {
        say(a, "journal", err.kind == ERR_NONE ? "the last run has nothing of it" : err.message);
        return ROW_NONE;
    }
    journal_parts(journal, a->task->number, a->key, count_part, &parts, &err);
    if (row.state == ROW_FAILED)
        snprintf(text, sizeof text, "failed: %s: %s", err_kind_name(row.err.kind), row.err.message);
    else if (row.state == ROW_ACTIVE)
        snprintf(text, sizeof text, "unfinished, %d parts are done", parts);
    else
        snprintf(text, sizeof text, "%s in the last run",
                 row.state == ROW_DONE ? "done" : "skipped");
    say(a, "journal", text);
    return row.state;
}

/* --- what a run would do -------------------------------------------------------------- */

static void judge_sync(struct account *a)
{
    struct turn *turn = &a->inspect->turn;
    struct fingerprint print;
    struct comparison comparison;
    struct err err = {0};
    bool known = turn->journal && a->task->compare == COMPARE_FINGERPRINT &&
                 journal_print_get(turn->journal, task_scope(a->task), a->key, &print, &err);

    if (a->task->compare == COMPARE_SCRIPT && !learn(a, true))
        return;
    const struct object_view here = {a->key, NULL, &a->source, a->task->from, &a->known};
    const struct object_view there = {a->key, NULL, &a->target, a->task->to, &a->target_known};
    compare_pair(a->task, &here, &there, known ? &print : NULL, turn, &comparison);
    if (comparison.err.kind != ERR_NONE)
        say(a, "compare", comparison.err.message);
    else
        say(a, "compare",
            comparison.sameness == UNTOLD ? "both sides would be read to tell" : comparison.why);
    say(a, "run",
        comparison.sameness == SAME        ? "would leave it alone"
        : comparison.sameness == DIFFERENT ? "would send it"
                                           : "would send it if they differ");
}

static void judge_pair(struct account *a)
{
    enum row_state state = say_journal(a);

    if (a->task->kind == TASK_DELETE) {
        say(a, "run", "would delete it, if the guard and before_delete allow");
    } else if (a->target.size >= 0 && kept(a)) {
        say(a, "compare", kept(a));
        say(a, "run", "would leave it alone");
    } else if (a->task->kind == TASK_SYNC && a->target.size >= 0) {
        judge_sync(a);
    } else if (state == ROW_ACTIVE) {
        say(a, "run", "would carry it on");
    } else {
        say(a, "run",
            a->task->kind == TASK_MOVE ? "would send it, and remove it here once that is proved"
                                       : "would send it");
    }
}

/* The source does not have it: only the target of a sync can. */
static void judge_missing(struct account *a)
{
    char *target = naming_plain(a->task, a->key);
    bool there = a->task->kind != TASK_DELETE &&
                 look(a, "target", a->task->to, target, &a->target) && a->target.size >= 0;

    say_journal(a);
    if (there && a->task->kind == TASK_SYNC && a->task->remove)
        say(a, "run", "would delete it, if the guard and before_delete allow");
    else
        say(a, "run", there ? "would leave the target alone" : "would do nothing");
    free(target);
}

static void judge(struct account *a)
{
    if (!look(a, "source", a->task->from, a->key, &a->source))
        return;
    if (a->source.size < 0) {
        judge_missing(a);
        return;
    }
    if (!is_taken(a))
        return;
    if (a->task->kind == TASK_DELETE ||
        look(a, "target", a->task->to, a->naming.target, &a->target))
        judge_pair(a);
    naming_free(&a->naming);
}

/* The key may be given whole, as events have it, or below the task's place. */
static char *whole_key(const struct task *task, const char *given)
{
    size_t len = strlen(task->from_path);

    if (task->single || !strncmp(given, task->from_path, len))
        return xstrdup(given);
    return xasprintf("%s%s", task->from_path, given);
}

static bool explain_task(struct inspect *inspect, const struct task *task, const char *given,
                         bool first)
{
    struct account a = {.inspect = inspect, .task = task, .out = buf_new(LIMIT_DOCUMENT)};
    a.key = whole_key(task, given);
    a.name = a.key + (task->single ? 0 : strlen(task->from_path));
    if (inspect->options->json)
        printf("%s{\"task\":%d,\"kind\":\"%s\",", first ? "" : ",\n", task->number,
               task_kind_name(task->kind));
    else
        printf("task %d: %s from %s to %s\n", task->number, task_kind_name(task->kind),
               task->from->name, task->to->name);
    judge(&a);
    printf("%s%s", buf_str(&a.out), inspect->options->json ? "}" : "");
    buf_free(&a.out);
    knowledge_free(&a.known);
    knowledge_free(&a.target_known);
    free(a.key);
    return !a.failed;
}

static int explain_all(struct workspace *ws, const struct options *options)
{
    struct inspect inspect;
    struct err err = {0};
    struct journal *journal = journal_open_readonly(ws->dir, &err);
    bool ok = true;

    if (err.kind != ERR_NONE)
        log_warn("%s", err.message);
    workspace_start(ws);
    inspect_begin(&inspect, ws, options, journal);
    if (options->json)
        putchar('[');
    for (int i = 0; i < ws->job->n_tasks; i++)
        ok = explain_task(&inspect, &ws->job->tasks[i], options->key, i == 0) && ok;
    if (options->json)
        puts("]");
    inspect_end(&inspect);
    if (journal)
        journal_close(journal);
    return ok ? 0 : 3;
}

int command_explain(const struct options *options)
{
    return workspace_do(options, explain_all);
}
