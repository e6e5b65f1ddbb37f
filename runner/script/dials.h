#pragma once
/* Limits that change while a job runs: its schedules as C reads them, and its functions as the
 * engine asks them (core/hooks.h).  Control thread only. */
#include "script/state.h"

/* Words for enum dial_kind, in its order; ends with NULL. */
extern const char *const dial_kinds[];

/* [-0, +0]  The lists `dials` and `dial_functions` of the table on top of the stack; protected mode
 * only. */
void dials_read(lua_State *L, struct job *job);
/* Fills in the member that functions of the job's limits need. */
void dials_fill(const struct script *script, struct hooks *hooks);
