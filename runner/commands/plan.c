/* haul plan: the names, sizes and parts of what a run would send now.  Writes nothing. */
#include "core/plan.h"
#include "base/limits.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/inspect.h"
#include "engine/probe.h"
#include "source/source.h"
#include "wire/dialect.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct preview {
    struct inspect inspect;
    const struct options *options;
    struct journal *journal; /* of an unfinished run; NULL: none */
    int64_t objects, bytes, parts, deletes;
    int64_t questions; /* requests that functions of the job file cause */
    bool failed;
};

/* Sizes of objects that were named and not listed are asked for. */
static bool know_size(struct preview *preview, struct item *item)
{
    struct err err = {0};
    if (item->info.size >= 0 ||
        inspect_head(&preview->inspect, item->task->from, item->key, &item->info, &err))
        return true;
    log_error("%s: %s", item->key, err.message);
    return false;
}

static int64_t part_size_of(const struct task *task, int64_t size)
{
    const struct dialect *dialect = task->to->dialect;
    if (task->to->kind != STORE_DIR &&
        size <= (task->part_size ? task->part_size : LIMIT_SINGLE_PUT))
        return size;
    return plan_part_size(size, task->part_size, dialect ? dialect->part_min : 0,
                          dialect ? dialect->part_max : 0);
}

static void print_item(struct preview *preview, const struct item *item, uint32_t parts,
                       const char *state)
{
    struct buf line = buf_new(LIMIT_LINE);
    char size[32];

    units_show_size(size, item->info.size);
    if (preview->options->json) {
        buf_addc(&line, '{');
        buf_add_json_name(&line, "key", item->key);
        buf_addc(&line, ',');
        buf_add_json_name(&line, "target", item->target);
        buf_addf(&line, ",\"task\":%d,\"size\":%" PRId64 ",\"parts\":%u,\"state\":\"%s\"}",
                 item->task->number, item->info.size, parts, state);
    } else {
        buf_addf(&line, "%-7s %12s %6u %s  ", state, size, parts, parts == 1 ? "part " : "parts");
        buf_add_printable(&line, item->key);
        buf_adds(&line, " -> ");
        buf_add_printable(&line, item->target);
    }
    puts(buf_str(&line));
    buf_free(&line);
}

static const char *first_time(const struct item *item)
{
    return item->task->kind == TASK_MOVE ? "move" : "send";
}

static const char *state_of(struct preview *preview, const struct item *item)
{
    struct row row;
    struct err err = {0};
    if (!preview->journal ||
        !journal_get(preview->journal, item->task->number, item->key, &row, &err))
        return first_time(item);
    if (row.state == ROW_DONE && row.size == item->info.size)
        return item->task->kind == TASK_MOVE ? "remove" : "done"; /* it was copied */
    return row.upload_id[0] || row.temp[0] ? "resume" : first_time(item);
}

static void show(struct preview *preview, struct item *item)
{
    if (!know_size(preview, item)) {
        preview->failed = true;
        return;
    }
    const char *state = state_of(preview, item);
    uint32_t parts = plan_part_count(item->info.size, part_size_of(item->task, item->info.size));
    print_item(preview, item, parts, state);
    if (!strcmp(state, "done") || !strcmp(state, "remove"))
        return;
    preview->objects++;
    preview->bytes += item->info.size;
    preview->parts += parts;
}

/* What a sync or a delete would remove. */
static void show_extra(void *ctx, const char *key, int64_t size)
{
    struct preview *preview = ctx;
    struct buf line = buf_new(LIMIT_LINE);
    char text[32];

    units_show_size(text, size);
    if (preview->options->json) {
        buf_addc(&line, '{');
        buf_add_json_name(&line, "key", key);
        buf_addf(&line, ",\"size\":%" PRId64 ",\"state\":\"delete\"}", size);
    } else {
        buf_addf(&line, "%-7s %12s              ", "delete", text);
        buf_add_printable(&line, key);
    }
    puts(buf_str(&line));
    buf_free(&line);
    preview->deletes++;
}

static void show_task(struct preview *preview, const struct task *task)
{
    const struct source_options options = {.dry = true, .extra = show_extra, .ctx = preview};
    struct source *source = source_new(task, &options, &preview->inspect.turn);
    while (!source_over(source)) {
        struct op *op = source_next(source, &preview->inspect.turn);
        if (op) {
            op = inspect_wait(&preview->inspect, op);
            inspect_tick(&preview->inspect);
            source_settle(source, op, &preview->inspect.turn);
            op_free(op);
        } else if (!source_ready(source)) {
            inspect_pause(&preview->inspect, source_wake_ms(source));
        }
        source_fill(source, &preview->inspect.turn);
        for (struct item *item; (item = source_take(source));) {
            show(preview, item);
            item_free(item);
        }
    }
    if (source_error(source)->kind != ERR_NONE) {
        log_error("%s: %s", task->from->name, source_error(source)->message);
        preview->failed = true;
    }
    preview->questions += source_questions(source);
    source_free(source);
}

static void show_totals(const struct preview *preview)
{
    char size[32];

    if (preview->options->json) {
        printf("{\"objects\":%" PRId64 ",\"bytes\":%" PRId64 ",\"parts\":%" PRId64
               ",\"deletes\":%" PRId64 ",\"function_requests\":%" PRId64 ",\"state\":\"totals\"}\n",
               preview->objects, preview->bytes, preview->parts, preview->deletes,
               preview->questions);
        return;
    }
    units_show_size(size, preview->bytes);
    if (preview->questions)
        printf("%" PRId64 " requests caused by functions of the job file\n", preview->questions);
    printf("%" PRId64 " objects, %s, %" PRId64 " parts to send, %" PRId64
           " objects to delete; nothing was written\n",
           preview->objects, size, preview->parts, preview->deletes);
}

/* The journal of a run that is to be carried on; a finished one says nothing about the next. */
static struct journal *open_unfinished(const struct workspace *ws)
{
    struct err err = {0};
    struct journal_summary summary;
    struct journal *journal = journal_open_readonly(ws->dir, &err);

    if (!journal || (journal_summary(journal, &summary, &err) && !summary.finished))
        return journal;
    journal_close(journal);
    return NULL;
}

/* What earlier runs remember, for comparisons; NULL: nothing. */
static struct journal *remembered(const struct workspace *ws, struct journal **memory)
{
    struct err err = {0};
    return *memory = journal_open_readonly(ws->dir, &err);
}

static int show_all(struct workspace *ws, const struct options *options)
{
    struct preview preview = {.options = options};
    struct journal *memory;

    preview.journal = options->fresh ? NULL : open_unfinished(ws);
    inspect_begin(&preview.inspect, ws, options, remembered(ws, &memory));
    for (int i = 0; i < ws->job->n_tasks; i++)
        if (!ws->job->tasks[i].is_also) /* one listing serves all targets */
            show_task(&preview, &ws->job->tasks[i]);
    show_totals(&preview);
    if (preview.journal)
        journal_close(preview.journal);
    inspect_end(&preview.inspect);
    if (memory)
        journal_close(memory);
    return preview.failed ? 1 : 0;
}

static int reach_and_show(struct workspace *ws, const struct options *options)
{
    struct err err = {0};

    workspace_start(ws);
    if (probe_stores(&ws->config, &err))
        return show_all(ws, options);
    log_error("%s", err.message);
    return exit_of(&err, true);
}

int command_plan(const struct options *options)
{
    return workspace_do(options, reach_and_show);
}
