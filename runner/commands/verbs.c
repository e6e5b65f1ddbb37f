/* The verbs of haul: one line each is what is run, what `haul help` tells and what the manual says.
 */
#include "commands/commands.h"

static const struct verb verbs[] = {
    {"run", "JOB [name=value ...]", "runs the job; carries on where an interrupted run ended",
     command_run},
    {"retry", "JOB", "only what failed the last time", command_retry},
    {"verify", "JOB", "compares both sides as they are now; exit status 5 on a difference",
     command_verify},
    {"plan", "JOB", "prints what a run would send and delete; writes nothing", command_plan},
    {"explain", "JOB KEY", "one object: both sides, the rule it meets, what a run would do",
     command_explain},
    {"check", "JOB", "the file, its options, its credentials and the reach of each store",
     command_check},
    {"cp", "FROM TO", "copies without a job file: s3://, oss://, tos://, https:// or paths",
     command_run},
    {"sync", "FROM TO", "the same as a mirror: only what differs; --delete", command_run},
    {"ls", "URL", "what is there", command_ls},
    {"status", "JOB | DIR ...",
     "what is done, failed and why, resumable; earlier runs; of all shards", command_status},
    {"ctl", "JOB WORD ...",
     "to the run that goes on: rate=20MiB/s, concurrency=8, pause, resume, stats, cancel",
     command_ctl},
    {"clean", "JOB", "aborts unfinished uploads, removes temporary files and the journal",
     command_clean},
    {"test", "SPEC ...", "busted specs of job files, with stores, clock and faults of their own",
     command_test},
    {"help", "[JOB | WORD]", "this text, the parameters of a job, or what a word means",
     command_help},
    {"version", "", "the version of haul and of the libraries it runs with", command_version},
};

const struct verb *verb_at(int at)
{
    return at >= 0 && at < (int)(sizeof verbs / sizeof *verbs) ? &verbs[at] : NULL;
}
