/* haul ls: what is below an address, in key order, as it comes. */
#include "base/limits.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/inspect.h"
#include "core/lister.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void print_entry(const struct inspect *inspect, const struct list_entry *entry)
{
    struct buf line = buf_new(LIMIT_LINE);
    time_t seconds = (time_t)(entry->mtime_ns / 1000000000);
    char when[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (inspect->options->json) {
        buf_adds(&line, "{\"key\":");
        buf_add_json(&line, entry->key);
        buf_addf(&line, ",\"size\":%" PRId64 ",\"modified\":\"%s\",\"etag\":", entry->size, when);
        buf_add_json(&line, entry->etag ? entry->etag : "");
        buf_addc(&line, '}');
    } else {
        buf_addf(&line, "%s %14" PRId64 "  ", when, entry->size);
        buf_add_printable(&line, entry->key);
    }
    puts(buf_str(&line));
    buf_free(&line);
}

static bool list_all(struct inspect *inspect, struct err *err)
{
    const struct task *task = &inspect->ws->job->tasks[0];
    struct lister *lister = lister_new(task, task->from, task->from_path);

    while (!lister_over(lister) && lister_error(lister)->kind == ERR_NONE) {
        struct op *op = lister_next(lister, &inspect->turn);
        if (op) {
            op = inspect_wait(inspect, op);
            inspect_tick(inspect);
            lister_settle(lister, op, &inspect->turn);
            op_free(op);
        } else {
            inspect_pause(inspect, lister_wake_ms(lister));
        }
        for (struct list_entry *entry; (entry = lister_peek(lister)); lister_drop(lister))
            print_entry(inspect, entry);
    }
    *err = *lister_error(lister);
    lister_free(lister);
    return err->kind == ERR_NONE;
}

int command_ls(const struct options *options)
{
    struct workspace ws;
    struct inspect inspect;
    struct err err = {0};
    int status = 0;

    if (!workspace_open(&ws, options, &err)) {
        status = exit_of(&err, false);
    } else {
        workspace_start(&ws);
        inspect_begin(&inspect, &ws, options, NULL);
        if (!list_all(&inspect, &err))
            status = exit_of(&err, true);
        inspect_end(&inspect);
    }
    if (err.kind != ERR_NONE)
        log_error("%s", err.message);
    workspace_close(&ws);
    return status;
}
