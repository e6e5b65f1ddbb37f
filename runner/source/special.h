#pragma once
/* What is listed and never taken.  Pure; control thread only. */
#include "core/job.h"

/* Why an entry is told and not taken, a text that lasts; NULL: it is one like others. */
const char *special_why(const struct task *task, const struct list_entry *entry);

/* Markers of directories, which consoles make, have no counterpart in a directory: is it one, on
 * the target? */
bool special_is_marker(const struct task *task, const struct list_entry *entry);
