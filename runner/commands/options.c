#include "commands/options.h"
#include "base/units.h"
#include "wire/http.h"
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct flag {
    const char *name;
    const char *value; /* what its value is called; NULL: it takes none */
    int key;           /* what getopt returns: the letter where there is one */
    const char *help;
};

enum {
    KEY_JSON = 256,
    KEY_LOG_FILE,
    KEY_LOG_LEVEL,
    KEY_LOG_FORMAT,
    KEY_EVENTS,
    KEY_REPORT,
    KEY_LOST,
    KEY_ABORT,
    KEY_METRICS,
    KEY_PROGRESS,
    KEY_CONCURRENCY,
    KEY_PART_SIZE,
    KEY_RATE,
    KEY_MAX_DURATION,
    KEY_STATE,
    KEY_FRESH,
    KEY_TRACE_HOOKS,
    KEY_SHARD,
    KEY_INCLUDE,
    KEY_EXCLUDE,
    KEY_DELETE,
    KEY_TEXT /* and those after it: places in one_texts */
};

/* Texts of cp, sync and ls. */
static const struct one_text {
    const char *name;
    const char *value;
    size_t offset; /* in struct script_oneliner */
    const char *help;
} one_texts[] = {
#define TEXT(name, value, member, help)                             \
    {                                                               \
        name, value, offsetof(struct script_oneliner, member), help \
    }
    TEXT("max-delete", "N", max_delete, "sync: at most so many, or N%; 25% if not said"),
    TEXT("endpoint", "URL", endpoint, "cp, sync, ls: address of the service"),
    TEXT("from-endpoint", "URL", from_endpoint, "the same, of the source only"),
    TEXT("to-endpoint", "URL", to_endpoint, "the same, of the target only"),
    TEXT("region", "NAME", region, "cp, sync, ls: region of the buckets"),
    TEXT("from-region", "NAME", from_region, "the same, of the source only"),
    TEXT("to-region", "NAME", to_region, "the same, of the target only"),
    TEXT("ca", "FILE", ca, "cp, sync, ls: certificates to trust instead of the system's"),
    TEXT("profile", "NAME", profile, "cp, sync, ls: profile of the files of AWS"),
    TEXT("from-profile", "NAME", from_profile, "the same, of the source only"),
    TEXT("to-profile", "NAME", to_profile, "the same, of the target only"),
#undef TEXT
};

#define N_TEXTS ((int)(sizeof one_texts / sizeof *one_texts))

static const struct flag flags[] = {
    {"dry-run", NULL, 'n', "print what a run would do; write nothing"},
    {"quiet", NULL, 'q', "only what went wrong"},
    {"verbose", NULL, 'v', "every object and every failed part"},
    {"help", NULL, 'h', "what there is, or what a word means"},
    {"json", NULL, KEY_JSON, "the result as JSON on standard output"},
    {"log-file", "FILE", KEY_LOG_FILE, "log there instead of standard error"},
    {"log-level", "LEVEL", KEY_LOG_LEVEL, "error, warn, info or debug"},
    {"log-format", "FORMAT", KEY_LOG_FORMAT, "text or json"},
    {"events", "FILE", KEY_EVENTS, "every event as a line of JSON"},
    {"report", "FILE", KEY_REPORT, "what became of each object; FILE ends in .json, .csv or .html"},
    {"metrics", "FILE", KEY_METRICS,
     "the state of the run for Prometheus, every 10 s and at the end"},
    {"progress", "MODE", KEY_PROGRESS, "auto, bar, plain or none"},
    {"concurrency", "N", KEY_CONCURRENCY, "requests in flight"},
    {"part-size", "SIZE", KEY_PART_SIZE, "size of a part, such as 16MiB"},
    {"rate", "RATE", KEY_RATE, "bytes a second, such as 20MiB/s, or unlimited"},
    {"max-duration", "TIME", KEY_MAX_DURATION, "pause after that time, such as 6h; exit status 10"},
    {"state", "DIR", KEY_STATE, "where the job's journal is"},
    {"shard", "K/N", KEY_SHARD, "a part of the keys; auto: as Slurm, Kubernetes, AWS Batch say"},
    {"fresh", NULL, KEY_FRESH, "forget an unfinished run and start a new one"},
    {"trace-hooks", NULL, KEY_TRACE_HOOKS,
     "a log line for each call of the job file's functions: its answer and its time"},
    {"include", "PATTERN", KEY_INCLUDE, "cp, sync: only what matches; more than once if need be"},
    {"exclude", "PATTERN", KEY_EXCLUDE, "cp, sync: nothing that matches"},
    {"delete", NULL, KEY_DELETE, "sync: delete what only the target has"},
    {"abort", NULL, KEY_ABORT, "ctl: cancel also removes unfinished uploads and temporary files"},
    {"lost", "AGE", KEY_LOST, "clean: abort uploads of others that are older, such as 7d"},
    {"recursive", NULL, 'r', "cp: taken for granted"},
};

#define N_FLAGS ((int)(sizeof flags / sizeof *flags))

bool options_flag(int at, struct flag_help *out)
{
    if (at < 0 || at >= N_FLAGS + N_TEXTS)
        return false;
    if (at < N_FLAGS) {
        const struct flag *flag = &flags[at];
        *out = (struct flag_help){.name = flag->name,
                                  .value = flag->value,
                                  .letter = flag->key < KEY_JSON ? (char)flag->key : 0,
                                  .help = flag->help,
                                  .has_variable = flag->value != NULL};
    } else {
        const struct one_text *text = &one_texts[at - N_FLAGS];
        *out = (struct flag_help){.name = text->name, .value = text->value, .help = text->help};
    }
    return true;
}

/* How many letters differ at most: a plain edit distance, bounded by the length of a flag. */
static int distance(const char *a, const char *b)
{
    int row[64], len_b = (int)strlen(b);
    if (len_b > 60)
        return 99;
    for (int j = 0; j <= len_b; j++)
        row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= len_b; j++) {
            int best = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[len_b];
}

/* `given` is the whole word as it was typed, or `letter` one that no flag has. */
static bool unknown_flag(const char *given, int letter, struct err *err)
{
    const char *nearest = NULL;
    int least = 4;

    if (letter)
        return err_set(err, ERR_INVALID, "unknown option '-%c'; `haul help` lists them", letter);
    given += strspn(given, "-");
    for (int i = 0; i < N_FLAGS + N_TEXTS; i++) {
        const char *name = i < N_FLAGS ? flags[i].name : one_texts[i - N_FLAGS].name;
        int d = distance(given, name);
        if (d < least) {
            least = d;
            nearest = name;
        }
    }
    return nearest
               ? err_set(err, ERR_INVALID, "unknown option '--%s' (did you mean '--%s'?)", given,
                         nearest)
               : err_set(err, ERR_INVALID, "unknown option '--%s'; `haul help` lists them", given);
}

static bool take_word(struct options *o, int key, const char *value, struct err *err)
{
    if (key == KEY_LOG_LEVEL)
        return log_level_parse(value, &o->log_level) ||
               err_set(err, ERR_INVALID, "--log-level is error, warn, info or debug, not '%s'",
                       value);
    if (key == KEY_LOG_FORMAT) {
        o->log_format = strcmp(value, "json") ? LOG_TEXT : LOG_JSON;
        return !strcmp(value, "json") || !strcmp(value, "text") ||
               err_set(err, ERR_INVALID, "--log-format is text or json, not '%s'", value);
    }
    static const char *const modes[] = {"auto", "bar", "plain", "none"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(value, modes[i])) {
            o->progress = (enum display_mode)i;
            return true;
        }
    return err_set(err, ERR_INVALID, "--progress is auto, bar, plain or none, not '%s'", value);
}

static bool take_number(struct options *o, int key, const char *value, struct err *err)
{
    int64_t number;
    if (key == KEY_MAX_DURATION)
        return units_duration(value, &o->max_duration_ms, err) || err_wrap(err, "--max-duration");
    if (key == KEY_LOST)
        return units_duration(value, &o->lost_ms, err)
                   ? o->lost_ms > 0 ||
                         err_set(err, ERR_INVALID, "--lost: an age above 0 is expected")
                   : err_wrap(err, "--lost");
    if (!http_integer(value, 4096, &number) || number < 1)
        return err_set(err, ERR_INVALID, "--concurrency is a number from 1 to 4096, not '%s'",
                       value);
    o->concurrency = (int)number;
    return true;
}

static bool take_pattern(const char **list, int *n, const char *value, struct err *err)
{
    if (*n == PATTERNS_MAX)
        return err_set(err, ERR_INVALID, "no more than %d patterns", PATTERNS_MAX);
    list[(*n)++] = value;
    return true;
}

static bool take_one_text(struct options *o, int which, const char *value)
{
    memcpy((char *)&o->oneliner + one_texts[which].offset, &value, sizeof value);
    return true;
}

static bool take(struct options *o, int key, const char *value, struct err *err)
{
    switch (key) {
    case 'n':
        return o->dry_run = true;
    case 'q':
        return o->quiet = true;
    case 'v':
        return o->verbose = true;
    case 'h':
        o->command = "help";
        return true;
    case KEY_JSON:
        return o->json = true;
    case KEY_ABORT:
        return o->abort = true;
    case KEY_FRESH:
        return o->fresh = true;
    case KEY_TRACE_HOOKS:
        return o->trace_hooks = true;
    case KEY_LOG_FILE:
        o->log_file = value;
        return true;
    case KEY_REPORT:
        o->report = value;
        return true;
    case KEY_METRICS:
        o->metrics = value;
        return true;
    case KEY_EVENTS:
        o->events = value;
        return true;
    case KEY_PART_SIZE:
        o->part_size = value;
        return true;
    case KEY_RATE:
        o->rate = value;
        return true;
    case KEY_STATE:
        o->state = value;
        return true;
    case KEY_SHARD:
        o->shard = value;
        return true;
    case 'r':
        return true;
    case KEY_DELETE:
        return o->oneliner.remove = true;
    case KEY_INCLUDE:
        return take_pattern(o->include, &o->oneliner.n_include, value, err);
    case KEY_EXCLUDE:
        return take_pattern(o->exclude, &o->oneliner.n_exclude, value, err);
    case KEY_CONCURRENCY:
    case KEY_MAX_DURATION:
    case KEY_LOST:
        return take_number(o, key, value, err);
    default:
        return key >= KEY_TEXT ? take_one_text(o, key - KEY_TEXT, value)
                               : take_word(o, key, value, err);
    }
}

static bool parse_flags(int argc, char **argv, struct options *o, struct err *err)
{
    struct option longs[N_FLAGS + N_TEXTS + 1];
    memset(longs, 0, sizeof longs);
    for (int i = 0; i < N_FLAGS; i++)
        longs[i] = (struct option){flags[i].name, flags[i].value ? required_argument : no_argument,
                                   NULL, flags[i].key};
    for (int i = 0; i < N_TEXTS; i++)
        longs[N_FLAGS + i] =
            (struct option){one_texts[i].name, required_argument, NULL, KEY_TEXT + i};
    opterr = 0;
    for (;;) {
        int key = getopt_long(argc, argv, ":nqvhr", longs, NULL);
        if (key == -1)
            return true;
        if (key == ':')
            return err_set(err, ERR_INVALID, "option '%s' needs a value", argv[optind - 1]);
        if (key == '?')
            return unknown_flag(argv[optind - 1], optopt, err);
        if (!take(o, key, optarg, err))
            return false;
    }
}

/* What a job file may say too is looked for there, by lua/haul/context.lua. */
static bool is_scripted(int key)
{
    return key == KEY_CONCURRENCY || key == KEY_PART_SIZE || key == KEY_RATE;
}

void options_variable(const char *flag, char name[FLAG_VARIABLE_MAX])
{
    static const char prefix[] = "HAUL_";
    size_t len = sizeof prefix - 1;

    memcpy(name, prefix, sizeof prefix);
    for (const char *p = flag; *p && len < FLAG_VARIABLE_MAX - 1; p++)
        name[len++] = *p == '-' ? '_' : (char)(*p - 'a' + 'A');
    name[len] = 0;
}

static bool take_variable(struct options *o, const struct flag *flag, struct err *err)
{
    char name[FLAG_VARIABLE_MAX];

    options_variable(flag->name, name);
    const char *value = getenv(name);
    return !value || !value[0] || take(o, flag->key, value, err) || err_wrap(err, "%s", name);
}

static bool take_environment(struct options *o, struct err *err)
{
    for (int i = 0; i < N_FLAGS; i++)
        if (flags[i].value && !is_scripted(flags[i].key) && !take_variable(o, &flags[i], err))
            return false;
    return true;
}

static bool is_oneliner(const char *command)
{
    return !strcmp(command, "cp") || !strcmp(command, "sync") || !strcmp(command, "ls");
}

static bool take_addresses(struct options *o, int n, char **words, struct err *err)
{
    struct script_oneliner *line = &o->oneliner;
    int wanted = strcmp(o->command, "ls") ? 2 : 1;

    if (n != wanted)
        return err_set(err, ERR_INVALID, "haul %s %s, such as haul %s s3://bucket/path/%s",
                       o->command,
                       wanted == 2 ? "FROM TO takes two addresses" : "URL takes one address",
                       o->command, wanted == 2 ? " directory/" : "");
    line->verb = o->command;
    for (int i = 0; i < n; i++)
        o->words[i] = words[i];
    line->words = o->words;
    line->n_words = n;
    line->include = o->include;
    line->exclude = o->exclude;
    return true;
}

/* haul explain JOB KEY [name=value ...] */
static bool take_key(struct options *o, int n, char **words, struct err *err)
{
    if (n < 2)
        return err_set(err, ERR_INVALID,
                       "haul explain JOB KEY takes a job file and the key of one object");
    o->file = words[0];
    o->key = words[1];
    o->params = n > 2 ? (const char *const *)words + 2 : NULL;
    o->n_params = n - 2;
    return true;
}

/* haul test SPEC ... */
static bool take_specs(struct options *o, int n, char **words, struct err *err)
{
    o->params = (const char *const *)words;
    o->n_params = n;
    return n > 0 ||
           err_set(err, ERR_INVALID, "haul test takes spec files, such as jobs/nightly_spec.lua");
}

/* haul help --rate: a flag that is asked about. */
static bool asks_about_flag(int argc, char **argv)
{
    return argc == 3 && !strcmp(argv[1], "help") && argv[2][0] == '-' && strcmp(argv[2], "--json");
}

bool options_parse(int argc, char **argv, struct options *options, struct err *err)
{
    memset(options, 0, sizeof *options);
    options->log_level = LOG_INFO;
    if (asks_about_flag(argc, argv)) {
        options->command = argv[1];
        options->file = argv[2];
        return true;
    }
    if (!take_environment(options, err) || !parse_flags(argc, argv, options, err))
        return false;
    int left = argc - optind;
    char **words = argv + optind;
    if (options->command) { /* --help */
        options->file = left > 1 ? words[1] : NULL;
        return true;
    }
    if (left < 1)
        return err_set(err, ERR_INVALID, "no command; `haul help` lists them");
    options->command = words[0];
    if (is_oneliner(words[0]))
        return take_addresses(options, left - 1, words + 1, err);
    if (!strcmp(words[0], "explain"))
        return take_key(options, left - 1, words + 1, err);
    if (!strcmp(words[0], "test"))
        return take_specs(options, left - 1, words + 1, err);
    options->file = left > 1 ? words[1] : NULL;
    options->params = left > 2 ? (const char *const *)words + 2 : NULL;
    options->n_params = left > 2 ? left - 2 : 0;
    return true;
}
