#pragma once
/*
 * A job file: loaded, checked, its job as plain data, its hooks as struct hooks.  What commands see
 * of Lua.  Control thread only.
 */
#include "base/buf.h"
#include "core/hooks.h"

struct script;

/* A job made of addresses instead of a file: `haul cp` and the like (lua/haul/oneliner.lua). */
struct script_oneliner {
    const char *verb; /* "cp", "sync", "ls" */
    const char *const *words;
    int n_words;
    const char *const *include, *const *exclude; /* patterns */
    int n_include, n_exclude;
    bool remove;            /* what only the target has */
    const char *max_delete; /* "100" or "50%"; NULL: not said */
    const char *ca;         /* file of certificates */
    /* NULL: not said; the first of each is for both sides. */
    const char *endpoint, *from_endpoint, *to_endpoint;
    const char *region, *from_region, *to_region;
    const char *profile, *from_profile, *to_profile;
};

struct script_options {
    const struct script_oneliner *oneliner; /* NULL: a job file */
    const char *file;
    const char *const *params; /* "name=value" */
    int n_params;
    const char *lua_dir; /* modules from here; NULL: $HAUL_LUA, else the embedded ones */
    int concurrency;     /* overrides of the command line; 0 and NULL: none */
    const char *part_size, *rate;
    bool trace_hooks; /* a log line for each call of a function */
    bool simulated; /* nothing outside is real: the environment is `env`, and keys are of no use */
    const char *const *env; /* "NAME=value" */
    int n_env;
};

/* Runs the job file and resolves its stores.  NULL: `err` names file and line; its kind is ERR_AUTH
 * when credentials are what is missing (exit status 3), else ERR_INVALID or ERR_SCRIPT (2). */
struct script *script_load(const struct script_options *options, struct err *err);
void script_free(struct script *script);

/* Owned by the script. */
struct job *script_job(struct script *script);
/* Members that no handler needs are NULL. */
void script_hooks(struct script *script, struct hooks *hooks);

/* The version of the language. */
const char *script_library(void);

/* Adds the parameters of a job file to `out`, for people; needs no values for them. */
bool script_help(const struct script_options *options, struct buf *out, struct err *err);
