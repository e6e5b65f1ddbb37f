#pragma once
/*
 * XML and JSON documents as one flat stream of fields and records, so that their readers need not
 * know which it was.  The only owner of expat and jansson.  Pure; any thread.
 *
 * A field is a leaf right below the root; a record is an element (or an object, alone or in an
 * array) below the root, with fields of its own.  What lies deeper is passed over.  DTDs, duplicate
 * JSON members, great depth and long texts are refused.
 */
#include "base/buf.h"
#include "base/err.h"

struct document_sink {
    void *context;      /* first argument of the functions */
    const char *inside; /* the name of an element below the root that takes the root's place: its
                           fields and records are told, and nothing else; NULL: the root itself.
                           In JSON it may be missing */
    /* Both return false to stop, having said why in `err`.  `record` is NULL for the root's own
     * fields.  `text` is followed by a NUL and has none within. */
    bool (*field)(void *context, const char *record, const char *name, struct slice text);
    bool (*end)(void *context, const char *record); /* may be NULL */
    char root[48];                                  /* out: name of the root element; "" for JSON */
    struct err *err;
};

/* Reads the whole of `text`.  False, with sink->err set, when it is not a complete document. */
bool document_read(struct slice text, bool json, struct document_sink *sink);
