#pragma once
/* Events and counts as the tables a hook receives. */
#include "core/event.h"
#include <lua.h>

/* [-0, +1]  Numbers that are not known are absent. */
void event_push(lua_State *L, const struct event *event, const char *job);
void totals_push(lua_State *L, const struct totals *totals);
/* As the field `error` of an event, but for `retryable`. */
void err_push(lua_State *L, const struct err *err);
