/* The last step before a request is sent: date, token, payload hash, authorization. */
#include "wire/dialect.h"
#include "wire/object_api.h"
#include "wire/sign_oss1.h"
#include "wire/sign_v4.h"
#include <string.h>

static const char empty_sha256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* The payload hash as it is sent and signed.  Only S3 wants to know what the body is. */
static void payload_hash(const struct store *store, const struct object_call *call,
                         const struct http_request *request, char out[2 * SHA256_LEN + 1])
{
    uint8_t hash[SHA256_LEN];
    bool data = request->body.len == 0 && request->body_len > 0;
    if (store->kind == STORE_S3 && request->body_len <= 0) {
        memcpy(out, empty_sha256, sizeof empty_sha256);
    } else if (store->kind == STORE_S3 && !data) {
        digest_sha256(request->body.data, request->body.len, hash);
        digest_hex(hash, sizeof hash, out);
    } else if (store->kind == STORE_S3 && store->sign_payload && call->has_sha256) {
        digest_hex(call->sha256, SHA256_LEN, out);
    } else {
        memcpy(out, "UNSIGNED-PAYLOAD", 17);
    }
}

static bool add_token(const struct dialect *dialect, const struct credentials *credentials,
                      struct http_request *request)
{
    return !credentials->token ||
           http_fields_add(&request->headers, dialect->h_token, credentials->token);
}

static bool sign_with_v4(const struct store *store, const struct object_call *call,
                         const struct credentials *credentials, int64_t now_ms,
                         struct http_request *request)
{
    const struct dialect *dialect = store->dialect;
    char datetime[17], hash[2 * SHA256_LEN + 1];
    sign_v4_datetime(now_ms, datetime);
    payload_hash(store, call, request, hash);
    const struct v4_input input = {
        .scheme = dialect->v4,
        .access_key = credentials->access_key,
        .secret_key = credentials->secret_key,
        .region = store->region,
        .host = store->host,
        .bucket = store->bucket_in_path ? NULL : store->bucket,
        .datetime = datetime,
        .payload_hash = hash,
    };
    struct v4_output output;
    v4_output_init(&output);
    bool ok = http_fields_add(&request->headers, dialect->h_date, datetime) &&
              http_fields_add(&request->headers, dialect->h_payload, hash) &&
              add_token(dialect, credentials, request) && sign_v4(&input, request, &output) &&
              http_fields_add(&request->headers, "authorization", buf_str(&output.authorization));
    v4_output_free(&output);
    return ok;
}

static bool sign_with_v1(const struct store *store, const struct object_call *call,
                         const struct credentials *credentials, int64_t now_ms,
                         struct http_request *request)
{
    char date[32], signature[32];
    http_date_text(now_ms, date);
    const struct oss1_input input = {
        .access_key = credentials->access_key,
        .secret_key = credentials->secret_key,
        .bucket = store->bucket,
        .key = call->key,
    };
    struct buf text = buf_new(LIMIT_HEADERS), authorization = buf_new(LIMIT_HEADERS);
    bool ok = http_fields_add(&request->headers, "x-oss-date", date) &&
              add_token(store->dialect, credentials, request) &&
              sign_oss1(&input, request, &text, &authorization, signature) &&
              http_fields_add(&request->headers, "authorization", buf_str(&authorization));
    buf_free(&text);
    buf_free(&authorization);
    return ok;
}

bool object_api_sign(const struct store *store, const struct object_call *call,
                     const struct credentials *credentials, int64_t now_ms,
                     struct http_request *request, struct err *err)
{
    bool ok;
    if (!store->dialect->v4)
        ok = buf_adds(&request->target, buf_str(&request->path));
    else if (!credentials || credentials->anonymous)
        ok = sign_v4_target(store->dialect->v4, request);
    else if (store->sign_v1)
        ok = sign_with_v1(store, call, credentials, now_ms, request);
    else
        ok = sign_with_v4(store, call, credentials, now_ms, request);
    return ok ? true
              : err_set(err, ERR_INVALID,
                        "the request is too long to be signed, or a key or "
                        "token of its credentials is malformed");
}
