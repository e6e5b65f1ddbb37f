#include "world/remote.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- objects -------------------------------------------------------------------------- */

bool remote_is_s3(const struct remote *remote)
{
    return remote->flavour >= REMOTE_S3_CRC;
}

enum sum_kind remote_sum(const struct remote *remote)
{
    if (!remote_is_s3(remote))
        return SUM_CRC64;
    return remote->flavour == REMOTE_S3_CRC ? SUM_CRC32C : SUM_NONE;
}

bool remote_hides_flips(const struct remote *remote)
{
    return remote->flavour == REMOTE_S3_OPAQUE;
}

/* Is the ETag of an object that came whole its MD5? */
static bool etag_tells(const struct remote *remote)
{
    return remote_is_s3(remote) && remote->flavour != REMOTE_S3_OPAQUE;
}

/* The place of the first key that is not less. */
static int place_of(const struct remote *remote, const char *key)
{
    int low = 0, high = remote->n_objects;

    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(remote->object[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct object *remote_find(struct remote *remote, const char *key)
{
    int at = place_of(remote, key);

    return at < remote->n_objects && !strcmp(remote->object[at].key, key) ? &remote->object[at]
                                                                          : NULL;
}

static void object_free(struct object *object)
{
    blob_drop(object->blob);
    attributes_free(object->attributes);
    free(object->key);
}

void remote_drop(struct remote *remote, const char *key)
{
    struct object *object = remote_find(remote, key);

    object_free(object);
    memmove(object, object + 1,
            (size_t)(remote->object + --remote->n_objects - object) * sizeof *object);
}

static struct object *object_at(struct remote *remote, const char *key)
{
    int at = place_of(remote, key);

    if (at < remote->n_objects && !strcmp(remote->object[at].key, key))
        return &remote->object[at];
    if (remote->n_objects == remote->cap_objects) {
        remote->cap_objects = remote->cap_objects ? 2 * remote->cap_objects : 16;
        remote->object =
            xrealloc(remote->object, (size_t)remote->cap_objects * sizeof *remote->object);
    }
    struct object *object = &remote->object[at];
    memmove(object + 1, object, (size_t)(remote->n_objects++ - at) * sizeof *object);
    *object = (struct object){.key = xstrdup(key)};
    return object;
}

void remote_etag(struct remote *remote, const uint8_t md5[MD5_LEN], int parts,
                 char etag[LIMIT_ETAG])
{
    char hex[2 * MD5_LEN + 1];

    digest_hex(md5, MD5_LEN, hex);
    if (remote->flavour == REMOTE_S3_OPAQUE) /* encrypted: no MD5 of anything */
        snprintf(hex, sizeof hex, "feed%028llx", (unsigned long long)++remote->counter);
    if (parts)
        snprintf(etag, LIMIT_ETAG, "\"%s-%d\"", hex, parts);
    else
        snprintf(etag, LIMIT_ETAG, "\"%s\"", hex);
}

struct object *remote_store(struct remote *remote, const char *key, struct blob *blob,
                            struct http_fields *attributes, const char *etag, bool is_md5)
{
    struct object *object = object_at(remote, key);

    attributes_free(object->attributes);
    object->attributes = attributes;
    blob_drop(object->blob);
    object->blob = blob;
    object->sum = sum_update(remote_sum(remote), 0, blob->data, blob->len);
    snprintf(object->etag, sizeof object->etag, "%s", etag);
    object->etag_is_md5 = is_md5;
    object->mtime_ns = remote->host->now_ns(remote->ctx);
    return object;
}

void remote_put(struct remote *remote, const char *key, struct blob *blob,
                struct http_fields *attributes, bool in_parts)
{
    uint8_t md5[MD5_LEN];
    char etag[LIMIT_ETAG];

    digest_md5(blob->data, blob->len, md5);
    remote_etag(remote, md5, in_parts ? 2 : 0, etag);
    remote_store(remote, key, blob, attributes, etag, !in_parts && etag_tells(remote));
}

struct http_fields *attributes_copy(const struct http_fields *attributes)
{
    struct http_fields *copy = attributes ? xcalloc(1, sizeof *copy) : NULL;

    if (!attributes)
        return NULL;
    http_fields_init(copy, LIMIT_HEADERS);
    for (int i = 0; i < attributes->n; i++)
        http_fields_add(copy, http_fields_name(attributes, i), http_fields_value(attributes, i));
    return copy;
}

void remote_become(struct remote *remote, enum flavour flavour, const struct dialect *dialect)
{
    remote->flavour = flavour;
    remote->dialect = dialect;
    for (int i = 0; i < remote->n_objects; i++) {
        struct object *object = &remote->object[i];
        bool whole = !strchr(object->etag, '-');
        object->sum = sum_update(remote_sum(remote), 0, object->blob->data, object->blob->len);
        object->etag_is_md5 = whole && etag_tells(remote);
    }
}

/* The same with other tags; NULL: with none. */
static struct http_fields *attributes_with_tags(const struct http_fields *attributes,
                                                const char *tags)
{
    struct http_fields *all = xcalloc(1, sizeof *all);

    http_fields_init(all, LIMIT_HEADERS);
    for (int i = 0; attributes && i < attributes->n; i++)
        if (strcmp(http_fields_name(attributes, i), "tags"))
            http_fields_add(all, http_fields_name(attributes, i), http_fields_value(attributes, i));
    if (tags)
        http_fields_add(all, "tags", tags);
    return all;
}

/* --- answers -------------------------------------------------------------------------- */

bool remote_refuse(struct op *op, enum err_kind kind, int status, const char *code)
{
    err_set(&op->out.err, kind, "the store says %s", code);
    op->out.err.status = status;
    snprintf(op->out.err.code, sizeof op->out.err.code, "%s", code);
    return false;
}

void remote_describe(const struct remote *remote, const struct object *object,
                     struct object_info *info)
{
    const char *type =
        object->attributes ? http_fields_get(object->attributes, "content-type") : NULL;

    info->size = (int64_t)object->blob->len;
    info->mtime_ns = object->mtime_ns;
    memcpy(info->etag, object->etag, sizeof info->etag);
    info->etag_is_md5 = object->etag_is_md5;
    info->sum_kind = remote_sum(remote);
    info->sum = object->sum;
    info->ranges = true;
    snprintf(info->content_type, sizeof info->content_type, "%s", type ? type : "");
}

/* What headers of a HEAD or GET tell: all but what has a request of its own. */
static struct http_fields *told_attributes(const struct object *object)
{
    const struct http_fields *all = object->attributes;
    struct http_fields *told = all ? xcalloc(1, sizeof *told) : NULL;

    if (!all)
        return NULL;
    http_fields_init(told, LIMIT_HEADERS);
    for (int i = 0; i < all->n; i++)
        if (strcmp(http_fields_name(all, i), "acl") && strcmp(http_fields_name(all, i), "tags"))
            http_fields_add(told, http_fields_name(all, i), http_fields_value(all, i));
    return told;
}

static bool head(struct remote *remote, struct op *op)
{
    const struct object *object = remote_find(remote, op->in.call.key);

    if (!object)
        return remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    remote_describe(remote, object, &op->out.answer.info);
    op->out.answer.attributes = told_attributes(object);
    return true;
}

/* Would somebody see a wrong byte?  The MD5 of the whole says nothing about a range that is passed
 * on. */
static bool flip_shows(const struct remote *remote, const struct op *op)
{
    bool range = op->in.call.len >= 0 && op->in.fd < 0;

    return !remote_hides_flips(remote) &&
           (remote_sum(remote) != SUM_NONE || (op->out.answer.info.etag_is_md5 && !range));
}

static void deliver(struct remote *remote, struct op *op, const uint8_t *data, size_t len)
{
    uint8_t *copy = xmalloc(len + 1);

    memcpy(copy, data, len);
    copy[len] = 0;
    if (flip_shows(remote, op))
        remote->host->spoil(remote->ctx, op, copy, len);
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, 0, copy, len);
    op->out.moved = (int64_t)len;
    if (op->in.fd >= 0)
        remote->host->write(remote->ctx, op, copy, len);
    if (op->in.fd < 0)
        op->out.body =
            (struct buf){.data = (char *)copy, .len = len, .cap = len + 1, .max = len + 1};
    else
        free(copy);
}

static bool get(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    const struct object *object = remote_find(remote, call->key);

    if (!object)
        return remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    if (call->if_match && strcmp(call->if_match, object->etag))
        return remote_refuse(op, ERR_CHANGED, 412, "PreconditionFailed");
    int64_t size = (int64_t)object->blob->len, len = call->len < 0 ? size : call->len;
    if (call->off > size || (call->total >= 0 && call->total != size))
        return remote_refuse(op, ERR_CHANGED, 206, "another Content-Range");
    if (call->off + len > size)
        return remote_refuse(op, ERR_CORRUPT, 206, "short body");
    remote_describe(remote, object, &op->out.answer.info);
    op->out.answer.attributes = told_attributes(object);
    deliver(remote, op, object->blob->data + call->off, (size_t)len);
    return true;
}

/* --- taking bodies -------------------------------------------------------------------- */

/* The body of a PUT or PART as it leaves; NULL: the file has become shorter. */
static struct blob *body_of(const struct remote *remote, const struct op *op)
{
    struct blob *blob = blob_new(op->in.fd < 0 ? op->in.memory : NULL, (size_t)op->in.call.len);

    if (op->in.fd < 0 || remote->host->read(remote->ctx, op, blob->data, blob->len))
        return blob;
    blob_drop(blob);
    return NULL;
}

/* What a store compares before it takes a body. */
static bool body_is_good(struct remote *remote, struct op *op, const struct blob *blob,
                         uint8_t md5[MD5_LEN])
{
    const struct object_call *call = &op->in.call;
    bool knows = remote->flavour == REMOTE_S3_CRC && call->sum_kind == SUM_CRC32C;

    digest_md5(blob->data, blob->len, md5);
    if (call->has_md5 && memcmp(md5, call->md5, MD5_LEN))
        return remote_refuse(op, ERR_CORRUPT, 400, "BadDigest");
    op->out.answer.sums_offered = knows;
    return !knows || sum_update(SUM_CRC32C, 0, blob->data, blob->len) == call->sum ||
           remote_refuse(op, ERR_CORRUPT, 400, "BadDigest");
}

struct blob *remote_take_body(struct remote *remote, struct op *op, uint8_t md5[MD5_LEN],
                              bool *flipped)
{
    struct blob *blob = body_of(remote, op);

    if (!blob) {
        err_set(&op->out.err, ERR_CHANGED, "the file became shorter");
        return NULL;
    }
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, 0, blob->data, blob->len);
    op->out.moved = (int64_t)blob->len;
    if (op->in.feed && op->in.want_md5)
        digest_md5(blob->data, blob->len, op->out.md5);
    bool by_etag = op->in.feed && remote_is_s3(remote) && !remote_hides_flips(remote);
    bool checked = !remote_is_s3(remote) || op->in.call.has_md5 || by_etag ||
                   (remote->flavour == REMOTE_S3_CRC && op->in.call.sum_kind == SUM_CRC32C);
    *flipped = checked && remote->host->spoil(remote->ctx, op, blob->data, blob->len);
    if (body_is_good(remote, op, blob, md5))
        return blob;
    blob_drop(blob);
    return NULL;
}

void remote_tell_sum(const struct remote *remote, struct op *op, const struct blob *blob)
{
    struct object_info *info = &op->out.answer.info;

    info->etag_is_md5 = etag_tells(remote);
    info->sum_kind =
        remote_is_s3(remote) && op->in.call.sum_kind == SUM_NONE ? SUM_NONE : remote_sum(remote);
    if (info->sum_kind != SUM_NONE)
        info->sum = sum_update(info->sum_kind, 0, blob->data, blob->len);
}

static bool put(struct remote *remote, struct op *op)
{
    uint8_t md5[MD5_LEN];
    bool flipped = false;
    struct blob *blob = remote_take_body(remote, op, md5, &flipped);
    char etag[LIMIT_ETAG];

    if (!blob)
        return false;
    remote_etag(remote, md5, 0, etag);
    remote->host->naming(remote->ctx, op, blob, flipped || op->in.fd >= 0);
    remote_store(remote, op->in.call.key, blob, attributes_copy(op->in.call.attributes), etag,
                 etag_tells(remote));
    remote_tell_sum(remote, op, blob);
    memcpy(op->out.answer.info.etag, etag, sizeof etag);
    return true;
}

/* --- removing ------------------------------------------------------------------------- */

/* What is not there is gone. */
static bool delete_one(struct remote *remote, const char *key)
{
    if (remote_find(remote, key))
        remote_drop(remote, key);
    return true;
}

/* Only S3 knows a condition for it. */
static bool delete_call(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    const struct object *object = remote_find(remote, call->key);

    if (object && call->if_match && remote_is_s3(remote) && strcmp(call->if_match, object->etag))
        return remote_refuse(op, ERR_CHANGED, 412, "PreconditionFailed");
    return delete_one(remote, call->key);
}

static bool delete_many(struct remote *remote, const struct object_call *call)
{
    for (int i = 0; i < call->n_keys; i++)
        delete_one(remote, call->keys[i]);
    return true;
}

/* --- tags ----------------------------------------------------------------------------- */

static bool get_tags(struct remote *remote, struct op *op)
{
    const struct object *object = remote_find(remote, op->in.call.key);
    const char *tags =
        object && object->attributes ? http_fields_get(object->attributes, "tags") : NULL;

    if (!object)
        return remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    op->out.answer.attributes = attributes_with_tags(NULL, tags ? tags : "");
    return true;
}

static bool put_tags(struct remote *remote, struct op *op)
{
    const struct http_fields *asked = op->in.call.attributes;
    const char *tags = asked ? http_fields_get(asked, "tags") : NULL;
    struct object *object = remote_find(remote, op->in.call.key);

    if (!object)
        return remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    struct http_fields *changed = attributes_with_tags(object->attributes, tags);
    attributes_free(object->attributes);
    object->attributes = changed;
    return true;
}

/* --- calls ---------------------------------------------------------------------------- */

bool remote_call(struct remote *remote, struct op *op)
{
    switch (op->in.call.kind) {
    case CALL_HEAD:
        return head(remote, op);
    case CALL_GET:
        return get(remote, op);
    case CALL_PUT:
        return put(remote, op);
    case CALL_CREATE:
        return remote_create(remote, op);
    case CALL_PART:
        return remote_part(remote, op);
    case CALL_COPY:
        return remote_copy(remote, op);
    case CALL_PART_COPY:
        return remote_part_copy(remote, op);
    case CALL_LIST_PARTS:
        return remote_list_parts(remote, op);
    case CALL_COMPLETE:
        return remote_complete(remote, op);
    case CALL_ABORT:
        return remote_abort(remote, op);
    case CALL_LIST:
        return remote_list(remote, op);
    case CALL_DELETE:
        return delete_call(remote, op);
    case CALL_DELETE_MANY:
        return delete_many(remote, &op->in.call);
    case CALL_GET_TAGS:
        return get_tags(remote, op);
    case CALL_PUT_TAGS:
        return put_tags(remote, op);
    case CALL_LIST_UPLOADS:
        return remote_list_uploads(remote, op);
    default:
        return remote_refuse(op, ERR_BUG, 501, "NotImplemented");
    }
}

void remote_free(struct remote *remote)
{
    for (int i = 0; i < remote->n_objects; i++)
        object_free(&remote->object[i]);
    for (int i = 0; i < remote->n_uploads; i++) {
        upload_close(&remote->upload[i]);
        free(remote->upload[i].id);
        free(remote->upload[i].key);
    }
    free(remote->object);
    free(remote->upload);
    memset(remote, 0, sizeof *remote);
}
