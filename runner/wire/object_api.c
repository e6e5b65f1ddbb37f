#include "wire/object_api.h"
#include "wire/dialect.h"
#include "wire/tagging.h"
#include "wire/url.h"
#include <string.h>

/* --- what each call is ---------------------------------------------------------------- */

static const struct call_form {
    const char *name;
    enum http_method method;
    bool on_key;    /* names an object, else the bucket */
    bool on_upload; /* names an upload */
    bool has_data;  /* its body is object data */
    bool copies;    /* names an object it takes the data from */
} call_forms[] = {
    [CALL_HEAD] = {"head", HTTP_HEAD, true, false, false, false},
    [CALL_GET] = {"get", HTTP_GET, true, false, false, false},
    [CALL_PUT] = {"put", HTTP_PUT, true, false, true, false},
    [CALL_COPY] = {"copy", HTTP_PUT, true, false, false, true},
    [CALL_CREATE] = {"create", HTTP_POST, true, false, false, false},
    [CALL_PART] = {"part", HTTP_PUT, true, true, true, false},
    [CALL_PART_COPY] = {"part-copy", HTTP_PUT, true, true, false, true},
    [CALL_LIST_PARTS] = {"list-parts", HTTP_GET, true, true, false, false},
    [CALL_COMPLETE] = {"complete", HTTP_POST, true, true, false, false},
    [CALL_ABORT] = {"abort", HTTP_DELETE, true, true, false, false},
    [CALL_LIST] = {"list", HTTP_GET, false, false, false, false},
    [CALL_DELETE] = {"delete", HTTP_DELETE, true, false, false, false},
    [CALL_DELETE_MANY] = {"delete-many", HTTP_POST, false, false, false, false},
    [CALL_LIST_UPLOADS] = {"list-uploads", HTTP_GET, false, false, false, false},
    [CALL_GET_TAGS] = {"get-tags", HTTP_GET, true, false, false, false},
    [CALL_PUT_TAGS] = {"put-tags", HTTP_PUT, true, false, false, false},
};

const char *call_name(enum call_kind kind)
{
    return (unsigned)kind < CALL_KINDS ? call_forms[kind].name : "unknown";
}

static bool check_key(const struct dialect *dialect, const char *key, struct err *err)
{
    size_t len = key ? strlen(key) : 0;
    if (len == 0 || len > (size_t)dialect->key_max)
        return err_set(err, ERR_INVALID, "a key of %s has 1 to %d bytes, this one %zu: %.100s",
                       dialect->title, dialect->key_max, len, key ? key : "");
    if (dialect->kind == STORE_OSS && (key[0] == '/' || key[0] == '\\'))
        return err_set(err, ERR_INVALID, "a key of OSS cannot begin with a slash: %.200s", key);
    return true;
}

static bool check_ranges(const struct object_call *call, struct err *err)
{
    int64_t end;
    bool data = call_forms[call->kind].has_data, copy = call->kind == CALL_PART_COPY;
    bool part = call->kind == CALL_PART || copy, ranged = call->kind == CALL_GET || copy;
    if (ranged && (call->off < 0 || call->len == 0 || call->len < (copy ? 1 : -1)))
        return err_set(err, ERR_INVALID, "there is no range of that form to get");
    if ((ranged && __builtin_add_overflow(call->off, call->len, &end)) ||
        (data && (call->len < 0 || call->len > LIMIT_OBJECT_SIZE)))
        return err_set(err, ERR_INVALID, "the length is out of range");
    if (part && (call->part_number < 1 || call->part_number > LIMIT_PARTS))
        return err_set(err, ERR_INVALID, "part number %d is out of range", call->part_number);
    if (call->kind == CALL_COMPLETE && (!call->parts || call->parts->n < 1))
        return err_set(err, ERR_INVALID, "an upload without parts cannot be completed");
    return true;
}

static bool check_call(const struct store *store, const struct object_call *call, struct err *err)
{
    if (!store->dialect || (unsigned)call->kind >= CALL_KINDS)
        return err_set(err, ERR_BUG, "no such call on this store");
    const struct call_form *form = &call_forms[call->kind];
    bool tags = call->kind == CALL_GET_TAGS || call->kind == CALL_PUT_TAGS;
    if (tags && !store->dialect->h_tags)
        return err_set(err, ERR_INVALID, "objects of %s have no tags", store->host);
    if (store->dialect->read_only && call->kind != CALL_HEAD && call->kind != CALL_GET)
        return err_set(err, ERR_INVALID, "%s can only be read from", store->host);
    if (form->on_key && !check_key(store->dialect, call->key, err))
        return false;
    if (form->copies && (!call->source_bucket || !*call->source_bucket ||
                         !check_key(store->dialect, call->source_key, err)))
        return err_set(err, ERR_INVALID, "what is to be copied is not named");
    if (form->on_upload && (!call->upload_id || !*call->upload_id))
        return err_set(err, ERR_INVALID, "the upload id is missing");
    if (call->kind == CALL_DELETE_MANY &&
        (call->n_keys < 1 || call->n_keys > store->dialect->delete_max))
        return err_set(err, ERR_INVALID, "%d keys cannot be deleted in one request", call->n_keys);
    return check_ranges(call, err);
}

/* --- path and query ------------------------------------------------------------------- */

static bool add_path(const struct store *store, const struct object_call *call, struct buf *path)
{
    bool ok = store->base ? buf_adds(path, store->base) : buf_addc(path, '/');
    if (store->bucket_in_path)
        ok = ok && buf_addf(path, "%s/", store->bucket);
    return ok &&
           (!call_forms[call->kind].on_key || url_encode(path, call->key, strlen(call->key), true));
}

/* A parameter that is left out where it has nothing to say. */
static bool add_optional(struct http_fields *query, const char *name, const char *value)
{
    return !value || !*value || http_fields_add(query, name, value);
}

static int page_size(const struct store *store, const struct object_call *call)
{
    int max = store->dialect->page_max;
    return call->max_keys > 0 && call->max_keys < max ? call->max_keys : max;
}

static bool add_list(const struct store *store, const struct object_call *call,
                     struct http_fields *query)
{
    bool going_on = call->token && *call->token;
    return http_fields_add(query, "list-type", "2") &&
           add_optional(query, "prefix", call->prefix) &&
           add_optional(query, "delimiter", call->delimiter) &&
           http_fields_addf(query, "max-keys", "%d", page_size(store, call)) &&
           http_fields_add(query, "encoding-type", "url") &&
           add_optional(query, "continuation-token", call->token) &&
           (going_on || add_optional(query, "start-after", call->start_after));
}

static bool add_list_uploads(const struct store *store, const struct object_call *call,
                             struct http_fields *query)
{
    return http_fields_add_bare(query, "uploads") && add_optional(query, "prefix", call->prefix) &&
           http_fields_addf(query, "max-uploads", "%d", page_size(store, call)) &&
           http_fields_add(query, "encoding-type", "url") &&
           add_optional(query, "key-marker", call->token) &&
           add_optional(query, "upload-id-marker", call->upload_marker);
}

static bool add_query(const struct store *store, const struct object_call *call,
                      struct http_fields *query)
{
    if (call_forms[call->kind].on_upload && !http_fields_add(query, "uploadId", call->upload_id))
        return false;
    switch (call->kind) {
    case CALL_CREATE:
        return http_fields_add_bare(query, "uploads");
    case CALL_GET_TAGS:
    case CALL_PUT_TAGS:
        return http_fields_add_bare(query, "tagging");
    case CALL_PART:
    case CALL_PART_COPY:
        return http_fields_addf(query, "partNumber", "%d", call->part_number);
    case CALL_LIST_PARTS:
        return http_fields_addf(query, "max-parts", "%d", page_size(store, call)) &&
               add_optional(query, "part-number-marker", call->token);
    case CALL_LIST:
        return add_list(store, call, query);
    case CALL_LIST_UPLOADS:
        return add_list_uploads(store, call, query);
    case CALL_DELETE_MANY:
        return http_fields_add_bare(query, "delete") &&
               (store->kind != STORE_OSS || http_fields_add(query, "encoding-type", "url"));
    default:
        return true;
    }
}

/* --- headers -------------------------------------------------------------------------- */

static bool add_md5(struct http_fields *headers, const uint8_t md5[MD5_LEN])
{
    char text[32];
    digest_base64(md5, MD5_LEN, text);
    return http_fields_add(headers, "content-md5", text);
}

static bool add_range(const struct store *store, const struct object_call *call,
                      struct http_fields *headers)
{
    if (call->off == 0 && call->len == -1)
        return true;
    bool ok = call->len < 0
                  ? http_fields_addf(headers, "range", "bytes=%lld-", (long long)call->off)
                  : http_fields_addf(headers, "range", "bytes=%lld-%lld", (long long)call->off,
                                     (long long)(call->off + call->len - 1));
    /* Without it OSS answers a range it cannot give with the whole object. */
    return ok && (store->kind != STORE_OSS ||
                  http_fields_add(headers, "x-oss-range-behavior", "standard"));
}

/* The version that is wanted.  A weak ETag is no validator for If-Match, and where there is none
 * the time of the last change has to do. */
static bool add_pin(const struct object_call *call, struct http_fields *headers)
{
    bool etag = call->if_match && *call->if_match;
    if (etag && strncmp(call->if_match, "W/", 2) != 0)
        return http_fields_add(headers, "if-match", call->if_match);
    char date[32];
    if (call->kind != CALL_GET || call->unmodified_ns <= 0)
        return true;
    http_date_text(call->unmodified_ns / 1000000, date);
    return http_fields_add(headers, "if-unmodified-since", date);
}

/* "/bucket/key", percent-encoded, which all of them take. */
static bool add_source(const struct dialect *dialect, const struct object_call *call,
                       struct http_fields *headers)
{
    struct buf source = buf_new(4 * LIMIT_KEY);
    bool ok = buf_addc(&source, '/') &&
              url_encode(&source, call->source_bucket, strlen(call->source_bucket), false) &&
              buf_addc(&source, '/') &&
              url_encode(&source, call->source_key, strlen(call->source_key), true) &&
              http_fields_add(headers, dialect->h_copy_source, buf_str(&source));
    buf_free(&source);
    if (call->if_match && *call->if_match)
        ok = ok && http_fields_add(headers, dialect->h_copy_if_match, call->if_match);
    if (call->kind == CALL_PART_COPY)
        return ok && http_fields_addf(headers, dialect->h_copy_range, "bytes=%lld-%lld",
                                      (long long)call->off, (long long)(call->off + call->len - 1));
    if (call->attributes)
        ok = ok && http_fields_add(headers, dialect->h_replace_meta, "REPLACE");
    if (call->attributes && http_fields_get(call->attributes, "tags"))
        ok = ok && http_fields_add(headers, dialect->h_replace_tags, dialect->replace_tags);
    return ok;
}

/* S3: the checksum that the server is to verify, or is told to expect. */
static bool add_sum(const struct object_call *call, struct http_fields *headers)
{
    static const char *const announced[] = {NULL, NULL, "CRC64NVME", "CRC32C", "CRC32"};
    const char *name = announced[call->sum_kind];
    char header[40], value[16];
    if (!name)
        return true;
    memcpy(header, "x-amz-checksum-", 16);
    strncat(header, sum_name(call->sum_kind), sizeof header - 16);
    sum_base64(call->sum_kind, call->sum, value);
    switch (call->kind) {
    case CALL_CREATE:
        return http_fields_add(headers, "x-amz-checksum-algorithm", name) &&
               http_fields_add(headers, "x-amz-checksum-type", "FULL_OBJECT");
    case CALL_PUT:
    case CALL_PART:
        return http_fields_add(headers, header, value);
    case CALL_COMPLETE:
        return http_fields_add(headers, header, value) &&
               http_fields_add(headers, "x-amz-checksum-type", "FULL_OBJECT");
    default:
        return true;
    }
}

/* Those of `from` that are not there yet. */
static bool add_fields(struct http_fields *headers, const struct http_fields *from)
{
    for (int i = 0; from && i < from->n; i++) {
        const char *name = http_fields_name(from, i);
        if (!http_fields_get(headers, name) &&
            !http_fields_add(headers, name, http_fields_value(from, i)))
            return false;
    }
    return true;
}

static bool add_reading(const struct store *store, const struct object_call *call,
                        struct http_fields *headers)
{
    /* With a range the answer would be about a part, if there is one just there. */
    bool whole = call->kind == CALL_HEAD || (call->off == 0 && call->len < 0), ok = true;
    if (whole && store->kind == STORE_S3)
        ok = http_fields_add(headers, "x-amz-checksum-mode", "ENABLED");
    if (call->kind == CALL_GET)
        ok = ok && add_range(store, call, headers);
    return ok && add_pin(call, headers);
}

static bool takes_attributes(enum call_kind kind)
{
    return kind == CALL_PUT || kind == CALL_CREATE || kind == CALL_COPY;
}

static bool too_long(struct err *err)
{
    return err_set(err, ERR_INVALID, "the request is too long, or a header of it is malformed");
}

static bool add_headers(const struct store *store, const struct object_call *call,
                        struct http_fields *headers, struct err *err)
{
    const struct call_form *form = &call_forms[call->kind];
    bool ok = true;
    if (call->kind == CALL_HEAD || call->kind == CALL_GET)
        ok = add_reading(store, call, headers);
    if (call->kind == CALL_DELETE)
        ok = add_pin(call, headers);
    if (form->copies)
        ok = ok && add_source(store->dialect, call, headers);
    if (call->has_md5 && form->has_data)
        ok = ok && add_md5(headers, call->md5);
    if (store->kind == STORE_S3)
        ok = ok && add_sum(call, headers);
    if (ok && takes_attributes(call->kind) &&
        !attributes_write(store->dialect, call->attributes, headers, err))
        return false;
    return (ok && add_fields(headers, &store->headers)) || too_long(err);
}

/* --- bodies --------------------------------------------------------------------------- */

static bool add_xml_part(struct buf *body, const struct part_entry *part, bool sums)
{
    bool ok = buf_addf(body, "<Part><PartNumber>%d</PartNumber><ETag>", part->number) &&
              buf_add_xml(body, part->etag) && buf_adds(body, "</ETag>");
    if (sums && part->sum_kind == SUM_CRC32C) {
        char value[16];
        sum_base64(part->sum_kind, part->sum, value);
        ok = ok && buf_addf(body, "<ChecksumCRC32C>%s</ChecksumCRC32C>", value);
    }
    return ok && buf_adds(body, "</Part>");
}

static bool add_parts_xml(struct buf *body, const struct part_list *parts, bool sums)
{
    bool ok = buf_adds(body, "<CompleteMultipartUpload>");
    for (int i = 0; ok && i < parts->n; i++)
        ok = add_xml_part(body, &parts->entry[i], sums);
    return ok && buf_adds(body, "</CompleteMultipartUpload>");
}

static bool add_parts_json(struct buf *body, const struct part_list *parts)
{
    bool ok = buf_adds(body, "{\"Parts\":[");
    for (int i = 0; ok && i < parts->n; i++)
        ok = buf_addf(body, "%s{\"PartNumber\":%d,\"ETag\":", i ? "," : "",
                      parts->entry[i].number) &&
             buf_add_json(body, parts->entry[i].etag) && buf_addc(body, '}');
    return ok && buf_adds(body, "]}");
}

bool object_api_batchable(const struct dialect *dialect, const char *key)
{
    const char *blanks = dialect->json ? "\t\r\n" : "\t\n";

    if (!check_key(dialect, key, NULL))
        return false;
    /* The JSON form puts U+FFFD for every byte that is not UTF-8. */
    struct buf json = buf_new(8 * LIMIT_KEY);
    bool ok = buf_add_json(&json, key) && !strstr(json.data, "\xef\xbf\xbd") &&
              !strstr(key, "\xef\xbf\xbe") && !strstr(key, "\xef\xbf\xbf");
    buf_free(&json);
    for (; ok && *key; key++)
        ok = (unsigned char)*key >= 0x20 || strchr(blanks, *key);
    return ok;
}

static bool add_keys(struct buf *body, const struct object_call *call, bool json)
{
    bool ok = buf_adds(body, json ? "{\"Objects\":[" : "<Delete>");
    for (int i = 0; ok && i < call->n_keys; i++) {
        const char *key = call->keys[i];
        if (json)
            ok = buf_adds(body, i ? ",{\"Key\":" : "{\"Key\":") && buf_add_json(body, key) &&
                 buf_addc(body, '}');
        else
            ok = buf_adds(body, "<Object><Key>") && buf_add_xml(body, key) &&
                 buf_adds(body, "</Key></Object>");
    }
    return ok && buf_adds(body, json ? "],\"Quiet\":false}" : "<Quiet>false</Quiet></Delete>");
}

static bool check_parts(const struct part_list *parts, struct err *err)
{
    for (int i = 0; i < parts->n; i++) {
        int before = i ? parts->entry[i - 1].number : 0;
        if (parts->entry[i].number <= before || parts->entry[i].number > LIMIT_PARTS ||
            !parts->entry[i].etag[0])
            return err_set(err, ERR_BUG, "part %d cannot stand where it does",
                           parts->entry[i].number);
    }
    return true;
}

static bool check_keys(const struct store *store, const struct object_call *call, struct err *err)
{
    for (int i = 0; i < call->n_keys; i++) {
        if (!check_key(store->dialect, call->keys[i], err))
            return false;
        if (!object_api_batchable(store->dialect, call->keys[i]))
            return err_set(err, ERR_INVALID, "this key can only be deleted alone: %.200s",
                           call->keys[i]);
    }
    return true;
}

/* The body of the calls that carry a document; `body_len` of all. */
static bool add_body(const struct store *store, const struct object_call *call,
                     struct http_request *request, struct err *err)
{
    bool json = store->dialect->json, ok = true;
    struct buf *body = &request->body;
    bool empty = call->kind == CALL_CREATE || call_forms[call->kind].copies;
    request->body_len = call_forms[call->kind].has_data ? call->len : empty ? 0 : -1;
    if (call->kind == CALL_COMPLETE) {
        if (!check_parts(call->parts, err))
            return false;
        ok = json ? add_parts_json(body, call->parts)
                  : add_parts_xml(body, call->parts, store->kind == STORE_S3);
    } else if (call->kind == CALL_DELETE_MANY) {
        if (!check_keys(store, call, err))
            return false;
        ok = add_keys(body, call, json);
    } else if (call->kind == CALL_PUT_TAGS) {
        const char *tags = call->attributes ? http_fields_get(call->attributes, "tags") : NULL;
        if (!tagging_write(tags ? tags : "", json, body, err))
            return false;
    } else {
        return true;
    }
    uint8_t md5[MD5_LEN];
    digest_md5(buf_str(body), body->len, md5);
    request->body_len = (int64_t)body->len;
    ok = ok && http_fields_add(&request->headers, "content-type",
                               json ? "application/json" : "application/xml");
    if (call->kind != CALL_COMPLETE)
        ok = ok && add_md5(&request->headers, md5);
    return ok ? true : too_long(err);
}

bool object_api_build(const struct store *store, const struct object_call *call,
                      struct http_request *request, struct err *err)
{
    if (!check_call(store, call, err) || !add_body(store, call, request, err))
        return false;
    request->method = call_forms[call->kind].method;
    if (!add_path(store, call, &request->path) || !add_query(store, call, &request->query))
        return too_long(err);
    return add_headers(store, call, &request->headers, err);
}
