#pragma once
/*
 * What a job file declared, checked and resolved: plain data, filled by script/ from the tables
 * that lua/ has normalised, owned by whoever made it, read by core/.  No defaults live here: every
 * number is set.
 */
#include "wire/store.h"

enum jitter { JITTER_FULL, JITTER_NONE };
enum durability { DURABLE_OBJECT, DURABLE_GROUP, DURABLE_NONE };

/* When a failed attempt is made again without asking a script. */
struct retry_policy {
    int attempts; /* of one request, the first one included */
    int64_t base_ms, cap_ms;
    enum jitter jitter;
    uint32_t on; /* bits 1u << enum err_kind */
};

/* Objects that go from one place to another. */
struct task {
    int number; /* from 1, in the order of the job file */
    const struct store *from, *to;
    char *from_path; /* a key, or a prefix ("" or ending in '/'); below the root for a dir */
    char *to_path;   /* the same; a prefix unless `single` names the target exactly */
    bool single;     /* from_path is one object */
    char **keys;     /* relative to from_path; NULL: everything below the prefix */
    int n_keys;
    int64_t part_size; /* 0: automatic */
    int concurrency;   /* requests in flight of this task; 0: only the job's limit */
    int64_t rate;      /* bytes a second, each way; -1: unlimited */
    struct retry_policy retry;
};

struct job_store {
    struct store *store;
    int64_t read_rate, write_rate; /* bytes a second; -1: unlimited */
    int64_t request_rate;          /* requests a second; -1: unlimited */
    bool can_refresh;              /* credentials come from a function of the job file */
};

struct job {
    char *name;      /* letters, digits, '-', '_' and '.': names the state directory */
    char *file;      /* of the job file, for messages */
    int concurrency; /* requests in flight, whole job */
    int lanes, workers;
    int64_t rate; /* bytes a second, each way; -1: unlimited */
    enum durability durability;
    struct job_store *stores;
    int n_stores;
    struct task *tasks;
    int n_tasks;
};

void job_free(struct job *job); /* stores included */
/* The entry of a store; NULL for one that is not the job's. */
struct job_store *job_store_of(const struct job *job, const struct store *store);
