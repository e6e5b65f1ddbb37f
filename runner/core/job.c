#include "core/job.h"
#include <stdlib.h>

static void task_free(struct task *task)
{
    for (int i = 0; i < task->n_keys; i++)
        free(task->keys[i]);
    free(task->keys);
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
