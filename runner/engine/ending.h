#pragma once
/*
 * Why a run ends before its work is done, since when, and what its exit status is then.  A part of
 * struct run; control thread only.
 */
#include "base/err.h"
#include <stdint.h>

#define ENDING_GRACE_MS 3000 /* what is under way may end before it is cancelled */
/* What job_finished may wait for once a run has ended early, unless somebody waits for its end. */
#define ENDING_LAST_MS 30000

enum ending_kind {
    NOT_ENDING,
    END_SIGNAL,
    END_CANCEL,
    END_ABORT, /* as CANCEL, and nothing is kept for a later run */
    END_STOP,  /* the script said so */
    END_GUARD,
    END_DURATION,
    END_WINDOW,
    END_FATAL
};

struct ending {
    enum ending_kind kind;
    int64_t since_ms;
    int signal; /* SIGNAL: which */
    bool bug;   /* FATAL: it is haul's own mistake */
    char why[sizeof((struct err *)0)->message];
};

/* Ends for that reason, unless a harder one stands.  `why` is one sentence; NULL: the usual one. */
void ending_begin(struct ending *ending, enum ending_kind kind, const char *why, int64_t now_ms);
/* The same for what the run cannot go on after. */
void ending_fatal(struct ending *ending, const struct err *err, int64_t now_ms);
/* Is what is under way cancelled at once, without the grace? */
bool ending_hurries(const struct ending *ending);
/* How long hooks may wait, told at `now_ms` that all else is over; INT64_MAX: as long as they want.
 */
int64_t ending_last_ms(const struct ending *ending, int64_t now_ms);
/* The exit status of product.md section 6; 0 where it is not ending. */
int ending_status(const struct ending *ending);
