#pragma once
/* One function a verb: takes the command line, returns the exit status.  The verbs print what was
 * asked for on standard output and everything else through the log. */
#include "commands/options.h"

int command_run(const struct options *options);
int command_retry(const struct options *options);
int command_verify(const struct options *options);
int command_ls(const struct options *options);
int command_explain(const struct options *options);
int command_plan(const struct options *options);
int command_check(const struct options *options);
int command_ctl(const struct options *options);
int command_status(const struct options *options);
int command_clean(const struct options *options);
int command_help(const struct options *options);
int command_test(const struct options *options);
int command_version(const struct options *options);

/* What there is to call, in the order in which `haul help` tells of it. */
struct verb {
    const char *name;
    const char *takes; /* "JOB [name=value ...]"; "": nothing */
    const char *help;
    int (*run)(const struct options *options);
};
/* Verb number `at` from 0; NULL behind the last. */
const struct verb *verb_at(int at);
