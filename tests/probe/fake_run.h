#pragma once
/* A run that does nothing but note what scripts ask of it.  For one probe alone. */
#include "base/buf.h"
#include "engine/run.h"
#include "script/dials.h"
#include "transfer/transfer.h"

static struct buf calls; /* a line each */
static struct run *const fake_run = (struct run *)&calls;

void run_decide(struct run *run, uint64_t ticket, const struct decision *d)
{
    static const char *const kinds[] = {"policy", "retry", "skip", "fail", "defer", "stop", "veto"};
    (void)run;
    buf_addf(&calls, "decide %d %s after=%lld part_size=%lld refresh=%d reason=%s\n", (int)ticket,
             kinds[d->kind], (long long)d->after_ms, (long long)d->part_size,
             d->refresh_credentials, d->reason);
}

bool run_fail(struct run *run, uint64_t transfer, enum err_kind kind, const char *reason)
{
    (void)run, (void)kind;
    buf_addf(&calls, "fail %d %s\n", (int)transfer, reason);
    return true;
}

void run_cancel(struct run *run, bool abort_uploads)
{
    (void)run;
    buf_addf(&calls, "cancel %d\n", abort_uploads);
}

void run_stop(struct run *run, const char *reason)
{
    (void)run;
    buf_addf(&calls, "stop %s\n", reason);
}

void run_pause(struct run *run, bool paused)
{
    (void)run;
    buf_addf(&calls, "pause %d\n", paused);
}

void run_set(struct run *run, enum dial_kind kind, int index, int64_t value)
{
    (void)run;
    buf_addf(&calls, "set %s %d ", dial_kinds[kind], index);
    if (value == DIAL_AUTO)
        buf_adds(&calls, "auto\n");
    else
        buf_addf(&calls, "%lld\n", (long long)value);
}

void run_hook_failed(struct run *run)
{
    (void)run;
    buf_adds(&calls, "hook_failed\n");
}

void run_totals(const struct run *run, struct totals *totals)
{
    (void)run;
    *totals =
        (struct totals){.objects_done = 3, .limit = -1, .eta_ms = 1500, .checked[CHECK_MD5] = 2};
}

/* Transfer 1 is under way for ever, as an empty one. */
const struct transfer *run_transfer(const struct run *run, uint64_t transfer)
{
    static struct item item = {.key = (char *)"a/b"};
    static const struct transfer fake = {.id = 1, .item = &item, .info.size = 10, .tries = 1};
    (void)run;
    return transfer == 1 ? &fake : NULL;
}

static struct op *asked[64]; /* by the number of the wait */

void run_submit(struct run *run, uint64_t wait, struct op *op, bool again)
{
    (void)run;
    buf_addf(&calls, "ask %d %s %s%s\n", (int)wait, op_name(op),
             op->in.call.key ? op->in.call.key : "", again ? "" : " once");
    asked[wait % 64] = op;
}

void run_withdraw(struct run *run, uint64_t wait)
{
    (void)run;
    buf_addf(&calls, "withdraw %d\n", (int)wait);
}
