/* The signatures of runner/wire for the specs. */
#include "fields.h"
#include "wire/sign_oss1.h"
#include "wire/sign_v4.h"
#include <string.h>

int luaopen_sign(lua_State *L);

static enum http_method method_of(const char *name)
{
    enum http_method method = HTTP_GET;
    while (strcmp(http_method_name(method), name) != 0)
        method++;
    return method;
}

static void get_request(lua_State *L, struct http_request *request)
{
    http_request_init(request);
    request->method = method_of(probe_text(L, 1, "method"));
    buf_adds(&request->path, probe_text(L, 1, "path"));
    get_fields(L, 1, "query", &request->query);
    get_fields(L, 1, "headers", &request->headers);
}

static int sign4(lua_State *L)
{
    static const char *extra[8];
    struct http_request request;
    struct v4_output output;
    const char *algorithm = probe_text(L, 1, "algorithm");
    get_request(L, &request);
    v4_output_init(&output);
    lua_getfield(L, 1, "additional_headers");
    int n = 0;
    for (; lua_istable(L, -1) && n < 7 && lua_rawgeti(L, -1, n + 1) == LUA_TSTRING; n++) {
        extra[n] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    extra[n] = NULL;
    lua_settop(L, 1);
    const struct v4_input input = {
        .scheme = algorithm[0] == 'A'   ? &v4_aws
                  : algorithm[0] == 'O' ? &v4_oss
                                        : &v4_tos,
        .access_key = probe_text(L, 1, "access_key"),
        .secret_key = probe_text(L, 1, "secret_key"),
        .region = probe_text(L, 1, "region"),
        .service = probe_text(L, 1, "service"),
        .host = probe_text(L, 1, "host"),
        .bucket = probe_text(L, 1, "bucket"),
        .datetime = probe_text(L, 1, "date"),
        .payload_hash = probe_text(L, 1, "payload_hash"),
        .extra = extra,
    };
    bool ok = sign_v4(&input, &request, &output);
    lua_newtable(L);
    set_bool(L, "ok", ok);
    set_buf(L, "canonical", &output.canonical);
    set_buf(L, "string_to_sign", &output.string_to_sign);
    set_buf(L, "authorization", &output.authorization);
    set_buf(L, "target", &request.target);
    set_text(L, "signature", output.signature);
    v4_output_free(&output);
    http_request_free(&request);
    return 1;
}

static int sign1(lua_State *L)
{
    struct http_request request;
    char signature[32] = "";
    get_request(L, &request);
    struct buf text = buf_new(FIELDS_MAX), authorization = buf_new(FIELDS_MAX);
    const struct oss1_input input = {
        .access_key = probe_text(L, 1, "access_key"),
        .secret_key = probe_text(L, 1, "secret_key"),
        .bucket = probe_text(L, 1, "bucket"),
        .key = probe_text(L, 1, "key"),
        .date = probe_text(L, 1, "expires"),
    };
    bool ok = sign_oss1(&input, &request, &text, &authorization, signature);
    lua_newtable(L);
    set_bool(L, "ok", ok);
    set_buf(L, "string_to_sign", &text);
    set_buf(L, "authorization", &authorization);
    set_text(L, "signature", signature);
    buf_free(&text);
    buf_free(&authorization);
    http_request_free(&request);
    return 1;
}

int luaopen_sign(lua_State *L)
{
    static const luaL_Reg functions[] = {{"sign4", sign4}, {"sign1", sign1}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
