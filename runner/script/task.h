#pragma once
/*
 * Coroutines of the job file and the limit on their own computing: functions that run to their end
 * at once, and strands, which may wait (script/strand.h).  Protected mode only; every error, an
 * overrun included, becomes `err` and a logged traceback.
 */
#include "script/strand.h"
#include "script/vm.h"

/* [-(nargs+1), +nresults or 0]  Runs the function below its arguments in a coroutine of its own;
 * a yield is an error.  `what` and `whose` as for vm_limit. */
bool task_run(lua_State *L, int nargs, int nresults, int64_t budget_ms, const char *what,
              const char *whose, struct err *err);

/* [-(nargs+1), +0]  The function below its arguments becomes the coroutine of the strand, which is
 * not begun. */
void task_make(lua_State *L, struct strand *strand, int nargs);

enum task_outcome { TASK_ENDED, TASK_WAITS, TASK_FAILED };

/* [-0, +1 when it has ended, else 0]  Begins the strand or goes on with it until it waits or ends;
 * what it returned first is left on the stack.  `budget_ms`: of all its resumes together. */
enum task_outcome task_resume(lua_State *L, struct strand *strand, int64_t budget_ms,
                              struct err *err);
/* Closes what a strand that waits has open: its <close> variables run, within what is left of its
 * budget.  An error of theirs is logged. */
void task_close(lua_State *L, struct strand *strand, int64_t budget_ms);
/* Gives up the coroutine of a strand that is over. */
void task_drop(lua_State *L, struct strand *strand);
