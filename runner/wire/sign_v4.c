#include "wire/sign_v4.h"
#include "base/limits.h"
#include "wire/digest.h"
#include "wire/url.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CANONICAL_MAX (4 * LIMIT_HEADERS)

static const char *const oss_also[] = {"content-md5", "content-type", NULL};
static const char *const tos_also[] = {"content-type", NULL};
/* Proxies and libraries change these on the way. */
static const char *const never[] = {
    "authorization", "connection",      "expect", "transfer-encoding",
    "user-agent",    "x-amzn-trace-id", NULL};

const struct v4_scheme v4_aws = {
    .algorithm = "AWS4-HMAC-SHA256",
    .seed = "AWS4",
    .service = "s3",
    .terminator = "aws4_request",
    .prefix = "x-amz-",
    .list_name = "SignedHeaders",
    .separator = ", ",
    .signs_host = true,
    .lists_all = true,
    .squeezes = true,
};

const struct v4_scheme v4_oss = {
    .algorithm = "OSS4-HMAC-SHA256",
    .seed = "aliyun_v4",
    .service = "oss",
    .terminator = "aliyun_v4_request",
    .prefix = "x-oss-",
    .also = oss_also,
    .list_name = "AdditionalHeaders",
    .separator = ",",
    .bucket_in_path = true,
    .bare_values = true,
};

const struct v4_scheme v4_tos = {
    .algorithm = "TOS4-HMAC-SHA256",
    .seed = "",
    .service = "tos",
    .terminator = "request",
    .prefix = "x-tos-",
    .also = tos_also,
    .list_name = "SignedHeaders",
    .separator = ",",
    .signs_host = true,
    .lists_all = true,
    .squeezes = true,
};

void v4_output_init(struct v4_output *output)
{
    output->canonical = buf_new(CANONICAL_MAX);
    output->string_to_sign = buf_new(1024);
    output->authorization = buf_new(LIMIT_HEADERS);
    output->signature[0] = '\0';
}

void v4_output_free(struct v4_output *output)
{
    buf_free(&output->canonical);
    buf_free(&output->string_to_sign);
    buf_free(&output->authorization);
}

void sign_v4_datetime(int64_t now_ms, char out[17])
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm) != 16)
        memcpy(out, "19700101T000000Z", 17);
}

/* --- the query ------------------------------------------------------------------------ */

struct parameter {
    char *name, *value; /* encoded */
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->value, right->value);
}

static char *encoded(const char *text)
{
    struct buf out = buf_new(3 * LIMIT_HEADERS);
    url_encode(&out, text, strlen(text), false);
    return buf_take(&out);
}

/* The query in canonical order and form; it is sent in that form too. */
static bool add_query(struct buf *out, const struct v4_scheme *scheme,
                      const struct http_fields *query)
{
    struct parameter list[HTTP_FIELDS_MAX];
    for (int i = 0; i < query->n; i++) {
        list[i].name = encoded(http_fields_name(query, i));
        list[i].value = encoded(http_fields_value(query, i));
    }
    if (query->n > 1)
        qsort(list, (size_t)query->n, sizeof *list, compare_parameters);
    bool ok = true;
    for (int i = 0; i < query->n; i++) {
        bool bare = scheme->bare_values && !*list[i].value;
        ok = ok &&
             buf_addf(out, "%s%s%s%s", i ? "&" : "", list[i].name, bare ? "" : "=", list[i].value);
        free(list[i].name);
        free(list[i].value);
    }
    return ok;
}

bool sign_v4_target(const struct v4_scheme *scheme, struct http_request *request)
{
    buf_clear(&request->target);
    bool ok = buf_add(&request->target, buf_str(&request->path), request->path.len);
    if (request->query.n > 0)
        ok = ok && buf_addc(&request->target, '?') &&
             add_query(&request->target, scheme, &request->query);
    return ok;
}

/* --- the headers ---------------------------------------------------------------------- */

struct header {
    const char *name, *value;
    int order; /* in which it was added: repeated headers keep it */
};

static int compare_headers(const void *a, const void *b)
{
    const struct header *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : left->order - right->order;
}

static bool has_name(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool signed_by_default(const struct v4_scheme *scheme, const char *name)
{
    if (has_name(never, name))
        return false;
    return strncmp(name, scheme->prefix, strlen(scheme->prefix)) == 0 || !scheme->also ||
           has_name(scheme->also, name);
}

/* The headers that are signed, sorted; how many. */
static int choose_headers(const struct v4_input *input, const struct http_fields *headers,
                          struct header list[HTTP_FIELDS_MAX + 1])
{
    int n = 0;
    bool host = input->scheme->signs_host || has_name(input->extra, "host");
    if (host)
        list[n++] = (struct header){"host", input->host, 0};
    for (int i = 0; i < headers->n; i++) {
        const char *name = http_fields_name(headers, i);
        if (strcmp(name, "host") == 0)
            continue;
        if (signed_by_default(input->scheme, name) || has_name(input->extra, name))
            list[n++] = (struct header){name, http_fields_value(headers, i), i + 1};
    }
    qsort(list, (size_t)n, sizeof *list, compare_headers);
    return n;
}

/* `value` without the spaces around it and, where the scheme says so, one for many within. */
static bool add_value(struct buf *out, const char *value, bool squeeze)
{
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    size_t i = 0;
    while (i < len && (value[i] == ' ' || value[i] == '\t'))
        i++;
    bool ok = true;
    for (bool gap = false; ok && i < len; i++) {
        bool space = squeeze && (value[i] == ' ' || value[i] == '\t');
        if (!space || !gap)
            ok = buf_addc(out, space ? ' ' : value[i]);
        gap = space;
    }
    return ok;
}

static bool add_headers(struct buf *out, const struct v4_scheme *scheme, const struct header *list,
                        int n)
{
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        bool again = i > 0 && strcmp(list[i].name, list[i - 1].name) == 0;
        bool more = i + 1 < n && strcmp(list[i].name, list[i + 1].name) == 0;
        ok = again ? buf_addc(out, ',') : buf_addf(out, "%s:", list[i].name);
        ok = ok && add_value(out, list[i].value, scheme->squeezes) && (more || buf_addc(out, '\n'));
    }
    return ok;
}

/* The names that the server is told about. */
static bool add_header_list(struct buf *out, const struct v4_input *input,
                            const struct header *list, int n)
{
    bool ok = true, any = false;
    for (int i = 0; ok && i < n; i++) {
        const char *name = list[i].name;
        bool again = i > 0 && strcmp(name, list[i - 1].name) == 0;
        if (again || (!input->scheme->lists_all && signed_by_default(input->scheme, name)))
            continue;
        ok = buf_addf(out, "%s%s", any ? ";" : "", name);
        any = true;
    }
    return ok;
}

/* --- the key and the signature -------------------------------------------------------- */

/* Derived keys of this thread.  A slot is found by a hash of everything the key depends on, so the
 * secret itself is not kept. */
static _Thread_local struct {
    struct {
        bool used;
        uint8_t tag[SHA256_LEN], key[SHA256_LEN];
    } slot[4];
    unsigned next;
} key_cache;

static void derive_key(const struct v4_input *input, const char *const step[4], uint8_t *key)
{
    struct buf seed = buf_new(LIMIT_HEADERS);
    buf_addf(&seed, "%s%s", input->scheme->seed, input->secret_key);
    digest_hmac_sha256(buf_str(&seed), seed.len, step[0], strlen(step[0]), key);
    for (int i = 1; i < 4; i++)
        digest_hmac_sha256(key, SHA256_LEN, step[i], strlen(step[i]), key);
    if (seed.data)
        digest_wipe(seed.data, seed.len);
    buf_free(&seed);
}

static void cache_tag(const struct v4_input *input, const char *scope, uint8_t tag[SHA256_LEN])
{
    struct buf all = buf_new(LIMIT_HEADERS);
    buf_addf(&all, "%s\n%s\n%s", input->scheme->algorithm, scope, input->secret_key);
    digest_sha256(buf_str(&all), all.len, tag);
    if (all.data)
        digest_wipe(all.data, all.len);
    buf_free(&all);
}

static const uint8_t *signing_key(const struct v4_input *input, const char *const step[4],
                                  const char *scope)
{
    uint8_t tag[SHA256_LEN];
    cache_tag(input, scope, tag);
    for (unsigned i = 0; i < 4; i++)
        if (key_cache.slot[i].used && memcmp(key_cache.slot[i].tag, tag, sizeof tag) == 0)
            return key_cache.slot[i].key;
    unsigned n = key_cache.next++ % 4;
    derive_key(input, step, key_cache.slot[n].key);
    memcpy(key_cache.slot[n].tag, tag, sizeof tag);
    key_cache.slot[n].used = true;
    return key_cache.slot[n].key;
}

static bool add_canonical(const struct v4_input *input, const struct http_request *request,
                          struct buf *list, struct buf *out)
{
    struct header headers[HTTP_FIELDS_MAX + 1];
    const struct v4_scheme *scheme = input->scheme;
    int n = choose_headers(input, &request->headers, headers);
    bool ok = buf_addf(out, "%s\n", http_method_name(request->method));
    if (scheme->bucket_in_path && input->bucket)
        ok = ok && buf_addf(out, "/%s", input->bucket);
    ok = ok && buf_addf(out, "%s\n", request->path.len ? request->path.data : "/") &&
         add_query(out, scheme, &request->query) && buf_addc(out, '\n') &&
         add_headers(out, scheme, headers, n) && buf_addc(out, '\n') &&
         add_header_list(list, input, headers, n);
    return ok && buf_addf(out, "%s\n%s", buf_str(list), input->payload_hash);
}

static void sign_text(const struct v4_input *input, const char *scope, struct v4_output *output)
{
    const char *service = input->service ? input->service : input->scheme->service;
    char day[9];
    snprintf(day, sizeof day, "%.8s", input->datetime);
    const char *const step[4] = {day, input->region, service, input->scheme->terminator};
    uint8_t hash[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    digest_sha256(buf_str(&output->canonical), output->canonical.len, hash);
    digest_hex(hash, sizeof hash, hex);
    buf_addf(&output->string_to_sign, "%s\n%s\n%s\n%s", input->scheme->algorithm, input->datetime,
             scope, hex);
    digest_hmac_sha256(signing_key(input, step, scope), SHA256_LEN,
                       buf_str(&output->string_to_sign), output->string_to_sign.len, hash);
    digest_hex(hash, sizeof hash, output->signature);
}

static bool add_authorization(const struct v4_input *input, const char *scope, const char *list,
                              struct v4_output *output)
{
    const struct v4_scheme *scheme = input->scheme;
    struct buf *out = &output->authorization;
    bool ok = buf_addf(out, "%s Credential=%s/%s%s", scheme->algorithm, input->access_key, scope,
                       scheme->separator);
    /* OSS refuses an empty list. */
    if (*list)
        ok = ok && buf_addf(out, "%s=%s%s", scheme->list_name, list, scheme->separator);
    return ok && buf_addf(out, "Signature=%s", output->signature);
}

bool sign_v4(const struct v4_input *input, struct http_request *request, struct v4_output *output)
{
    const char *service = input->service ? input->service : input->scheme->service;
    struct buf list = buf_new(LIMIT_HEADERS), scope = buf_new(512);
    bool ok = buf_addf(&scope, "%.8s/%s/%s/%s", input->datetime, input->region, service,
                       input->scheme->terminator) &&
              add_canonical(input, request, &list, &output->canonical) &&
              sign_v4_target(input->scheme, request);
    if (ok) {
        sign_text(input, buf_str(&scope), output);
        ok = add_authorization(input, buf_str(&scope), buf_str(&list), output) &&
             !output->string_to_sign.full;
    }
    buf_free(&list);
    buf_free(&scope);
    return ok;
}
