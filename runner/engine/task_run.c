#include "engine/task_run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 256 /* a turn: each leaves events that are delivered at its end */

void task_run_init(struct task_run *tasks, const struct job *job,
                   const struct source_options *options)
{
    memset(tasks, 0, sizeof *tasks);
    tasks->setting.job = job;
    tasks->setting.options = *options;
}

static void free_phases(struct task_run *tasks)
{
    for (int i = 0; i < tasks->n_phases; i++)
        phase_free(&tasks->phase[i]);
    free(tasks->phase);
    tasks->phase = NULL;
    tasks->n_phases = tasks->turn_of = 0;
}

void task_run_free(struct task_run *tasks)
{
    free_phases(tasks);
}

bool task_run_over(const struct task_run *tasks)
{
    return tasks->task >= tasks->setting.job->n_tasks;
}

/* --- the half that writes ------------------------------------------------------------- */

void task_run_settle(struct task_run *tasks, struct op *op, struct turn *turn)
{
    for (int i = 0; i < tasks->n_phases; i++)
        if (phase_settle(&tasks->phase[i], op, turn))
            return;
}

bool task_run_decide(struct task_run *tasks, uint64_t ticket, const struct decision *decision,
                     struct turn *turn)
{
    for (int i = 0; i < tasks->n_phases; i++)
        if (phase_decide(&tasks->phase[i], &tasks->setting, ticket, decision, turn))
            return true;
    return false;
}

/* The index behind the group's last task. */
static int group_end(const struct task_run *tasks)
{
    const struct job *job = tasks->setting.job;
    int end = tasks->task, group = job->tasks[end].group;

    while (end < job->n_tasks && job->tasks[end].group == group)
        end++;
    return end;
}

/* Targets that go along with another task's source have none of their own. */
static void begin(struct task_run *tasks)
{
    const struct task *all = tasks->setting.job->tasks;
    int end = group_end(tasks);

    tasks->phase = xcalloc((size_t)(end - tasks->task), sizeof *tasks->phase);
    for (int i = tasks->task; i < end; i++)
        if (!all[i].is_also)
            tasks->phase[tasks->n_phases++].task = &all[i];
}

void task_run_fill(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    if (task_run_over(tasks))
        return;
    if (!tasks->phase)
        begin(tasks);
    for (int i = 0; i < tasks->n_phases; i++)
        phase_fill(&tasks->phase[i], &tasks->setting, sched, turn);
}

/* --- the half that sends -------------------------------------------------------------- */

/* The one that is more important than all that were not tried yet; of equals the next in turn.  -1:
 * all were. */
static int next_to_try(const struct task_run *tasks)
{
    int best = -1;

    for (int i = 0; i < tasks->n_phases; i++) {
        int n = (tasks->turn_of + i) % tasks->n_phases;
        bool more =
            best < 0 || phase_priority(&tasks->phase[n]) > phase_priority(&tasks->phase[best]);
        if (more && !tasks->phase[n].tried)
            best = n;
    }
    return best;
}

/* False: none has an object and room for it. */
static bool open_next(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    for (int i = 0; i < tasks->n_phases; i++)
        tasks->phase[i].tried = false;
    double most = -INFINITY;
    for (int n; (n = next_to_try(tasks)) >= 0;) {
        double mine = phase_priority(&tasks->phase[n]);
        tasks->phase[n].tried = true;
        most = mine > most ? mine : most;
        if (!phase_open(&tasks->phase[n], sched, mine < most, turn))
            continue;
        tasks->turn_of = n + 1;
        return true;
    }
    return false;
}

static void open_some(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    int n = 0;
    while (n < OPEN_MAX && open_next(tasks, sched, turn))
        n++;
    tasks->changed = n == OPEN_MAX;
}

static bool group_is_over(const struct task_run *tasks)
{
    for (int i = 0; i < tasks->n_phases; i++)
        if (tasks->phase[i].state != PHASE_OVER)
            return false;
    return true;
}

static void next_group(struct task_run *tasks)
{
    tasks->task = group_end(tasks);
    free_phases(tasks);
    tasks->changed = true;
}

/* Is every object of the job known? */
static bool all_listed(const struct task_run *tasks)
{
    if (group_end(tasks) < tasks->setting.job->n_tasks)
        return false;
    for (int i = 0; i < tasks->n_phases; i++)
        if (!phase_listed(&tasks->phase[i]))
            return false;
    return true;
}

void task_run_dispatch(struct task_run *tasks, struct sched *sched, struct turn *turn)
{
    tasks->changed = false;
    if (task_run_over(tasks) || !tasks->phase)
        return;
    for (int i = 0; i < tasks->n_phases; i++)
        phase_send(&tasks->phase[i], sched, turn);
    open_some(tasks, sched, turn);
    turn->totals->listing_done = all_listed(tasks);
    for (int i = 0; i < tasks->n_phases; i++)
        phase_end(&tasks->phase[i], &tasks->setting, sched, turn);
    if (group_is_over(tasks))
        next_group(tasks);
}

/* --- waiting -------------------------------------------------------------------------- */

bool task_run_ready(const struct task_run *tasks)
{
    bool ready = tasks->changed;

    for (int i = 0; i < tasks->n_phases && !ready; i++)
        ready = phase_ready(&tasks->phase[i]);
    return ready;
}

int64_t task_run_wake_ms(const struct task_run *tasks)
{
    int64_t wake_ms = INT64_MAX;

    for (int i = 0; i < tasks->n_phases; i++) {
        int64_t mine = phase_wake_ms(&tasks->phase[i]);
        if (mine < wake_ms)
            wake_ms = mine;
    }
    return wake_ms;
}
