/* haul: from the command line to a verb. */
#include "commands/commands.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Keys are in this process's memory: no core file, and no other process of the user reads it. */
static void keep_secrets(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

static int unknown(const char *command)
{
    log_error("unknown command '%s'; `haul help` lists them", command);
    return 2;
}

static int dispatch(const struct options *options)
{
    const struct verb *verb;
    for (int i = 0; (verb = verb_at(i)); i++)
        if (!strcmp(options->command, verb->name))
            return verb->run(options);
    return unknown(options->command);
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err = {0};

    keep_secrets();
    signal(SIGPIPE, SIG_IGN);
    if (!options_parse(argc, argv, &options, &err)) {
        log_error("%s", err.message);
        return 2;
    }
    enum log_level level =
        options.verbose && options.log_level < LOG_INFO ? LOG_INFO : options.log_level;
    if (!log_open(options.log_file, options.quiet ? LOG_ERROR : level, options.log_format)) {
        fprintf(stderr, "haul: cannot open %s: %s\n", options.log_file, strerror(errno));
        return 2;
    }
    int status = dispatch(&options);
    if (fflush(stdout) != 0 && status == 0)
        status = 1;
    log_close();
    return status;
}
