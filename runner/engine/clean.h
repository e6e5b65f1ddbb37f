#pragma once
/*
 * What an earlier run left behind: uploads nobody will complete, temporary files nobody will
 * rename. Blocks until it is done; called where no transfer is open.  Control thread only.
 */
#include "engine/run.h"
#include "transfer/turn.h"

struct clean_result {
    int uploads, files; /* removed */
    int failed;         /* could not be removed; still in the journal */
};

/* Tries to remove what the journal has as orphans; what fails stays there for the next time, and so
 * does what is on a store that asks to wait.  `turn`: of the run, whose pace is kept and whose
 * time goes on meanwhile; NULL: there is none. */
struct clean_result clean_orphans(const struct run_config *config, struct turn *turn);
/* The same for everything unfinished of this job: uploads are aborted, temporary files removed. */
struct clean_result clean_all(const struct run_config *config, struct turn *turn, struct err *err);

/* Uploads that a machine left behind whose journal is lost. */
struct lost_options {
    int64_t age_ms; /* those that were begun so long ago, by the clock of the store, or longer */
    bool dry;       /* only tell of them */
    void (*each)(void *ctx, const struct store *store, const struct list_entry *upload,
                 bool removed);
    void *ctx;
};
/* Asks the target of every task for unfinished uploads below its prefix, and aborts those that this
 * job's journal knows nothing of.  Nothing in them says who began them: they may be somebody
 * else's, so that this is only done when it is asked for. */
struct clean_result clean_lost(const struct run_config *config, const struct lost_options *options,
                               struct err *err);
