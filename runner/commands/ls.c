/* haul ls: what is below an address, in key order, as it comes. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/inspect.h"
#include "source/lister.h"
#include <inttypes.h>
#include <stdio.h>

static void print_entry(const struct inspect *inspect, const struct list_entry *entry)
{
    struct buf line = buf_new(LIMIT_LINE);
    char when[32];

    clock_show(when, entry->mtime_ns / 1000000);
    if (inspect->options->json) {
        buf_addc(&line, '{');
        buf_add_json_name(&line, "key", entry->key);
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

static int list(struct workspace *ws, const struct options *options)
{
    struct inspect inspect;
    struct err err = {0};

    workspace_start(ws);
    inspect_begin(&inspect, ws, options, NULL);
    bool ok = list_all(&inspect, &err);
    inspect_end(&inspect);
    if (!ok)
        log_error("%s", err.message);
    return ok ? 0 : exit_of(&err, true);
}

int command_ls(const struct options *options)
{
    return workspace_do(options, list);
}
