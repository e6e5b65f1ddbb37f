#pragma once
/*
 * What an object carries beside its bytes, by names that are the same for every provider:
 *   content-type, cache-control, content-disposition, content-encoding, content-language, expires
 *   storage-class, acl, tags ("a=1&b=2", percent-encoded)
 *   meta-NAME: user metadata, NAME in lower case
 * Kept in struct http_fields.  The dialect says what each is called on the wire; here is the one
 * place that translates.  Pure; any thread.
 *
 * User metadata that no header can hold as it is (anything but printable ASCII) goes the way of
 * each provider: S3 decodes and answers RFC 2047 (other bytes it would take for Latin-1), the SDKs
 * of TOS percent-encode every value, OSS takes the bytes as they are.
 */
#include "wire/store.h"

struct dialect; /* wire/dialect.h */

#define ATTRIBUTE_META "meta-"
/* Modification time of what the object was made from: seconds since 1970, with nine decimals, a
 * form that rclone reads as its own. */
#define ATTRIBUTE_MTIME "meta-mtime"

/* Adds the headers that say `attributes` (which may be NULL).  False with the name of the attribute
 * that is unknown, malformed, or the first beyond LIMIT_METADATA. */
bool attributes_write(const struct dialect *dialect, const struct http_fields *attributes,
                      struct http_fields *headers, struct err *err);

/* What the headers of an answer say; freed by the caller with attributes_free.  NULL where there is
 * nothing but a content type that struct object_info has room for, or the standard storage class:
 * most objects cost no memory. */
struct http_fields *attributes_read(const struct dialect *dialect,
                                    const struct http_fields *headers);
void attributes_free(struct http_fields *attributes);
