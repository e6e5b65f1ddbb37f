#pragma once
/*
 * The command line as data.  Command line over environment (HAUL_*) over job file over default:
 * what the job file may override is passed on to script/ as text.  Owned by main.
 */
#include "base/log.h"
#include "report/display.h"
#include "script/script.h"

#define PATTERNS_MAX 64

struct options {
    const char *command;       /* "run", ... */
    const char *file;          /* the job file; NULL: none was named */
    const char *const *params; /* name=value; test: its specs, and flags for busted */
    int n_params;
    const char *key; /* explain: of the object */
    bool dry_run, quiet, verbose, json, fresh, trace_hooks;
    const char *log_file;
    enum log_level log_level;
    enum log_format log_format;
    const char *events;           /* file for JSON lines */
    const char *report, *metrics; /* files */
    enum display_mode progress;
    int concurrency; /* 0: not said */
    const char *part_size, *rate;
    int64_t max_duration_ms; /* 0: none */
    bool abort;              /* ctl: cancel, and keep nothing */
    int64_t lost_ms;         /* clean: of uploads that are lost; 0: not asked for */
    const char *state;       /* directory of the job's state */
    const char *shard;       /* "K/N", "auto", "auto/N"; NULL: all of it */
    /* cp, sync, ls: addresses instead of a job file. */
    struct script_oneliner oneliner;
    const char *words[2];
    const char *include[PATTERNS_MAX], *exclude[PATTERNS_MAX];
};

/* False with ERR_INVALID and the nearest known word.  `argv` must outlive the options; its order is
 * changed. */
bool options_parse(int argc, char **argv, struct options *options, struct err *err);

/* A flag as `haul help` and the documents tell of it. */
struct flag_help {
    const char *name;
    const char *value; /* what its value is called; NULL: it takes none */
    char letter;       /* 0: it has none */
    const char *help;
    bool has_variable; /* the environment may say it: HAUL_NAME */
};
/* Flag number `at` from 0; false behind the last. */
bool options_flag(int at, struct flag_help *out);

#define FLAG_VARIABLE_MAX 40
/* "HAUL_PART_SIZE" for "part-size". */
void options_variable(const char *flag, char name[FLAG_VARIABLE_MAX]);
