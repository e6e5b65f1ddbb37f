#pragma once
/*
 * What a command opens to work on a job: the script, the threads, the state directory with its
 * lock, the journal.  Opened in that order, so that bad input is found before anything is written.
 */
#include "commands/options.h"
#include "engine/run.h"
#include "script/script.h"

struct workspace {
    struct script *script;
    struct job *job;         /* the script's */
    struct io *io;           /* NULL until workspace_start */
    struct journal *journal; /* NULL until workspace_lock */
    char *dir;               /* of the job's state */
    int lock_fd;             /* -1: not held */
    bool skipped;            /* the lock was held, and the job wants to be skipped then */
    enum journal_opened opened;
    struct run_config config; /* for run_new, probe and clean */
};

/* Loads the job file; finds out where its state is.  Writes nothing. */
bool workspace_open(struct workspace *ws, const struct options *options, struct err *err);
/* Opens it, does `work`, whose exit status is the result, and closes it; for commands that do no
 * more than that. */
int workspace_do(const struct options *options,
                 int (*work)(struct workspace *ws, const struct options *options));
/* The directory of a job's state, without opening anything in it: --state, or where the job that
 * options->file names has it, which is its file, its name, or that directory.  The caller's; NULL
 * with err. */
char *workspace_find(const struct options *options, struct err *err);
/* Starts the threads. */
void workspace_start(struct workspace *ws);
/* What the journal is wanted for. */
enum workspace_use {
    USE_RUN,   /* carry on, or start anew when the last run has finished */
    USE_FRESH, /* start anew */
    USE_RETRY, /* carry on; nothing is opened, and `opened` is NEW, if the last run has finished */
    USE_APART  /* look at both sides without touching what runs have noted */
};
/* Takes the lock, as the job's `overlap` says, and opens the journal.  False with kind CANCELLED
 * when another run holds the lock. */
bool workspace_lock(struct workspace *ws, enum workspace_use use, struct err *err);
/* Removes the state, with the lock held; the journal is closed. */
void workspace_forget(struct workspace *ws);
void workspace_close(struct workspace *ws);

/* The exit status of an error: 2 usage or job file, 3 configuration, credentials or store, 11
 * locked, 70 a bug. */
int exit_of(const struct err *err, bool reaching);
