#pragma once
/*
 * Objects about which a function of the job file wants to know more than was listed, and those
 * behind them: in the order in which they came, so that what is decided keeps that order, with
 * several requests under way.  A function is run again from its start once the answer is there;
 * what it touches is asked for once.  Owned by source.  Control thread only.
 */
#include "core/knowledge.h"
#include "source/inquiry.h"

struct questions;

/* One object; what it points at is its own. */
struct question {
    struct question *next;
    char *key, *named; /* named: its name on the other side where a manifest gave one; NULL */
    char *there;       /* its key on the target, where `has_target` */
    struct object_info info;
    bool has_target;
    struct object_info target_info;
    struct knowledge known, target_known;
    struct err err; /* a request, or a function, failed; kind NONE: none did */

    /* questions.c's own */
    enum { QUESTION_NEW, QUESTION_ASKS, QUESTION_READY } state;
    bool of_target; /* what is asked about: the target, ... */
    unsigned what;  /* ... and what: one bit */
    struct inquiry inquiry;
};

/* `compares`: the task's function is asked about pairs. */
struct questions *questions_new(const struct task *task, bool compares);
void questions_free(struct questions *questions);

/* Takes a copy of the object in, with what is known of it; `target_key` and `target_info` may be
 * NULL.  `known` is emptied; NULL: nothing. */
void questions_add(struct questions *questions, const struct object_view *object,
                   const char *target_key, const struct object_info *target_info,
                   struct knowledge *known);
bool questions_empty(const struct questions *questions);
bool questions_full(const struct questions *questions);

/* Runs the functions for those that have not been looked at since they changed. */
void questions_look(struct questions *questions, struct turn *turn);
/* The first one, when all that it asks for is known or has failed; else NULL. */
struct question *questions_first(const struct questions *questions);
/* There may be a first one, once it has been looked at. */
bool questions_ready(const struct questions *questions);
/* The first one is dealt with. */
void questions_drop(struct questions *questions);

/* As of every source of requests. */
struct op *questions_next(struct questions *questions, struct turn *turn);
bool questions_owns(const struct questions *questions, const struct op *op);
void questions_settle(struct questions *questions, struct op *op, struct turn *turn);
int64_t questions_wake_ms(const struct questions *questions);
bool questions_idle(const struct questions *questions);
/* Requests that were made, those that were made again apart. */
int64_t questions_asked(const struct questions *questions);
