/* runner/base for the specs. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "probe.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int luaopen_base(lua_State *L);

typedef bool parser(const char *text, int64_t *value, struct err *err);

static int parse(lua_State *L, parser *function)
{
    int64_t value;
    struct err err = {0};
    if (!function(luaL_checkstring(L, 1), &value, &err))
        return probe_failure(L, &err);
    lua_pushinteger(L, value);
    return 1;
}

static int size(lua_State *L)
{
    return parse(L, units_size);
}

static int rate(lua_State *L)
{
    return parse(L, units_rate);
}

static int duration(lua_State *L)
{
    return parse(L, units_duration);
}

static int show(lua_State *L)
{
    char out[32];
    const char *what = luaL_checkstring(L, 1);
    int64_t value = luaL_checkinteger(L, 2);
    if (strcmp(what, "size") == 0)
        units_show_size(out, value);
    else if (strcmp(what, "rate") == 0)
        units_show_rate(out, value);
    else
        units_show_duration(out, value);
    lua_pushstring(L, out);
    return 1;
}

static int escape(lua_State *L, bool (*add)(struct buf *, const char *))
{
    struct buf buf = buf_new((size_t)luaL_optinteger(L, 2, 1 << 20));
    bool ok = add(&buf, luaL_checkstring(L, 1));
    lua_pushstring(L, buf_str(&buf));
    lua_pushboolean(L, ok);
    buf_free(&buf);
    return 2;
}

static bool add_key(struct buf *buf, const char *name)
{
    return buf_add_json_name(buf, "key", name);
}

static int json_name(lua_State *L)
{
    return escape(L, add_key);
}

static int json(lua_State *L)
{
    return escape(L, buf_add_json);
}

static int printable(lua_State *L)
{
    return escape(L, buf_add_printable);
}

/* fill(max, text...): what a buf of that maximum holds after adding each, and which were taken. */
static int fill(lua_State *L)
{
    struct buf buf = buf_new((size_t)luaL_checkinteger(L, 1));
    int n = lua_gettop(L);
    lua_newtable(L);
    for (int i = 2; i <= n; i++) {
        lua_pushboolean(L, buf_addf(&buf, "%s", luaL_checkstring(L, i)));
        lua_rawseti(L, -2, i - 1);
    }
    lua_pushstring(L, buf_str(&buf));
    lua_insert(L, -2);
    buf_free(&buf);
    return 2;
}

static int error_of(lua_State *L)
{
    struct err err;
    enum err_kind kind = ERR_NONE;
    err_kind_parse(luaL_checkstring(L, 1), &kind);
    err_set(&err, kind, "%s", luaL_checkstring(L, 2));
    if (lua_isstring(L, 3))
        err_wrap(&err, "%s", lua_tostring(L, 3));
    return probe_failure(L, &err);
}

static int system_error(lua_State *L)
{
    static const struct {
        const char *name;
        int value;
    } names[] = {{"ENOENT", ENOENT}, {"EACCES", EACCES}, {"ENOSPC", ENOSPC}, {"EIO", EIO}};
    const char *name = luaL_checkstring(L, 1);
    struct err err = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            err_sys(&err, names[i].value, "%s", luaL_checkstring(L, 2));
    return probe_failure(L, &err);
}

/* The vocabulary, in order. */
static int kinds(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < ERR_KIND_COUNT; i++) {
        enum err_kind kind = ERR_KIND_COUNT;
        const char *name = err_kind_name((enum err_kind)i);
        if (err_kind_parse(name, &kind) && (int)kind == i) {
            lua_pushstring(L, name);
            lua_rawseti(L, -2, i + 1);
        }
    }
    return 1;
}

static int kind_known(lua_State *L)
{
    enum err_kind kind;
    lua_pushboolean(L, err_kind_parse(luaL_checkstring(L, 1), &kind));
    return 1;
}

static int secret(lua_State *L)
{
    log_secret(luaL_checkstring(L, 1));
    return 0;
}

static int redact(lua_State *L)
{
    char *text = xstrdup(luaL_checkstring(L, 1));
    log_redact(text);
    lua_pushstring(L, text);
    free(text);
    return 1;
}

/* log(path, format, level, text): one line at that level into the file; then the log is closed. */
static int log_one(lua_State *L)
{
    enum log_level level = LOG_INFO;
    bool is_json = strcmp(luaL_checkstring(L, 2), "json") == 0;
    if (!log_level_parse(luaL_checkstring(L, 3), &level) ||
        !log_open(luaL_checkstring(L, 1), LOG_INFO, is_json ? LOG_JSON : LOG_TEXT))
        return luaL_error(L, "cannot log");
    log_line(level, "%s", luaL_checkstring(L, 4));
    log_close();
    return 0;
}

static int opens(lua_State *L)
{
    bool ok = log_open(luaL_checkstring(L, 1), LOG_INFO, LOG_TEXT);
    log_close();
    lua_pushboolean(L, ok);
    return 1;
}

static int random_list(lua_State *L)
{
    struct rng rng;
    rng_seed(&rng, (uint64_t)luaL_checkinteger(L, 1));
    uint64_t below = (uint64_t)luaL_checkinteger(L, 2);
    int n = (int)luaL_checkinteger(L, 3);
    lua_createtable(L, n, 0);
    for (int i = 1; i <= n; i++) {
        lua_pushinteger(L, (lua_Integer)(below ? rng_below(&rng, below) : rng_next(&rng)));
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static int hex(lua_State *L)
{
    char out[65];
    random_hex(out, (unsigned)luaL_checkinteger(L, 1));
    lua_pushstring(L, out);
    return 1;
}

int luaopen_base(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"size", size},
        {"rate", rate},
        {"duration", duration},
        {"show", show},
        {"json", json},
        {"json_name", json_name},
        {"printable", printable},
        {"fill", fill},
        {"error_of", error_of},
        {"system_error", system_error},
        {"kinds", kinds},
        {"kind_known", kind_known},
        {"secret", secret},
        {"redact", redact},
        {"log_one", log_one},
        {"opens", opens},
        {"random_list", random_list},
        {"hex", hex},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
