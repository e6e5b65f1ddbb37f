#include "script/manual.h"
#include "base/limits.h"
#include "script/vm.h"
#include <lauxlib.h>
#include <stdlib.h>

struct asking {
    const char *word;
    const struct script_entry *entries;
    size_t n;
    struct buf *out;
    struct err err;
};

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

/* [-0, +1] */
static void push_entry(lua_State *L, const struct script_entry *entry)
{
    char letter[] = {entry->letter, 0};

    lua_createtable(L, 0, 6);
    set_text(L, "section", entry->section);
    set_text(L, "name", entry->name);
    set_text(L, "takes", entry->takes);
    set_text(L, "doc", entry->help);
    set_text(L, "letter", letter);
    set_text(L, "variable", entry->variable);
}

static int ask_protected(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);

    lua_getglobal(L, "require");
    lua_pushstring(L, "haul.manual");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "answer");
    lua_createtable(L, (int)asking->n, 0);
    for (size_t i = 0; i < asking->n; i++) {
        push_entry(L, &asking->entries[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushstring(L, asking->word);
    if (vm_call(L, 2, 1, &asking->err))
        buf_adds(asking->out, luaL_checkstring(L, -1));
    return 0;
}

bool script_manual(const char *word, const struct script_entry *entries, size_t n, struct buf *out,
                   struct err *err)
{
    struct asking asking = {.word = word, .entries = entries, .n = n, .out = out};
    const char *dir = getenv("HAUL_LUA");
    struct vm *vm = vm_new(dir && *dir ? dir : NULL, LIMIT_SCRIPT_MEMORY, err);

    if (!vm)
        return false;
    bool good = vm_run(vm, ask_protected, &asking, err);
    vm_free(vm);
    if (good && asking.err.kind != ERR_NONE)
        *err = asking.err;
    return good && asking.err.kind == ERR_NONE;
}
