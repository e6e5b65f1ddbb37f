/* Copies that a service makes itself. */
#include "world/remote.h"
#include <stdlib.h>
#include <string.h>

/* The source of a copy; NULL: refused. */
static struct object *copied_of(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct remote *from = remote->host->source(remote->ctx, remote, op);
    struct object *object = from ? remote_find(from, call->source_key) : NULL;

    if (!from)
        remote_refuse(op, ERR_DENIED, 403, "AccessDenied");
    else if (!object)
        remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    else if (call->if_match && strcmp(call->if_match, object->etag))
        remote_refuse(op, ERR_CHANGED, 412, "PreconditionFailed");
    else
        return object;
    return NULL;
}

/* What a copy carries: what was asked for, else what its source has, but for what is a matter of
 * each store. */
static struct http_fields *attributes_of_copy(const struct object_call *call,
                                              const struct object *from)
{
    const struct http_fields *source = from->attributes;
    struct http_fields *all = attributes_copy(call->attributes);
    bool asked = all != NULL;

    if (!source)
        return all;
    if (!asked)
        http_fields_init(all = xcalloc(1, sizeof *all), LIMIT_HEADERS);
    for (int i = 0; i < source->n; i++) {
        const char *name = http_fields_name(source, i);
        bool tags = !strcmp(name, "tags");
        bool own = !strcmp(name, "acl") || !strcmp(name, "storage-class");
        if (asked ? tags && !http_fields_get(all, "tags") : !own)
            http_fields_add(all, name, http_fields_value(source, i));
    }
    return all;
}

bool remote_copy(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct object *from = copied_of(remote, op);
    char etag[LIMIT_ETAG];
    uint8_t md5[MD5_LEN];

    if (!from)
        return false;
    if ((int64_t)from->blob->len > remote->dialect->copy_max)
        return remote_refuse(op, ERR_INVALID, 400, "EntityTooLarge");
    struct http_fields *attributes = attributes_of_copy(call, from);
    struct blob *blob = blob_keep(from->blob);
    digest_md5(blob->data, blob->len, md5);
    remote_etag(remote, md5, 0, etag);
    remote->host->naming(remote->ctx, op, blob, false);
    remote_store(remote, call->key, blob, attributes, etag,
                 remote_is_s3(remote) && remote->flavour != REMOTE_S3_OPAQUE);
    memcpy(op->out.answer.info.etag, etag, sizeof etag);
    return true;
}

bool remote_part_copy(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct upload *upload = remote_upload_of(remote, op);
    struct object *from = upload ? copied_of(remote, op) : NULL;
    uint8_t md5[MD5_LEN];

    if (!from)
        return false;
    if (call->off + call->len > (int64_t)from->blob->len)
        return remote_refuse(op, ERR_INVALID, 416, "InvalidRange");
    struct upload_part *entry = upload_part_at(upload, call->part_number - 1);
    blob_drop(entry->blob);
    entry->blob = blob_new(from->blob->data + call->off, (size_t)call->len);
    digest_md5(entry->blob->data, entry->blob->len, md5);
    remote_etag(remote, md5, 0, entry->etag);
    entry->sum = sum_update(remote_sum(remote), 0, entry->blob->data, entry->blob->len);
    memcpy(op->out.answer.info.etag, entry->etag, sizeof entry->etag);
    return true;
}
