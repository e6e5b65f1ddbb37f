#include "engine/dials.h"
#include "base/log.h"
#include "base/units.h"
#include "wire/digest.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS        1000
#define LOOK_MS       60000      /* a wall clock that was set is noticed after so long */
#define BYTES_AT_ONCE (32 << 10) /* of a bucket that was not used */

static const struct job *job_of(const struct dials *dials)
{
    return dials->turn->job;
}

/* --- buckets -------------------------------------------------------------------------- */

/* Made even where there is no limit: one may be set while requests are under way. */
static void make_stores(struct dials *dials)
{
    const struct job *job = job_of(dials);

    for (int i = 0; i < job->n_stores; i++) {
        const struct job_store *entry = &job->stores[i];
        struct store_state *state = &dials->turn->stores[i];
        state->read = bucket_new(entry->read_rate, BYTES_AT_ONCE);
        state->write = bucket_new(entry->write_rate, BYTES_AT_ONCE);
        state->requests = bucket_new(entry->request_rate, 1);
    }
}

static void make_tasks(struct dials *dials)
{
    const struct job *job = job_of(dials);

    dials->task = xcalloc((size_t)job->n_tasks + 1, sizeof(struct bucket *));
    for (int i = 0; i < job->n_tasks; i++)
        dials->task[i] = job->tasks[i].is_also ? dials->task[i - 1]
                                               : bucket_new(job->tasks[i].rate, BYTES_AT_ONCE);
}

void dials_init(struct dials *dials, struct turn *turn, struct sched *sched)
{
    const struct job *job = turn->job;

    memset(dials, 0, sizeof *dials);
    dials->turn = turn;
    dials->sched = sched;
    dials->rate = bucket_new(job->rate, BYTES_AT_ONCE);
    make_stores(dials);
    make_tasks(dials);
    dials->state = xcalloc((size_t)job->n_dials + 1, sizeof *dials->state);
    sched->job_bytes = dials->rate;
    sched->task_bytes = dials->task;
    turn->totals->limit = job->rate;
    turn->totals->concurrency = job->concurrency;
}

void dials_free(struct dials *dials)
{
    const struct job *job = job_of(dials);

    for (int i = 0; i < job->n_stores; i++) {
        bucket_free(dials->turn->stores[i].read);
        bucket_free(dials->turn->stores[i].write);
        bucket_free(dials->turn->stores[i].requests);
    }
    for (int i = 0; i < job->n_tasks; i++)
        if (!job->tasks[i].is_also)
            bucket_free(dials->task[i]);
    bucket_free(dials->rate);
    free(dials->task);
    free(dials->state);
}

/* --- turning -------------------------------------------------------------------------- */

static struct bucket *bucket_of(const struct dials *dials, enum dial_kind kind, int index)
{
    switch (kind) {
    case DIAL_RATE:
        return dials->rate;
    case DIAL_READ:
        return dials->turn->stores[index].read;
    case DIAL_WRITE:
        return dials->turn->stores[index].write;
    case DIAL_REQUESTS:
        return dials->turn->stores[index].requests;
    case DIAL_TASK:
        return dials->task[index];
    case DIAL_CONCURRENCY:
        break;
    }
    return NULL;
}

static int64_t value_now(const struct dials *dials, enum dial_kind kind, int index)
{
    struct bucket *bucket = bucket_of(dials, kind, index);
    return bucket ? bucket_rate(bucket) : dials->sched->concurrency;
}

static int64_t declared(const struct dials *dials, enum dial_kind kind, int index)
{
    const struct job *job = job_of(dials);

    switch (kind) {
    case DIAL_RATE:
        return job->rate;
    case DIAL_READ:
        return job->stores[index].read_rate;
    case DIAL_WRITE:
        return job->stores[index].write_rate;
    case DIAL_REQUESTS:
        return job->stores[index].request_rate;
    case DIAL_TASK:
        return job->tasks[index].rate;
    case DIAL_CONCURRENCY:
        break;
    }
    return job->concurrency;
}

static void name_of(const struct dials *dials, enum dial_kind kind, int index, char out[200])
{
    const char *store = kind == DIAL_READ || kind == DIAL_WRITE || kind == DIAL_REQUESTS
                            ? job_of(dials)->stores[index].store->name
                            : "";

    switch (kind) {
    case DIAL_RATE:
        snprintf(out, 200, "the rate");
        break;
    case DIAL_CONCURRENCY:
        snprintf(out, 200, "the concurrency");
        break;
    case DIAL_READ:
        snprintf(out, 200, "the rate from %.100s", store);
        break;
    case DIAL_WRITE:
        snprintf(out, 200, "the rate to %.100s", store);
        break;
    case DIAL_REQUESTS:
        snprintf(out, 200, "the limit of requests a second to %.100s", store);
        break;
    case DIAL_TASK:
        snprintf(out, 200, "the rate of task %d", index + 1);
        break;
    }
}

static void tell(const struct dials *dials, enum log_level level, enum dial_kind kind, int index,
                 int64_t value)
{
    char name[200], text[32];

    name_of(dials, kind, index, name);
    if (kind == DIAL_CONCURRENCY || (kind == DIAL_REQUESTS && value >= 0))
        snprintf(text, sizeof text, "%" PRId64, value);
    else
        units_show_rate(text, value);
    log_line(level, "%s: %s is %s from now on", job_of(dials)->name, name, text);
}

static void turn_to(struct dials *dials, enum log_level level, enum dial_kind kind, int index,
                    int64_t value)
{
    struct bucket *bucket = bucket_of(dials, kind, index);

    if (value == value_now(dials, kind, index))
        return;
    if (bucket)
        bucket_set_rate(bucket, value);
    if (kind == DIAL_RATE)
        dials->turn->totals->limit = value;
    if (kind == DIAL_CONCURRENCY)
        dials->sched->concurrency = (int)(dials->turn->totals->concurrency = value);
    tell(dials, level, kind, index, value);
}

void dials_set(struct dials *dials, enum dial_kind kind, int index, int64_t value)
{
    const struct job *job = job_of(dials);
    bool changes = false;

    for (int i = 0; i < job->n_dials; i++) {
        if (job->dials[i].kind != kind || job->dials[i].index != index)
            continue;
        changes = true;
        dials->state[i] = (struct dial_state){.by_hand = value != DIAL_AUTO};
    }
    if (value == DIAL_AUTO && changes)
        return; /* it is due now */
    turn_to(dials, LOG_INFO, kind, index,
            value == DIAL_AUTO ? declared(dials, kind, index) : value);
}

/* --- asking --------------------------------------------------------------------------- */

static bool is_due(const struct dials *dials, int i)
{
    const struct dial_state *state = &dials->state[i];

    if (state->by_hand)
        return false;
    if (job_of(dials)->dials[i].call)
        return !state->asked_ms || dials->turn->now_ms - state->asked_ms >= ASK_MS;
    return dials->turn->wall_ms < state->from_ms || dials->turn->wall_ms >= state->until_ms;
}

bool dials_due(const struct dials *dials)
{
    for (int i = 0; i < job_of(dials)->n_dials; i++)
        if (is_due(dials, i))
            return true;
    return false;
}

static bool was_said(struct dials *dials, const char *message)
{
    uint64_t sum = sum_update(SUM_CRC64, 0, message, strlen(message));

    for (int i = 0; i < dials->n_said && i < DIAL_SAID; i++)
        if (dials->said[i] == sum)
            return true;
    dials->said[dials->n_said++ % DIAL_SAID] = sum;
    return false;
}

static void note_failure(struct dials *dials, int i, const struct err *err)
{
    const struct dial *dial = &job_of(dials)->dials[i];
    char name[200];

    dials->turn->totals->hook_errors++;
    if (err->final)
        dials->turn->stop = *err;
    if (was_said(dials, err->message))
        return;
    name_of(dials, dial->kind, dial->index, name);
    log_error("%s: the function for %s: %s; it stays as it is", job_of(dials)->name, name,
              err->message);
}

/* The answer of a function that stands for more than one limit is asked for once in a turn. */
struct answer {
    int call;
    bool ok;
    int64_t value;
    struct err err;
};

static void ask(struct dials *dials, int i, struct answer *answer)
{
    const struct dial *dial = &job_of(dials)->dials[i];
    const struct hooks *hooks = dials->turn->hooks;
    bool asked = answer->call == dial->call;

    if (!asked) {
        *answer = (struct answer){.call = dial->call};
        answer->ok = hooks->dial(hooks->ctx, dial->call, dials->turn->wall_ms, dials->turn->totals,
                                 &answer->value, &answer->err);
    }
    dials->state[i].asked_ms = dials->turn->now_ms > 0 ? dials->turn->now_ms : 1;
    if (answer->ok)
        turn_to(dials, LOG_DEBUG, dial->kind, dial->index, answer->value);
    else if (!asked)
        note_failure(dials, i, &answer->err);
}

static void look_up(struct dials *dials, int i)
{
    const struct dial *dial = &job_of(dials)->dials[i];
    struct dial_state *state = &dials->state[i];

    state->from_ms = dials->turn->wall_ms;
    int64_t value = schedule_at(&dial->schedule, state->from_ms, &state->until_ms);
    turn_to(dials, LOG_INFO, dial->kind, dial->index, value);
}

void dials_turn(struct dials *dials)
{
    struct answer answer = {0};

    for (int i = 0; i < job_of(dials)->n_dials; i++) {
        if (!is_due(dials, i))
            continue;
        if (job_of(dials)->dials[i].call)
            ask(dials, i, &answer);
        else
            look_up(dials, i);
    }
}

int64_t dials_wake_ms(const struct dials *dials)
{
    int64_t wake_ms = INT64_MAX;

    for (int i = 0; i < job_of(dials)->n_dials; i++) {
        const struct dial_state *state = &dials->state[i];
        int64_t ahead = state->until_ms - dials->turn->wall_ms;
        int64_t mine = job_of(dials)->dials[i].call
                           ? state->asked_ms + ASK_MS
                           : dials->turn->now_ms + (ahead < LOOK_MS ? ahead : LOOK_MS);
        if (!state->by_hand && mine < wake_ms)
            wake_ms = mine;
    }
    return wake_ms;
}
