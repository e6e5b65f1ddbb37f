#pragma once
/*
 * The calls of an object store as values: build a request from a call, read a reply into an answer.
 * One interface for S3, OSS and TOS; what differs is data in dialect.c.  No sockets, no clock, no
 * retry.  Any thread may use its own structs.
 */
#include "base/limits.h"
#include "wire/attributes.h"
#include "wire/store.h"

enum call_kind {
    CALL_HEAD,       /* what an object is */
    CALL_GET,        /* a range of it: 206 demanded; off 0 and len -1 means all of it, 200 */
    CALL_PUT,        /* a whole object in one request */
    CALL_COPY,       /* a whole object from another bucket of the same service, by the service */
    CALL_CREATE,     /* a multipart upload */
    CALL_PART,       /* one part of it */
    CALL_PART_COPY,  /* one part of it, a range of an object of the same service */
    CALL_LIST_PARTS, /* what the server has of it, one page */
    CALL_COMPLETE,
    CALL_ABORT,
    CALL_LIST, /* one page of the objects below a prefix, in key order */
    CALL_DELETE,
    CALL_DELETE_MANY,
    CALL_LIST_UPLOADS, /* unfinished multipart uploads below a prefix, one page */
    CALL_GET_TAGS,
    CALL_PUT_TAGS, /* all of them, in place of those it had */
    CALL_KINDS
};

const char *call_name(enum call_kind kind); /* "head", "get", ... for logs and tests */

/* What is known of an object or a file. */
struct object_info {
    int64_t size;           /* -1: not known */
    int64_t mtime_ns;       /* since 1970; 0: not known */
    char etag[LIMIT_ETAG];  /* with its quotes, as the store sent it; "" for files */
    enum sum_kind sum_kind; /* the whole-object checksum the store gave; SUM_NONE: none */
    uint64_t sum;
    bool etag_is_md5;       /* 32 hex digits, and nothing says the object is encrypted */
    uint64_t inode, device; /* files only */
    bool ranges; /* ranges of it can be had, as every store gives them, and web servers that say so
                  */
    char content_type[128]; /* "" where not known */
};

/* A part as a store lists it and as a Complete names it. */
struct part_entry {
    int number;
    int64_t size;
    char etag[LIMIT_ETAG];
    enum sum_kind sum_kind; /* OSS and checksummed S3 uploads; else SUM_NONE */
    uint64_t sum;
};

struct part_list {
    struct part_entry *entry;
    int n, cap;
};

struct list_entry {
    char *key; /* decoded bytes */
    int64_t size, mtime_ns;
    uint64_t inode;  /* files only */
    char *etag;      /* "" for files */
    char *upload_id; /* CALL_LIST_UPLOADS only */
    int special;     /* 0, or why it is reported and not taken.  From a walk: 'l' symbolic link, 'o'
                        one that leads back, 's' fifo, socket or device, 'u' unreadable directory;
                        from a store: 'n' a key with a NUL, here in a form to be shown */
};

struct listing {
    struct list_entry *entry;
    size_t n, cap;
    char **prefix; /* LIST with a delimiter: what stands for the keys below it, in key order */
    size_t n_prefixes;
    char *next_token;     /* NULL: this was the last page.  For part lists a number as text. */
    char *next_upload_id; /* CALL_LIST_UPLOADS: second half of the marker */
};

void listing_free(struct listing *listing);
void part_list_free(struct part_list *list);

/* What is asked.  Everything is borrowed until the answer is there. */
struct object_call {
    enum call_kind kind;
    const char *key;       /* of the object; NULL for calls on the bucket */
    int64_t off, len;      /* GET: the range; PUT, PART: len is the length of the body */
    const char *if_match;  /* GET: the ETag pinned by the HEAD; COPY, PART_COPY: of the source;
                              DELETE: only if it has this one, where the store knows that */
    int64_t unmodified_ns; /* GET: the mtime of the HEAD, for web servers without an ETag that can
                              be pinned: If-Unmodified-Since; 0: none */
    const char *source_bucket, *source_key; /* COPY, PART_COPY: what is copied; off and len are the
                                               range of a PART_COPY */
    int64_t total; /* GET: the size that Content-Range must name; -1: any */
    const char *upload_id;
    int part_number;               /* from 1 */
    const struct part_list *parts; /* COMPLETE: ascending */
    enum sum_kind sum_kind; /* S3 with checksums: CREATE announces it, PART and PUT send `sum`, */
    uint64_t sum;           /* COMPLETE sends the combined one */
    bool has_md5;           /* PUT, PART: send Content-MD5 */
    uint8_t md5[MD5_LEN];
    bool has_sha256; /* the payload hash, where the store signs payloads */
    uint8_t sha256[SHA256_LEN];
    const struct http_fields *attributes;       /* PUT, CREATE, COPY: by their neutral names
                                                   (wire/attributes.h); NULL: none, or for a
                                                   COPY what the source has (but its acl and
                                                   storage class).  A COPY with them has no
                                                   others, but the source's tags if it names none.
                                                   PUT_TAGS: `tags` of them, or none */
    const char *prefix, *token, *upload_marker; /* LIST, LIST_PARTS, LIST_UPLOADS */
    const char *start_after;                    /* LIST without a token */
    const char *delimiter;                      /* LIST: keys with it behind the prefix are told as
                                                   one of listing.prefix; NULL: none */
    int max_keys;                               /* 0: the largest page */
    const char *const *keys;                    /* DELETE_MANY */
    int n_keys;
};

/* What came back.  Freed by object_answer_free. */
struct object_answer {
    struct object_info info;        /* HEAD, GET (of the whole object), PUT, PART, COPY, PART_COPY,
                                       COMPLETE: etag, sum; web: an ETag may be weak or not there */
    char *upload_id;                /* CREATE */
    bool sums_offered;              /* S3: the server echoed a checksum (CREATE, PUT, PART) */
    struct part_list parts;         /* LIST_PARTS */
    struct listing listing;         /* LIST, LIST_UPLOADS; DELETE_MANY: the keys that failed */
    char *next_token;               /* LIST_PARTS: the marker of the next page; NULL: last */
    struct http_fields *attributes; /* HEAD, GET: content type and the like, user metadata, storage
                                       class; by their neutral names; NULL: nothing that `info`
                                       has not (attributes_read).  GET_TAGS: `tags`, "" for none */
    char request_id[72];
    int64_t date_ms; /* the Date of the answer, for clock skew; 0: none */
};

void object_answer_free(struct object_answer *answer);

/* Fills `request` (initialised or cleared), unsigned.  Fails with ERR_INVALID for what the provider
 * can never take: a key too long, a part number out of range. */
bool object_api_build(const struct store *store, const struct object_call *call,
                      struct http_request *request, struct err *err);

/* Can the key be named in a DELETE_MANY?  XML and JSON know no control characters and no bytes that
 * are not UTF-8, and not every server keeps a carriage return in XML: such keys are deleted one by
 * one, and so are those that the provider cannot have, of which each is refused alone. */
bool object_api_batchable(const struct dialect *dialect, const char *key);

/* May the body of this reply, whose headers are complete, go where object data goes?  False with
 * the reason when the status, the Content-Range, the ETag or a Content-Encoding say that it is not
 * what a GET asked for; the body is then an error document (or nothing of use). */
bool object_api_takes_body(const struct object_call *call, const struct http_reply *reply,
                           struct err *err);

/* Reads a complete reply.  False with a kind for every answer that is not positive proof of
 * success: error statuses, an error inside a 200, a Complete without an ETag, a short document.
 * `answer` is zeroed first. */
bool object_api_read(const struct store *store, const struct object_call *call,
                     const struct http_reply *reply, struct object_answer *answer, struct err *err);

/* Adds what the server demands before sending and signs: date, token, payload hash, authorization;
 * fills request->target.  `now_ms` is the wall clock, corrected for skew. */
bool object_api_sign(const struct store *store, const struct object_call *call,
                     const struct credentials *credentials, int64_t now_ms,
                     struct http_request *request, struct err *err);

/* The multipart ETag of S3, quotes included, from part ETags that are MD5s: false if one is not. */
bool object_api_multipart_etag(const struct part_list *parts, char out[LIMIT_ETAG]);
