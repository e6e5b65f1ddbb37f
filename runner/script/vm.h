#pragma once
/*
 * The Lua state of a job file: its memory limit, its time limit, where modules come from, and the
 * one protected way in.  Control thread only.
 *
 * Nothing outside vm_run may touch the state: even making a string can fail when the memory limit
 * is reached, and a failure outside a protected call would end the process.
 */
#include "base/buf.h"
#include "base/err.h"
#include <lua.h>

struct watchdog; /* script/watchdog.h */

struct vm {
    lua_State *L;
    size_t used, limit;        /* bytes of the state */
    char *lua_dir;             /* modules come from this directory; NULL: the embedded ones */
    lua_State *limited;        /* the coroutine whose time is limited now */
    int64_t deadline_ns;       /* of this thread's CPU clock; 0: no limit */
    int64_t budget_ms;         /* for the message */
    bool expired;              /* sticky until the limited call is over */
    int64_t began_ns;          /* of the same clock: when the limited call began */
    int64_t computed_ns;       /* by the last one */
    struct watchdog *watchdog; /* made for the first limited call */
    void *owner;               /* struct script */
};

/* `lua_dir` NULL: the embedded modules.  NULL with `err` when the directory cannot be trusted. */
struct vm *vm_new(const char *lua_dir, size_t memory, struct err *err);
void vm_free(struct vm *vm);

/* The vm of a state; NULL when the state is not ours (a spec's). */
struct vm *vm_of(lua_State *L);

/* Runs `body`, with `arg` as its only argument, a light userdata, where every error is caught.
 * `body` must leave nothing behind; what it has to say it writes through `arg`. */
bool vm_run(struct vm *vm, lua_CFunction body, void *arg, struct err *err);

/* [-(nargs+1), +nresults or 0]  Calls the function below its arguments.  An error becomes `err`: a
 * table with kind and message keeps both; for anything else the traceback goes to the log. */
bool vm_call(lua_State *L, int nargs, int nresults, struct err *err);

/* [-1, +0]  Turns the error value on top of the stack into `err`.  False always.  May be called
 * only in protected mode. */
bool vm_error(lua_State *L, int status, struct err *err);
/* Logs each line of a text as a line of its own. */
void vm_log_lines(const char *text);

/* From here until vm_unlimit the coroutine, and all it starts, may compute for `budget_ms`; beyond
 * that and a grace, where an error cannot stop it, the process ends (script/watchdog.h).  `what`
 * and `whose` (NULL: of no object) name it then; borrowed until vm_unlimit. */
void vm_limit(struct vm *vm, lua_State *co, int64_t budget_ms, const char *what, const char *whose);
/* Returns the nanoseconds it computed, which are in vm->computed_ns too; 0 where nothing was
 * limited. */
int64_t vm_unlimit(struct vm *vm);

/* The state may have no more than `memory` bytes from here on; false with ERR_INVALID when it has
 * more already. */
bool vm_set_memory(struct vm *vm, size_t memory, struct err *err);

/* [-0, +1 or +2]  Loads a text file as a chunk named after its path: the function, or nil and why.
 */
int vm_load_file(lua_State *L, const char *path);
