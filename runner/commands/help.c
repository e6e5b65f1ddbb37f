/* haul help and haul version. */
#include "base/limits.h"
#include "base/list.h"
#include "base/version.h"
#include "commands/commands.h"
#include "commands/workspace.h"
#include "script/manual.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *number, *help;
} statuses[] = {
    {"0", "all done"},
    {"1", "some objects failed or could not be listed, or a hook raised an error"},
    {"2", "usage, or the job file: the message names file and line"},
    {"3", "configuration, credentials, or a store out of reach"},
    {"5", "`haul verify` found a difference"},
    {"6", "a guard, a veto or stop_when stopped it; what it guards was not deleted"},
    {"7", "the script stopped it, or `haul ctl`"},
    {"10", "paused by window or --max-duration; the same command carries on"},
    {"11", "the same job is already running"},
    {"70", "a bug in haul"},
    {"130", "SIGINT: state saved; a second one leaves at once"},
    {"143", "SIGTERM: the same"},
};

#define N_STATUSES (sizeof statuses / sizeof *statuses)

/* "-n, --dry-run" or "    --rate RATE" */
static void flag_usage(const struct flag_help *flag, char text[64])
{
    char letter[8] = "    ";
    if (flag->letter)
        snprintf(letter, sizeof letter, "-%c, ", flag->letter);
    snprintf(text, 64, "%s--%s%s%s", letter, flag->name, flag->value ? " " : "",
             flag->value ? flag->value : "");
}

static void print_usage(void)
{
    const struct verb *verb;
    struct flag_help flag;
    char usage[64];

    puts("haul moves files and objects as a Lua job file says.\n\n"
         "usage: haul COMMAND [OPTION ...]\n");
    for (int i = 0; (verb = verb_at(i)); i++) {
        snprintf(usage, sizeof usage, "%s %s", verb->name, verb->takes);
        printf("  %-26s %s\n", usage, verb->help);
    }
    puts("\noptions:");
    for (int i = 0; options_flag(i, &flag); i++) {
        flag_usage(&flag, usage);
        printf("  %-25s %s\n", usage, flag.help);
    }
    puts("\nexit status:");
    for (size_t i = 0; i < N_STATUSES; i++)
        printf("  %-4s %s\n", statuses[i].number, statuses[i].help);
    puts("\n`haul help WORD` tells of an option, an event, a function, a command or a flag.");
}

/* --- what the program knows of itself, for the language's own list ----------------------- */

static void add_entry(struct script_entry **list, size_t *n, struct script_entry entry)
{
    *list = xrealloc(*list, (*n + 1) * sizeof **list);
    (*list)[(*n)++] = entry;
}

static void add_flag(struct script_entry **list, size_t *n, const struct flag_help *flag)
{
    struct script_entry entry = {.section = "flags",
                                 .name = flag->name,
                                 .takes = flag->value,
                                 .help = flag->help,
                                 .letter = flag->letter};
    if (flag->has_variable)
        options_variable(flag->name, entry.variable);
    add_entry(list, n, entry);
}

static size_t collect_entries(struct script_entry **list)
{
    const struct verb *verb;
    struct flag_help flag;
    size_t n = 0;

    for (int i = 0; (verb = verb_at(i)); i++)
        add_entry(list, &n,
                  (struct script_entry){.section = "commands",
                                        .name = verb->name,
                                        .takes = verb->takes,
                                        .help = verb->help});
    for (int i = 0; options_flag(i, &flag); i++)
        add_flag(list, &n, &flag);
    for (size_t i = 0; i < N_STATUSES; i++)
        add_entry(list, &n,
                  (struct script_entry){
                      .section = "statuses", .name = statuses[i].number, .help = statuses[i].help});
    return n;
}

/* NULL: everything, as JSON. */
static bool tell(const char *word, struct buf *out, struct err *err)
{
    struct script_entry *entries = NULL;
    size_t n = collect_entries(&entries);
    bool good = script_manual(word, entries, n, out, err);
    free(entries);
    return good;
}

static bool is_job_file(const char *word)
{
    size_t len = strlen(word);
    return strchr(word, '/') || (len > 4 && !strcmp(word + len - 4, ".lua")) ||
           access(word, F_OK) == 0;
}

int command_help(const struct options *options)
{
    struct script_options wishes = {
        .file = options->file, .params = options->params, .n_params = options->n_params};
    struct buf out = buf_new(LIMIT_DOCUMENT);
    struct err err = {0};
    int status = 0;

    if (!options->file && !options->json) {
        print_usage();
    } else if (options->file && is_job_file(options->file) ? script_help(&wishes, &out, &err)
                                                           : tell(options->file, &out, &err)) {
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
