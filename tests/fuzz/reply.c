/* Any bytes as a whole reply: kind of call, provider and status, headers, an empty line, a body. */
#include "wire/object_api.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "name: value" lines up to an empty one; where the body begins. */
static size_t take_headers(const char *text, size_t len, struct http_fields *headers)
{
    size_t at = 0;
    while (at < len) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line = end ? (size_t)(end - text) - at : len - at;
        if (line == 0)
            return at + 1;
        char *name = xstrndup(text + at, line), *value = strstr(name, ": ");
        if (value) {
            *value = '\0';
            http_fields_add(headers, name, value + 2);
        }
        free(name);
        at += line + 1;
    }
    return len;
}

static void read_as(const struct store *store, enum call_kind kind, const struct http_reply *reply)
{
    static const char *const keys[] = {"a", "b"};
    const struct object_call call = {.kind = kind,
                                     .key = "k",
                                     .len = 10,
                                     .total = 100,
                                     .if_match = "\"e\"",
                                     .upload_id = "u",
                                     .prefix = "",
                                     .keys = keys,
                                     .n_keys = 2};
    struct object_answer answer;
    struct err err = {0};
    bool ok = object_api_read(store, &call, reply, &answer, &err);
    if (!ok && (err.kind == ERR_NONE || err.kind == ERR_BUG || !err.message[0]))
        abort();
    if (ok && reply->status / 100 != 2)
        abort();
    if (err.retry_after_ms < 0 || err.retry_after_ms > 300000)
        abort();
    object_answer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 204, 206, 203, 301, 400, 403,
                                   404, 409, 412, 416, 429, 500, 503};
    if (size < 3)
        return 0;
    struct store store = {.kind = (enum store_kind)(STORE_S3 + data[0] % 3)};
    const struct store_options options = {.bucket = "data", .region = "cn-x"};
    if (!store_resolve(&store, &options, NULL))
        abort();
    struct http_reply reply;
    http_reply_init(&reply);
    reply.status = statuses[data[2] % (sizeof statuses / sizeof *statuses)];
    const char *text = (const char *)data + 3;
    size_t body = take_headers(text, size - 3, &reply.headers);
    if (body < size - 3)
        buf_add(&reply.body, text + body, size - 3 - body);
    read_as(&store, (enum call_kind)(data[1] % CALL_KINDS), &reply);
    http_reply_free(&reply);
    free(store.name);
    free(store.bucket);
    free(store.region);
    free(store.host);
    return 0;
}
