/* runner/wire/digest for the specs. */
#include "wire/digest.h"
#include "probe.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_digest(lua_State *L);

static enum sum_kind check_kind(lua_State *L, int index)
{
    enum sum_kind kind;
    if (!sum_parse(luaL_checkstring(L, index), &kind))
        luaL_error(L, "no such checksum");
    return kind;
}

static int push_sum(lua_State *L, uint64_t sum)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    lua_pushstring(L, text);
    return 1;
}

/* sum(kind, piece...) */
static int sum(lua_State *L)
{
    enum sum_kind kind = check_kind(L, 1);
    uint64_t value = 0;
    for (int i = 2; i <= lua_gettop(L); i++) {
        size_t len;
        const char *data = luaL_checklstring(L, i, &len);
        value = sum_update(kind, value, data, len);
    }
    return push_sum(L, value);
}

static int combine(lua_State *L)
{
    enum sum_kind kind = check_kind(L, 1);
    uint64_t a = strtoull(luaL_checkstring(L, 2), NULL, 16);
    uint64_t b = strtoull(luaL_checkstring(L, 3), NULL, 16);
    return push_sum(L, sum_combine(kind, a, b, luaL_checkinteger(L, 4)));
}

static int sum_text(lua_State *L)
{
    char out[16];
    enum sum_kind kind = check_kind(L, 1);
    sum_base64(kind, strtoull(luaL_checkstring(L, 2), NULL, 16), out);
    lua_pushstring(L, out);
    return 1;
}

static int sum_of_text(lua_State *L)
{
    uint64_t value;
    if (!sum_from_base64(check_kind(L, 1), luaL_checkstring(L, 2), &value))
        return 0;
    return push_sum(L, value);
}

static int push_hex(lua_State *L, const uint8_t *bytes, size_t len)
{
    char hex[2 * SHA256_LEN + 1];
    digest_hex(bytes, len, hex);
    lua_pushstring(L, hex);
    return 1;
}

/* hash("md5"|"sha256", piece...) */
static int hash(lua_State *L)
{
    bool md5 = strcmp(luaL_checkstring(L, 1), "md5") == 0;
    uint8_t out[SHA256_LEN];
    size_t len;
    if (lua_gettop(L) == 2) {
        const char *data = luaL_checklstring(L, 2, &len);
        if (md5)
            digest_md5(data, len, out);
        else
            digest_sha256(data, len, out);
        return push_hex(L, out, md5 ? MD5_LEN : SHA256_LEN);
    }
    struct hasher *hasher = hasher_new(md5);
    for (int i = 2; i <= lua_gettop(L); i++) {
        const char *data = luaL_checklstring(L, i, &len);
        hasher_add(hasher, data, len);
    }
    hasher_end(hasher, out);
    return push_hex(L, out, md5 ? MD5_LEN : SHA256_LEN);
}

static int hmac(lua_State *L)
{
    bool sha1 = strcmp(luaL_checkstring(L, 1), "sha1") == 0;
    size_t key_len, len;
    const char *key = luaL_checklstring(L, 2, &key_len), *data = luaL_checklstring(L, 3, &len);
    uint8_t out[SHA256_LEN];
    if (sha1)
        digest_hmac_sha1(key, key_len, data, len, out);
    else
        digest_hmac_sha256(key, key_len, data, len, out);
    return push_hex(L, out, sha1 ? 20 : SHA256_LEN);
}

static int base64(lua_State *L)
{
    size_t len;
    const char *data = luaL_checklstring(L, 1, &len);
    char *out = xmalloc((len + 2) / 3 * 4 + 1);
    digest_base64((const uint8_t *)data, len, out);
    lua_pushstring(L, out);
    free(out);
    return 1;
}

static int unbase64(lua_State *L)
{
    uint8_t out[64];
    size_t len;
    if (!digest_unbase64(luaL_checkstring(L, 1), out, sizeof out, &len))
        return 0;
    lua_pushlstring(L, (const char *)out, len);
    return 1;
}

int luaopen_digest(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sum", sum},   {"combine", combine}, {"sum_text", sum_text}, {"sum_of_text", sum_of_text},
        {"hash", hash}, {"hmac", hmac},       {"base64", base64},     {"unbase64", unbase64},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
