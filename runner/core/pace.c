#include "core/pace.h"
#include "base/limits.h"
#include <math.h>

#define RATE_MIN    2.0  /* requests a second, whatever is refused */
#define SLOT_MS     500  /* over which it is measured what is usual */
#define STEP_MS     1000 /* from one step up to the next, at least */
#define STEPS       20   /* from nothing to the usual */
#define BURST       0.1  /* of a second's requests at once: turns come at no steady pace */
#define BUDGET      100.0
#define BUDGET_BACK 0.1 /* by a request that was served at once */
#define BUDGET_RATE 1.0 /* a second */
#define TELL_MS     500 /* a wait that grows by less is not told */
#define EPSILON     1e-9

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

/* --- what is usual -------------------------------------------------------------------- */

static void roll_slot(struct pace *pace, int64_t now_ms)
{
    int64_t slots = (now_ms - pace->slot_ms) / SLOT_MS;
    bool next = slots == 1;

    if (slots <= 0)
        return;
    pace->sent_before = next ? pace->sent_now : 0;
    pace->most_before = next ? pace->most_now : pace->in_flight;
    pace->sent_now = 0;
    pace->most_now = pace->in_flight;
    pace->slot_ms += slots * SLOT_MS;
}

static double rate_sent(const struct pace *pace, int64_t now_ms)
{
    double share = (double)(now_ms - pace->slot_ms) / SLOT_MS;
    return (pace->sent_before * (1 - share) + pace->sent_now) * 1000 / SLOT_MS;
}

/* --- what may go out ------------------------------------------------------------------ */

static double ready_now(const struct pace *pace, int64_t now_ms)
{
    double since = pace->rate * (double)(now_ms - pace->ready_ms) / 1000;
    return least(pace->ready + since, most(1, pace->rate * BURST));
}

static double spent_now(const struct pace *pace, int64_t now_ms)
{
    return most(0, pace->spent - BUDGET_RATE * (double)(now_ms - pace->spent_ms) / 1000);
}

int pace_concurrency(const struct pace *pace)
{
    return pace->window < 1 ? 1 : (int)pace->window;
}

int64_t pace_wait_ms(const struct pace *pace, int64_t now_ms)
{
    return pace->slowed && pace->held_ms > now_ms ? pace->held_ms - now_ms : 0;
}

bool pace_allows(const struct pace *pace, bool again, int64_t now_ms)
{
    if (!pace->slowed)
        return true;
    return now_ms >= pace->held_ms && pace->in_flight < pace_concurrency(pace) &&
           ready_now(pace, now_ms) >= 1 - EPSILON &&
           !(again && spent_now(pace, now_ms) > BUDGET - 1 + EPSILON);
}

/* In so many units at `rate` a second; never at once, for it is not there yet. */
static void wake_after(int64_t *wake_ms, int64_t now_ms, double units, double rate)
{
    if (units <= EPSILON)
        return;
    int64_t when_ms = now_ms + 1 + (int64_t)floor(units * 1000 / rate);
    *wake_ms = when_ms < *wake_ms ? when_ms : *wake_ms;
}

int64_t pace_wake_ms(const struct pace *pace, int64_t now_ms)
{
    int64_t wake_ms = INT64_MAX;

    if (!pace->slowed)
        return wake_ms;
    if (pace->held_ms > now_ms)
        wake_ms = pace->held_ms;
    wake_after(&wake_ms, now_ms, 1 - ready_now(pace, now_ms), pace->rate);
    wake_after(&wake_ms, now_ms, spent_now(pace, now_ms) - (BUDGET - 1), BUDGET_RATE);
    return wake_ms;
}

/* --- what goes out and comes back ----------------------------------------------------- */

uint64_t pace_send(struct pace *pace, bool again, int64_t now_ms)
{
    roll_slot(pace, now_ms);
    pace->sent_now++;
    pace->in_flight++;
    if (pace->in_flight > pace->most_now)
        pace->most_now = pace->in_flight;
    if (pace->slowed) {
        pace->ready = ready_now(pace, now_ms) - 1;
        pace->ready_ms = now_ms;
        pace->spent = spent_now(pace, now_ms) + again;
        pace->spent_ms = now_ms;
    }
    return ++pace->sent;
}

void pace_return(struct pace *pace)
{
    pace->in_flight--;
}

static void step_up(struct pace *pace, int ceiling, int64_t now_ms)
{
    pace->ready = ready_now(pace, now_ms);
    pace->ready_ms = now_ms;
    pace->window = least(ceiling, pace->window + most(1, (double)ceiling / STEPS));
    pace->rate += most(1, pace->usual / STEPS);
    pace->stepped_ms = now_ms;
    pace->served = 0;
    pace->slowed = pace->window < ceiling || pace->rate < pace->usual || now_ms < pace->held_ms;
}

void pace_served(struct pace *pace, bool again, int ceiling, int64_t now_ms)
{
    if (!pace->slowed)
        return;
    pace->spent = most(0, spent_now(pace, now_ms) - (again ? 1 : BUDGET_BACK));
    pace->spent_ms = now_ms;
    pace->served++;
    bool enough = pace->served >= pace->window || pace->served >= pace->rate;
    if (enough && now_ms - pace->stepped_ms >= STEP_MS)
        step_up(pace, ceiling, now_ms);
}

static void step_down(struct pace *pace, int64_t now_ms)
{
    roll_slot(pace, now_ms);
    double rate = rate_sent(pace, now_ms);
    double window = most(pace->most_now, pace->most_before);

    if (pace->slowed) {
        window = least(window, pace->window);
        rate = least(rate, pace->rate);
    } else {
        pace->usual = rate;
        pace->held_ms = 0;
    }
    pace->slowed = true;
    pace->window = most(1, window / 2);
    pace->rate = most(RATE_MIN, rate / 2);
    pace->ready = 0;
    pace->ready_ms = pace->stepped_ms = now_ms;
    pace->served = 0;
    pace->slowed_at = pace->sent;
}

bool pace_refused(struct pace *pace, uint64_t number, int64_t asked_ms, int64_t now_ms)
{
    bool down = !pace->slowed || number > pace->slowed_at;

    if (asked_ms > LIMIT_RETRY_MS)
        asked_ms = LIMIT_RETRY_MS;
    if (down)
        step_down(pace, now_ms);
    bool later = asked_ms > 0 && now_ms + asked_ms >= pace->held_ms + TELL_MS;
    if (asked_ms > 0 && now_ms + asked_ms > pace->held_ms)
        pace->held_ms = now_ms + asked_ms;
    return down || later;
}
