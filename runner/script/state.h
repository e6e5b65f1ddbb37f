#pragma once
/* struct script as the files of this folder see it; commands include script.h. */
#include "core/hooks.h"
#include "script/script.h"
#include "script/strand.h"
#include "script/timing.h"
#include "script/vm.h"

struct sight; /* object.h */

/* What the error of a hook means, beside being logged and counted. */
enum on_hook_error { ERROR_POLICY, ERROR_FAIL_OBJECT, ERROR_STOP };

struct script {
    struct vm *vm;
    struct job *job;
    char *file;
    int64_t hook_timeout_ms;
    int64_t hook_memory; /* bytes of the state once it is loaded */
    enum on_hook_error on_hook_error;
    struct timings timings;
    struct run *run;     /* while hooks run; else NULL */
    struct sight *sight; /* while a function of a task runs; else NULL */
    uint64_t *wants;     /* bits 1 << enum event_kind, by task number; [0]: events of the job */
    struct queued_list queue; /* events taken, not yet delivered */
    int n_queued;
    struct strands strands;
    int64_t now_ms; /* while hooks run: of the run's monotonic clock */
    struct credentials *
        *credentials; /* every set ever given: an op in flight may hold an old one */
    int n_credentials;
};

/* Takes ownership of the set and puts it into the store; NULL does nothing. */
void script_give(struct script *script, struct store *store, struct credentials *fresh);

/* hooks.c: the strand ends at the next resume, or once what it asked for is back. */
void hooks_kill(struct script *script, struct strand *strand);
/* The same: frees what was not delivered, and what waits; the Lua state is closed. */
void hooks_free(struct script *script);

/* value.c: the table of lua/haul/job.lua's normalize at the top of the stack becomes script->job
 * and script->wants; protected mode only.  What was made before an error is in script->job. */
bool value_read_job(lua_State *L, struct script *script, struct err *err);

/* "retry", "skip", ...; "policy" where nothing was said. */
const char *value_decision_name(enum decision_kind kind);
/* Reads { kind, after_ms, part_size, refresh_credentials, reason } at the top of the stack. */
void value_read_decision(lua_State *L, struct decision *decision);

/* Names of what the registry holds for a script. */
#define SCRIPT_HANDLERS "haul.handlers" /* task number -> event -> function */
#define SCRIPT_PROVIDERS \
    "haul.providers"                  /* place in job->stores, from 1 -> function -> credentials */
#define SCRIPT_DIALS     "haul.dials" /* number -> function(now, stats) -> value, or nil and why */
#define SCRIPT_FUNCTIONS "haul.functions" /* task number -> { map =, compare =, ... } */
#define SCRIPT_JOB       "haul.running"   /* a hook's second argument */
#define SCRIPT_STRANDS   "haul.strands"   /* number -> coroutine */
#define SCRIPT_SPAWNED   "haul.spawned"   /* number -> what its handle knows; weak */
#define SCRIPT_STATE     "haul.state"     /* { load =, save = } of job.state */
#define SCRIPT_DECIDE    "haul.decide"    /* what a hook returned -> plain decision, or an error */
