#pragma once
/*
 * Percent-encoding by RFC 3986, its undoing, and the address of a server.
 * Pure; any thread.  Never looks a name up.
 */
#include "base/buf.h"
#include "base/err.h"

/* Adds `len` bytes encoded: letters, digits and "-._~" stand for themselves, and so does '/' where
 * `keep_slash` says so.  False when `out` is full. */
bool url_encode(struct buf *out, const char *text, size_t len, bool keep_slash);

/* Adds the bytes that `text` stands for; '+' is a space where `plus` says so.  False for a '%'
 * without two hex digits, and when `out` is full. */
bool url_decode(struct buf *out, const char *text, size_t len, bool plus);

#define ENDPOINT_HOST_MAX 254

/* "https://host:port", taken apart. */
struct endpoint {
    bool https;
    char host[ENDPOINT_HOST_MAX]; /* lower case; an IPv6 address keeps its brackets */
    int port;                     /* 0: the default one */
    bool numeric;                 /* an IP address or localhost: no name can go in front of it */
};

/* Without a scheme it is https.  Refuses every other scheme, a user, a path and a query. */
bool url_endpoint(const char *text, struct endpoint *endpoint, struct err *err);

/* The same of "https://host/base/path/", with the path as it is sent in `base`, which ends with a
 * slash: what is percent-encoded stays so, and what cannot be sent as it is gets encoded.  Refuses
 * a user, a query and a fragment. */
bool url_base(const char *text, struct endpoint *endpoint, struct buf *base, struct err *err);

/* The same of any address: path and query as they are sent in `target`.  Refuses a user and a
 * fragment; errors show no more of it than its host. */
bool url_whole(const char *text, struct endpoint *endpoint, struct buf *target, struct err *err);
