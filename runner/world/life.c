/* One run of a job in its world, from its stores to what became of it. */
#include "base/log.h"
#include "engine/probe.h"
#include "world/inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- before --------------------------------------------------------------------------- */

static bool bind_dir(struct world *world, struct store *store, struct err *err)
{
    char *mapped = xasprintf("%s" WORLD_FILES "%s", world->dir, store->root);
    char *above = xstrndup(mapped, (size_t)(strrchr(mapped, '/') - mapped));
    bool ok = world_make_dirs(above, err);

    free(above);
    free(store->root);
    store->root = mapped;
    return ok;
}

static bool bind_stores(struct world *world, struct job *job, struct err *err)
{
    bool ok = true;

    for (int i = 0; ok && i < job->n_stores; i++) {
        struct store *store = job->stores[i].store;
        ok = store->kind == STORE_DIR ? bind_dir(world, store, err)
                                      : world_bind_remote(world, store, err);
    }
    return ok;
}

/* --- during --------------------------------------------------------------------------- */

static void observe(void *ctx, const struct event *event)
{
    const struct world *world = ctx;
    struct event told = *event;
    size_t len = strlen(world->dir) + strlen(WORLD_FILES);

    if (told.path && !strncmp(told.path, world->dir, strlen(world->dir)))
        told.path += len;
    world->host->event(world->host->ctx, &told);
}

static struct run_config make_config(struct world *world, const struct job *job,
                                     const struct hooks *hooks, const struct world_wishes *wishes)
{
    return (struct run_config){.job = job,
                               .io = &world->io,
                               .hooks = *hooks,
                               .observer = observe,
                               .observer_ctx = world,
                               .observed = UINT32_MAX & ~(1u << EVENT_PROGRESS),
                               .seed = rng_next(&world->rng),
                               .mono_ns = world->clock.mono_ns,
                               .wall_ms = world->clock.wall_ms,
                               .clock_ctx = world,
                               .max_duration_ms = wishes->max_duration_ms,
                               .verify = wishes->verify};
}

static void take_turns(struct world *world, const struct run_config *config)
{
    struct world_result *result = world->result;
    struct run *run = run_new(config);

    while (run_turn(run) && !world->over)
        continue;
    if (!world->over) {
        const char *why = run_ended_why(run);
        result->status = run_exit_status(run);
        snprintf(result->why, sizeof result->why, "%s", why ? why : "");
    }
    run_totals(run, &result->totals);
    run_free(run);
}

/* What a command does with a store or a target that is out of reach. */
static void refuse(struct world_result *result, const struct err *err)
{
    result->status = err->kind == ERR_BUG ? 70 : 3;
    snprintf(result->why, sizeof result->why, "%s", err->message);
}

static struct journal *open_journal(struct world *world, const struct job *job,
                                    const struct world_wishes *wishes, struct err *err)
{
    char *dir = xasprintf("%s" WORLD_STATE "/%s", world->dir, job->name);
    enum journal_opened how;
    struct journal *journal = NULL;

    if (wishes->verify)
        journal = journal_scratch(err);
    else if (world_make_dirs(dir, err))
        journal = journal_open(dir, job_fingerprint(job), wishes->fresh, &how, err);
    free(dir);
    return journal;
}

static bool live(struct world *world, struct run_config *config, const struct world_wishes *wishes,
                 struct err *err)
{
    struct err refused = {0};

    if (!probe_stores(config, &refused)) {
        if (!world->over)
            refuse(world->result, &refused);
        return true;
    }
    if (!(config->journal = open_journal(world, config->job, wishes, err)))
        return false;
    if (!wishes->verify && !probe_targets(config, &refused) && !world->over)
        refuse(world->result, &refused);
    else if (!world->over)
        take_turns(world, config);
    world_drop(world);
    journal_close(config->journal);
    return true;
}

/* --- after ---------------------------------------------------------------------------- */

void world_result_free(struct world_result *result)
{
    for (size_t i = 0; i < result->n_requests; i++) {
        free(result->request[i].store);
        free(result->request[i].key);
    }
    free(result->request);
    *result = (struct world_result){0};
}

bool world_run(struct world *world, struct job *job, const struct hooks *hooks,
               const struct world_host *host, const struct world_wishes *wishes,
               struct world_result *result, struct err *err)
{
    world->job = job;
    world->host = host;
    world->result = result;
    world->over = false;
    world->broken = (struct err){0};
    world->began_ns = world->now_ns;
    world->real_s = 0;
    struct run_config config = make_config(world, job, hooks, wishes);
    bool ok = bind_stores(world, job, err) && live(world, &config, wishes, err);

    world_drop(world);
    for (int i = 0; i < job->n_stores; i++)
        io_close_store(job->stores[i].store);
    result->seconds_ms = (world->now_ns - world->began_ns) / 1000000;
    if (ok && world->broken.kind != ERR_NONE) {
        *err = world->broken;
        ok = false;
    }
    return ok;
}
