/* Uploads in parts. */
#include "world/remote.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_PAGE 1000 /* of a page of parts, as real ones have it */

struct upload *remote_upload(struct remote *remote, const char *id)
{
    for (int i = remote->n_uploads - 1; id && i >= 0; i--)
        if (remote->upload[i].open && !strcmp(remote->upload[i].id, id))
            return &remote->upload[i];
    return NULL;
}

bool remote_create(struct remote *remote, struct op *op)
{
    if (remote->n_uploads == remote->cap_uploads) {
        remote->cap_uploads = remote->cap_uploads ? 2 * remote->cap_uploads : 16;
        remote->upload =
            xrealloc(remote->upload, (size_t)remote->cap_uploads * sizeof *remote->upload);
    }
    struct upload *upload = &remote->upload[remote->n_uploads++];
    *upload = (struct upload){.id = xasprintf("up-%llu", (unsigned long long)++remote->counter),
                              .key = xstrdup(op->in.call.key),
                              .attributes = attributes_copy(op->in.call.attributes),
                              .began_ns = remote->host->now_ns(remote->ctx),
                              .open = true,
                              .unknown = true};
    op->out.answer.upload_id = xstrdup(upload->id);
    op->out.answer.sums_offered =
        remote->flavour == REMOTE_S3_CRC && op->in.call.sum_kind == SUM_CRC32C;
    return true;
}

struct upload *remote_upload_of(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload(remote, op->in.call.upload_id);

    if (upload && !strcmp(upload->key, op->in.call.key))
        return upload;
    remote_refuse(op, ERR_MISSING, 404, "NoSuchUpload");
    return NULL;
}

struct upload_part *upload_part_at(struct upload *upload, int n)
{
    if (n >= upload->n_parts) {
        upload->part = xrealloc(upload->part, (size_t)(n + 1) * sizeof *upload->part);
        memset(upload->part + upload->n_parts, 0,
               (size_t)(n + 1 - upload->n_parts) * sizeof *upload->part);
        upload->n_parts = n + 1;
    }
    return &upload->part[n];
}

bool remote_part(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);
    uint8_t md5[MD5_LEN];
    bool flipped;

    if (!upload)
        return false;
    struct blob *blob = remote_take_body(remote, op, md5, &flipped);
    if (!blob)
        return false;
    struct upload_part *entry = upload_part_at(upload, op->in.call.part_number - 1);
    blob_drop(entry->blob);
    entry->blob = blob;
    remote_etag(remote, md5, 0, entry->etag);
    remote_tell_sum(remote, op, blob);
    entry->sum = op->out.answer.info.sum;
    memcpy(op->out.answer.info.etag, entry->etag, sizeof entry->etag);
    return true;
}

/* --- what is there -------------------------------------------------------------------- */

void remote_list_part(const struct remote *remote, struct op *op, const struct part_entry *entry)
{
    struct part_list *list = &op->out.answer.parts;

    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->entry = xrealloc(list->entry, (size_t)list->cap * sizeof *list->entry);
    }
    list->entry[list->n] = *entry;
    if (remote->flavour == REMOTE_OSS || remote->flavour == REMOTE_S3_CRC)
        list->entry[list->n].sum_kind = remote_sum(remote);
    list->n++;
}

bool remote_list_parts(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);
    int n = op->in.call.token ? atoi(op->in.call.token) : 0;

    if (!upload)
        return false;
    for (; n < upload->n_parts; n++) {
        const struct upload_part *part = &upload->part[n];
        struct part_entry entry = {.number = n + 1, .sum = part->sum};
        if (op->out.answer.parts.n == PARTS_PAGE) {
            op->out.answer.next_token = xasprintf("%d", n);
            break;
        }
        if (!part->blob)
            continue;
        entry.size = (int64_t)part->blob->len;
        memcpy(entry.etag, part->etag, sizeof entry.etag);
        remote_list_part(remote, op, &entry);
    }
    return true;
}

/* All of them on one page: there are as many as objects were being sent. */
bool remote_list_uploads(struct remote *remote, struct op *op)
{
    struct listing *page = &op->out.answer.listing;
    const char *prefix = op->in.call.prefix ? op->in.call.prefix : "";

    for (int i = 0; i < remote->n_uploads; i++) {
        const struct upload *upload = &remote->upload[i];
        if (!upload->open || strncmp(upload->key, prefix, strlen(prefix)) != 0)
            continue;
        page->entry = xrealloc(page->entry, (page->n + 1) * sizeof *page->entry);
        page->entry[page->n++] = (struct list_entry){.key = xstrdup(upload->key),
                                                     .mtime_ns = upload->began_ns,
                                                     .etag = xstrdup(""),
                                                     .upload_id = xstrdup(upload->id)};
    }
    return true;
}

/* --- the end of one ------------------------------------------------------------------- */

void upload_close(struct upload *upload)
{
    for (int i = 0; i < upload->n_parts; i++)
        blob_drop(upload->part[i].blob);
    free(upload->part);
    upload->part = NULL;
    upload->n_parts = 0;
    upload->open = false;
    attributes_free(upload->attributes);
    upload->attributes = NULL;
}

/* All parts that are named, as one; NULL: one of them is not there. */
static struct blob *join(struct remote *remote, struct upload *upload, struct op *op,
                         char etag[LIMIT_ETAG])
{
    const struct part_list *list = op->in.call.parts;
    struct hasher *hasher = hasher_new(true);
    struct buf all = buf_new((size_t)1 << 40);
    uint8_t md5[MD5_LEN];
    bool ok = list->n > 0;

    for (int i = 0; ok && i < list->n; i++) {
        int n = list->entry[i].number - 1;
        const struct upload_part *entry = n < upload->n_parts ? &upload->part[n] : NULL;
        ok = entry && entry->blob && !strcmp(entry->etag, list->entry[i].etag) &&
             (i == 0 || n >= list->entry[i - 1].number);
        if (!ok)
            break;
        digest_unhex(entry->etag + 1, MD5_LEN, md5);
        hasher_add(hasher, md5, MD5_LEN);
        buf_add(&all, entry->blob->data, entry->blob->len);
    }
    hasher_end(hasher, md5);
    remote_etag(remote, md5, list->n, etag);
    struct blob *blob = ok ? blob_new(all.data, all.len) : NULL;
    buf_free(&all);
    return blob;
}

bool remote_complete(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);
    const struct object_call *call = &op->in.call;
    char etag[LIMIT_ETAG];

    if (!upload)
        return false;
    struct blob *blob = join(remote, upload, op, etag);
    if (!blob)
        return remote_refuse(op, ERR_INVALID, 400, "InvalidPart");
    if (remote->flavour == REMOTE_S3_CRC && call->sum_kind == SUM_CRC32C &&
        sum_update(SUM_CRC32C, 0, blob->data, blob->len) != call->sum) {
        blob_drop(blob);
        return remote_refuse(op, ERR_CORRUPT, 400, "BadDigest");
    }
    remote->host->naming(remote->ctx, op, blob, false);
    struct object *object =
        remote_store(remote, call->key, blob, attributes_copy(upload->attributes), etag, false);
    remote_describe(remote, object, &op->out.answer.info);
    if (remote_is_s3(remote) && call->sum_kind == SUM_NONE)
        op->out.answer.info.sum_kind = SUM_NONE;
    upload_close(upload);
    return true;
}

bool remote_abort(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);

    if (!upload)
        return false;
    upload_close(upload);
    return true;
}
