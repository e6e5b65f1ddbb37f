/* Replies: what is object data, and what is positive proof of success. */
#include "wire/dialect.h"
#include "wire/failure.h"
#include "wire/listing.h"
#include "wire/object_api.h"
#include "wire/result.h"
#include "wire/tagging.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *header(const struct http_reply *reply, const char *name)
{
    return name ? http_fields_get(&reply->headers, name) : NULL;
}

void object_answer_free(struct object_answer *answer)
{
    free(answer->upload_id);
    free(answer->next_token);
    part_list_free(&answer->parts);
    listing_free(&answer->listing);
    attributes_free(answer->attributes);
    *answer = (struct object_answer){0};
}

/* --- the body of a GET ---------------------------------------------------------------- */

static bool check_etag(const struct object_call *call, const struct http_reply *reply,
                       struct err *err)
{
    int64_t ms;
    const char *etag = header(reply, "etag"), *time = header(reply, "last-modified");
    bool pinned = call->if_match && *call->if_match;
    if (!pinned && call->unmodified_ns > 0 && time && http_date(time, &ms) &&
        ms != call->unmodified_ns / 1000000)
        return err_set(err, ERR_CHANGED, "the object has changed: Last-Modified is %.40s now",
                       time);
    if (!pinned || !etag || strcmp(etag, call->if_match) == 0)
        return true;
    return err_set(err, ERR_CHANGED, "the object is no longer the one with the ETag %.100s",
                   call->if_match);
}

/* An object may have been stored compressed; that what is sent is what is stored shows in the
 * length, -1 where it is not known. */
static bool check_length(const struct http_reply *reply, int64_t expected, struct err *err)
{
    int64_t length = -1;
    const char *text = header(reply, "content-length");
    if (text && !http_integer(text, INT64_MAX, &length))
        return err_set(err, ERR_SERVER, "the answer has an impossible Content-Length");
    if (length >= 0 && expected >= 0 && length != expected)
        return err_set(err, ERR_SERVER, "the answer has %lld bytes instead of %lld",
                       (long long)length, (long long)expected);
    const char *encoding = header(reply, "content-encoding");
    bool plain = !encoding || !*encoding || strcasecmp(encoding, "identity") == 0 ||
                 strcasecmp(encoding, "aws-chunked") == 0;
    if (!plain && (length < 0 || expected < 0))
        return err_set(err, ERR_SERVER, "the answer was encoded on the way: %.80s", encoding);
    return true;
}

static bool check_range(const struct object_call *call, const struct http_reply *reply,
                        struct err *err)
{
    int64_t first, last, total;
    const char *range = header(reply, "content-range");
    if (!range || !http_content_range(range, &first, &last, &total))
        return err_set(err, ERR_SERVER, "the answer does not say which bytes it has: \"%.80s\"",
                       range ? range : "");
    int64_t wanted = call->len < 0 ? total - 1 : call->off + call->len - 1;
    bool right = first == call->off && last == wanted && (call->len >= 0 || total >= 0);
    if (!right || (call->total >= 0 && total != call->total))
        return err_set(err, ERR_SERVER, "the answer has other bytes than were asked for: %.80s",
                       range);
    return check_length(reply, last - first + 1, err);
}

/* A server that ignores ranges is taken at its word only where the range was everything. */
static bool check_whole(const struct object_call *call, const struct http_reply *reply,
                        struct err *err)
{
    bool everything = call->off == 0 && call->len == -1;
    int64_t length;
    const char *text = header(reply, "content-length");
    if (everything)
        return check_length(reply, call->total, err);
    bool covered = call->off == 0 && call->total >= 0 && call->len == call->total && text &&
                   http_integer(text, INT64_MAX, &length) && length == call->total;
    if (!covered)
        return err_set(err, ERR_SERVER, "the store ignored the range and sent all of the object");
    return check_length(reply, call->total, err);
}

bool object_api_takes_body(const struct object_call *call, const struct http_reply *reply,
                           struct err *err)
{
    bool whole = call->off == 0 && call->len == -1, ok;
    struct err meaning = {0};
    if (reply->status != 200 && reply->status != 206) {
        failure_classify(reply->status, "", &meaning);
        ok = err_set(err, meaning.kind, "HTTP %d", reply->status);
    } else if (reply->status == 206 && whole) {
        ok = err_set(err, ERR_SERVER, "the store sent a range that was not asked for");
    } else {
        ok = check_etag(call, reply, err) &&
             (reply->status == 206 ? check_range(call, reply, err) : check_whole(call, reply, err));
    }
    if (!ok && err) {
        err->status = reply->status;
        err->final = meaning.final;
    }
    return ok;
}

/* --- what headers say of an object ---------------------------------------------------- */

static bool read_etag(const struct http_reply *reply, struct object_info *info, struct err *err)
{
    const char *etag = header(reply, "etag");
    if (!etag)
        return true;
    if (strlen(etag) >= sizeof info->etag)
        return err_set(err, ERR_SERVER, "the answer has too long an ETag");
    memcpy(info->etag, etag, strlen(etag) + 1);
    return true;
}

static bool unhex_etag(const char *etag, uint8_t md5[MD5_LEN])
{
    size_t len = strlen(etag);
    if (len == 34 && etag[0] == '"' && etag[33] == '"')
        return digest_unhex(etag + 1, MD5_LEN, md5);
    return len == 32 && digest_unhex(etag, MD5_LEN, md5);
}

static bool etag_is_md5(const struct dialect *dialect, const struct http_reply *reply,
                        const char *etag)
{
    uint8_t md5[MD5_LEN];
    const char *encryption = header(reply, dialect->h_encryption);
    const char *type = header(reply, "x-oss-object-type");
    if (dialect->kind == STORE_WEB) /* whatever it looks like */
        return false;
    if (encryption && strcmp(encryption, "AES256") != 0)
        return false;
    if (header(reply, dialect->h_customer_key) || (type && strcmp(type, "Normal") != 0))
        return false;
    return unhex_etag(etag, md5);
}

static bool parse_crc64(const char *text, uint64_t *sum)
{
    *sum = 0;
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(*sum, 10, sum) ||
            __builtin_add_overflow(*sum, (uint64_t)(*text - '0'), sum))
            return false;
    return true;
}

/* S3: the checksum of the whole, by preference; one that is made of parts' checksums says nothing.
 */
static bool take_sum(const char *type, const char *const value[3], struct object_info *info)
{
    static const enum sum_kind kinds[3] = {SUM_CRC64NVME, SUM_CRC32C, SUM_CRC32};
    if (type && *type && strcmp(type, "FULL_OBJECT") != 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (value[i] && sum_from_base64(kinds[i], value[i], &info->sum)) {
            info->sum_kind = kinds[i];
            return true;
        }
    }
    return false;
}

static bool read_sum(const struct dialect *dialect, const struct http_reply *reply,
                     struct object_info *info)
{
    const char *crc64 = header(reply, dialect->h_crc64);
    if (dialect->kind == STORE_S3) {
        const char *const value[3] = {header(reply, "x-amz-checksum-crc64nvme"),
                                      header(reply, "x-amz-checksum-crc32c"),
                                      header(reply, "x-amz-checksum-crc32")};
        return take_sum(header(reply, "x-amz-checksum-type"), value, info);
    }
    if (!crc64 || !parse_crc64(crc64, &info->sum))
        return false;
    info->sum_kind = SUM_CRC64;
    return true;
}

static bool read_info(const struct dialect *dialect, const struct http_reply *reply,
                      struct object_info *info, struct err *err)
{
    int64_t ms;
    const char *time = header(reply, "last-modified"), *type = header(reply, "content-type");
    if (!read_etag(reply, info, err))
        return false;
    info->etag_is_md5 = etag_is_md5(dialect, reply, info->etag);
    read_sum(dialect, reply, info);
    if (time && http_date(time, &ms) && ms < INT64_MAX / 1000000)
        info->mtime_ns = ms * 1000000;
    if (type)
        snprintf(info->content_type, sizeof info->content_type, "%s", type);
    const char *ranges = header(reply, "accept-ranges");
    info->ranges = dialect->kind != STORE_WEB || reply->status == 206 ||
                   (ranges && strcasecmp(ranges, "bytes") == 0);
    return true;
}

/* --- one reader for each kind of call ------------------------------------------------- */

struct reading {
    const struct store *store;
    const struct object_call *call;
    const struct http_reply *reply;
    struct object_answer *answer;
    struct err *err;
};

static struct slice body_of(const struct reading *r)
{
    return (struct slice){buf_str(&r->reply->body), r->reply->body.len};
}

static bool read_head(const struct reading *r)
{
    const char *length = header(r->reply, "content-length");
    struct object_info *info = &r->answer->info;
    const struct dialect *dialect = r->store->dialect;
    bool told = length && http_integer(length, LIMIT_OBJECT_SIZE, &info->size);
    /* A page that is made while it is sent has no length before it is there. */
    if (!told && (length || dialect->kind != STORE_WEB))
        return err_set(r->err, ERR_SERVER, "the answer does not say how long the object is");
    r->answer->attributes = attributes_read(dialect, &r->reply->headers);
    return read_info(dialect, r->reply, info, r->err);
}

static bool read_get(const struct reading *r)
{
    int64_t first, last, total;
    struct object_info *info = &r->answer->info;
    const char *range = header(r->reply, "content-range");
    const char *length = header(r->reply, "content-length");
    if (!object_api_takes_body(r->call, r->reply, r->err))
        return false;
    if (r->reply->status == 206 && range && http_content_range(range, &first, &last, &total))
        info->size = total;
    else if (!length || !http_integer(length, LIMIT_OBJECT_SIZE, &info->size))
        info->size = r->call->total;
    r->answer->attributes = attributes_read(r->store->dialect, &r->reply->headers);
    return read_info(r->store->dialect, r->reply, info, r->err);
}

/* PUT and PART: without an ETag there is nothing to complete or to compare with. */
static bool read_stored(const struct reading *r)
{
    struct object_info *info = &r->answer->info;
    if (!read_info(r->store->dialect, r->reply, info, r->err))
        return false;
    if (!info->etag[0])
        return err_set(r->err, ERR_SERVER, "the answer has no ETag for what was sent");
    r->answer->sums_offered = r->store->kind == STORE_S3 && info->sum_kind != SUM_NONE;
    info->size = r->call->len;
    return true;
}

static bool read_create(const struct reading *r)
{
    struct result result;
    if (!result_read(body_of(r), r->store->dialect->json, &result, r->err))
        return false;
    if (strcmp(result.root, "Error") == 0 || (result.code[0] && !result.upload_id[0]))
        return failure_inside(r->store->dialect, r->reply, &result, r->err);
    bool named =
        r->store->dialect->json || strcmp(result.root, "InitiateMultipartUploadResult") == 0;
    if (!named || !result.upload_id[0] || result.cut)
        return err_set(r->err, ERR_SERVER, "the answer has no usable upload id");
    r->answer->upload_id = xstrdup(result.upload_id);
    r->answer->sums_offered = header(r->reply, "x-amz-checksum-algorithm") != NULL;
    return true;
}

/* S3 and OSS may answer with an empty ETag (radosgw does), TOS must not. */
static bool read_complete(const struct reading *r)
{
    struct result result;
    struct object_info *info = &r->answer->info;
    const struct dialect *dialect = r->store->dialect;
    if (!result_read(body_of(r), dialect->json, &result, r->err))
        return false;
    if (strcmp(result.root, "Error") == 0 || (dialect->json && !result.etag[0] && result.code[0]))
        return failure_inside(dialect, r->reply, &result, r->err);
    bool proof = dialect->json ? result.etag[0] != '\0'
                               : strcmp(result.root, "CompleteMultipartUploadResult") == 0;
    if (!proof || result.cut)
        return err_set(r->err, ERR_SERVER, "the answer does not say that the upload is complete");
    memcpy(info->etag, result.etag, sizeof info->etag);
    if (dialect->kind == STORE_S3) {
        const char *const value[3] = {result.crc64nvme, result.crc32c, result.crc32};
        take_sum(result.sum_type, value, info);
    } else {
        read_sum(dialect, r->reply, info);
    }
    return true;
}

/* COPY and PART_COPY: a success without an ETag would be none. */
static bool read_copy(const struct reading *r)
{
    struct result result;
    struct object_info *info = &r->answer->info;
    const struct dialect *dialect = r->store->dialect;
    int64_t ms;
    if (!result_read(body_of(r), dialect->json, &result, r->err))
        return false;
    if (strcmp(result.root, "Error") == 0 || (!result.etag[0] && result.code[0]))
        return failure_inside(dialect, r->reply, &result, r->err);
    const char *root = r->call->kind == CALL_COPY ? "CopyObjectResult" : "CopyPartResult";
    bool named = dialect->json || strcmp(result.root, root) == 0;
    if (!named || !result.etag[0] || result.cut)
        return err_set(r->err, ERR_SERVER, "the answer does not say that anything was copied");
    memcpy(info->etag, result.etag, sizeof info->etag);
    info->etag_is_md5 = etag_is_md5(dialect, r->reply, info->etag);
    if (http_date(result.last_modified, &ms) && ms < INT64_MAX / 1000000)
        info->mtime_ns = ms * 1000000;
    if (r->call->kind == CALL_PART_COPY)
        info->size = r->call->len;
    const char *const value[3] = {result.crc64nvme, result.crc32c, result.crc32};
    if (dialect->kind == STORE_S3)
        take_sum(result.sum_type, value, info);
    else
        read_sum(dialect, r->reply, info);
    return true;
}

static bool read_parts(const struct reading *r)
{
    return listing_read_parts(body_of(r), r->store->dialect->json, r->call, &r->answer->parts,
                              &r->answer->next_token, r->err);
}

static bool read_list(const struct reading *r)
{
    bool json = r->store->dialect->json;
    struct listing *listing = &r->answer->listing;
    switch (r->call->kind) {
    case CALL_LIST:
        return listing_read_objects(body_of(r), json, r->call, listing, r->err);
    case CALL_LIST_UPLOADS:
        return listing_read_uploads(body_of(r), json, r->call, listing, r->err);
    default:
        return listing_read_deleted(body_of(r), json, r->call, listing, r->err);
    }
}

static bool read_tags(const struct reading *r)
{
    char *tags = tagging_read(body_of(r), r->store->dialect->json, r->err);
    if (!tags)
        return false;
    struct http_fields *attributes = r->answer->attributes = xcalloc(1, sizeof *attributes);
    http_fields_init(attributes, LIMIT_HEADERS);
    bool ok = http_fields_add(attributes, "tags", tags);
    free(tags);
    return ok || err_set(r->err, ERR_SERVER, "the answer has more tags than there can be");
}

static bool read_nothing(const struct reading *r)
{
    (void)r;
    return true;
}

static const struct {
    bool (*read)(const struct reading *r);
    int status[2]; /* that are a success */
} readers[] = {
    [CALL_HEAD] = {read_head, {200, 200}},         [CALL_GET] = {read_get, {200, 206}},
    [CALL_PUT] = {read_stored, {200, 201}},        [CALL_CREATE] = {read_create, {200, 200}},
    [CALL_PART] = {read_stored, {200, 200}},       [CALL_LIST_PARTS] = {read_parts, {200, 200}},
    [CALL_COMPLETE] = {read_complete, {200, 200}}, [CALL_ABORT] = {read_nothing, {204, 200}},
    [CALL_LIST] = {read_list, {200, 200}},         [CALL_DELETE] = {read_nothing, {204, 200}},
    [CALL_DELETE_MANY] = {read_list, {200, 200}},  [CALL_LIST_UPLOADS] = {read_list, {200, 200}},
    [CALL_COPY] = {read_copy, {200, 200}},         [CALL_PART_COPY] = {read_copy, {200, 200}},
    [CALL_GET_TAGS] = {read_tags, {200, 200}},     [CALL_PUT_TAGS] = {read_nothing, {200, 204}},
};

/* A store whose callback failed has the object all the same, so sending it again is no help. */
static bool callback_failed(const struct store *store, const struct http_reply *reply,
                            struct err *err)
{
    failure_read(store->dialect, reply, err);
    err_set(err, ERR_SERVER, "stored, but the callback failed");
    failure_stamp(store->dialect, reply, err);
    if (err)
        err->final = true;
    return false;
}

static void read_common(const struct dialect *dialect, const struct http_reply *reply,
                        struct object_answer *answer)
{
    const char *date = header(reply, "date"), *id = header(reply, dialect->h_request_id);
    if (!date || !http_date(date, &answer->date_ms))
        answer->date_ms = 0;
    if (id)
        snprintf(answer->request_id, sizeof answer->request_id, "%s", id);
}

static bool read_reply(const struct reading *r)
{
    const struct http_reply *reply = r->reply;
    const struct dialect *dialect = r->store->dialect;
    enum call_kind kind = r->call->kind;
    const int *good = readers[kind].status;
    if (reply->status == 203 && (kind == CALL_PUT || kind == CALL_COMPLETE))
        return callback_failed(r->store, reply, r->err);
    if (reply->status / 100 == 2 && reply->status != good[0] && reply->status != good[1]) {
        err_set(r->err, ERR_SERVER, "HTTP %d is no answer to %s", reply->status, call_name(kind));
        return failure_stamp(dialect, reply, r->err);
    }
    if (reply->status / 100 != 2)
        return failure_read(dialect, reply, r->err);
    return readers[kind].read(r) || failure_stamp(dialect, reply, r->err);
}

bool object_api_read(const struct store *store, const struct object_call *call,
                     const struct http_reply *reply, struct object_answer *answer, struct err *err)
{
    *answer = (struct object_answer){.info.size = -1};
    const struct reading r = {store, call, reply, answer, err};
    read_common(store->dialect, reply, answer);
    if (read_reply(&r))
        return true;
    struct object_answer kept = {.date_ms = answer->date_ms, .info.size = -1};
    memcpy(kept.request_id, answer->request_id, sizeof kept.request_id);
    object_answer_free(answer);
    *answer = kept;
    if (store->kind == STORE_WEB)
        err_wrap(err, "%s", store->host);
    return false;
}

bool object_api_multipart_etag(const struct part_list *parts, char out[LIMIT_ETAG])
{
    uint8_t md5[MD5_LEN];
    char hex[2 * MD5_LEN + 1];
    struct hasher *hasher = hasher_new(true);
    bool ok = true;
    for (int i = 0; ok && i < parts->n; i++) {
        ok = unhex_etag(parts->entry[i].etag, md5);
        hasher_add(hasher, md5, sizeof md5);
    }
    hasher_end(hasher, md5);
    digest_hex(md5, sizeof md5, hex);
    if (ok)
        snprintf(out, LIMIT_ETAG, "\"%s-%d\"", hex, parts->n);
    return ok;
}
