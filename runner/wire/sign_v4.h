#pragma once
/*
 * The signature that S3, OSS (version 4) and TOS share; what differs is in struct v4_scheme.
 * Pure; any thread (derived keys are cached per thread).  Never keeps a secret itself.
 */
#include "wire/http.h"

struct v4_scheme {
    const char *algorithm;   /* first line of the string to sign */
    const char *seed;        /* stands before the secret where the key chain begins */
    const char *service;     /* in the scope, where the request names none */
    const char *terminator;  /* end of the scope */
    const char *prefix;      /* of the provider's own headers: always signed */
    const char *const *also; /* other headers that are signed when sent; NULL: all but a few */
    const char *list_name;   /* of the header list in Authorization */
    const char *separator;   /* between the parts of Authorization */
    bool bucket_in_path;     /* the canonical path has the bucket even where the wire has not */
    bool bare_values;        /* an empty parameter is written without '=' */
    bool signs_host;
    bool lists_all; /* the header list names every signed header, else the extra ones */
    bool squeezes;  /* runs of spaces in a value count as one */
};

extern const struct v4_scheme v4_aws, v4_oss, v4_tos;

/* What is signed.  Everything is borrowed. */
struct v4_input {
    const struct v4_scheme *scheme;
    const char *access_key, *secret_key;
    const char *region;
    const char *service;  /* NULL: the scheme's */
    const char *host;     /* as sent */
    const char *bucket;   /* needed where the scheme wants it and the path lacks it; NULL */
    const char *datetime; /* "20240715T080910Z" */
    const char *payload_hash;
    const char *const
        *extra; /* further headers to sign, lower case, ending with NULL; NULL: none */
};

/* What came of it, for the caller and for tests that compare each step. */
struct v4_output {
    struct buf canonical, string_to_sign, authorization;
    char signature[65];
};

void v4_output_init(struct v4_output *output);
void v4_output_free(struct v4_output *output);

/* Signs method, path, query and headers of `request` and fills request->target with the path and
 * the very query string that was signed.  False when something is too long. */
bool sign_v4(const struct v4_input *input, struct http_request *request, struct v4_output *output);

/* Writes path and query to request->target in the order and form that are signed. */
bool sign_v4_target(const struct v4_scheme *scheme, struct http_request *request);

/* "20240715T080910Z" */
void sign_v4_datetime(int64_t now_ms, char out[17]);
