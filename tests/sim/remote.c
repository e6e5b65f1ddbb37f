/* Object stores in memory: as strict as real ones about parts, checksums and If-Match. */
#include "remote.h"
#include <stdlib.h>
#include <string.h>

#define PAGE       5    /* entries of a page of objects: small, so that paging happens */
#define PARTS_PAGE 1000 /* of a page of parts, as real ones have it */

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

struct object *remote_find(struct remote *remote, const char *key)
{
    for (int i = 0; i < remote->n_objects; i++)
        if (!strcmp(remote->object[i].key, key))
            return &remote->object[i];
    return NULL;
}

void remote_drop(struct remote *remote, const char *key)
{
    struct object *object = remote_find(remote, key);

    blob_drop(object->blob);
    luggage_free(&object->luggage);
    free(object->key);
    memmove(object, object + 1,
            (size_t)(remote->object + --remote->n_objects - object) * sizeof *object);
}

static struct object *object_at(struct remote *remote, const char *key)
{
    struct object *object = remote_find(remote, key);

    if (object)
        return object;
    if (remote->n_objects == remote->cap_objects) {
        remote->cap_objects = remote->cap_objects ? 2 * remote->cap_objects : 16;
        remote->object =
            xrealloc(remote->object, (size_t)remote->cap_objects * sizeof *remote->object);
    }
    int at = remote->n_objects++; /* kept in the order of keys, as listings are */
    while (at > 0 && strcmp(remote->object[at - 1].key, key) > 0) {
        remote->object[at] = remote->object[at - 1];
        at--;
    }
    remote->object[at] = (struct object){.key = xstrdup(key)};
    return &remote->object[at];
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

/* Takes over the blob and the luggage. */
struct object *remote_store(struct remote *remote, const char *key, struct blob *blob,
                            struct luggage luggage, const char *etag, bool is_md5)
{
    struct object *object = object_at(remote, key);

    luggage_free(&object->luggage);
    object->luggage = luggage;

    blob_drop(object->blob);
    object->blob = blob;
    snprintf(object->etag, sizeof object->etag, "%s", etag);
    object->etag_is_md5 = is_md5;
    object->mtime_ns = world.now_ns;
    return object;
}

void remote_put(struct remote *remote, const char *key, struct blob *blob, bool in_parts)
{
    uint8_t md5[MD5_LEN];
    char etag[LIMIT_ETAG];

    digest_md5(blob->data, blob->len, md5);
    remote_etag(remote, md5, in_parts ? 2 : 0, etag);
    char note[40];
    note_of(blob, note);
    struct luggage luggage = {{xstrdup("text/sim"), xstrdup(note), NULL, NULL}};
    remote_store(remote, key, blob, luggage, etag,
                 !in_parts && remote_is_s3(remote) && remote->flavour != REMOTE_S3_OPAQUE);
}

/* --- answers -------------------------------------------------------------------------- */

bool remote_refuse(struct op *op, enum err_kind kind, int status, const char *code)
{
    err_set(&op->out.err, kind, "the store says %s", code);
    op->out.err.status = status;
    snprintf(op->out.err.code, sizeof op->out.err.code, "%s", code);
    return false;
}

static void describe(struct remote *remote, const struct object *object, struct object_info *info)
{
    info->size = (int64_t)object->blob->len;
    info->mtime_ns = object->mtime_ns;
    memcpy(info->etag, object->etag, sizeof info->etag);
    info->etag_is_md5 = object->etag_is_md5;
    info->sum_kind = remote_sum(remote);
    if (info->sum_kind != SUM_NONE)
        info->sum = sum_update(info->sum_kind, 0, object->blob->data, object->blob->len);
}

static bool head(struct remote *remote, struct op *op)
{
    const struct object *object = remote_find(remote, op->in.call.key);

    if (!object)
        return remote_refuse(op, ERR_MISSING, 404, "NoSuchKey");
    describe(remote, object, &op->out.answer.info);
    op->out.answer.attributes = luggage_tell(&object->luggage);
    return true;
}

/* One wrong byte on the way, that no length shows. */
static bool flip(uint8_t *data, size_t len)
{
    if (!len || !chance_ppm(world.flip_ppm))
        return false;
    data[rng_below(&world.rng, len)] ^= (uint8_t)(1u << rng_below(&world.rng, 8));
    world.stats.flips++;
    return true;
}

/* A wrong byte shows when the whole is there, and then the whole comes again. */
static void taint(const struct op *op, bool flipped)
{
    struct goal *goal = flipped ? goal_of_transfer(op->transfer) : NULL;

    if (goal)
        goal->tainted = goal->altered = true;
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
        taint(op, flip(copy, len));
    if (op->in.sum_kind != SUM_NONE)
        op->out.sum = sum_update(op->in.sum_kind, 0, copy, len);
    op->out.moved = (int64_t)len;
    if (op->in.fd >= 0 && fd_file(op->in.fd))
        file_write(fd_file(op->in.fd), op->in.fd_off, copy, len);
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
    describe(remote, object, &op->out.answer.info);
    op->out.answer.attributes = luggage_tell(&object->luggage);
    deliver(remote, op, object->blob->data + call->off, (size_t)len);
    return true;
}

/* --- taking bodies -------------------------------------------------------------------- */

/* The body of a PUT or PART as it leaves; NULL: the file has become shorter. */
static struct blob *body_of(struct op *op)
{
    size_t len = (size_t)op->in.call.len;

    if (op->in.fd < 0)
        return blob_new(op->in.memory, len);
    struct file *file = fd_file(op->in.fd);
    if (!file || (size_t)op->in.fd_off + len > file->len)
        return NULL;
    return blob_new(file->data + op->in.fd_off, len);
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

static struct blob *take_body(struct remote *remote, struct op *op, uint8_t md5[MD5_LEN],
                              bool *flipped)
{
    struct blob *blob = body_of(op);

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
    *flipped = checked && flip(blob->data, blob->len);
    world.lost_parts += *flipped;
    if (body_is_good(remote, op, blob, md5))
        return blob;
    blob_drop(blob);
    return NULL;
}

static void tell_sum(struct remote *remote, struct op *op, const struct blob *blob)
{
    struct object_info *info = &op->out.answer.info;

    info->etag_is_md5 = remote_is_s3(remote) && remote->flavour != REMOTE_S3_OPAQUE;
    info->sum_kind =
        remote_is_s3(remote) && op->in.call.sum_kind == SUM_NONE ? SUM_NONE : remote_sum(remote);
    if (info->sum_kind != SUM_NONE)
        info->sum = sum_update(info->sum_kind, 0, blob->data, blob->len);
}

static bool put(struct remote *remote, struct op *op)
{
    uint8_t md5[MD5_LEN];
    bool flipped = false;
    struct blob *blob = take_body(remote, op, md5, &flipped);
    char etag[LIMIT_ETAG];

    if (!blob)
        return false;
    remote_etag(remote, md5, 0, etag);
    watch_name(op->in.store, op->in.call.key, blob, flipped || op->in.fd >= 0);
    remote_store(remote, op->in.call.key, blob, luggage_read(op->in.call.attributes), etag,
                 remote_is_s3(remote) && remote->flavour != REMOTE_S3_OPAQUE);
    tell_sum(remote, op, blob);
    memcpy(op->out.answer.info.etag, etag, sizeof etag);
    return true;
}

/* --- uploads in parts ----------------------------------------------------------------- */

struct upload *remote_upload(struct remote *remote, const char *id)
{
    for (int i = 0; id && i < remote->n_uploads; i++)
        if (remote->upload[i].open && !strcmp(remote->upload[i].id, id))
            return &remote->upload[i];
    return NULL;
}

static bool create(struct remote *remote, struct op *op)
{
    if (remote->n_uploads == remote->cap_uploads) {
        remote->cap_uploads = remote->cap_uploads ? 2 * remote->cap_uploads : 16;
        remote->upload =
            xrealloc(remote->upload, (size_t)remote->cap_uploads * sizeof *remote->upload);
    }
    struct upload *upload = &remote->upload[remote->n_uploads++];
    *upload = (struct upload){.id = xasprintf("up-%llu", (unsigned long long)++remote->counter),
                              .key = xstrdup(op->in.call.key),
                              .luggage = luggage_read(op->in.call.attributes),
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

static bool part(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);
    uint8_t md5[MD5_LEN];
    bool flipped;

    if (!upload)
        return false;
    struct blob *blob = take_body(remote, op, md5, &flipped);
    if (!blob)
        return false;
    struct upload_part *entry = upload_part_at(upload, op->in.call.part_number - 1);
    blob_drop(entry->blob);
    entry->blob = blob;
    remote_etag(remote, md5, 0, entry->etag);
    tell_sum(remote, op, blob);
    entry->sum = op->out.answer.info.sum;
    memcpy(op->out.answer.info.etag, entry->etag, sizeof entry->etag);
    return true;
}

static void list_entry(struct remote *remote, struct op *op, int number, int64_t size,
                       const char *etag, uint64_t sum)
{
    struct part_list *list = &op->out.answer.parts;

    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->entry = xrealloc(list->entry, (size_t)list->cap * sizeof *list->entry);
    }
    struct part_entry *entry = &list->entry[list->n++];
    *entry = (struct part_entry){.number = number, .size = size, .sum = sum};
    snprintf(entry->etag, sizeof entry->etag, "%s", etag);
    if (remote->flavour == REMOTE_OSS || remote->flavour == REMOTE_S3_CRC)
        entry->sum_kind = remote_sum(remote);
}

static void list_from_journal(void *ctx, const struct part_row *row)
{
    struct op *op = ctx;
    list_entry(remote_of(op->in.store), op, (int)row->n + 1, row->len, row->etag, row->sum);
}

/* The mutant believes the journal and not the store. */
static bool list_mutated(struct op *op)
{
    struct goal *goal = goal_of_target(op->in.store, op->in.call.key);
    struct err err = {0};

    return goal &&
           journal_parts(world.journal, goal->task->number, goal->key, list_from_journal, op, &err);
}

static bool list_parts(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);
    int n = op->in.call.token ? atoi(op->in.call.token) : 0;

    if (!upload)
        return false;
    if (world.mutant == MUTANT_JOURNAL_PARTS)
        return list_mutated(op);
    for (; n < upload->n_parts; n++) {
        const struct upload_part *entry = &upload->part[n];
        if (op->out.answer.parts.n == PARTS_PAGE) {
            op->out.answer.next_token = xasprintf("%d", n);
            break;
        }
        if (entry->blob)
            list_entry(remote, op, n + 1, (int64_t)entry->blob->len, entry->etag, entry->sum);
    }
    return true;
}

static void upload_close(struct upload *upload)
{
    for (int i = 0; i < upload->n_parts; i++)
        blob_drop(upload->part[i].blob);
    free(upload->part);
    upload->part = NULL;
    upload->n_parts = 0;
    upload->open = false;
    luggage_free(&upload->luggage);
}

/* All parts that are named, as one; NULL: one of them is not there. */
static struct blob *join(struct remote *remote, struct upload *upload, struct op *op,
                         char etag[LIMIT_ETAG])
{
    const struct part_list *list = op->in.call.parts;
    struct hasher *hasher = hasher_new(true);
    struct buf all = buf_new(1u << 30);
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

static bool complete(struct remote *remote, struct op *op)
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
    watch_name(op->in.store, call->key, blob, false);
    struct luggage luggage = luggage_copy(&upload->luggage);
    describe(remote, remote_store(remote, call->key, blob, luggage, etag, false),
             &op->out.answer.info);
    if (remote_is_s3(remote) && call->sum_kind == SUM_NONE)
        op->out.answer.info.sum_kind = SUM_NONE;
    upload_close(upload);
    return true;
}

static bool abort_upload(struct remote *remote, struct op *op)
{
    struct upload *upload = remote_upload_of(remote, op);

    if (!upload)
        return false;
    upload_close(upload);
    return true;
}

/* --- listings ------------------------------------------------------------------------- */

static bool list(struct remote *remote, struct op *op)
{
    struct listing *page = &op->out.answer.listing;
    const char *prefix = op->in.call.prefix, *token = op->in.call.token;

    for (int i = 0; i < remote->n_objects; i++) {
        const struct object *object = &remote->object[i];
        if (strncmp(object->key, prefix, strlen(prefix)) ||
            (token && strcmp(object->key, token) <= 0))
            continue;
        if (page->n == PAGE) {
            page->next_token = xstrdup(page->entry[page->n - 1].key);
            break;
        }
        page->entry = xrealloc(page->entry, (page->n + 1) * sizeof *page->entry);
        page->entry[page->n++] = (struct list_entry){.key = xstrdup(object->key),
                                                     .size = (int64_t)object->blob->len,
                                                     .mtime_ns = object->mtime_ns,
                                                     .etag = xstrdup(object->etag)};
    }
    return true;
}

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
        return create(remote, op);
    case CALL_PART:
        return part(remote, op);
    case CALL_COPY:
        return remote_copy(remote, op);
    case CALL_PART_COPY:
        return remote_part_copy(remote, op);
    case CALL_LIST_PARTS:
        return list_parts(remote, op);
    case CALL_COMPLETE:
        return complete(remote, op);
    case CALL_ABORT:
        return abort_upload(remote, op);
    case CALL_LIST:
        return list(remote, op);
    default:
        return remote_refuse(op, ERR_BUG, 501, "NotImplemented");
    }
}

void remote_free(struct remote *remote)
{
    for (int i = 0; i < remote->n_objects; i++) {
        free(remote->object[i].key);
        luggage_free(&remote->object[i].luggage);
        blob_drop(remote->object[i].blob);
    }
    for (int i = 0; i < remote->n_uploads; i++) {
        upload_close(&remote->upload[i]);
        free(remote->upload[i].id);
        free(remote->upload[i].key);
    }
    free(remote->object);
    free(remote->upload);
    memset(remote, 0, sizeof *remote);
}
