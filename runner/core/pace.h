#pragma once
/*
 * How fast one store may be asked: the adaptive pace.  Pure, with the clock handed in; control
 * thread only.  One for each store of a job; zeroed it is free, and then it says yes to everything
 * and costs a few counters.
 *
 * A store that refuses a request because they come too fast is slowed down as a whole: half of the
 * requests that were in flight, half of the requests a second that were sent.  What was sent before
 * the store was slowed down says nothing about the new pace, so a burst of refusals slows it down
 * once, as a round trip's worth.  It recovers by a twentieth of the usual for each second in which
 * a round trip's worth was served, and is free again when the usual is reached.  However much is
 * refused, one request at a time goes out, twice a second.  Where the store says how long to wait,
 * nothing at all goes out before that (bounded by LIMIT_RETRY_MS).
 *
 * While a store is slowed down, its retries spend a budget that all of its objects share: each
 * takes 1 of 100; what is served gives back a tenth, and a retry that is served all it took; and a
 * second gives 1, so that none waits for ever.  Where nothing is left, retries wait: they are sent
 * later, they do not fail.
 */
#include <stdbool.h>
#include <stdint.h>

struct pace {
    int in_flight;
    uint64_t sent; /* requests, ever */

    int64_t slot_ms; /* what was done lately: since then, ... */
    int sent_now, most_now;
    int sent_before, most_before; /* ... and in the same time before */

    bool slowed;         /* what follows counts only then */
    double window, rate; /* requests in flight; a second */
    double usual;        /* a second, before it was slowed down */
    double ready;        /* requests that the rate allows at once ... */
    int64_t ready_ms;    /* ... as of then */
    int64_t held_ms;     /* nothing goes out before */
    uint64_t slowed_at;  /* `sent` when it was slowed down last */
    int served;          /* since it went a step up or down ... */
    int64_t stepped_ms;  /* ... then */
    double spent;        /* of the budget of retries ... */
    int64_t spent_ms;    /* ... as of then */
};

/* May a request go out now?  `again`: it was sent before. */
bool pace_allows(const struct pace *pace, bool again, int64_t now_ms);
/* When, after now, the clock alone may allow what is not allowed now; INT64_MAX: never. */
int64_t pace_wake_ms(const struct pace *pace, int64_t now_ms);

/* It goes out: the number to bring back. */
uint64_t pace_send(struct pace *pace, bool again, int64_t now_ms);
/* It came back, and one of these says how (neither: nothing is learned from it). */
void pace_return(struct pace *pace);
/* The store has answered.  `ceiling`: requests that may be in flight where nothing is slowed. */
void pace_served(struct pace *pace, bool again, int ceiling, int64_t now_ms);
/* The store asks to slow down, and to wait so long (0: it does not say).  True: that changed the
 * pace. */
bool pace_refused(struct pace *pace, uint64_t number, int64_t asked_ms, int64_t now_ms);

/* The pace as it is told: requests in flight, and how long nothing goes out. */
int pace_concurrency(const struct pace *pace);
int64_t pace_wait_ms(const struct pace *pace, int64_t now_ms);
