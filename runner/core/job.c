#include "core/job.h"
#include <stdlib.h>
#include <string.h>

static void list_free(char **list, int n)
{
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

static void task_free(struct task *task)
{
    list_free(task->keys, task->n_keys);
    list_free(task->splits, task->n_splits);
    list_free(task->selection.include, task->selection.n_include);
    list_free(task->selection.exclude, task->selection.n_exclude);
    if (task->attributes)
        http_fields_free(task->attributes);
    free(task->attributes);
    free(task->from_path);
    free(task->to_path);
}

void job_free(struct job *job)
{
    if (!job)
        return;
    for (int i = 0; i < job->n_tasks; i++)
        task_free(&job->tasks[i]);
    for (int i = 0; i < job->n_stores; i++)
        store_free(job->stores[i].store);
    for (int i = 0; i < job->n_dials; i++)
        free(job->dials[i].schedule.span);
    free(job->dials);
    free(job->tasks);
    free(job->stores);
    free(job->name);
    free(job->file);
    free(job);
}

struct job_store *job_store_of(const struct job *job, const struct store *store)
{
    for (int i = 0; i < job->n_stores; i++)
        if (job->stores[i].store == store)
            return &job->stores[i];
    return NULL;
}

const struct task *task_first(const struct task *task)
{
    while (task->is_also) /* they stand behind each other */
        task--;
    return task;
}

bool task_deletes(const struct task *task)
{
    return task->remove || task->kind == TASK_DELETE || task->kind == TASK_MOVE;
}

const char *task_kind_name(enum task_kind kind)
{
    static const char *const names[] = {
        [TASK_COPY] = "copy", [TASK_SYNC] = "sync", [TASK_DELETE] = "delete", [TASK_MOVE] = "move"};
    return names[kind];
}

/* With their NULs, so that no two places run together. */
static uint64_t add_text(uint64_t sum, const char *text)
{
    text = text ? text : "";
    return sum_update(SUM_CRC64, sum, text, strlen(text) + 1);
}

static uint64_t add_place(uint64_t sum, const struct store *store, const char *path)
{
    const unsigned char kind = (unsigned char)store->kind;

    sum = sum_update(SUM_CRC64, sum, &kind, 1);
    sum = add_text(sum, store->host);
    sum = add_text(sum, store->bucket);
    sum = add_text(sum, store->root);
    return add_text(sum, path);
}

uint64_t task_scope(const struct task *task)
{
    uint64_t sum = task->kind == TASK_MOVE ? add_text(0, "move") : 0;

    return add_place(add_place(sum, task->from, task->from_path), task->to, task->to_path);
}

uint64_t job_fingerprint(const struct job *job)
{
    uint64_t sum = 0;
    for (int i = 0; i < job->n_tasks; i++) {
        for (const struct task *task = &job->tasks[i]; task; task = task->also) {
            uint64_t scope = task_scope(task);
            sum = sum_update(SUM_CRC64, sum, &scope, sizeof scope);
        }
        for (int n = 0; n < job->tasks[i].n_keys; n++)
            sum = add_text(sum, job->tasks[i].keys[n]);
    }
    return sum;
}
