#pragma once
/*
 * What stops a script that the limit of vm.h cannot: a C function of Lua that computes without end
 * (string.find with a pattern that backtracks) runs no instruction of Lua, and so raises no error.
 *
 * A thread looks at the CPU clock of the control thread while a call into Lua is limited.  When one
 * is far beyond its limit, the thread says which and ends the process with exit status 7.  The
 * journal was committed before scripts ran, so that nothing is lost: the next run carries on.
 *
 * It measures computing, not time: a process that is stopped, traced or starved is not ended.
 */
#include <stdint.h>

struct watchdog;

/* Watches the calling thread, the only one that may arm it. */
struct watchdog *watchdog_new(void);
void watchdog_free(struct watchdog *watchdog);

/* From here to watchdog_disarm: ends the process when this thread's CPU clock passes `deadline_ns`.
 * `what` ("hook part_failed") and `whose` (a key, or NULL) are for the message, borrowed. */
void watchdog_arm(struct watchdog *watchdog, int64_t deadline_ns, const char *what,
                  const char *whose);
void watchdog_disarm(struct watchdog *watchdog);
