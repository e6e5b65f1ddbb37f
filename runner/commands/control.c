#include "commands/control.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "engine/run.h"
#include "report/display.h"
#include "report/event_json.h"
#include "wire/http.h"
#include <stdlib.h>
#include <string.h>

/* What one line asks for; nothing of it is done before all of it is understood. */
struct wishes {
    bool sets_rate, sets_concurrency, pauses, resumes, cancels, aborts, stats, json;
    int64_t rate, concurrency;
};

static bool read_rate(struct wishes *wishes, const char *text, struct err *err)
{
    wishes->sets_rate = true;
    wishes->rate = DIAL_AUTO;
    if (!strcmp(text, "auto"))
        return true;
    if (!units_rate(text, &wishes->rate, err))
        return false;
    return wishes->rate == -1 || wishes->rate > 0 ||
           err_set(err, ERR_INVALID, "a rate must be above zero; `pause` sends nothing at all");
}

static bool read_concurrency(struct wishes *wishes, const char *text, struct err *err)
{
    wishes->sets_concurrency = true;
    wishes->concurrency = DIAL_AUTO;
    if (!strcmp(text, "auto"))
        return true;
    return (http_integer(text, LIMIT_CONCURRENCY, &wishes->concurrency) &&
            wishes->concurrency > 0) ||
           err_set(err, ERR_INVALID, "concurrency is a number from 1 to %d, not '%.40s'",
                   LIMIT_CONCURRENCY, text);
}

static bool read_word(struct wishes *wishes, const char *word, struct err *err)
{
    const struct {
        const char *word;
        bool *wish;
    } words[] = {{"pause", &wishes->pauses},   {"resume", &wishes->resumes},
                 {"stats", &wishes->stats},    {"stats-json", &wishes->json},
                 {"cancel", &wishes->cancels}, {"abort", &wishes->aborts}};

    if (!strncmp(word, "rate=", 5))
        return read_rate(wishes, word + 5, err);
    if (!strncmp(word, "concurrency=", 12))
        return read_concurrency(wishes, word + 12, err);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(word, words[i].word))
            return *words[i].wish = true;
    return err_set(err, ERR_INVALID,
                   "'%.40s' is none of rate=, concurrency=, pause, resume, stats, cancel", word);
}

static bool read_line(struct wishes *wishes, const char *line, struct err *err)
{
    char *text = xstrdup(line), *rest = text;
    bool ok = true, any = false;

    for (char *word; ok && (word = strsep(&rest, " "));) {
        any = any || *word;
        ok = !*word || read_word(wishes, word, err);
    }
    free(text);
    if (ok && !any)
        return err_set(err, ERR_INVALID, "nothing was asked for");
    if (ok && wishes->pauses && wishes->resumes)
        return err_set(err, ERR_INVALID, "pause or resume, not both");
    return ok;
}

static void obey(struct run *run, const struct wishes *wishes)
{
    if (wishes->sets_rate)
        run_set(run, DIAL_RATE, 0, wishes->rate);
    if (wishes->sets_concurrency)
        run_set(run, DIAL_CONCURRENCY, 0, wishes->concurrency);
    if (wishes->pauses || wishes->resumes)
        run_pause(run, wishes->pauses);
    if (wishes->cancels || wishes->aborts)
        run_cancel(run, wishes->aborts);
}

static void tell_stats(const struct run *run, const struct wishes *wishes, struct buf *out)
{
    struct totals totals;
    char text[400];

    run_totals(run, &totals);
    if (wishes->json) {
        totals_json(out, &totals, 0);
        buf_addc(out, '\n');
        return;
    }
    display_text(text, sizeof text, &totals);
    buf_addf(out, "%s\n", text);
}

void control_answer(void *run, const char *line, struct buf *out)
{
    struct wishes wishes = {0};
    struct err err = {0};

    if (!read_line(&wishes, line, &err)) {
        buf_addf(out, "%s\n", err.message);
        return;
    }
    if (!wishes.stats && !wishes.json)
        log_info("haul ctl: %s", line);
    obey(run, &wishes);
    buf_adds(out, "ok\n");
    if (wishes.stats || wishes.json)
        tell_stats(run, &wishes, out);
}
