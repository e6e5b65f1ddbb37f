#pragma once
/*
 * Can every store of a job be reached with its credentials?  Asked before anything is written, by
 * calls that change nothing.  Blocks; called where nothing is under way.  Control thread only.
 */
#include "engine/run.h"

/* False with the reason, the store named: exit status 3. */
bool probe_stores(const struct run_config *config, struct err *err);

/* Can files be written where the job's tasks write?  Makes a temporary file in each target
 * directory (and the directory) and removes it again. */
bool probe_targets(const struct run_config *config, struct err *err);
