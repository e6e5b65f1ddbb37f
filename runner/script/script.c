#include "script/script.h"
#include "base/limits.h"
#include "base/list.h"
#include "script/api.h"
#include "script/state.h"
#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>

static const char *lua_dir_of(const struct script_options *options)
{
    const char *dir = options->lua_dir ? options->lua_dir : getenv("HAUL_LUA");
    return dir && *dir ? dir : NULL;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_texts(lua_State *L, const char *name, const char *const *texts, int n)
{
    lua_createtable(L, n, 0);
    for (int i = 0; i < n; i++) {
        lua_pushstring(L, texts[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, name);
}

/* [-0, +0]  Into the options on top of the stack. */
static void set_oneliner(lua_State *L, const struct script_oneliner *line)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"verb", line->verb},
                 {"max_delete", line->max_delete},
                 {"ca", line->ca},
                 {"endpoint", line->endpoint},
                 {"from_endpoint", line->from_endpoint},
                 {"to_endpoint", line->to_endpoint},
                 {"region", line->region},
                 {"from_region", line->from_region},
                 {"to_region", line->to_region},
                 {"profile", line->profile},
                 {"from_profile", line->from_profile},
                 {"to_profile", line->to_profile}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        set_text(L, texts[i].name, texts[i].text);
    set_texts(L, "words", line->words, line->n_words);
    set_texts(L, "include", line->include, line->n_include);
    set_texts(L, "exclude", line->exclude, line->n_exclude);
    lua_pushboolean(L, line->remove);
    lua_setfield(L, -2, "delete");
}

/* [-0, +1]  The options as lua/haul/load.lua wants them. */
static void push_options(lua_State *L, const struct script_options *options)
{
    lua_newtable(L);
    set_text(L, "file", options->file);
    set_texts(L, "params", options->params, options->n_params);
    if (options->simulated)
        set_texts(L, "env", options->env, options->n_env);
    if (options->oneliner)
        set_oneliner(L, options->oneliner);
    lua_newtable(L);
    set_text(L, "part_size", options->part_size);
    set_text(L, "rate", options->rate);
    if (options->concurrency) {
        lua_pushinteger(L, options->concurrency);
        lua_setfield(L, -2, "concurrency");
    }
    lua_setfield(L, -2, "overrides");
}

/* [-0, +1]  A function of haul.load or haul.oneliner, or an error. */
static void push_loader(lua_State *L, const char *module, const char *function)
{
    luaL_checkstack(L, 20, NULL);
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, function);
    lua_remove(L, -2);
}

struct loading {
    const struct script_options *options;
    struct script *script;
    struct buf *help;
    struct err err;
};

static int load_protected(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    push_loader(L, loading->options->oneliner ? "haul.oneliner" : "haul.load", "run");
    push_options(L, loading->options);
    if (vm_call(L, 1, 1, &loading->err))
        value_read_job(L, loading->script, &loading->err);
    return 0;
}

static int help_protected(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    push_loader(L, "haul.load", "help");
    push_options(L, loading->options);
    if (vm_call(L, 1, 1, &loading->err))
        buf_adds(loading->help, luaL_checkstring(L, -1));
    return 0;
}

static bool load_run(struct loading *loading, lua_CFunction body, struct err *err)
{
    struct err outer = {0};
    if (!vm_run(loading->script->vm, body, loading, &outer))
        loading->err = outer;
    if (loading->err.kind == ERR_NONE)
        return true;
    if (err)
        *err = loading->err;
    return false;
}

static struct script *script_new(const struct script_options *options, struct err *err)
{
    struct script *script = xcalloc(1, sizeof *script);
    list_init(&script->queue);
    strands_init(&script->strands);
    script->file = xstrdup(options->oneliner ? options->oneliner->verb : options->file);
    script->vm = vm_new(lua_dir_of(options), LIMIT_SCRIPT_MEMORY, err);
    if (!script->vm) {
        script_free(script);
        return NULL;
    }
    script->vm->owner = script;
    script->timings.trace = options->trace_hooks;
    return script;
}

struct script *script_load(const struct script_options *options, struct err *err)
{
    struct script *script = script_new(options, err);
    if (!script)
        return NULL;
    struct loading loading = {.options = options, .script = script};
    if (load_run(&loading, load_protected, err) &&
        vm_set_memory(script->vm, (size_t)script->hook_memory, err))
        return script;
    script_free(script);
    return NULL;
}

bool script_help(const struct script_options *options, struct buf *out, struct err *err)
{
    struct script *script = script_new(options, err);
    if (!script)
        return false;
    struct loading loading = {.options = options, .script = script, .help = out};
    bool good = load_run(&loading, help_protected, err);
    script_free(script);
    return good;
}

struct job *script_job(struct script *script)
{
    return script->job;
}

void script_give(struct script *script, struct store *store, struct credentials *fresh)
{
    if (!fresh)
        return;
    size_t n = (size_t)script->n_credentials + 1;
    script->credentials = xrealloc(script->credentials, n * sizeof *script->credentials);
    script->credentials[script->n_credentials++] = fresh;
    store->credentials = fresh;
}

void script_free(struct script *script)
{
    if (!script)
        return;
    vm_free(script->vm);
    hooks_free(script);
    if (script->job)
        job_free(script->job);
    for (int i = 0; i < script->n_credentials; i++)
        credentials_free(script->credentials[i]);
    free(script->credentials);
    free(script->wants);
    free(script->file);
    free(script);
}

const char *script_library(void)
{
    return LUA_RELEASE;
}
