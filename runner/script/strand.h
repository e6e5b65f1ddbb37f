#pragma once
/*
 * Coroutines of a job file by number: of each hook that runs or waits, of haul.spawn, of job:every.
 * What is here knows which of them wait, and for what; script/task.c runs them.  Owned by the
 * script.  Control thread only.
 */
#include "script/queued.h"
#include <lua.h>

#define STRAND_TABLE 1024

struct op;

struct strand {
    struct strand *next, *prev;    /* of all, in the order they began */
    struct strand *chain;          /* of the table by number */
    struct strand *kin;            /* of the table by object */
    struct strand *ready_next;     /* of those that can go on */
    struct strand *later, *sooner; /* of those that sleep */
    uint64_t id;
    const char *what;          /* "part_failed", "haul.spawn": for messages */
    struct queued *item;       /* whose hook it is; NULL: of none */
    uint64_t object;           /* the hooks of one object run one after the other; 0: of the job */
    struct queued_list behind; /* events of the same object, which wait for this one */
    lua_State *co;             /* NULL: not begun; the registry keeps it */
    int n_args;                /* for its first resume */
    bool holds;                /* the run does not end before it does */
    bool ready;                /* in the list of those that can go on */
    bool sleeps;               /* until wake_ms */
    bool asks;                 /* an op of it is under way ... */
    struct op *op;             /* ... or came back, and is its own */
    int (*push)(lua_State *L, struct op *op); /* makes values of that op */
    int64_t wake_ms;
    int n_stuck;       /* coroutines of its own that run where nothing can wait */
    uint64_t joins;    /* waits for the end of this one; 0: of none */
    int64_t spent_ns;  /* of its own computing, so far */
    int64_t since_ms;  /* it waits; 0: not begun */
    int64_t waited_ms; /* in all */
    bool called;       /* a hook was there for the event ... */
    int timing;        /* ... and this is where its time is counted */
    bool killed;       /* ends as soon as it can */
};

struct strands {
    struct strand *first, *last;
    struct strand *by_id[STRAND_TABLE], *by_object[STRAND_TABLE];
    struct {
        struct strand *head, **tail;
    } ready;
    struct strand *soonest, *latest; /* of those that sleep */
    struct strand *running;          /* NULL: no script runs, or none that may wait */
    uint64_t last_id;
    int n;        /* all that hold the run */
    int n_behind; /* events that wait for another of their object */
};

void strands_init(struct strands *strands);
/* What is left of them; the Lua state is closed. */
void strands_free(struct strands *strands);

/* `item`: it is the hook of that event, which it owns from here on; NULL. */
struct strand *strand_new(struct strands *strands, const char *what, struct queued *item);
/* Out of all lists and freed, with its event and its op. */
void strand_free(struct strands *strands, struct strand *strand);

struct strand *strand_find(const struct strands *strands, uint64_t id);
/* The hook of that object that runs or waits; NULL: none. */
struct strand *strand_of_object(const struct strands *strands, uint64_t object);

static inline bool strand_waits(const struct strand *strand)
{
    return strand->sleeps || strand->asks || strand->joins;
}

/* It can go on. */
void strand_ready(struct strands *strands, struct strand *strand);
/* The first that can, in the order they could; NULL: none. */
struct strand *strand_pop(struct strands *strands);
void strand_sleep(struct strands *strands, struct strand *strand, int64_t wake_ms);
/* Those that slept long enough can go on. */
void strands_wake(struct strands *strands, int64_t now_ms);
/* Its op came back. */
void strand_answer(struct strands *strands, struct strand *strand, struct op *op);
/* It is to end.  What it waits for is over, but for an op that is under way. */
void strand_kill(struct strands *strands, struct strand *strand);
