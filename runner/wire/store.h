#pragma once
/*
 * A store as plain data: what a job file said about a bucket or a directory, resolved.
 * Filled by script/, read by everyone, changed by nobody while a job runs (but `credentials`, by
 * the control thread alone).  Owned by the job.
 */
#include "wire/digest.h"
#include "wire/http.h"

struct dialect; /* wire/dialect.h */

enum store_kind {
    STORE_DIR,
    STORE_S3,
    STORE_OSS,
    STORE_TOS,
    STORE_WEB /* plain HTTP: HEAD and GET of named files, unsigned; a source only */
};
enum addressing { ADDRESS_AUTO, ADDRESS_VIRTUAL, ADDRESS_PATH, ADDRESS_CNAME };
/* How bodies are checked on S3; OSS and TOS always answer CRC64.
 * AUTO: CRC32C where the server says it does it, else MD5. */
enum checksum_mode { CHECKSUM_AUTO, CHECKSUM_CRC32C, CHECKSUM_MD5, CHECKSUM_NONE };

/* One set of keys, never changed after it is made: a refresh makes a new one.  An op holds the set
 * it was signed with.  The text is in memory that is wiped on free. */
struct credentials {
    char *access_key;
    char *secret_key;
    char *token;        /* NULL: none */
    int64_t expires_ms; /* wall clock; 0: never */
    bool anonymous;     /* requests are not signed */
};

struct credentials *credentials_new(const char *access_key, const char *secret_key,
                                    const char *token, int64_t expires_ms);
void credentials_free(struct credentials *credentials);

struct store {
    enum store_kind kind;
    const struct dialect *dialect; /* NULL for a directory */
    char *name;                    /* for messages: "s3://bucket", the directory or the URL */

    /* remote */
    char *bucket, *region;
    bool https;
    char *host; /* as in the Host header: with the bucket where it is virtual,
                                       with the port where it is not the default one */
    bool bucket_in_path;
    bool sign_v1;      /* OSS only: the old signature */
    bool sign_payload; /* S3: hash bodies instead of UNSIGNED-PAYLOAD */
    enum checksum_mode checksum;
    const struct credentials *credentials; /* the newest; control thread only */
    struct http_fields headers;            /* extra headers for every request */
    char *ca_file, *proxy, *user_agent;    /* NULL: default */
    int connect_timeout_ms, stall_timeout_ms;

    char *base; /* web: the path of its URL as sent, from the first '/' to the last; host, https
                   and what follows are as above, bucket and region NULL */

    /* directory */
    char *root;         /* absolute path */
    bool follows_links; /* when it is read; what is written never goes through a link */

    void *io; /* io/'s own: descriptor of the root, learned facts */
};

void store_free(struct store *store);

/* What the job file said, before it is resolved.  NULL and 0 mean "not said". */
struct store_options {
    const char *bucket, *region;
    const char *endpoint; /* web: the URL, with its path */
    enum addressing addressing;
    bool sign_v1;
};

/* Fills host, https, bucket_in_path, region and dialect of `store` (whose kind is set) by the rules
 * of its provider: an endpoint that is an IP address or localhost uses path addressing, so does a
 * bucket with a dot under TLS; a region is read from a provider's own endpoint name; the bucket
 * name is checked.  A web store has a URL instead, which has no user, password or query.  Names the
 * option at fault. */
bool store_resolve(struct store *store, const struct store_options *options, struct err *err);
