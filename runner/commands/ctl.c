/* haul ctl: says something to a run that goes on, from outside. */
#include "commands/commands.h"
#include "commands/workspace.h"
#include "io/door.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_for_run(const char *word)
{
    return !strchr(word, '=') || !strncmp(word, "rate=", 5) || !strncmp(word, "concurrency=", 12);
}

static bool add_word(struct buf *line, const char *word, const struct options *options,
                     struct err *err)
{
    const char *said = word;

    for (const char *p = word; *p; p++)
        if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
            return err_set(err, ERR_INVALID, "haul ctl: '%.40s' is not one word", word);
    if (options->json && !strcmp(word, "stats"))
        said = "stats-json";
    if (options->abort && !strcmp(word, "cancel"))
        said = "abort";
    return buf_addf(line, "%s%s", line->len ? " " : "", said) ||
           err_set(err, ERR_INVALID, "haul ctl: too many words");
}

/* Words for the run make the line; what is left of name=value is for the job file. */
static bool sort_words(const struct options *options, struct options *job, const char **params,
                       struct buf *line, struct err *err)
{
    *job = *options;
    job->params = params;
    job->n_params = 0;
    for (int i = 0; i < options->n_params; i++) {
        if (!is_for_run(options->params[i]))
            params[job->n_params++] = options->params[i];
        else if (!add_word(line, options->params[i], options, err))
            return false;
    }
    if (!options->file || line->len == 0)
        return err_set(err, ERR_INVALID,
                       "haul ctl JOB takes what the run is to do: rate=20MiB/s, concurrency=8, "
                       "pause, resume, stats or cancel");
    return true;
}

/* What the run answered: "ok", and what was asked for below it. */
static int show(const struct buf *answer)
{
    const char *text = buf_str(answer);

    if (!strncmp(text, "ok\n", 3)) {
        fputs(text + 3, stdout);
        return 0;
    }
    log_error("haul ctl: %.*s", (int)strcspn(text, "\n"), text);
    return 2;
}

static int say(const struct options *job, const char *line)
{
    struct buf answer = buf_new(DOOR_ANSWER);
    struct err err = {0};
    char *dir = workspace_find(job, &err);
    int status = 3;

    if (!dir)
        status = exit_of(&err, false);
    else if (door_ask(dir, line, &answer, &err))
        status = show(&answer);
    else if (err.kind == ERR_MISSING)
        err_set(&err, ERR_MISSING, "%s is not running (its state is %s)", job->file, dir);
    if (err.kind != ERR_NONE)
        log_error("%s", err.message);
    free(dir);
    buf_free(&answer);
    return status;
}

int command_ctl(const struct options *options)
{
    const char **params = xcalloc((size_t)options->n_params + 1, sizeof(const char *));
    struct buf line = buf_new(DOOR_LINE - 2);
    struct options job;
    struct err err = {0};
    int status = 2;

    if (sort_words(options, &job, params, &line, &err))
        status = say(&job, buf_str(&line));
    else
        log_error("%s", err.message);
    buf_free(&line);
    free(params);
    return status;
}
