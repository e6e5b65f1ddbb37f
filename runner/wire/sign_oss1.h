#pragma once
/*
 * The first signature of OSS: HMAC-SHA1 over a few header values, the x-oss- headers and the
 * resource in plain text.  Pure; any thread.
 */
#include "wire/http.h"

/* What is signed.  Everything is borrowed. */
struct oss1_input {
    const char *access_key, *secret_key;
    const char *bucket; /* NULL: the service itself */
    const char *key;    /* not encoded; NULL: the bucket */
    const char *date;   /* the Date line where no x-oss-date and no date header is sent; NULL */
};

/* Into `string_to_sign` and `authorization` (both empty); fills request->target.  `signature` gets
 * 28 characters and a NUL.  False when something is too long. */
bool sign_oss1(const struct oss1_input *input, struct http_request *request,
               struct buf *string_to_sign, struct buf *authorization, char signature[32]);
