#pragma once
/* The parts of a job's table, each from the table on top of the stack; see state.h.  Control
 * thread, protected mode. */
#include "script/state.h"

/* Adds one to script->job; false with `err` when it cannot be resolved. */
bool value_read_store(lua_State *L, struct script *script, struct err *err);
/* [-0, +0]  The field `retry` of the table on top. */
void value_read_retry(lua_State *L, struct retry_policy *retry);
/* Adds one to job->tasks, whose stores were read before. */
void value_read_task(lua_State *L, struct job *job);

/* [-0, +0]  { attempts, base, cap, backoff, jitter }, on top of the stack. */
void value_read_rule(lua_State *L, struct retry_rule *rule);

/* [-0, +0]  A list of { name, text } on top of the stack as attributes; owned by the caller; NULL
 * when it is empty or no table. */
struct http_fields *value_attributes(lua_State *L);
