#include "wire/sign_oss1.h"
#include "wire/digest.h"
#include "wire/sign_v4.h"
#include <stdlib.h>
#include <string.h>

/* The query parameters that are part of the resource; sorted.  So is all that begins x-oss-. */
static const char *const sub_resources[] = {
    "acl",
    "append",
    "bucketInfo",
    "callback",
    "callback-var",
    "cloudboxes",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "endTime",
    "lifecycle",
    "live",
    "location",
    "logging",
    "objectMeta",
    "partNumber",
    "policy",
    "position",
    "qos",
    "referer",
    "regionList",
    "replication",
    "resourceGroup",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "vod",
    "website",
};

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_sub_resource(const char *name)
{
    return strncmp(name, "x-oss-", 6) == 0 ||
           bsearch(&name, sub_resources, sizeof sub_resources / sizeof *sub_resources,
                   sizeof *sub_resources, compare_text);
}

struct pair {
    const char *name, *value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->value, right->value);
}

/* Those of `fields` that `wanted` picks, sorted; how many. */
static int choose(const struct http_fields *fields, bool (*wanted)(const char *name),
                  struct pair list[HTTP_FIELDS_MAX])
{
    int n = 0;
    for (int i = 0; i < fields->n; i++) {
        const char *name = http_fields_name(fields, i);
        if (wanted(name))
            list[n++] = (struct pair){name, http_fields_value(fields, i)};
    }
    if (n > 1)
        qsort(list, (size_t)n, sizeof *list, compare_pairs);
    return n;
}

static bool own_header(const char *name)
{
    return strncmp(name, "x-oss-", 6) == 0;
}

static bool add_own_headers(struct buf *out, const struct http_fields *headers)
{
    struct pair list[HTTP_FIELDS_MAX];
    int n = choose(headers, own_header, list);
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        const char *value = list[i].value + strspn(list[i].value, " \t");
        size_t len = strlen(value);
        while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
            len--;
        ok = buf_addf(out, "%s:%.*s\n", list[i].name, (int)len, value);
    }
    return ok;
}

static bool add_resource(struct buf *out, const struct oss1_input *input,
                         const struct http_fields *query)
{
    struct pair list[HTTP_FIELDS_MAX];
    bool ok = buf_addc(out, '/');
    if (input->bucket)
        ok = ok && buf_addf(out, "%s/", input->bucket);
    if (input->key)
        ok = ok && buf_adds(out, input->key);
    int n = choose(query, is_sub_resource, list);
    for (int i = 0; ok && i < n; i++)
        ok = buf_addf(out, "%c%s%s%s", i ? '&' : '?', list[i].name, *list[i].value ? "=" : "",
                      list[i].value);
    return ok;
}

static const char *header_or_empty(const struct http_fields *headers, const char *name)
{
    const char *value = http_fields_get(headers, name);
    return value ? value : "";
}

static const char *date_line(const struct oss1_input *input, const struct http_fields *headers)
{
    if (input->date)
        return input->date;
    const char *own = http_fields_get(headers, "x-oss-date");
    return own ? own : header_or_empty(headers, "date");
}

bool sign_oss1(const struct oss1_input *input, struct http_request *request,
               struct buf *string_to_sign, struct buf *authorization, char signature[32])
{
    const struct http_fields *headers = &request->headers;
    bool ok = buf_addf(string_to_sign, "%s\n%s\n%s\n%s\n", http_method_name(request->method),
                       header_or_empty(headers, "content-md5"),
                       header_or_empty(headers, "content-type"), date_line(input, headers)) &&
              add_own_headers(string_to_sign, headers) &&
              add_resource(string_to_sign, input, &request->query) &&
              sign_v4_target(&v4_oss, request);
    if (!ok)
        return false;
    uint8_t mac[20];
    digest_hmac_sha1(input->secret_key, strlen(input->secret_key), string_to_sign->data,
                     string_to_sign->len, mac);
    digest_base64(mac, sizeof mac, signature);
    return buf_addf(authorization, "OSS %s:%s", input->access_key, signature);
}
