#pragma once
/*
 * The document that holds an object's tags, in the XML of S3 and OSS and the JSON of TOS, and their
 * neutral form "a=1&b=2", percent-encoded (wire/attributes.h).  Pure; any thread.
 */
#include "base/buf.h"
#include "base/err.h"

/* Adds the document that says `tags` to `body`.  False (ERR_INVALID) for what is malformed or has
 * control characters. */
bool tagging_write(const char *tags, bool json, struct buf *body, struct err *err);

/* The tags of a document, "" when it has none; the caller frees them.  NULL with `err` where it is
 * no such document. */
char *tagging_read(struct slice text, bool json, struct err *err);
