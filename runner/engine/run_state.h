#pragma once
/*
 * What a run knows: of run.c, which makes its turns, and say.c, through which others reach it.
 * Nobody else includes this.  Control thread only.
 */
#include "core/meter.h"
#include "engine/asks.h"
#include "engine/dials.h"
#include "engine/ending.h"
#include "engine/run.h"
#include "engine/task_run.h"

/* What a script has said, for the next turn. */
struct ticket {
    uint64_t id;
    enum err_kind failure; /* not NONE: no answer, but the object is given up with this */
    struct decision decision;
};

struct run {
    struct run_config config;
    struct turn turn;
    struct sched sched;
    struct task_run tasks;
    struct asks asks;
    struct dials dials;
    struct rng rng;
    struct totals totals;
    struct meter meter;
    struct ticket *decisions;
    int n_decisions, cap_decisions;
    struct ending ending;
    volatile int signal; /* set by run_interrupt, maybe in a signal handler */
    int64_t window_ms;   /* when the window closes; 0: there is none */
    bool more;           /* to do without waiting */
    bool left;           /* every open transfer was told to leave */
    bool paused, started, over;
    bool held;            /* so much waits for hooks that nothing new is taken up */
    bool finishing;       /* all is told, and job_finished may still wait */
    int64_t hooks_end_ms; /* when hooks that wait are ended; INT64_MAX: never */
    int64_t next_ms;      /* when the next turn is due by the clock */
    int exit_status;
};

static inline int64_t run_now_ms(const struct run *run)
{
    return run->config.mono_ns(run->config.clock_ctx) / 1000000;
}

/* The run is to end, unless all is over already. */
static inline void run_end_for(struct run *run, enum ending_kind kind, const char *why)
{
    if (!run->finishing)
        ending_begin(&run->ending, kind, why, run_now_ms(run));
}
