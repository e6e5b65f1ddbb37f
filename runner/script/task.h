#pragma once
/*
 * A hook as a coroutine with a limit on its own computing.  Each runs to its end at once; a yield
 * is an error that says so, until there is something to wait for.
 */
#include "script/vm.h"

/* [-(nargs+1), +nresults or 0]  Runs the function below its arguments in a coroutine of its own.
 * `what` and `whose` as in vm_limit.  Protected mode only; every error, overrun included, becomes
 * `err` and a logged traceback. */
bool task_run(lua_State *L, int nargs, int nresults, int64_t budget_ms, const char *what,
              const char *whose, struct err *err);
