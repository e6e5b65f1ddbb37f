#pragma once
/* What Lua can call, one file per subject.  Raw and strict: lua/haul/ gives it manners. */
#include "wire/store.h"
#include <lua.h>

int luaopen_haul_core(lua_State *L);     /* units, log, limits, places in source */
int luaopen_haul_core_run(lua_State *L); /* the running job */

/* Adds to the table of the running job: what waits, what calls stores, handles of transfers
 * (which add nothing). */
void api_wait_add(lua_State *L);
void api_store_add(lua_State *L);
void api_transfer_add(lua_State *L);
/* [-0, +0]  Gives the event on top its `transfer`, which can be read, but is none of what the table
 * holds: an event stays plain data. */
void api_transfer_set(lua_State *L, uint64_t id);

/* Adds size, rate and duration to the table on top: text -> number, or nil and why. */
void api_units_add(lua_State *L);
/* Adds the functions of api_file.c and api_credentials.c to it. */
void api_file_add(lua_State *L);
void api_credentials_add(lua_State *L);

/* haul.core.run.http and .exec: a hook waits for what comes of them. */
int api_http(lua_State *L);
int api_exec(lua_State *L);
/* nil, kind, message */
int api_push_failure(lua_State *L, const struct err *err);

/* Replaces what os says of the time by what haul's clock says. */
void api_time_set(lua_State *L);

/* haul.test.core: worlds for specs.  For the state of `haul test` alone, not for a job's. */
int luaopen_haul_test_core(lua_State *L);
struct op; /* io/op.h */
/* Asks the function at `answer` what an OP_HTTP or OP_EXEC would bring, and fills its answer.
 * False: it raised an error. */
bool api_world_answer(lua_State *L, int answer, struct op *op, struct err *err);

/* The set in the userdata at `index`, which gives it away; NULL when it is none, or was given away.
 */
struct credentials *api_credentials_take(lua_State *L, int index);
