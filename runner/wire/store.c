#include "wire/store.h"
#include "base/limits.h"
#include "wire/dialect.h"
#include "wire/url.h"
#include <stdlib.h>
#include <string.h>

/* --- credentials ---------------------------------------------------------------------- */

struct credentials *credentials_new(const char *access_key, const char *secret_key,
                                    const char *token, int64_t expires_ms)
{
    struct credentials *credentials = xcalloc(1, sizeof *credentials);
    credentials->access_key = xstrdup(access_key);
    credentials->secret_key = xstrdup(secret_key);
    credentials->token = token && *token ? xstrdup(token) : NULL;
    credentials->expires_ms = expires_ms;
    credentials->anonymous = !access_key || !secret_key;
    return credentials;
}

static void wipe_text(char *text)
{
    if (text)
        digest_wipe(text, strlen(text));
    free(text);
}

void credentials_free(struct credentials *credentials)
{
    if (!credentials)
        return;
    wipe_text(credentials->access_key);
    wipe_text(credentials->secret_key);
    wipe_text(credentials->token);
    free(credentials);
}

void store_free(struct store *store)
{
    if (!store)
        return;
    char *const texts[] = {store->name,       store->bucket, store->region,
                           store->host,       store->base,   store->root,
                           store->user_agent, store->proxy,  store->ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    http_fields_free(&store->headers);
    free(store);
}

/* --- regions and buckets -------------------------------------------------------------- */

static bool in_set(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);
    return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

/* How the providers name their endpoints: what stands before and behind the region. */
static const struct endpoint_form {
    enum store_kind kind;
    const char *before, *after;
    const char *region; /* where the name has none; "": it must be said */
} endpoint_forms[] = {
    {STORE_S3, "s3.amazonaws.com", "", "us-east-1"},
    {STORE_S3, "s3-accelerate.amazonaws.com", "", ""},
    {STORE_S3, "s3-accelerate.dualstack.amazonaws.com", "", ""},
    {STORE_S3, "s3.dualstack.", ".amazonaws.com", NULL},
    {STORE_S3, "s3.dualstack.", ".amazonaws.com.cn", NULL},
    {STORE_S3, "s3-fips.dualstack.", ".amazonaws.com", NULL},
    {STORE_S3, "s3-fips.", ".amazonaws.com", NULL},
    {STORE_S3, "s3.", ".amazonaws.com", NULL},
    {STORE_S3, "s3.", ".amazonaws.com.cn", NULL},
    {STORE_S3, "s3-", ".amazonaws.com", NULL},
    {STORE_OSS, "oss-accelerate.aliyuncs.com", "", ""},
    {STORE_OSS, "oss-accelerate-overseas.aliyuncs.com", "", ""},
    {STORE_OSS, "oss-", "-internal.aliyuncs.com", NULL},
    {STORE_OSS, "oss-", ".aliyuncs.com", NULL},
    {STORE_OSS, "", ".oss.aliyuncs.com", NULL},
    {STORE_TOS, "tos-", ".volces.com", NULL},
    {STORE_TOS, "tos-", ".ivolces.com", NULL},
};

/* The region that `host` names if it has this form, as new text; NULL if it has not. */
static char *region_by_form(const struct endpoint_form *form, const char *host)
{
    size_t before = strlen(form->before), after = strlen(form->after), len = strlen(host);
    if (form->region)
        return strcmp(host, form->before) == 0 ? xstrdup(form->region) : NULL;
    if (len <= before + after || strncmp(host, form->before, before) != 0 ||
        !ends_with(host, form->after))
        return NULL;
    char *region = xstrndup(host + before, len - before - after);
    if (strchr(region, '.')) {
        free(region);
        return NULL;
    }
    return region;
}

/* The same for any of the provider's forms: NULL means that the endpoint is somebody else's. */
static char *region_of_host(enum store_kind kind, const char *host)
{
    for (size_t i = 0; i < sizeof endpoint_forms / sizeof *endpoint_forms; i++) {
        const struct endpoint_form *form = &endpoint_forms[i];
        char *region = form->kind == kind ? region_by_form(form, host) : NULL;
        if (region)
            return region;
    }
    return NULL;
}

static bool check_bucket(const char *bucket, bool own_endpoint, enum store_kind kind,
                         struct err *err)
{
    if (!bucket || !*bucket)
        return err_set(err, ERR_INVALID, "bucket: it is missing");
    size_t len = strlen(bucket);
    const char *set = !own_endpoint      ? LOWER UPPER DIGITS ".-_"
                      : kind == STORE_S3 ? LOWER DIGITS ".-"
                                         : LOWER DIGITS "-";
    bool edges = strchr(".-", bucket[0]) == NULL && strchr(".-", bucket[len - 1]) == NULL;
    if (len < 3 || len > 63 || !in_set(bucket, set) || !edges || strstr(bucket, ".."))
        return err_set(
            err, ERR_INVALID,
            "bucket: \"%.80s\" is not a bucket name: 3 to 63 lower-case letters, digits, "
            "dots and hyphens",
            bucket);
    return true;
}

/* "oss-cn-beijing" is what many write for the region "cn-beijing". */
static const char *plain_region(const struct dialect *dialect, const char *region)
{
    size_t len = strlen(dialect->name);
    bool prefixed =
        dialect->kind != STORE_S3 && strncmp(region, dialect->name, len) == 0 && region[len] == '-';
    return prefixed ? region + len + 1 : region;
}

static bool check_region(const char *region, struct err *err)
{
    if (*region && strlen(region) <= 63 && in_set(region, LOWER UPPER DIGITS "-_"))
        return true;
    return err_set(err, ERR_INVALID, "region: \"%.80s\" is not the name of a region", region);
}

/* --- resolving ------------------------------------------------------------------------ */

/* The provider's own endpoint in `region`. */
static bool derive_endpoint(const struct dialect *dialect, const char *region,
                            struct endpoint *endpoint, struct err *err)
{
    if (!region)
        return err_set(err, ERR_INVALID, "region: %s needs it, or an endpoint", dialect->title);
    region = plain_region(dialect, region);
    if (!check_region(region, err))
        return false;
    const char *form = dialect->endpoint;
    if (dialect->endpoint_cn && strncmp(region, "cn-", 3) == 0)
        form = dialect->endpoint_cn;
    const char *hole = strstr(form, "%s");
    struct buf host = buf_new(ENDPOINT_HOST_MAX - 1);
    bool ok = buf_add(&host, form, (size_t)(hole - form)) && buf_adds(&host, region) &&
              buf_adds(&host, hole + 2);
    *endpoint = (struct endpoint){.https = true};
    memcpy(endpoint->host, buf_str(&host), host.len + 1);
    buf_free(&host);
    return ok ? true : err_set(err, ERR_INVALID, "region: it is too long");
}

/* Whether the bucket goes into the path rather than in front of the host. */
static bool wants_path(const struct store_options *options, const struct endpoint *endpoint,
                       enum store_kind kind)
{
    if (options->addressing != ADDRESS_AUTO)
        return options->addressing == ADDRESS_PATH;
    const char *bucket = options->bucket;
    bool dotted = kind == STORE_S3 && endpoint->https && strchr(bucket, '.');
    /* Host names know neither capitals nor underscores. */
    return endpoint->numeric || dotted || !in_set(bucket, LOWER DIGITS ".-");
}

static bool set_host(struct store *store, const struct store_options *options,
                     const struct endpoint *endpoint, struct err *err)
{
    bool bare = options->addressing == ADDRESS_CNAME;
    store->bucket_in_path = !bare && wants_path(options, endpoint, store->kind);
    struct buf host = buf_new(ENDPOINT_HOST_MAX + 8);
    if (!bare && !store->bucket_in_path) {
        if (endpoint->numeric) {
            buf_free(&host);
            return err_set(err, ERR_INVALID,
                           "addressing: \"%s\" cannot have the bucket in front of it; use \"path\"",
                           endpoint->host);
        }
        buf_addf(&host, "%s.", options->bucket);
    }
    buf_adds(&host, endpoint->host);
    bool fits = !host.full && host.len < ENDPOINT_HOST_MAX;
    if (endpoint->port)
        buf_addf(&host, ":%d", endpoint->port);
    free(store->host);
    store->host = buf_take(&host);
    return fits ? true : err_set(err, ERR_INVALID, "endpoint: the host name is too long");
}

/* The region that was said, or else named by the endpoint, or else usual; as new text. */
static bool set_region(struct store *store, const struct store_options *options, char *named,
                       struct err *err)
{
    const char *region = options->region;
    if (region)
        region = plain_region(store->dialect, region);
    else if (named && *named)
        region = named;
    else if (!named)
        region = store->dialect->default_region;
    if (!region && store->sign_v1)
        region = "";
    if (!region)
        return err_set(err, ERR_INVALID, "region: it cannot be told from the endpoint");
    if (*region && !check_region(region, err))
        return false;
    free(store->region);
    store->region = xstrdup(region);
    return true;
}

static bool refuse_endpoint(enum store_kind kind, const struct store_options *options,
                            const struct endpoint *endpoint, bool own, struct err *err)
{
    if (kind == STORE_TOS && strncmp(endpoint->host, "tos-s3-", 7) == 0)
        return err_set(err, ERR_INVALID,
                       "endpoint: \"%s\" speaks the S3 protocol: use an s3 store, or the endpoint "
                       "without \"-s3\"",
                       endpoint->host);
    size_t len = options->bucket ? strlen(options->bucket) : 0;
    const char *rest = endpoint->host + len + 1;
    char *region = NULL;
    if (!own && len && strncmp(endpoint->host, options->bucket, len) == 0 &&
        endpoint->host[len] == '.' && options->addressing == ADDRESS_AUTO)
        region = region_of_host(kind, rest);
    bool named = region != NULL;
    free(region);
    if (named)
        return err_set(err, ERR_INVALID, "endpoint: leave the bucket out of it: \"%s\"", rest);
    return true;
}

static bool resolve_remote(struct store *store, const struct store_options *options,
                           struct err *err)
{
    struct endpoint endpoint;
    bool ok = options->endpoint && *options->endpoint
                  ? url_endpoint(options->endpoint, &endpoint, err)
                  : derive_endpoint(store->dialect, options->region, &endpoint, err);
    if (!ok)
        return false;
    char *named = region_of_host(store->kind, endpoint.host);
    store->https = endpoint.https;
    store->sign_v1 = options->sign_v1;
    ok = refuse_endpoint(store->kind, options, &endpoint, named != NULL, err) &&
         check_bucket(options->bucket, named != NULL, store->kind, err) &&
         set_host(store, options, &endpoint, err) && set_region(store, options, named, err);
    free(named);
    return ok;
}

static bool refuse_options(const struct store_options *options, struct err *err)
{
    const struct {
        const char *name;
        bool said;
    } all[] = {{"bucket", options->bucket != NULL},
               {"region", options->region != NULL},
               {"addressing", options->addressing != ADDRESS_AUTO}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].said)
            return err_set(err, ERR_INVALID, "%s: a web store has none", all[i].name);
    return true;
}

static bool resolve_web(struct store *store, const struct store_options *options, struct err *err)
{
    struct endpoint endpoint;
    if (!refuse_options(options, err))
        return false;
    if (!options->endpoint || !*options->endpoint)
        return err_set(err, ERR_INVALID, "url: it is missing");
    struct buf base = buf_new(3 * LIMIT_KEY);
    if (!url_base(options->endpoint, &endpoint, &base, err)) {
        buf_free(&base);
        return false;
    }
    free(store->base);
    free(store->host);
    store->base = buf_take(&base);
    store->host =
        endpoint.port ? xasprintf("%s:%d", endpoint.host, endpoint.port) : xstrdup(endpoint.host);
    store->https = endpoint.https;
    if (!store->name)
        store->name = xasprintf("http%s://%s%s", store->https ? "s" : "", store->host, store->base);
    return true;
}

bool store_resolve(struct store *store, const struct store_options *options, struct err *err)
{
    store->dialect = dialect_of(store->kind);
    if (!store->dialect)
        return true;
    if (options->sign_v1 && store->kind != STORE_OSS)
        return err_set(err, ERR_INVALID, "signature: only OSS has the old one");
    if (store->kind == STORE_WEB)
        return resolve_web(store, options, err);
    if (!resolve_remote(store, options, err))
        return false;
    free(store->bucket);
    store->bucket = xstrdup(options->bucket);
    if (!store->name)
        store->name = xasprintf("%s://%s", store->dialect->name, store->bucket);
    return true;
}
