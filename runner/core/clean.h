#pragma once
/*
 * What an earlier run left behind: uploads nobody will complete, temporary files nobody will
 * rename. Blocks until it is done; called where no transfer is open.  Control thread only.
 */
#include "core/run.h"
#include "core/source.h"

struct clean_result {
    int uploads, files; /* removed */
    int failed;         /* could not be removed; still in the journal */
};

/* Tries to remove what the journal has as orphans; what fails stays there for the next time. */
struct clean_result clean_orphans(const struct run_config *config);
/* The same for everything unfinished of this job: uploads are aborted, temporary files removed. */
struct clean_result clean_all(const struct run_config *config, struct err *err);
