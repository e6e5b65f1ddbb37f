#include "script/object.h"
#include "io/mime.h"
#include "wire/dialect.h"
#include "wire/url.h"
#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char meta_key; /* its address is the registry's key of the metatable */

/* --- values --------------------------------------------------------------------------- */

static void push_metadata(lua_State *L, const struct http_fields *attributes)
{
    size_t skip = strlen(ATTRIBUTE_META);

    lua_newtable(L);
    for (int i = 0; attributes && i < attributes->n; i++) {
        const char *name = http_fields_name(attributes, i);
        if (strncmp(name, ATTRIBUTE_META, skip) != 0)
            continue;
        lua_pushstring(L, http_fields_value(attributes, i));
        lua_setfield(L, -2, name + skip);
    }
}

static void push_decoded(lua_State *L, const char *text, size_t len)
{
    struct buf plain = buf_new(LIMIT_HEADERS);
    url_decode(&plain, text, len, false);
    lua_pushlstring(L, buf_str(&plain), plain.len);
    buf_free(&plain);
}

/* "a=1&b=2", percent-encoded, as a table. */
void object_push_tags(lua_State *L, const char *tags)
{
    lua_newtable(L);
    while (tags && *tags) {
        size_t len = strcspn(tags, "&"), name = strcspn(tags, "=&");
        push_decoded(L, tags, name);
        push_decoded(L, tags + name + (name < len), len - name - (name < len));
        lua_rawset(L, -3);
        tags += len + (tags[len] == '&');
    }
}

static void push_attribute(lua_State *L, const struct http_fields *attributes, const char *name)
{
    lua_pushstring(L, attributes ? http_fields_get(attributes, name) : NULL);
}

/* A HEAD leaves out the class that most objects have. */
static void push_storage_class(lua_State *L, const struct object_view *view)
{
    const struct dialect *dialect = view->store->dialect;

    push_attribute(L, view->known->attributes, "storage-class");
    if (!lua_isnil(L, -1) || !dialect->h_storage_class)
        return;
    lua_pop(L, 1);
    lua_pushstring(L, dialect->kind == STORE_OSS ? "Standard" : "STANDARD");
}

static void push_content_type(lua_State *L, const struct knowledge *known)
{
    push_attribute(L, known->attributes, "content-type");
    if (!lua_isnil(L, -1) || !known->info.content_type[0])
        return;
    lua_pop(L, 1);
    lua_pushstring(L, known->info.content_type);
}

static void push_crc64(lua_State *L, const struct object_info *info)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, info->sum);
    lua_pushstring(L, info->sum_kind == SUM_CRC64 ? text : NULL);
}

/* --- fields --------------------------------------------------------------------------- */

enum field {
    FIELD_METADATA,
    FIELD_TAGS,
    FIELD_CONTENT_TYPE,
    FIELD_STORAGE_CLASS,
    FIELD_CRC64,
    FIELD_HEADER /* and those behind it, by their neutral names */
};

static const struct {
    const char *name, *header;
    enum field field;
} fields[] = {{"metadata", NULL, FIELD_METADATA},
              {"tags", NULL, FIELD_TAGS},
              {"content_type", NULL, FIELD_CONTENT_TYPE},
              {"storage_class", NULL, FIELD_STORAGE_CLASS},
              {"crc64", NULL, FIELD_CRC64},
              {"cache_control", "cache-control", FIELD_HEADER},
              {"content_disposition", "content-disposition", FIELD_HEADER},
              {"content_encoding", "content-encoding", FIELD_HEADER},
              {"content_language", "content-language", FIELD_HEADER},
              {"expires", "expires", FIELD_HEADER}};

static int field_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof fields / sizeof *fields; i++)
        if (!strcmp(fields[i].name, name))
            return (int)i;
    return -1;
}

/* Of a file nothing has to be asked. */
static void push_of_file(lua_State *L, enum field field, const char *key)
{
    if (field == FIELD_METADATA || field == FIELD_TAGS)
        lua_newtable(L);
    else
        lua_pushstring(L, field == FIELD_CONTENT_TYPE ? mime_type(key) : NULL);
}

static void push_known(lua_State *L, const struct object_view *view, int at)
{
    const struct knowledge *known = view->known;

    switch (fields[at].field) {
    case FIELD_METADATA:
        push_metadata(L, known->attributes);
        break;
    case FIELD_TAGS:
        object_push_tags(L, known->tags);
        break;
    case FIELD_CONTENT_TYPE:
        push_content_type(L, known);
        break;
    case FIELD_STORAGE_CLASS:
        push_storage_class(L, view);
        break;
    case FIELD_CRC64:
        push_crc64(L, &known->info);
        break;
    case FIELD_HEADER:
        push_attribute(L, known->attributes, fields[at].header);
        break;
    }
}

/* --- touching ------------------------------------------------------------------------- */

/* What is thrown carries no text, so that nothing is logged about it. */
static int want(lua_State *L, struct sight *sight, int side, unsigned what)
{
    if (side)
        sight->touched.target |= what;
    else
        sight->touched.source |= what;
    lua_pushlightuserdata(L, NULL);
    return lua_error(L);
}

static int push_field(lua_State *L, struct sight *sight, int side, int at)
{
    const struct object_view *view = sight->view[side];
    enum field field = fields[at].field;
    unsigned what = field == FIELD_TAGS ? KNOW_TAGS : KNOW_HEAD;

    if (view->store->kind == STORE_DIR)
        push_of_file(L, field, view->key);
    else if (field == FIELD_TAGS && !view->store->dialect->h_tags)
        lua_newtable(L);
    else if (view->known && view->known->has & what)
        push_known(L, view, at);
    else
        return want(L, sight, side, what);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

/* object.name, where the table has it not. */
static int object_index(lua_State *L)
{
    const struct script *script = lua_touserdata(L, lua_upvalueindex(1));
    int at = field_of(lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL);

    if (at < 0) {
        lua_pushnil(L);
        return 1;
    }
    for (int side = 0; script->sight && side < 2; side++)
        if (script->sight->table[side] == lua_topointer(L, 1))
            return push_field(L, script->sight, side, at);
    return luaL_error(L,
                      "object.%s costs a request: it can be asked for only in the function that "
                      "the object was given to, while it runs",
                      lua_tostring(L, 2));
}

/* --- tables --------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_metatable(lua_State *L, struct script *script)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 3);
        lua_pushlightuserdata(L, script);
        lua_pushcclosure(L, object_index, 1);
        lua_setfield(L, -2, "__index");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        set_text(L, "__name", "haul.object");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
    }
    lua_setmetatable(L, -2);
}

/* [-0, +1] */
static void push_listed(lua_State *L, const struct object_view *view)
{
    const struct object_info *info = view->info;

    lua_createtable(L, 0, 8);
    set_text(L, "key", view->key);
    set_text(L, "target", view->target);
    set_text(L, "etag", info->etag);
    if (info->size >= 0) {
        lua_pushinteger(L, info->size);
        lua_setfield(L, -2, "size");
    }
    if (info->mtime_ns) {
        lua_pushnumber(L, (double)info->mtime_ns / 1e9);
        lua_setfield(L, -2, "mtime");
    }
}

void object_push_known(lua_State *L, const struct object_view *view)
{
    push_listed(L, view);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].field == FIELD_TAGS)
            continue;
        if (view->store->kind == STORE_DIR)
            push_of_file(L, fields[i].field, view->key);
        else
            push_known(L, view, (int)i);
        lua_setfield(L, -2, fields[i].name);
    }
}

void object_push(lua_State *L, struct script *script, int side)
{
    struct sight *sight = script->sight;

    push_listed(L, sight->view[side]);
    set_metatable(L, script);
    sight->table[side] = lua_topointer(L, -1);
}
