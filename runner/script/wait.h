#pragma once
/*
 * How a function of C that a job file calls waits without stopping anything else: it hands over
 * what is to happen and returns what these functions return.
 *
 *     static int api_head(lua_State *L)
 *     {
 *         wait_check(L, luaL_checkstring(L, 1)); // raises where nothing can wait
 *         struct op *op = ...;
 *         return wait_for_call(L, op, push_head);
 *     }
 *
 * Its arguments, and everything else on its stack, stay until the answer is there, so that an op
 * may point into them, even when the hook is killed meanwhile.  Control thread only.
 */
#include "io/op.h"
#include <lua.h>

/* Raises an error that says so where `what` ("haul.sleep at jobs/x.lua:12") cannot wait: while the
 * job file is read, in a function of a task, in a function that a function of Lua's library calls,
 * in __close.  To be called before an op is made. */
void wait_check(lua_State *L, const char *what);

/* Makes values of an op that came back, which it may not keep: pushes them and returns how many
 * there are, or raises an error. */
typedef int wait_push(lua_State *L, struct op *op);

/* Takes the op; what `push` makes of it is what the caller gets.  Made once. */
int wait_for_op(lua_State *L, struct op *op, wait_push *push);
/* The same, made again as the retry policy of the job says: of calls that may be made twice. */
int wait_for_call(lua_State *L, struct op *op, wait_push *push);

/* Goes on, with no values, at that time of the run's monotonic clock, or so long from now. */
int wait_until(lua_State *L, int64_t ms);
int wait_for_ms(lua_State *L, int64_t ms);
/* Goes on, with no values, when that strand is over; at once when it is. */
int wait_for_strand(lua_State *L, uint64_t id);
