#include "wire/failure.h"
#include <stdio.h>
#include <string.h>

#define WAIT_MAX_MS 300000 /* longer waits are for people to decide */

/* The provider's codes that mean more, or something else, than their status. */
static const struct code_meaning {
    const char *code;
    enum err_kind kind;
    bool final;
} code_meanings[] = {
    {"SlowDown", ERR_THROTTLED, false},
    {"SlowDownRead", ERR_THROTTLED, false},
    {"SlowDownWrite", ERR_THROTTLED, false},
    {"TooManyRequests", ERR_THROTTLED, false},
    {"RequestLimitExceeded", ERR_THROTTLED, false},
    {"BandwidthLimitExceeded", ERR_THROTTLED, false},
    {"ExceedQPSLimit", ERR_THROTTLED, false},
    {"ExceedRateLimit", ERR_THROTTLED, false},
    {"QpsLimitExceeded", ERR_THROTTLED, false},
    {"TotalQpsLimitExceeded", ERR_THROTTLED, false},
    {"UploadTrafficRateLimitExceeded", ERR_THROTTLED, false},
    {"DownloadTrafficRateLimitExceeded", ERR_THROTTLED, false},
    {"RequestRateTooLarge", ERR_THROTTLED, false},
    {"RequestTimeout", ERR_TIMEOUT, false},
    {"InternalError", ERR_SERVER, false},
    {"OperationAborted", ERR_SERVER, false},
    {"ConditionalRequestConflict", ERR_SERVER, false},
    {"RequestTimeTooSkewed", ERR_AUTH, false},
    {"ExpiredToken", ERR_AUTH, false},
    {"SecurityTokenExpired", ERR_AUTH, false},
    {"TokenRefreshRequired", ERR_AUTH, false},
    {"InvalidSecurityToken", ERR_AUTH, false},
    {"InvalidToken", ERR_AUTH, true},
    {"SignatureDoesNotMatch", ERR_AUTH, true},
    {"InvalidAccessKeyId", ERR_AUTH, true},
    {"AuthorizationHeaderMalformed", ERR_AUTH, true},
    {"MissingSecurityHeader", ERR_AUTH, true},
    {"AccessDenied", ERR_DENIED, true},
    {"AllAccessDisabled", ERR_DENIED, true},
    {"InvalidObjectState", ERR_DENIED, true},
    {"ObjectNotRestored", ERR_DENIED, true},
    {"NoSuchKey", ERR_MISSING, true},
    {"NoSuchBucket", ERR_MISSING, true},
    {"NoSuchUpload", ERR_MISSING, true},
    {"NoSuchVersion", ERR_MISSING, true},
    {"PreconditionFailed", ERR_CHANGED, false},
    {"FileAlreadyExists", ERR_CHANGED, false},
    {"InvalidRange", ERR_CHANGED, false},
    {"BadDigest", ERR_CORRUPT, false},
    {"InvalidDigest", ERR_CORRUPT, false},
    {"XAmzContentSHA256Mismatch", ERR_CORRUPT, false},
    {"XAmzContentChecksumMismatch", ERR_CORRUPT, false},
    {"0005-00000044", ERR_CORRUPT, false}, /* an EC of TOS: the body's checksum */
    {"InvalidPart", ERR_INVALID, true},
    {"InvalidPartOrder", ERR_INVALID, true},
    {"EntityTooSmall", ERR_INVALID, true},
    {"EntityTooLarge", ERR_INVALID, true},
};

/* The first that fits. */
static const struct status_meaning {
    int from, to;
    enum err_kind kind;
    bool final;
} status_meanings[] = {
    {300, 399, ERR_INVALID, true},    {401, 401, ERR_AUTH, true},
    {403, 403, ERR_DENIED, true},     {404, 404, ERR_MISSING, true},
    {408, 408, ERR_TIMEOUT, false},   {409, 409, ERR_SERVER, false},
    {412, 412, ERR_CHANGED, false},   {416, 416, ERR_CHANGED, false},
    {429, 429, ERR_THROTTLED, false}, {400, 499, ERR_INVALID, true},
    {503, 503, ERR_THROTTLED, false}, {0, 999, ERR_SERVER, false},
};

static void set_meaning(struct err *err, enum err_kind kind, bool final)
{
    err->kind = kind;
    err->final = final;
}

void failure_classify(int status, const char *code, struct err *err)
{
    for (size_t i = 0; i < sizeof code_meanings / sizeof *code_meanings; i++) {
        if (strcmp(code, code_meanings[i].code) == 0) {
            set_meaning(err, code_meanings[i].kind, code_meanings[i].final);
            return;
        }
    }
    if (strncmp(code, "Throttling", 10) == 0) {
        set_meaning(err, ERR_THROTTLED, false);
        return;
    }
    const struct status_meaning *meaning = status_meanings;
    while (status < meaning->from || (status > meaning->to && meaning->to != 999))
        meaning++;
    set_meaning(err, meaning->kind, meaning->final);
}

/* --- the parts of an error ------------------------------------------------------------ */

/* Copies an id or a code: visible ASCII, cut to fit. */
static void copy_word(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; from && *from && n + 1 < size; from++)
        if (*from > 0x20 && *from < 0x7f)
            to[n++] = *from;
    to[n] = '\0';
}

static int64_t bounded(int64_t ms)
{
    return ms < 0 ? 0 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
}

static const char *own_header(const struct http_fields *headers, const char *name)
{
    return name ? http_fields_get(headers, name) : NULL;
}

/* How long the server asks to wait; a date is taken relative to the server's own clock. */
static int retry_after(const struct dialect *dialect, const struct http_fields *headers)
{
    int64_t number, until, now;
    const char *delay = own_header(headers, dialect->h_delay_ms);
    if (delay && http_integer(delay, INT64_MAX, &number))
        return (int)bounded(number);
    const char *after = http_fields_get(headers, "retry-after");
    if (!after)
        return 0;
    if (http_integer(after, INT64_MAX, &number))
        return (int)bounded(number > WAIT_MAX_MS ? WAIT_MAX_MS : number * 1000);
    const char *date = http_fields_get(headers, "date");
    if (date && http_date(after, &until) && http_date(date, &now))
        return (int)bounded(until - now);
    return 0;
}

bool failure_stamp(const struct dialect *dialect, const struct http_reply *reply, struct err *err)
{
    const char *id = own_header(&reply->headers, dialect->h_request_id);
    const char *host_id = own_header(&reply->headers, dialect->h_host_id);
    if (!err)
        return false;
    err->status = reply->status;
    err->retry_after_ms = retry_after(dialect, &reply->headers);
    if (id)
        copy_word(err->request_id, sizeof err->request_id, id);
    if (host_id)
        copy_word(err->host_id, sizeof err->host_id, host_id);
    return false;
}

/* The error document, if there is one that can be read; its form is told by its first character,
 * since proxies and some endpoints answer in the other one. */
static bool read_body(struct slice body, struct result *result)
{
    *result = (struct result){0};
    while (body.len > 0 && strchr(" \t\r\n", *body.data) && *body.data) {
        body.data++;
        body.len--;
    }
    if (body.len == 0 || (*body.data != '<' && *body.data != '{'))
        return false;
    bool ok = result_read(body, *body.data == '{', result, NULL);
    /* A document that is no error, a page of HTML say, tells nothing. */
    if (!ok || (*body.data == '<' && strcmp(result->root, "Error") != 0))
        *result = (struct result){0};
    return result->code[0] != '\0';
}

/* The answer to a HEAD has no body.  OSS puts the document into a header, in Base64; MinIO the
 * code. */
static bool read_headers(const struct http_fields *headers, struct result *result)
{
    uint8_t bytes[4096];
    size_t len;
    const char *text = http_fields_get(headers, "x-oss-err");
    const char *code = http_fields_get(headers, "x-minio-error-code");
    if (code)
        copy_word(result->code, sizeof result->code, code);
    if (!text || !digest_unbase64(text, bytes, sizeof bytes, &len))
        return false;
    return read_body((struct slice){(const char *)bytes, len}, result);
}

/* Where the bucket is, if the reply says so: a region or an endpoint. */
static const char *other_place(const struct http_reply *reply, const struct result *result,
                               const char **option)
{
    const char *header = http_fields_get(&reply->headers, "x-amz-bucket-region");
    *option = "region";
    if (header && *header)
        return header;
    if (result->region[0])
        return result->region;
    *option = "endpoint";
    return result->endpoint[0] ? result->endpoint : NULL;
}

static const char *plain_words(enum err_kind kind)
{
    switch (kind) {
    case ERR_AUTH:
        return "the keys were not accepted";
    case ERR_DENIED:
        return "access is denied";
    case ERR_MISSING:
        return "there is no such object, upload or bucket";
    case ERR_CHANGED:
        return "the object is not what it was";
    case ERR_THROTTLED:
        return "the store asks to slow down";
    case ERR_TIMEOUT:
        return "the store waited too long for the request";
    case ERR_INVALID:
        return "the store does not accept the request";
    default:
        return "the store could not do it";
    }
}

/* Without the query of the place, which may hold a signature. */
static void set_elsewhere(const struct http_reply *reply, enum err_kind kind, struct err *err)
{
    const char *place = http_fields_get(&reply->headers, "location");
    size_t len = place ? strcspn(place, "?#") : 0;
    char shown[128];

    copy_word(shown, len < sizeof shown ? len + 1 : sizeof shown, place ? place : "");
    err_set(err, kind, "HTTP %d: the store sends haul elsewhere%s%s, which it does not follow",
            reply->status, len ? ", to " : "", shown);
}

static void set_message(const struct http_reply *reply, const struct result *result,
                        struct err *err)
{
    const char *option, *place = other_place(reply, result, &option);
    bool elsewhere = (reply->status >= 300 && reply->status < 400) ||
                     strcmp(result->code, "AuthorizationHeaderMalformed") == 0;
    struct err kept = *err;
    if (elsewhere && place)
        err_set(err, kept.kind, "the bucket is in %s %.100s: set %s = \"%.100s\"",
                strcmp(option, "region") == 0 ? "region" : "another place,", place, option, place);
    else if (elsewhere && reply->status < 400)
        set_elsewhere(reply, kept.kind, err);
    else if (result->message[0])
        err_set(err, kept.kind, "%s: %s", kept.code[0] ? kept.code : "error", result->message);
    else if (kept.code[0])
        err_set(err, kept.kind, "%s (HTTP %d)", kept.code, reply->status);
    else
        err_set(err, kept.kind, "HTTP %d: %s", reply->status, plain_words(kept.kind));
    memcpy(kept.message, err->message, sizeof kept.message);
    *err = kept;
}

static bool fill(const struct dialect *dialect, const struct http_reply *reply, int status,
                 const struct result *result, struct err *err)
{
    const char *cause = own_header(&reply->headers, dialect->h_error_code);
    const char *ec = cause ? cause : result->ec;
    struct err out = {0};
    if (!err)
        return false;
    copy_word(out.code, sizeof out.code, result->code);
    copy_word(out.request_id, sizeof out.request_id, result->request_id);
    copy_word(out.host_id, sizeof out.host_id, dialect->kind == STORE_OSS ? ec : result->host_id);
    failure_classify(status, out.code, &out);
    /* The cause decides where TOS answers 400 with a code that says little. */
    if (dialect->kind == STORE_TOS && status == 400 && strcmp(ec, "0005-00000044") == 0)
        failure_classify(status, ec, &out);
    if (!out.code[0] && dialect->kind == STORE_TOS)
        copy_word(out.code, sizeof out.code, ec);
    if (dialect->kind == STORE_S3 && status == 400 && !out.code[0] && reply->body.len == 0)
        set_meaning(&out, ERR_AUTH, false); /* a HEAD with an expired token looks like this */
    failure_stamp(dialect, reply, &out);
    set_message(reply, result, &out);
    *err = out;
    return false;
}

bool failure_read(const struct dialect *dialect, const struct http_reply *reply, struct err *err)
{
    struct result result;
    struct slice body = {buf_str(&reply->body), reply->body.len};
    if (!read_body(body, &result))
        read_headers(&reply->headers, &result);
    return fill(dialect, reply, reply->status, &result, err);
}

bool failure_inside(const struct dialect *dialect, const struct http_reply *reply,
                    const struct result *result, struct err *err)
{
    return fill(dialect, reply, 500, result, err);
}
