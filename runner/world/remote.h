#pragma once
/*
 * Object stores in memory, at the level of ops: an op in, its effect on the store, its answer out.
 * As strict as real ones about parts, checksums and If-Match.  Time, files and what goes wrong
 * come from the host: the simulator's world, or that of `haul test`.  Control thread only; no
 * sockets, no threads, no clock of its own.
 */
#include "io/op.h"
#include "wire/dialect.h"
#include "world/blob.h"

/* What a store can say of its objects. */
enum flavour {
    REMOTE_OSS,
    REMOTE_TOS,
    REMOTE_S3_CRC,   /* CRC32C, when asked */
    REMOTE_S3_MD5,   /* ETags that are MD5s, where an object came whole */
    REMOTE_S3_OPAQUE /* ETags that say nothing */
};
#define FLAVOURS (REMOTE_S3_OPAQUE + 1)

struct remote;

/* What a store asks of the world it is in.  None is NULL. */
struct remote_host {
    int64_t (*now_ns)(void *ctx); /* for the times of objects */
    /* The store that a copy to `to` is from; NULL: the service refuses to copy. */
    struct remote *(*source)(void *ctx, struct remote *to, const struct op *op);
    /* The body of an op in an open file (op->in.fd, fd_off): out of it, and into it.  False: the
     * file has become shorter. */
    bool (*read)(void *ctx, const struct op *op, void *data, size_t len);
    void (*write)(void *ctx, const struct op *op, const void *data, size_t len);
    /* A body on its way, whose checks would show a wrong byte: true when one was made. */
    bool (*spoil)(void *ctx, const struct op *op, uint8_t *data, size_t len);
    /* An object is about to appear under its name; `doubtful`: its bytes may be wrong, and haul has
     * not had the chance to see it. */
    void (*naming)(void *ctx, const struct op *op, const struct blob *blob, bool doubtful);
};

struct object {
    char *key;
    struct blob *blob;
    struct http_fields *attributes; /* by neutral names; NULL: none */
    char etag[LIMIT_ETAG];
    bool etag_is_md5;
    uint64_t sum; /* of remote_sum's kind */
    int64_t mtime_ns;
};

struct upload_part {
    struct blob *blob; /* NULL: not there */
    char etag[LIMIT_ETAG];
    uint64_t sum;
};

struct upload {
    char *id, *key;
    struct upload_part *part; /* by number, from 0 */
    int n_parts;
    bool open;       /* neither completed nor aborted */
    bool unknown;    /* nobody was told its id: it cannot be cleaned up */
    bool journalled; /* the simulator's own: the journal was seen to have its id */
    struct http_fields *attributes;
    int64_t began_ns;
};

/* Made by its owner: zeroed, then flavour, dialect, page and host. */
struct remote {
    enum flavour flavour;
    const struct dialect *dialect;
    int page; /* entries of a page of a listing */
    const struct remote_host *host;
    void *ctx;             /* the host's */
    struct object *object; /* in the order of keys, as listings are */
    int n_objects, cap_objects;
    struct upload *upload;
    int n_uploads, cap_uploads;
    uint64_t counter; /* makes ids */
};

/* Does the call: effect and answer; false with op->out.err. */
bool remote_call(struct remote *remote, struct op *op);
/* NULL: not there.  Valid until the store changes. */
struct object *remote_find(struct remote *remote, const char *key);
/* The object is there. */
void remote_drop(struct remote *remote, const char *key);
/* Puts an object there from outside; takes over the blob and the attributes.  `in_parts`: as if
 * uploaded in two, so that its ETag is no MD5. */
void remote_put(struct remote *remote, const char *key, struct blob *blob,
                struct http_fields *attributes, bool in_parts);
/* From here on it is a store of that flavour, with all that is in it. */
void remote_become(struct remote *remote, enum flavour flavour, const struct dialect *dialect);
/* An open upload; NULL: there is none of that id. */
struct upload *remote_upload(struct remote *remote, const char *id);
void remote_free(struct remote *remote); /* what is in it */
bool remote_is_s3(const struct remote *remote);
bool remote_hides_flips(const struct remote *remote); /* no check could see one */
/* The checksum it tells of its objects; SUM_NONE: none. */
enum sum_kind remote_sum(const struct remote *remote);

/* --- what the files of these stores share ------------------------------------------------- */

/* Fails with an answer; false. */
bool remote_refuse(struct op *op, enum err_kind kind, int status, const char *code);
void remote_etag(struct remote *remote, const uint8_t md5[MD5_LEN], int parts,
                 char etag[LIMIT_ETAG]);
/* Takes over the blob and the attributes. */
struct object *remote_store(struct remote *remote, const char *key, struct blob *blob,
                            struct http_fields *attributes, const char *etag, bool is_md5);
/* What the store says of it. */
void remote_describe(const struct remote *remote, const struct object *object,
                     struct object_info *info);
/* The body of a PUT or PART, compared with what came along, and its MD5; NULL: refused. */
struct blob *remote_take_body(struct remote *remote, struct op *op, uint8_t md5[MD5_LEN],
                              bool *flipped);
/* What the answer to a PUT or PART says of the body. */
void remote_tell_sum(const struct remote *remote, struct op *op, const struct blob *blob);
/* Adds an entry to the answer of a LIST_PARTS. */
void remote_list_part(const struct remote *remote, struct op *op, const struct part_entry *entry);
struct upload *remote_upload_of(struct remote *remote, struct op *op); /* NULL: refused */
struct upload_part *upload_part_at(struct upload *upload, int n);
/* Freed with attributes_free; NULL stays NULL. */
struct http_fields *attributes_copy(const struct http_fields *attributes);

/* uploads.c */
bool remote_create(struct remote *remote, struct op *op);
bool remote_part(struct remote *remote, struct op *op);
bool remote_list_parts(struct remote *remote, struct op *op);
bool remote_list_uploads(struct remote *remote, struct op *op);
bool remote_complete(struct remote *remote, struct op *op);
bool remote_abort(struct remote *remote, struct op *op);
void upload_close(struct upload *upload);
/* copies.c */
bool remote_copy(struct remote *remote, struct op *op);
bool remote_part_copy(struct remote *remote, struct op *op);
/* pages.c */
bool remote_list(struct remote *remote, struct op *op);
