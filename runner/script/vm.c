#include "script/vm.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "script/sandbox.h"
#include "script/watchdog.h"
#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK  1000       /* instructions between two looks at the clock: about 10 us */
#define CHUNK (64 << 10) /* allocations that are worth a look as well: a C function is at work */

static const char vm_key; /* its address is the registry's key */

struct vm *vm_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_key);
    struct vm *vm = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return vm;
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void vm_tick(lua_State *L, lua_Debug *ar);

static bool is_late(const struct vm *vm)
{
    return vm->deadline_ns != 0 && (vm->expired || cpu_ns() >= vm->deadline_ns);
}

/* The next instruction will be an error. */
static void expire(struct vm *vm)
{
    vm->expired = true;
    lua_sethook(vm->limited, vm_tick, LUA_MASKCOUNT, 1);
}

static void *vm_alloc(void *ud, void *block, size_t had, size_t size)
{
    struct vm *vm = ud;
    if (!block)
        had = 0; /* Lua passes a type here */
    if (size == 0) {
        free(block);
        vm->used -= had;
        return NULL;
    }
    if (size >= CHUNK && is_late(vm))
        expire(vm);
    if (size > had && size - had > vm->limit - vm->used)
        return NULL;
    void *moved = realloc(block, size);
    if (moved)
        vm->used = vm->used - had + size;
    return moved;
}

/* Once the time is over every further instruction is an error, so that a loop around pcall cannot
 * swallow it: the hook fires again outside of the pcall. */
static void vm_tick(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct vm *vm = vm_of(L);
    if (!is_late(vm)) {
        if (lua_gethookcount(L) != TICK)
            lua_sethook(L, vm_tick, LUA_MASKCOUNT, TICK);
        return;
    }
    lua_sethook(L, vm_tick, LUA_MASKCOUNT, 1);
    expire(vm);
    luaL_error(L, "computed for more than %f seconds (hook_timeout)", (double)vm->budget_ms / 1e3);
}

void vm_limit(struct vm *vm, lua_State *co, int64_t budget_ms, const char *what, const char *whose)
{
    assert(!vm->limited);
    vm->limited = co;
    vm->budget_ms = budget_ms;
    vm->began_ns = cpu_ns();
    vm->deadline_ns = vm->began_ns + budget_ms * 1000000;
    vm->expired = false;
    if (!vm->watchdog)
        vm->watchdog = watchdog_new();
    watchdog_arm(vm->watchdog, vm->deadline_ns + LIMIT_HOOK_GRACE_MS * INT64_C(1000000), what,
                 whose);
}

int64_t vm_unlimit(struct vm *vm)
{
    if (!vm->limited)
        return 0;
    vm->computed_ns = cpu_ns() - vm->began_ns;
    watchdog_disarm(vm->watchdog);
    vm->limited = NULL;
    vm->deadline_ns = 0;
    vm->expired = false;
    return vm->computed_ns;
}

bool vm_set_memory(struct vm *vm, size_t memory, struct err *err)
{
    char used[32], most[32];

    lua_gc(vm->L, LUA_GCCOLLECT);
    vm->limit = memory;
    if (vm->used < memory)
        return true;
    vm->limit = vm->used;
    units_show_size(used, (int64_t)vm->used);
    units_show_size(most, (int64_t)memory);
    return err_set(err, ERR_INVALID,
                   "hook_memory: the job file holds %s once it is loaded, and %s is the most", used,
                   most);
}

void vm_log_lines(const char *text)
{
    for (int lines = 0; *text && lines < 60; lines++) {
        text += *text == '\t';
        size_t len = strcspn(text, "\n");
        log_error("  %.*s", (int)(len < 400 ? len : 400), text);
        text += len + (text[len] == '\n');
    }
}

/* Does a table that was thrown say what it means? */
static bool speaks(lua_State *L)
{
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    bool message = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return message || luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL;
}

/* Replaces an error by itself and a traceback; leaves tables that say all there is to say. */
static int vm_traceback(lua_State *L)
{
    if (lua_istable(L, 1) && speaks(L)) {
        lua_settop(L, 1);
        return 1;
    }
    lua_settop(L, 1);
    const char *message = lua_tostring(L, 1);
    if (!message) {
        luaL_where(L, 2); /* this handler, then error, then who called it */
        message = lua_pushfstring(L, "%sthe error is a %s without a message", lua_tostring(L, -1),
                                  luaL_typename(L, 1));
    }
    luaL_traceback(L, L, message, 1);
    return 1;
}

/* [+1]  A field of the table at the bottom, if it is text, else nil. */
static void raw_text(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING)
        return;
    lua_pop(L, 1);
    lua_pushnil(L);
}

/* [value] -> kind, message.  Raw access to a table: its metamethods are not trusted. */
static int describe_value(lua_State *L)
{
    if (lua_istable(L, 1)) {
        raw_text(L, "kind");
        raw_text(L, "message");
        if (!lua_isnil(L, -1))
            return 2;
    }
    lua_pushnil(L);
    luaL_tolstring(L, 1, NULL);
    return 2;
}

/* The first line of a text, within what an error can hold. */
static void set_message(struct err *err, enum err_kind kind, const char *text)
{
    size_t len = strcspn(text, "\n");
    err_set(err, kind, "%.*s", (int)(len < 310 ? len : 310), text);
}

static void set_from_object(lua_State *L, struct err *err)
{
    enum err_kind kind = ERR_SCRIPT;
    lua_pushcfunction(L, describe_value);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 2, 0) != LUA_OK) {
        err_set(err, kind, "the error object cannot be shown");
        lua_pop(L, 1);
        return;
    }
    const char *word = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    if (word && (!err_kind_parse(word, &kind) || kind == ERR_NONE))
        kind = ERR_SCRIPT;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    set_message(err, kind, text);
    lua_pop(L, 2);
}

bool vm_error(lua_State *L, int status, struct err *err)
{
    if (status == LUA_ERRMEM) {
        struct vm *vm = vm_of(L);
        char limit[32];
        units_show_size(limit, vm ? (int64_t)vm->limit : 0);
        err_set(err, ERR_SCRIPT, "the job file needs more than its %s of memory (hook_memory)",
                limit);
        lua_pop(L, 1);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        set_message(err, ERR_SCRIPT, lua_tostring(L, -1));
        if (strchr(lua_tostring(L, -1), '\n'))
            vm_log_lines(lua_tostring(L, -1));
        lua_pop(L, 1);
    } else {
        set_from_object(L, err);
    }
    return false;
}

bool vm_call(lua_State *L, int nargs, int nresults, struct err *err)
{
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, vm_traceback);
    lua_insert(L, base);
    int status = lua_pcall(L, nargs, nresults, base);
    lua_remove(L, base);
    if (status == LUA_OK)
        return true;
    vm_error(L, status, err);
    assert(lua_gettop(L) == base - 1);
    return false;
}

bool vm_run(struct vm *vm, lua_CFunction body, void *arg, struct err *err)
{
    int top = lua_gettop(vm->L);
    lua_pushcfunction(vm->L, body);
    lua_pushlightuserdata(vm->L, arg);
    int status = lua_pcall(vm->L, 1, 0, 0);
    if (status != LUA_OK) {
        vm_unlimit(vm); /* the error may have left a task_run half-way */
        vm_error(vm->L, status, err);
    }
    assert(lua_gettop(vm->L) == top);
    return status == LUA_OK;
}

int vm_load_file(lua_State *L, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: is a directory", path);
        return 2;
    }
    if (access(path, R_OK) != 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path, strerror(errno));
        return 2;
    }
    if (luaL_loadfilex(L, path, "t") == LUA_OK)
        return 1;
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

/* A directory that anybody may write to could hold anybody's code. */
static bool dir_trusted(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(err, ERR_INVALID, "HAUL_LUA: %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_INVALID, "HAUL_LUA: %s: not a directory", path);
    if ((st.st_mode & S_IWOTH) || (st.st_uid != geteuid() && st.st_uid != 0))
        return err_set(err, ERR_INVALID, "HAUL_LUA: %s: others may write to it", path);
    return true;
}

static bool lua_dir_trusted(const char *dir, struct err *err)
{
    char *inner = xasprintf("%s/haul", dir);
    bool good = dir_trusted(dir, err) && dir_trusted(inner, err);
    free(inner);
    return good;
}

static int vm_start(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_key); /* the argument: the vm */
    sandbox_open(L);
    return 0;
}

struct vm *vm_new(const char *lua_dir, size_t memory, struct err *err)
{
    if (lua_dir && !lua_dir_trusted(lua_dir, err))
        return NULL;
    struct vm *vm = xcalloc(1, sizeof *vm);
    vm->limit = memory;
    vm->lua_dir = xstrdup(lua_dir);
    vm->L = lua_newstate(vm_alloc, vm);
    if (!vm->L) {
        err_set(err, ERR_SCRIPT, "no memory for the script");
        vm_free(vm);
        return NULL;
    }
    lua_sethook(vm->L, vm_tick, LUA_MASKCOUNT, TICK);
    if (!vm_run(vm, vm_start, vm, err)) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    if (vm->L)
        lua_close(vm->L);
    watchdog_free(vm->watchdog);
    assert(vm->used == 0);
    free(vm->lua_dir);
    free(vm);
}
