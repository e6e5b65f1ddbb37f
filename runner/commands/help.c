/* haul help and haul version. */
#include "base/limits.h"
#include "base/version.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include <stdio.h>
#include <string.h>

static const char *const verbs[][2] = {
    {"run JOB [name=value ...]", "runs the job; carries on where an interrupted run ended"},
    {"retry JOB", "only what failed the last time"},
    {"verify JOB", "compares both sides as they are now; exit status 5 on a difference"},
    {"plan JOB", "prints what a run would send; writes nothing"},
    {"explain JOB KEY", "one object: both sides, the rule it meets, what a run would do"},
    {"check JOB", "the file, its options, its credentials and the reach of each store"},
    {"cp FROM TO", "copies without a job file: s3://, oss://, tos://, https:// or paths"},
    {"sync FROM TO", "the same as a mirror: only what differs; --delete"},
    {"ls URL", "what is there"},
    {"status JOB | DIR ...",
     "what is done, failed and why, resumable; earlier runs; of all shards"},
    {"clean JOB", "aborts unfinished uploads, removes temporary files and the journal"},
    {"help [JOB]", "this text, or the parameters of a job"},
    {"version", "the version of haul and of the libraries it runs with"},
};

static void print_flag(const char *text)
{
    printf("  %s\n", text);
}

static void print_usage(void)
{
    puts("haul moves files and objects as a Lua job file says.\n\n"
         "usage: haul COMMAND [OPTION ...]\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        printf("  %-26s %s\n", verbs[i][0], verbs[i][1]);
    puts("\noptions:");
    options_help(print_flag);
    puts("\nexit status: 0 all done; 1 some objects failed; 2 usage or job file; 3 configuration,\n"
         "credentials or a store out of reach; 5 verify found a difference; 6 a guard or a veto\n"
         "stopped it; 7 the script stopped it; 10 paused, can be carried on; 11 already running;\n"
         "70 a bug in haul; 130/143 interrupted, state saved");
}

int command_help(const struct options *options)
{
    struct script_options wishes = {
        .file = options->file, .params = options->params, .n_params = options->n_params};
    struct buf out = buf_new(LIMIT_LINE);
    struct err err = {0};
    int status = 0;

    if (!options->file) {
        print_usage();
    } else if (script_help(&wishes, &out, &err)) {
        fputs(buf_str(&out), stdout);
    } else {
        log_error("%s", err.message);
        status = exit_of(&err, false);
    }
    buf_free(&out);
    return status;
}

int command_version(const struct options *options)
{
    (void)options;
    printf("haul %s (%s, SQLite %s, %s)\n", HAUL_VERSION, script_library(), journal_library(),
           io_library());
    return 0;
}
