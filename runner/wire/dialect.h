#pragma once
/*
 * What tells S3, OSS and TOS apart, as data.  Read-only tables; any thread.
 */
#include "wire/store.h"

struct v4_scheme; /* wire/sign_v4.h */

/* How user metadata travels that is not printable ASCII (wire/attributes.h). */
enum meta_form { META_RAW, META_WORDS, META_PERCENT };

struct dialect {
    enum store_kind kind;
    const char *name;           /* "s3": the scheme of a store's URL */
    const char *title;          /* "Amazon S3", for messages */
    const struct v4_scheme *v4; /* NULL: nothing is signed */
    bool json;                  /* documents are JSON, else XML */
    bool crc64;                 /* answers carry a CRC-64 of what they are about, in decimal */
    bool bare_queries;          /* "?uploads" rather than "?uploads=" */
    bool read_only;             /* HEAD and GET are all there is */

    /* headers */
    const char *h_date, *h_token, *h_payload; /* of the signature */
    const char *h_request_id, *h_host_id;     /* what support asks for */
    const char *h_error_code;   /* the precise cause where an error has no body; NULL */
    const char *h_crc64;        /* NULL: none */
    const char *h_delay_ms;     /* how long to wait */
    const char *h_encryption;   /* of the object, the server's side */
    const char *h_customer_key; /* set where the client's key encrypts the object */

    /* headers of attributes and copies; NULL: none */
    enum meta_form meta_form;
    const char *h_meta; /* what stands before the name of user metadata */
    const char *h_storage_class, *h_acl, *h_tags;
    const char *h_copy_source, *h_copy_range, *h_copy_if_match;
    const char *h_replace_meta, *h_replace_tags; /* the directives ... */
    const char *replace_tags;                    /* ... and the second one's word */

    /* limits */
    int key_max;                /* bytes of a key */
    int64_t part_min, part_max; /* bytes of a part, but for the last */
    int64_t single_max;         /* bytes of a PUT in one request */
    int64_t copy_max;           /* bytes of a copy in one request */
    int64_t object_max;
    int page_max;   /* entries of a page of a listing */
    int delete_max; /* keys of one DELETE_MANY */

    /* addresses: a %s stands for the region */
    const char *endpoint;    /* the public one, without scheme */
    const char *endpoint_cn; /* the one of regions that begin with "cn-"; NULL: the same */
    const char
        *default_region; /* where the endpoint is not the provider's own; NULL: must be said */
};

/* NULL for a directory. */
const struct dialect *dialect_of(enum store_kind kind);
