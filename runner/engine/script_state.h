#pragma once
/*
 * What a job file keeps from run to run: a text of the script's, which only the journal stores and
 * only the script reads.  Control thread.  False, with a line in the log, where it could not be
 * read or written: an error of the job file, which harms nothing else.
 */
#include "engine/run.h"

bool script_state_load(const struct run_config *config);
/* Writes it where hooks have changed it; `last`: no further hook will run. */
bool script_state_save(const struct run_config *config, bool last);
