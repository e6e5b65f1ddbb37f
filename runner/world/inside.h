#pragma once
/* struct world as the files of this folder see it. */
#include "base/clock.h"
#include "io/inbox.h"
#include "io/worker.h"
#include "world/world.h"

struct world_store {
    char *name; /* as in messages; a bucket alone until a job says of which kind it is */
    char *host; /* the job's, once one names it */
    struct remote remote;
};

/* An op that has not ended. */
struct flight {
    struct op *op;
    int64_t due_ns;
    int64_t unpaid[LIMIT_FAN + 2]; /* bytes that its buckets have not let through: of the feed, then
                                      of each of the set */
    bool begun;
};

/* A file that the job has open. */
struct opened {
    int fd;
    const struct store *store;
    char *path; /* below the store's root */
};

struct world {
    struct io io; /* first: what the engine sees */
    struct world_config config;
    struct rng rng;
    int64_t now_ns, base_ms; /* the wall clock is both together */
    char *dir;               /* its own */
    struct world_store **store;
    int n_stores;
    struct rules rules;
    struct inbox done; /* of the workers, who work when told */
    struct workers *workers;
    struct clock clock;

    /* of the run */
    const struct job *job;
    const struct world_host *host;
    struct world_result *result;
    struct flight *flight;
    int n_flights, cap_flights;
    struct opened *opened;
    int n_opened, cap_opened;
    int64_t began_ns, real_s; /* when the run began: here, and outside */
    bool over;                /* it crashed or broke: nothing is sent any more */
    struct err broken;
    const struct rule *spoils; /* of the request that is being carried out */
    int64_t counter;           /* of requests, for their ids */
};

extern const struct io_ops world_io_ops;     /* flights.c */
extern const struct remote_host world_hosts; /* effects.c */

#define WORLD_FILES "/files" /* below its directory: what the job knows as the root */
#define WORLD_STATE "/state" /* the same: of each job by its name */

bool world_make_dirs(const char *path, struct err *err); /* with those above it */
/* The store of a job becomes one of the world. */
bool world_bind_remote(struct world *world, const struct store *store, struct err *err);

/* The store of the run that this is; NULL: a directory. */
struct remote *world_remote_of(struct world *world, const struct store *store);
/* Does what the op asks for, and fills its answer.  False: the process dies before it has one. */
bool world_carry_out(struct world *world, struct op *op); /* effects.c */
void world_break(struct world *world, const struct err *err);
/* Frees what is under way and closes what is open: the process is no more. */
void world_drop(struct world *world);
