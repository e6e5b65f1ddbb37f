#pragma once
/*
 * `haul test`: busted, in a Lua state of its own with the whole standard library, and haul.test in
 * it.  Control thread only.
 */

/* Runs the spec files; `words` are the arguments of busted.  The exit status: 0 when all passed, 1
 * when some did not, 2 when there is no busted. */
int script_test(const char *const *words, int n);
