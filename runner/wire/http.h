#pragma once
/*
 * An HTTP request and an HTTP reply as plain data.  Owned by whoever holds the struct; no I/O,
 * no threads.  Field names are lower case.
 */
#include "base/buf.h"
#include "base/err.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_PATCH };

const char *http_method_name(enum http_method method);

#define HTTP_FIELDS_MAX 96

/* An ordered list of name/value pairs: headers, or the parameters of a query. */
struct http_fields {
    struct buf text; /* names and values, each followed by NUL */
    struct {
        uint32_t name, value; /* offsets into text */
        bool bare;            /* a query parameter with no value at all: "?uploads" */
    } item[HTTP_FIELDS_MAX];
    int n;
};

void http_fields_init(struct http_fields *fields, size_t max);
void http_fields_free(struct http_fields *fields);
void http_fields_clear(struct http_fields *fields);
/* False when there are too many fields, or they are too long, or `value` holds CR, LF or NUL. */
bool http_fields_add(struct http_fields *fields, const char *name, const char *value);
bool http_fields_addf(struct http_fields *fields, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool http_fields_add_bare(struct http_fields *fields, const char *name);
/* The value of the first field of that (lower-case) name; NULL if there is none. */
const char *http_fields_get(const struct http_fields *fields, const char *name);
const char *http_fields_name(const struct http_fields *fields, int n);
const char *http_fields_value(const struct http_fields *fields, int n); /* "" for a bare one */

struct http_request {
    enum http_method method;
    struct buf path;            /* percent-encoded, from the first '/', bucket included where it
                                   goes on the wire */
    struct http_fields query;   /* decoded pairs; sign_* writes them as sent into `target` */
    struct http_fields headers; /* everything that is sent but host and content-length */
    struct buf body;            /* a small body held here */
    int64_t body_len;           /* of the body, wherever it is; -1 where there is none */
    struct buf target;          /* path and query as sent: filled when the request is signed */
};

struct http_reply {
    int status;
    struct http_fields headers;
    struct buf body; /* a document, bounded; object data goes elsewhere */
};

void http_request_init(struct http_request *request);
void http_request_clear(struct http_request *request);
void http_request_free(struct http_request *request);
void http_reply_init(struct http_reply *reply);
void http_reply_clear(struct http_reply *reply);
void http_reply_free(struct http_reply *reply);

/* "bytes 0-9/100", compared without regard to case of the unit.  False if it is not that form or
 * a number is out of range; `total` is -1 for "*". */
bool http_content_range(const char *value, int64_t *first, int64_t *last, int64_t *total);
/* Digits only, 0 .. `max`. */
bool http_integer(const char *value, int64_t max, int64_t *number);
/* An HTTP date of any of the three forms, or ISO 8601 as in listings; milliseconds since 1970.
 * False if it is neither. */
bool http_date(const char *value, int64_t *ms);
/* "Mon, 15 Jul 2024 08:09:10 GMT" */
void http_date_text(int64_t ms, char out[32]);
