/* Copies that a service makes itself. */
#include "remote.h"
#include "wire/dialect.h"
#include <string.h>

/* The source of a copy, of the same service or refused. */
static struct object *copied_of(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct remote *from = &world.remote[strcmp(call->source_bucket, world.store[1].bucket) != 0];
    struct object *object = remote_find(from, call->source_key);
    bool stranger = strcmp(store_of(from)->host, store_of(remote)->host) != 0;

    if (stranger || from == remote)
        broken("I8", "'%s' is to be copied by a service that does not have it", call->source_key);
    if (world.no_copy)
        remote_refuse(op, ERR_DENIED, 403, "AccessDenied");
    else if (!object)
        remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    else if (call->if_match && strcmp(call->if_match, object->etag))
        remote_refuse(op, ERR_CHANGED, 412, "PreconditionFailed");
    else
        return object;
    return NULL;
}

bool remote_copy(struct remote *remote, struct op *op)
{
    const struct object_call *call = &op->in.call;
    struct object *from = copied_of(remote, op);
    char etag[LIMIT_ETAG];
    uint8_t md5[MD5_LEN];

    if (!from)
        return false;
    if ((int64_t)from->blob->len > store_of(remote)->dialect->copy_max)
        return remote_refuse(op, ERR_INVALID, 400, "EntityTooLarge");
    struct luggage luggage =
        call->attributes ? luggage_read(call->attributes) : luggage_copy(&from->luggage);
    digest_md5(from->blob->data, from->blob->len, md5);
    remote_etag(remote, md5, 0, etag);
    watch_name(op->in.store, call->key, from->blob, false);
    remote_store(remote, call->key, blob_keep(from->blob), luggage, etag,
                 remote_is_s3(remote) && remote->flavour != REMOTE_S3_OPAQUE);
    memcpy(op->out.answer.info.etag, etag, sizeof etag);
    world.stats.copied++;
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
    world.stats.copied++;
    return true;
}
