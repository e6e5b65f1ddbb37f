#pragma once
/*
 * coroutine.resume and coroutine.wrap as Lua has them, but that what waits inside of a coroutine of
 * the job file lets the hook wait that resumed it: it is not given back as if it had yielded.
 */
#include <lua.h>

/* [-0, +0]  Puts them in place of Lua's. */
void coroutines_open(lua_State *L);
