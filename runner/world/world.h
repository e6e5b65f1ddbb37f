#pragma once
/*
 * A world for one job to run in: object stores in memory, directories below a private temporary
 * one, a clock that jumps to what comes next, and rules for what goes wrong.  The engine in it is
 * the one of production: what differs is struct io, the clock, and where a directory of the job is.
 * Nothing of it reaches a socket or a file outside.  One thread, and one run at a time.
 */
#include "engine/run.h"
#include "world/remote.h"
#include "world/rules.h"

struct world;

/* What of the outside a world asks its owner. */
struct world_host {
    void *ctx;
    /* Answers what a script of the job asks of others (OP_HTTP, OP_EXEC) as an op answers.  False:
     * the world breaks, with this error. */
    bool (*answer)(void *ctx, struct op *op, struct err *err);
    void (*event)(void *ctx, const struct event *event); /* `path` as the job names it */
};

struct world_config {
    uint64_t seed;
    int64_t wall_ms;    /* when it begins */
    int64_t latency_ms; /* of a request; each takes from half of it to one and a half */
    int64_t bandwidth;  /* bytes a second of one request */
    int64_t limit_ms;   /* a run that goes on for longer than this is broken off */
};

/* NULL: no temporary directory could be made. */
struct world *world_new(const struct world_config *config, struct err *err);
/* With everything in it, its files too. */
void world_free(struct world *world);

/* --- what is in it ------------------------------------------------------------------------ */

/* A store by its name in messages ("s3://bucket", "https://host/path") or by its bucket alone;
 * `make`: an empty one where there is none.  NULL: there is none, or with `err` that the bucket's
 * name alone leaves open which one is meant. */
struct remote *world_store(struct world *world, const char *name, bool make, struct err *err);
/* Where a directory of the job is: an absolute path; the caller's. */
char *world_path(const struct world *world, const char *dir);
/* Writes a file below a directory of the job, with those above it; `mtime_ns` 0: now. */
bool world_write(struct world *world, const char *dir, const char *path, const void *data,
                 size_t len, int64_t mtime_ns, struct err *err);
void world_fault(struct world *world, const struct rule *rule); /* takes over what it points at */

int64_t world_wall_ms(const struct world *world);
/* The clock moves between runs; back as well, but for what only counts. */
void world_set_wall(struct world *world, int64_t wall_ms);

/* --- a run -------------------------------------------------------------------------------- */

/* A request to a store or a directory that came to its end. */
struct world_request {
    char *store, *key;
    const char *op; /* rule_name */
    uint32_t part;
    int64_t size;
    int64_t wall_ms;
    struct err err;
};

struct world_result {
    bool crashed;                               /* by a rule: what follows says nothing */
    int status;                                 /* what the command would have exited with */
    char why[sizeof((struct err *)0)->message]; /* it ended early, or could not begin; "" */
    struct totals totals;
    int64_t seconds_ms; /* of the world's clock */
    struct world_request *request;
    size_t n_requests, cap_requests;
};

struct world_wishes {
    bool verify;             /* what `haul verify` does */
    bool fresh;              /* forget an unfinished run */
    int64_t max_duration_ms; /* 0: none */
};

/* From the process's own clock to the world's, and back: what is loaded and run between both has
 * the world's time. */
void world_enter(struct world *world);
void world_leave(struct world *world);

/* Runs a job, whose directories it changes to its own; `result` is zeroed, and freed with
 * world_result_free.  False: the world broke: a run without an end, an answer that nobody gives. */
bool world_run(struct world *world, struct job *job, const struct hooks *hooks,
               const struct world_host *host, const struct world_wishes *wishes,
               struct world_result *result, struct err *err);
void world_result_free(struct world_result *result);
