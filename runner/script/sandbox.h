#pragma once
/* The standard libraries without what a job file must not do, and modules from lua/ alone.  What of
 * it a job file sees is decided in lua/haul/strict.lua. */
#include <lua.h>

/* [-0, +0] */
void sandbox_open(lua_State *L);
