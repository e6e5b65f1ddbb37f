#pragma once
/*
 * What an object carries beside its bytes, by names that are the same for every provider:
 *   content-type, cache-control, content-disposition, content-encoding, content-language, expires
 *   storage-class, acl, tags ("a=1&b=2", percent-encoded)
 *   meta-NAME: user metadata, NAME in lower case
 * Kept in struct http_fields.  The dialect says what each is called on the wire; here is the one
 * place that translates.  Any thread.
 */
#include "wire/store.h"

#define ATTRIBUTE_META "meta-"
/* Modification time of what the object was made from: seconds since 1970 with nine decimals, the
 * form that rclone writes and reads. */
#define ATTRIBUTE_MTIME "meta-mtime"
